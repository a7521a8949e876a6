// Server, records in: what a record is, whether it may come now, and who reads it.
#include <algorithm>

#include "lib/tls/pieces.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

// Nobody has to write records of less than this [RFC 8449 4], but those who fear a middlebox cut
// their first hello into single bytes.  Each costs us a record's worth of work and them six bytes,
// so there is an end to it: above what a hello with a hybrid share of 1,216 bytes could need.
constexpr std::size_t kSmallFragment = 64;
constexpr std::uint16_t kMaxSmallFragments = 4'096;

using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::AlertLevel;
using wire::ContentType;
using wire::HandshakeHeader;
using wire::HandshakeType;
using wire::ProtocolVersion;
using wire::RecordHeader;

}  // namespace

Step Server::receive(Engine& engine, Attached attached,
                     std::span<const MutableBytes> pieces) noexcept {
  const Step now = receive_record(engine, attached, pieces);
  // [RFC 5246 7.2.2] a connection that ends with an error takes its session along; one that the
  // client no longer wants does not.
  if (now.failed() && now.failure != HandshakeFailure::client_closed &&
      engine.sessions() != nullptr) {
    engine.sessions()->forget(session_mark_);
  }
  return now;
}

Step Server::receive_record(Engine& engine, Attached attached,
                            std::span<const MutableBytes> pieces) noexcept {
  if (const Step now = step(); now.await != Await::peer) return now;
  const bool goes_without = phase_ == Phase::established || phase_ == Phase::second_client_hello;
  if (!goes_without && attached.handshake == nullptr) {
    return fail(nullptr, HandshakeFailure::internal_error);
  }
  const std::size_t record_len = total_len(pieces);
  if (pieces.size() > kMaxPieces || record_len < kRecordHeader) {
    return fail(attached.handshake, HandshakeFailure::internal_error);
  }
  std::array<std::uint8_t, kRecordHeader> front{};
  PieceRange{pieces, 0, kRecordHeader}.copy_to(front);
  const bool first = phase_ == Phase::client_hello && attached.handshake->buffered == 0;
  const auto why = check_header(front, record_len, first);
  if (why != HandshakeFailure::none) return fail(attached.handshake, why);

  const ContentType type = load<RecordHeader>(front).content_type();
  if (phase_ == Phase::certificate_verify && attached.verify == nullptr) {
    return fail(attached.handshake, HandshakeFailure::internal_error);
  }
  if (phase_ == Phase::second_client_hello && attached.handshake == nullptr &&
      type == ContentType::handshake) {
    Step wait = step();
    wait.await = Await::handshake;
    return wait;
  }
  // Asked for before the record is opened: that can be done only once.
  if (phase_ == Phase::client_certificate && attached.verify == nullptr &&
      (is_protected(type) || type == ContentType::handshake)) {
    Step wait = step();
    wait.await = Await::verify_buffer;
    return wait;
  }
  if (is_protected(type)) return receive_protected(engine, attached, type, pieces);
  const std::size_t len = record_len - kRecordHeader;
  const PieceRange content{pieces, kRecordHeader, len};
  return receive_plaintext(engine, attached, type, content.pieces(), len);
}

Step Server::receive_plaintext(Engine& engine, Attached attached, ContentType type,
                               std::span<const MutableBytes> content, std::size_t len) noexcept {
  Handshake* const handshake = attached.handshake;
  switch (type) {
    case ContentType::change_cipher_spec:
      return receive_change_cipher_spec(handshake, content, len);
    case ContentType::alert:
      return receive_alert(handshake, content, len);
    case ContentType::handshake:
      if (phase_ == Phase::client_hello || phase_ == Phase::second_client_hello) {
        return receive_client_hello(engine, attached, content, len);
      }
      return receive_messages(engine, attached, content, len);
    case ContentType::application_data:
      // [RFC 8446 4.2.10] after a HelloRetryRequest, early data is skipped by its outer type.
      if (phase_ == Phase::second_client_hello && !needs_message_buffer(handshake)) {
        return skip_early_data(handshake, len, HandshakeFailure::unexpected_message);
      }
      break;
    case ContentType::invalid:
      break;
  }
  return fail(handshake, HandshakeFailure::unexpected_message);
}

Step Server::receive_protected(Engine& engine, Attached attached, ContentType outer,
                               std::span<const MutableBytes> pieces) noexcept {
  Handshake* const handshake = attached.handshake;
  const bool tls13 = version_ == ProtocolVersion::tls13;
  // [RFC 8446 5.2] protected records are application_data on the outside.
  if (tls13 && outer != ContentType::application_data) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  const std::size_t body_len = total_len(pieces) - kRecordHeader;
  const auto opened = open_record(engine, read_, pieces, read_secret_.expose());
  if (!opened) {
    // [RFC 8446 4.2.10] refused early data looks like records that do not decrypt, up to the first
    // that does.
    const bool is_first = phase_ == Phase::finished || phase_ == Phase::client_certificate;
    if (opened.error() == HandshakeFailure::bad_record_mac && tls13 && is_first &&
        !peer_spoke_protected_) {
      return skip_early_data(handshake, body_len, HandshakeFailure::bad_record_mac);
    }
    return fail(handshake, opened.error());
  }
  peer_spoke_protected_ = true;
  if (opened->len > max_received_fragment()) {
    return fail(handshake, HandshakeFailure::record_overflow);
  }
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

Step Server::receive_application_data(Handshake* handshake, ContentRange range) noexcept {
  // [RFC 8446 5.1] no other record between the fragments of a handshake message.
  if (phase_ != Phase::established || partial_len_ != 0) {
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

Step Server::skip_early_data(Handshake* handshake, std::size_t len,
                             HandshakeFailure beyond) noexcept {
  // Nothing left also means that none was announced.
  if (early_data_left() == 0 || len > early_data_left()) {
    return fail(handshake, beyond);
  }
  set_early_data_left(early_data_left() - len);
  // A record may be empty, so bytes alone would not bound their number.
  if (len == 0 && !count_idle_record()) {
    return fail(handshake, HandshakeFailure::too_many_records);
  }
  return step();
}

Step Server::receive_change_cipher_spec(Handshake* handshake, std::span<const MutableBytes> content,
                                        std::size_t len) noexcept {
  if (!is_change_cipher_spec(content, len) || is_within_message(handshake)) {
    return fail(handshake, HandshakeFailure::unexpected_message);
  }
  if (phase_ == Phase::change_cipher_spec) {
    // [RFC 5246 7.1] the client's next record comes under the new keys.  Only here: at any other
    // time it would switch to keys that were not agreed on yet.
    read_protected_ = true;
    phase_ = Phase::finished;
    return step();
  }
  // [RFC 8446 5] between the first ClientHello and Finished a TLS 1.3 client may send it for the
  // sake of middleboxes; it means nothing.
  const bool before_finished = phase_ == Phase::second_client_hello ||
                               phase_ == Phase::client_certificate ||
                               phase_ == Phase::certificate_verify || phase_ == Phase::finished;
  const bool meaningless = version_ == ProtocolVersion::tls13 && before_finished;
  if (!meaningless) return fail(handshake, HandshakeFailure::unexpected_message);
  if (!count_change_cipher_spec()) return fail(handshake, HandshakeFailure::too_many_records);
  return step();
}

// is_within_message: the last record of the handshake has ended within a message.
bool Server::is_within_message(const Handshake* handshake) const noexcept {
  return partial_len_ != 0 || needs_message_buffer(handshake);
}

Step Server::receive_alert(Handshake* handshake, std::span<const MutableBytes> content,
                           std::size_t len) noexcept {
  const auto meaning = read_alert(content, len);
  if (!meaning) return fail(handshake, meaning.error());
  switch (*meaning) {
    case AlertMeaning::nothing:
      // [RFC 8446 5.1] no other record between the fragments of a handshake message.
      return version_ != ProtocolVersion::tls12 && is_within_message(handshake)
                 ? fail(handshake, HandshakeFailure::unexpected_message)
                 : step();
    case AlertMeaning::fatal:
      return end_by_peer(handshake, HandshakeFailure::alert_received, Event::fatal_alert);
    case AlertMeaning::closes:
      break;
  }
  if (phase_ != Phase::established) {
    return end_by_peer(handshake, HandshakeFailure::client_closed, Event::close_notify);
  }
  end_by_close_notify();
  Events events;
  events.add(Event::close_notify);
  return step(events);
}

Step Server::receive_client_hello(Engine& engine, Attached attached,
                                  std::span<const MutableBytes> content, std::size_t len) noexcept {
  Handshake& handshake = *attached.handshake;
  // [RFC 8446 5.1] no empty fragment of a handshake message.
  if (len == 0) return fail(&handshake, HandshakeFailure::unexpected_message);
  const PieceRange fragment{content, 0, len};

  // judge looks at a message of which `have` bytes are here, and says how long it is (0: unknown).
  const auto judge = [](ByteView front, std::size_t have, std::size_t& message_len) {
    message_len = 0;
    if (front[0] != static_cast<std::uint8_t>(HandshakeType::client_hello)) {
      return HandshakeFailure::unexpected_message;
    }
    if (have < sizeof(HandshakeHeader)) return HandshakeFailure::none;
    const std::size_t body_len = load<HandshakeHeader>(front).length.host();
    if (body_len > kMaxClientHello) return HandshakeFailure::client_hello_too_long;
    message_len = sizeof(HandshakeHeader) + body_len;
    // [RFC 8446 5.1] keys change after this message, so nothing may follow it in its record; in
    // TLS 1.2 the client has nothing more to say before our answer either.
    if (have > message_len) return HandshakeFailure::unexpected_message;
    return HandshakeFailure::none;
  };

  std::size_t message_len = 0;
  if (handshake.buffered == 0) {
    std::array<std::uint8_t, sizeof(HandshakeHeader)> front{};
    fragment.copy_to(front);
    const auto why = judge(front, len, message_len);
    if (why != HandshakeFailure::none) return fail(&handshake, why);
    // The usual case: the whole message in one piece is read where it lies.
    if (message_len == len && !fragment.contiguous().empty()) {
      return client_hello(engine, attached, fragment.contiguous());
    }
  }
  if (attached.buffer == nullptr) {
    Step wait = step();
    wait.await = Await::message_buffer;
    return wait;
  }
  const MutableBytes buffer{attached.buffer->bytes};
  const std::size_t have = handshake.buffered + len;
  if (have > buffer.size()) return fail(&handshake, HandshakeFailure::client_hello_too_long);
  fragment.copy_to(buffer.subspan(handshake.buffered));
  handshake.buffered = static_cast<std::uint16_t>(have);
  const auto why = judge(buffer, have, message_len);
  if (why != HandshakeFailure::none) return fail(&handshake, why);
  if (message_len != have) return wait_for_more(&handshake, len);
  handshake.buffered = 0;
  return client_hello(engine, attached, buffer.first(have));
}

Step Server::receive_messages(Engine& engine, Attached attached,
                              std::span<const MutableBytes> content, std::size_t len) noexcept {
  Handshake* const handshake = attached.handshake;
  // [RFC 8446 5.1] no empty fragment of a handshake message.
  if (len == 0) return fail(handshake, HandshakeFailure::unexpected_message);
  std::size_t taken = 0;
  for (;;) {
    const MutableBytes storage = message_room(attached);
    // fill collects until `wanted` bytes of the message are here; false: not yet.
    const auto fill = [&](std::size_t wanted) {
      const std::size_t n = std::min(wanted - partial_len_, len - taken);
      PieceRange{content, taken, n}.copy_to(storage.subspan(partial_len_, n));
      taken += n;
      partial_len_ = static_cast<std::uint16_t>(partial_len_ + n);
      return partial_len_ == wanted;
    };
    if (partial_len_ < sizeof(HandshakeHeader) && !fill(sizeof(HandshakeHeader))) {
      return wait_for_more(handshake, len);
    }
    const auto header = load<HandshakeHeader>(storage);
    const std::size_t body_len = header.length.host();
    const auto why = check_message(header.message_type(), body_len);
    if (why != HandshakeFailure::none) return fail(handshake, why);
    const std::size_t message_len = sizeof(HandshakeHeader) + body_len;
    if (message_len > storage.size()) return fail(handshake, why_too_long(handshake));
    if (!fill(message_len)) return wait_for_more(handshake, len);
    const bool is_last = taken == len;
    if (!is_last && !may_be_followed(handshake)) {
      return fail(handshake, HandshakeFailure::unexpected_message);
    }
    partial_len_ = 0;
    idle_records_ = 0;
    const Step now = complete_message(engine, attached, storage.first(message_len));
    if (is_last || now.failed()) return now;
  }
}

// why_too_long is what is wrong with a message that is longer than any good one.
HandshakeFailure Server::why_too_long(const Handshake* handshake) const noexcept {
  // [RFC 5246 7.4.7.2] such a number parses, but is beyond every group's prime.
  return phase_ == Phase::client_key_exchange &&
                 handshake->parameters.key_exchange == KeyExchange::dhe_rsa
             ? HandshakeFailure::bad_key_share
             : HandshakeFailure::decode_error;
}

// wait_for_more goes on after a record that ended within a message.
Step Server::wait_for_more(Handshake* handshake, std::size_t record_len) noexcept {
  const bool is_small = handshake != nullptr && record_len < kSmallFragment;
  if (is_small && ++handshake->small_fragments > kMaxSmallFragments) {
    return fail(handshake, HandshakeFailure::too_many_records);
  }
  return step();
}

// message_room is where the next message is put together.
MutableBytes Server::message_room(Attached attached) noexcept {
  if (phase_ == Phase::established) return partial_;
  // [RFC 5246 7.4.7] ClientKeyExchange comes between these two, and waits for its job in `partial`.
  if (phase_ == Phase::client_certificate || phase_ == Phase::certificate_verify) {
    crypto::VerifyJob& job = *attached.verify;
    return MutableBytes{job.messages}.subspan(job.messages_len);
  }
  return attached.handshake->partial;
}

// may_be_followed: the record may go on with the next message.  [RFC 8446 5.1] It may not where
// keys change, or where it is our turn to speak.
bool Server::may_be_followed(const Handshake* handshake) const noexcept {
  switch (phase_) {
    case Phase::client_certificate:
      return true;
    case Phase::client_key_exchange:
      return handshake->client_shown;
    case Phase::certificate_verify:
      return version_ == ProtocolVersion::tls13;
    case Phase::closed:
    case Phase::client_hello:
    case Phase::second_client_hello:
    case Phase::start_exchange:
    case Phase::exchange:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::change_cipher_spec:
    case Phase::finished:
    case Phase::verification:
    case Phase::established:
    case Phase::failed:
      break;
  }
  return false;
}

// check_message judges a message by its header, before any of it is kept.
HandshakeFailure Server::check_message(HandshakeType type, std::size_t len) const noexcept {
  const bool tls13 = version_ == ProtocolVersion::tls13;
  HandshakeType expected{};
  std::size_t expected_len = len;  // any
  if (phase_ == Phase::client_certificate) {
    expected = HandshakeType::certificate;
    if (type == expected && len > crypto::kMaxClientChainBytes) {
      return HandshakeFailure::client_certificate_too_long;
    }
  } else if (phase_ == Phase::certificate_verify) {
    expected = HandshakeType::certificate_verify;
  } else if (phase_ == Phase::client_key_exchange) {
    expected = HandshakeType::client_key_exchange;
  } else if (phase_ == Phase::finished) {
    expected = HandshakeType::finished;
    expected_len =
        tls13 ? crypto::digest_len(read_secret_.algorithm()) : MasterSecret12::kVerifyDataLen;
  } else if (phase_ == Phase::established && tls13) {
    // [RFC 8446 4.6] a client's only message now; the rest we never asked for.
    expected = HandshakeType::key_update;
    expected_len = 1;
  } else if (phase_ == Phase::established && type == HandshakeType::client_hello) {
    return HandshakeFailure::renegotiation;
  } else {
    return HandshakeFailure::unexpected_message;
  }
  if (type != expected) return HandshakeFailure::unexpected_message;
  return len == expected_len ? HandshakeFailure::none : HandshakeFailure::decode_error;
}

}  // namespace sallyport::tls
