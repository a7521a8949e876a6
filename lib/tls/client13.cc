// Client, TLS 1.3: HelloRetryRequest, the job, the server's flight, ours, tickets, KeyUpdate
// (RFC 8446).
#include <algorithm>
#include <array>
#include <utility>

#include "lib/crypto/sign/content.h"
#include "lib/crypto/sign/schemes.h"
#include "lib/tls/client.h"
#include "lib/tls/negotiation.h"
#include "lib/wire/tls_client_certificate.h"

namespace sallyport::tls {
namespace {

using crypto::Digest;
using crypto::NamedGroup;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::ExtensionType;

}  // namespace

Step Client::hello_retry(Engine& engine, ClientHandshake& handshake, const wire::ServerHello& hello,
                         ByteView message) noexcept {
  // [RFC 8446 4.1.4] once.
  if (handshake.hello_retried) return fail(&handshake, HandshakeFailure::unexpected_message);
  const bool names_group = hello.answers.seen.has(ExtensionType::key_share);
  const NamedGroup group{hello.answers.group};
  const auto& ours = handshake.config->groups;
  if (names_group) {
    if (!hello.answers.key_exchange.empty())
      return fail(&handshake, AlertDescription::decode_error);
    // [RFC 8446 4.2.8] one of ours, and not the one whose share we have sent.
    const bool is_ours = std::ranges::find(ours, group) != ours.end();
    if (!is_ours || group == handshake.key_share.group) {
      return fail(&handshake, HandshakeFailure::illegal_parameter);
    }
  } else if (hello.answers.cookie.empty()) {
    // [RFC 8446 4.1.4] it would change nothing.
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  if (hello.answers.cookie.size() > ClientHandshake::kMaxCookie) {
    return fail(&handshake, HandshakeFailure::message_too_long);
  }
  handshake.cookie = hello.answers.cookie;  // stays where it is: nothing comes before our answer
  // [RFC 8446 4.4.1] the first ClientHello stays in the transcript as its hash alone.
  const auto hash = handshake.suite->hash;
  std::array<std::uint8_t, sizeof(wire::HandshakeHeader) + crypto::kMaxDigestLen> bytes;
  wire::Writer w{bytes};
  wire::write_message_hash(w, crypto::hash(hash, handshake.hello).view());
  handshake.transcript = crypto::TranscriptHash{hash};
  handshake.transcript.update(w.written());
  handshake.transcript.update(message);
  handshake.hello_retried = true;
  // [RFC 8446 4.1.4] a ticket that does not go with the suite is not shown again.
  if (handshake.session != nullptr && suite_info(handshake.session->cipher_suite)->hash != hash) {
    handshake.session = nullptr;
  }
  handshake.group = names_group ? group : handshake.key_share.group;
  phase_ = Phase::retry;
  Step now = step();
  if (!names_group) {
    crypto::KeyShare none;
    now = start(engine, handshake, none);
  }
  now.events.add(Event::hello_retry);
  return now;
}

Step Client::begin13(ClientHandshake& handshake, const wire::ServerHello& hello) noexcept {
  const wire::Answers& answers = hello.answers;
  // [RFC 8446 4.2.9] psk_dhe_ke is the only mode that we offer, so there is always a share.
  if (!answers.seen.has(ExtensionType::key_share)) {
    return fail(&handshake, HandshakeFailure::missing_extension);
  }
  const NamedGroup group{answers.group};
  if (group != handshake.key_share.group) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  if (!is_valid_share(group, answers.key_exchange)) {
    return fail(&handshake, HandshakeFailure::bad_key_share);
  }
  if (answers.seen.has(ExtensionType::pre_shared_key)) {
    // [RFC 8446 4.2.11] the one that we have shown, with a suite of its hash.
    if (answers.selected_identity != 0 ||
        suite_info(handshake.session->cipher_suite)->hash != handshake.suite->hash) {
      return fail(&handshake, HandshakeFailure::illegal_parameter);
    }
    resumed_ = true;
    chain_expires_ms_ = handshake.session->chain_expires_ms;
  } else {
    handshake.early_secret = EarlySecret{handshake.suite->hash};
  }
  handshake.group = group;
  std::ranges::copy(answers.key_exchange, handshake.peer_share.begin());
  handshake.peer_share_len = static_cast<std::uint8_t>(answers.key_exchange.size());
  handshake.hello_hash = handshake.transcript.digest();
  phase_ = Phase::start_derive;
  return step();
}

Step Client::derive_done13(ClientHandshake& handshake, const crypto::CryptoJob& job) noexcept {
  HandshakeSecret secret =
      std::move(handshake.early_secret)
          .into_handshake(ByteView{job.shared_secret}.first(job.shared_secret_len));
  read_secret_ = secret.server_handshake(handshake.hello_hash);
  write_secret_ = secret.client_handshake(handshake.hello_hash);
  read_secret_.derive_keys(aead_, read_);
  write_secret_.derive_keys(aead_, write_);
  handshake.master = std::move(secret).into_master();
  read_protected_ = true;
  write_protected_ = true;
  // From its ServerHello on a server has keys, so even its alerts come under them.
  peer_spoke_protected_ = true;
  phase_ = Phase::encrypted_extensions;
  return step();
}

Step Client::encrypted_extensions(ClientHandshake& handshake, ByteView message) noexcept {
  const auto answers =
      wire::parse_encrypted_extensions(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!answers) return fail(&handshake, answers.error());
  constexpr wire::Extensions kAllowed{
      std::array{ExtensionType::server_name, ExtensionType::supported_groups,
                 ExtensionType::application_layer_protocol_negotiation}};
  const auto alert = wire::judge_answers(*answers, handshake.offered, kAllowed);
  if (alert != AlertDescription{}) return fail(&handshake, alert);
  if (!answers->alpn_protocol.empty() && !choose_protocol(handshake, answers->alpn_protocol)) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  handshake.transcript.update(message);
  // [RFC 8446 2.2] a pre-shared key authenticates the server: it shows no certificate.
  phase_ = resumed_ ? Phase::finished : Phase::certificate;
  return step();
}

Step Client::certificate_request13(ClientHandshake& handshake, ByteView message) noexcept {
  const auto alert =
      wire::parse_certificate_request13(message.subspan(sizeof(wire::HandshakeHeader)));
  if (alert != AlertDescription{}) return fail(&handshake, alert);
  handshake.certificate_requested = true;
  handshake.transcript.update(message);
  return step();
}

Step Client::certificate_verify(ClientAttached attached, ByteView message) noexcept {
  ClientHandshake& handshake = *attached.handshake;
  crypto::VerifyJob& job = *attached.verify;
  const auto verify =
      wire::parse_certificate_verify(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!verify) return fail(&handshake, verify.error());
  job.scheme = crypto::SignatureScheme{verify->scheme};
  // [RFC 8446 4.4.3] one of those that we offered, and not PKCS #1.
  if (!crypto::allowed_in_tls13(job.scheme)) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  job.signature = {
      .offset = static_cast<std::uint16_t>(verify->signature.data() - job.messages.data()),
      .len = static_cast<std::uint16_t>(verify->signature.size())};
  job.messages_len = static_cast<std::uint16_t>(job.messages_len + message.size());
  // What was signed is everything before this message.
  const Digest transcript = handshake.transcript.digest();
  const crypto::SignedContent content = crypto::certificate_verify_content(transcript.view());
  job.kind = crypto::SignedKind::message;
  std::ranges::copy(content.view(), job.content.begin());
  job.content_len = static_cast<std::uint8_t>(content.view().size());
  handshake.transcript.update(message);
  phase_ = Phase::finished;
  return step();
}

Step Client::finished13(ClientHandshake& handshake, ByteView message) noexcept {
  const Digest expected = read_secret_.finished(handshake.transcript.digest());
  if (!equal_ct(message.subspan(sizeof(wire::HandshakeHeader)), expected.view())) {
    return fail(&handshake, HandshakeFailure::bad_finished);
  }
  handshake.transcript.update(message);
  // Everything that costs little has been checked; now for the rest.
  if (!resumed_) {
    phase_ = Phase::verification;
    return step();
  }
  return establish13(handshake);
}

Step Client::establish13(ClientHandshake& handshake) noexcept {
  const Digest transcript = handshake.transcript.digest();
  handshake.client_application = handshake.master.client_application(transcript);
  read_secret_ = handshake.master.server_application(transcript);
  read_secret_.derive_keys(aead_, read_);

  auto& flight = handshake.flight;
  flight.clear();
  // [RFC 8446 D.4]
  if (handshake.session_id_len != 0 && !handshake.hello_retried) {
    flight.add(FlightPart::change_cipher_spec);
  }
  if (handshake.certificate_requested) {
    const ByteView none =
        flight.write([this](wire::Writer& w) { wire::write_no_certificate(w, version_); });
    handshake.transcript.update(none);
  }
  const Digest verify_data = write_secret_.finished(handshake.transcript.digest());
  const ByteView finished =
      flight.write([&](wire::Writer& w) { wire::write_finished(w, verify_data.view()); });
  if (finished.empty()) return fail(&handshake, HandshakeFailure::internal_error);
  handshake.transcript.update(finished);
  flight.add(FlightPart::application_keys);
  flight.add(FlightPart::end_of_flight);
  resumption_ = handshake.master.resumption(handshake.transcript.digest());
  handshake.master.clear();
  phase_ = Phase::established;
  Events events;
  events.add(Event::established);
  return step(events);
}

Step Client::new_session_ticket13(const Engine& engine, ClientAttached attached,
                                  ByteView message) noexcept {
  const auto nst = wire::parse_new_session_ticket13(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!nst) return fail(attached.handshake, nst.error());
  ClientSession* const session = attached.session;
  // [RFC 8446 4.6.1] a lifetime of zero: not to be used.
  if (session == nullptr || nst->lifetime_seconds == 0 ||
      nst->ticket.size() > ClientSession::kMaxTicket) {
    return step();
  }
  fill_session(engine, *nst, *session);
  session->age_add = nst->age_add;
  session->secret_len = static_cast<std::uint8_t>(crypto::digest_len(resumption_.algorithm()));
  resumption_.ticket_key(nst->nonce, session->secret.expose_for_write());
  Events events;
  events.add(Event::session);
  return step(events);
}

Step Client::key_update(Engine& engine, ByteView message) noexcept {
  const Refusal refusal = read_key_update(engine, message);
  if (refusal.failure != HandshakeFailure::none) {
    return fail(nullptr, refusal.failure, refusal.alert);
  }
  Events events;
  events.add(Event::key_updated);
  return step(events);
}

}  // namespace sallyport::tls
