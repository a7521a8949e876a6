// Client, records in: what a record is, whether it may come now, and who reads it.
#include <algorithm>
#include <array>

#include "lib/tls/client.h"
#include "lib/tls/negotiation.h"
#include "lib/tls/pieces.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::ContentType;
using wire::HandshakeHeader;
using wire::HandshakeType;
using wire::ProtocolVersion;
using wire::RecordHeader;

// The longest NewSessionTicket whose ticket is kept, without header: with every field and no more
// than an early_data extension.
constexpr std::size_t kMaxTicketMessage = 4 + 4 + 1 + 255 + 2 + ClientSession::kMaxTicket + 2 + 8;
// Each costs us a key; servers send two.
constexpr std::uint8_t kMaxTickets = 16;

}  // namespace

Step Client::receive(Engine& engine, ClientAttached attached,
                     std::span<const MutableBytes> pieces) noexcept {
  if (const Step now = step(); now.await != Await::peer) return now;
  ClientHandshake* const handshake = attached.handshake;
  if (phase_ != Phase::established && handshake == nullptr) {
    return fail(nullptr, HandshakeFailure::internal_error);
  }
  const std::size_t record_len = total_len(pieces);
  if (pieces.size() > kMaxPieces || record_len < kRecordHeader) {
    return fail(handshake, HandshakeFailure::internal_error);
  }
  std::array<std::uint8_t, kRecordHeader> front{};
  PieceRange{pieces, 0, kRecordHeader}.copy_to(front);
  const bool first =
      phase_ == Phase::server_hello && partial_len_ == 0 && !handshake->hello_retried;
  const auto why = check_header(front, record_len, first);
  if (why != HandshakeFailure::none) return fail(handshake, why);

  const ContentType type = load<RecordHeader>(front).content_type();
  // Asked for before the record is opened: that can be done only once.
  if (wants_verify_job(attached, type)) {
    Step wait = step();
    wait.await = Await::verify_buffer;
    return wait;
  }
  if (is_protected(type)) return receive_protected(engine, attached, type, pieces);
  const std::size_t len = record_len - kRecordHeader;
  const PieceRange content{pieces, kRecordHeader, len};
  return receive_plaintext(engine, attached, type, content.pieces(), len);
}

// wants_verify_job: this record may hold what a VerifyJob collects.  One record may hold everything
// that a server of TLS 1.2 says first.
bool Client::wants_verify_job(const ClientAttached& attached, ContentType type) const noexcept {
  if (attached.verify != nullptr || resumed_) return false;
  if (!is_protected(type) && type != ContentType::handshake) return false;
  switch (phase_) {
    case Phase::server_hello:
    case Phase::encrypted_extensions:
    case Phase::certificate:
    case Phase::certificate_verify:
    case Phase::server_key_exchange:
    case Phase::server_hello_done:
      return true;
    case Phase::closed:
    case Phase::start:
    case Phase::retry:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::verification:
    case Phase::new_session_ticket:
    case Phase::change_cipher_spec:
    case Phase::finished:
    case Phase::established:
    case Phase::failed:
      break;
  }
  return false;
}

Step Client::receive_plaintext(Engine& engine, ClientAttached attached, ContentType type,
                               std::span<const MutableBytes> content, std::size_t len) noexcept {
  ClientHandshake* const handshake = attached.handshake;
  switch (type) {
    case ContentType::change_cipher_spec:
      return receive_change_cipher_spec(handshake, content, len);
    case ContentType::alert:
      return receive_alert(handshake, content, len);
    case ContentType::handshake:
      // Nobody can answer what was not sent yet.
      if (!handshake->flight.empty()) break;
      return receive_messages(engine, attached, content, len);
    case ContentType::application_data:
    case ContentType::invalid:
      break;
  }
  return fail(handshake, HandshakeFailure::unexpected_message);
}

Step Client::receive_protected(Engine& engine, ClientAttached attached, ContentType outer,
                               std::span<const MutableBytes> pieces) noexcept {
  ClientHandshake* const handshake = attached.handshake;
  // [RFC 8446 5.2] protected records are application_data on the outside.
  if (version_ == ProtocolVersion::tls13 && outer != ContentType::application_data) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  const auto opened = open_record(engine, read_, pieces, read_secret_.expose());
  if (!opened) return fail(handshake, opened.error());
  const PieceRange content{pieces, opened->offset, opened->len};
  switch (opened->type) {
    case ContentType::application_data:
      return receive_application_data(handshake, {opened->offset, opened->len});
    case ContentType::alert:
      return receive_alert(handshake, content.pieces(), opened->len);
    case ContentType::handshake:
      return receive_messages(engine, attached, content.pieces(), opened->len);
    case ContentType::change_cipher_spec:  // [RFC 8446 5] never protected; nor twice in TLS 1.2
    case ContentType::invalid:
      break;
  }
  return fail(handshake, HandshakeFailure::unexpected_message);
}

Step Client::receive_application_data(ClientHandshake* handshake, ContentRange range) noexcept {
  // [RFC 8446 5.1] no other record between the fragments of a handshake message.
  if (phase_ != Phase::established || is_within_message()) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  if (range.len == 0) {
    if (!count_idle_record()) return fail(handshake, HandshakeFailure::too_many_records);
    return step();
  }
  idle_records_ = 0;
  Step now = step();
  now.application_data = range;
  return now;
}

Step Client::receive_change_cipher_spec(ClientHandshake* handshake,
                                        std::span<const MutableBytes> content,
                                        std::size_t len) noexcept {
  if (!is_change_cipher_spec(content, len) || is_within_message()) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  if (phase_ == Phase::change_cipher_spec) {
    // [RFC 5246 7.1] the server's next record comes under the new keys.  Only here: at any other
    // time it would switch to keys that were not agreed on yet.
    read_protected_ = true;
    phase_ = Phase::finished;
    return step();
  }
  // [RFC 8446 5] between our ClientHello and its Finished a TLS 1.3 server may send it for the sake
  // of middleboxes; it means nothing.
  const bool tls13 = version_ == ProtocolVersion::tls13 ||
                     (phase_ == Phase::server_hello && handshake->hello_retried);
  if (!tls13 || phase_ == Phase::established) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  if (!count_change_cipher_spec()) return fail(handshake, HandshakeFailure::too_many_records);
  return step();
}

Step Client::receive_alert(ClientHandshake* handshake, std::span<const MutableBytes> content,
                           std::size_t len) noexcept {
  const auto meaning = read_alert(content, len);
  if (!meaning) return fail(handshake, meaning.error());
  switch (*meaning) {
    case AlertMeaning::nothing:
      // [RFC 8446 5.1] no other record between the fragments of a handshake message.
      return version_ != ProtocolVersion::tls12 && is_within_message()
                 ? fail(handshake, HandshakeFailure::unexpected_message)
                 : step();
    case AlertMeaning::fatal:
      return end_by_peer(handshake, HandshakeFailure::alert_received, Event::fatal_alert);
    case AlertMeaning::closes:
      break;
  }
  if (phase_ != Phase::established) {
    return end_by_peer(handshake, HandshakeFailure::server_closed, Event::close_notify);
  }
  end_by_close_notify();
  Events events;
  events.add(Event::close_notify);
  return step(events);
}

Step Client::receive_messages(Engine& engine, ClientAttached attached,
                              std::span<const MutableBytes> content, std::size_t len) noexcept {
  ClientHandshake* const handshake = attached.handshake;
  // [RFC 8446 5.1] no empty fragment of a handshake message.
  if (len == 0) return fail(handshake, HandshakeFailure::unexpected_message);
  std::size_t taken = 0;
  Events events;
  for (;;) {
    if (skip_ != 0) {
      const std::size_t n = std::min<std::size_t>(skip_, len - taken);
      if (handshake != nullptr && phase_ != Phase::established) {
        const PieceRange skipped{content, taken, n};
        for (const MutableBytes piece : skipped.pieces()) handshake->transcript.update(piece);
      }
      taken += n;
      skip_ -= static_cast<std::uint32_t>(n);
      if (skip_ == 0 && phase_ == Phase::new_session_ticket) phase_ = Phase::change_cipher_spec;
      if (taken == len) return step(events);
    }
    const MutableBytes room = message_room(attached);
    // What came before may have left no room, not even for a header.
    if (room.size() < sizeof(HandshakeHeader)) {
      return fail(handshake, HandshakeFailure::message_too_long);
    }
    // fill collects until `wanted` bytes of the message are here; false: not yet.
    const auto fill = [&](std::size_t wanted) {
      const std::size_t n = std::min(wanted - partial_len_, len - taken);
      PieceRange{content, taken, n}.copy_to(room.subspan(partial_len_, n));
      taken += n;
      partial_len_ = static_cast<std::uint16_t>(partial_len_ + n);
      return partial_len_ == wanted;
    };
    if (partial_len_ < sizeof(HandshakeHeader) && !fill(sizeof(HandshakeHeader))) {
      return step(events);
    }
    const auto header = load<HandshakeHeader>(room);
    const HandshakeType type = header.message_type();
    const std::size_t body_len = header.length.host();
    const auto why = check_message(handshake, type, body_len);
    if (why != HandshakeFailure::none) return fail(handshake, why);

    Step now;
    if (type == HandshakeType::hello_request) {
      // [RFC 5246 7.4.1.1] left out of the transcript, and refused by silence; but not for ever.
      partial_len_ = 0;
      if (!count_warning()) return fail(handshake, HandshakeFailure::renegotiation);
      now = step();
    } else if (type == HandshakeType::new_session_ticket && phase_ == Phase::established) {
      // A ticket is an offer.  One that is too long, or does not come in one record, is passed
      // over.
      partial_len_ = 0;
      idle_records_ = 0;
      std::array<std::uint8_t, sizeof(HandshakeHeader) + kMaxTicketMessage> bytes;
      const MutableBytes message =
          MutableBytes{bytes}.first(std::min(bytes.size(), sizeof header + body_len));
      if (body_len > kMaxTicketMessage || body_len > len - taken || tickets_ == kMaxTickets) {
        skip_ = static_cast<std::uint32_t>(body_len);
        now = step();
      } else {
        ++tickets_;
        store(message, header);
        PieceRange{content, taken, body_len}.copy_to(message.subspan(sizeof header));
        taken += body_len;
        now = new_session_ticket13(engine, attached, message);
        wipe(message);
      }
    } else if (type == HandshakeType::new_session_ticket &&
               sizeof header + body_len >
                   handshake->partial.size() - ClientHandshake::kFinishedLen) {
      partial_len_ = 0;
      handshake->transcript.update(room.first(sizeof header));
      skip_ = static_cast<std::uint32_t>(body_len);
      now = step();
    } else {
      const std::size_t message_len = sizeof header + body_len;
      if (message_len > room.size()) return fail(handshake, HandshakeFailure::message_too_long);
      if (!fill(message_len)) return step(events);
      partial_len_ = 0;
      idle_records_ = 0;
      now = complete_message(engine, attached, room.first(message_len));
    }
    if (now.failed()) return now;
    if (now.events.has(Event::session)) events.add(Event::session);
    if (taken == len) {
      if (!events.empty()) now.events.add(Event::session);
      return now;
    }
    if (!may_be_followed(type)) return fail(handshake, HandshakeFailure::unexpected_message);
  }
}

// message_room is where the next message is put together.
MutableBytes Client::message_room(ClientAttached attached) noexcept {
  switch (phase_) {
    case Phase::established:
      return partial_;
    case Phase::certificate:
    case Phase::certificate_verify:
    case Phase::server_key_exchange:
    case Phase::server_hello_done:
      return MutableBytes{attached.verify->messages}.subspan(attached.verify->messages_len);
    case Phase::closed:
    case Phase::start:
    case Phase::server_hello:
    case Phase::retry:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::encrypted_extensions:
    case Phase::verification:
    case Phase::new_session_ticket:
    case Phase::change_cipher_spec:
    case Phase::finished:
    case Phase::failed:
      break;
  }
  return MutableBytes{attached.handshake->partial}.subspan(attached.handshake->kept);
}

// may_be_followed: after a message of this type the record may go on.  [RFC 8446 5.1] It may not
// where keys change, or where it is our turn to speak.
bool Client::may_be_followed(HandshakeType type) const noexcept {
  switch (phase_) {
    case Phase::server_hello:  // after a HelloRequest
    case Phase::certificate:
    case Phase::certificate_verify:
    case Phase::server_key_exchange:
    case Phase::server_hello_done:
    case Phase::new_session_ticket:
      return type != HandshakeType::server_hello || version_ == ProtocolVersion::tls12;
    case Phase::finished:
      return version_ == ProtocolVersion::tls13;
    case Phase::established:
      return type == HandshakeType::new_session_ticket || type == HandshakeType::hello_request;
    case Phase::closed:
    case Phase::start:
    case Phase::retry:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::encrypted_extensions:
    case Phase::verification:
    case Phase::change_cipher_spec:
    case Phase::failed:
      break;
  }
  return false;
}

// check_message judges a message by its header, before any of it is kept.
HandshakeFailure Client::check_message(const ClientHandshake* handshake, HandshakeType type,
                                       std::size_t len) const noexcept {
  const bool tls13 = version_ == ProtocolVersion::tls13;
  if (type == HandshakeType::hello_request && !tls13 &&
      (phase_ == Phase::established || handshake->config->tls12)) {
    return len == 0 ? HandshakeFailure::none : HandshakeFailure::decode_error;
  }
  HandshakeType expected{};
  HandshakeType or_else = HandshakeType::hello_request;  // which never gets here
  std::size_t expected_len = len;                        // any
  switch (phase_) {
    case Phase::server_hello:
      expected = HandshakeType::server_hello;
      break;
    case Phase::encrypted_extensions:
      expected = HandshakeType::encrypted_extensions;
      break;
    case Phase::certificate:
      expected = HandshakeType::certificate;
      // Without this limit what follows it would not fit the VerifyJob any more.
      if (type == expected && len > crypto::kMaxClientChainBytes) {
        return HandshakeFailure::message_too_long;
      }
      // [RFC 8446 4.3.2] once, and before the certificate.
      if (tls13 && !handshake->certificate_requested) or_else = HandshakeType::certificate_request;
      break;
    case Phase::certificate_verify:
      expected = HandshakeType::certificate_verify;
      break;
    case Phase::server_key_exchange:
      expected = HandshakeType::server_key_exchange;
      break;
    case Phase::server_hello_done:
      expected = HandshakeType::server_hello_done;
      if (type == expected) expected_len = 0;
      if (!handshake->certificate_requested) or_else = HandshakeType::certificate_request;
      break;
    case Phase::new_session_ticket:
      expected = HandshakeType::new_session_ticket;
      break;
    case Phase::finished:
      expected = HandshakeType::finished;
      expected_len =
          tls13 ? crypto::digest_len(read_secret_.algorithm()) : MasterSecret12::kVerifyDataLen;
      break;
    case Phase::established:
      // [RFC 8446 4.6] The third one, a request for a certificate, would answer an extension that
      // we never send.
      if (!tls13) return HandshakeFailure::unexpected_message;
      expected = HandshakeType::key_update;
      or_else = HandshakeType::new_session_ticket;
      if (type == expected) expected_len = 1;
      break;
    case Phase::closed:
    case Phase::start:
    case Phase::retry:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::verification:
    case Phase::change_cipher_spec:
    case Phase::failed:
      return HandshakeFailure::unexpected_message;
  }
  if (type != expected && (type != or_else || or_else == HandshakeType::hello_request)) {
    return HandshakeFailure::unexpected_message;
  }
  return len == expected_len ? HandshakeFailure::none : HandshakeFailure::decode_error;
}

Step Client::complete_message(Engine& engine, ClientAttached attached, ByteView message) noexcept {
  if (phase_ == Phase::established) return key_update(engine, message);
  ClientHandshake& handshake = *attached.handshake;
  const bool tls13 = version_ == ProtocolVersion::tls13;
  switch (load<HandshakeHeader>(message).message_type()) {
    case HandshakeType::server_hello:
      return server_hello(engine, handshake, message);
    case HandshakeType::encrypted_extensions:
      return encrypted_extensions(handshake, message);
    case HandshakeType::certificate_request:
      return tls13 ? certificate_request13(handshake, message)
                   : certificate_request12(handshake, message);
    case HandshakeType::certificate:
      return certificate(attached, message);
    case HandshakeType::certificate_verify:
      return certificate_verify(attached, message);
    case HandshakeType::server_key_exchange:
      return server_key_exchange(attached, message);
    case HandshakeType::server_hello_done:
      return server_hello_done(handshake, message);
    case HandshakeType::new_session_ticket:
      return new_session_ticket12(handshake, message);
    case HandshakeType::finished:
      return tls13 ? finished13(handshake, message) : finished12(engine, attached, message);
    default:
      break;  // check_message() lets nothing else through
  }
  return fail(&handshake, HandshakeFailure::unexpected_message);
}

}  // namespace sallyport::tls
