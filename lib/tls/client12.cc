// Client, TLS 1.2 (RFC 5246): full, with ephemeral keys on curves (RFC 8422), and resumed with a
// ticket (RFC 5077, RFC 7627) or a session ID.
#include <algorithm>
#include <array>

#include "lib/crypto/sign/schemes.h"
#include "lib/tls/client.h"
#include "lib/tls/negotiation.h"

namespace sallyport::tls {
namespace {

using crypto::NamedGroup;
using crypto::SignatureScheme;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::ExtensionType;
using wire::ProtocolVersion;

// may_sign: [RFC 5246 7.4.3, RFC 8422 5.4] the suite says what kind of key the server has.
[[nodiscard]] bool may_sign(SignatureScheme scheme, KeyExchange key_exchange) noexcept {
  switch (scheme) {
    case SignatureScheme::ecdsa_secp256r1_sha256:
    case SignatureScheme::ecdsa_secp384r1_sha384:
    case SignatureScheme::ed25519:
      return key_exchange == KeyExchange::ecdhe_ecdsa;
    case SignatureScheme::rsa_pss_rsae_sha256:
    case SignatureScheme::rsa_pss_rsae_sha384:
    case SignatureScheme::rsa_pss_rsae_sha512:
    case SignatureScheme::rsa_pkcs1_sha256:
    case SignatureScheme::rsa_pkcs1_sha384:
      return key_exchange == KeyExchange::ecdhe_rsa;
    case SignatureScheme::ecdsa_secp521r1_sha512:  // not offered
    case SignatureScheme::none:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::ecdsa_sha1:
    case SignatureScheme::rsa_pkcs1_sha512:
      break;
  }
  return false;
}

}  // namespace

Step Client::begin12(ClientHandshake& handshake, const wire::ServerHello& hello) noexcept {
  const wire::Answers& answers = hello.answers;
  // [RFC 7627 5.3] without it a master secret does not belong to one handshake alone.
  if (!answers.seen.has(ExtensionType::extended_master_secret)) {
    return fail(&handshake, HandshakeFailure::no_extended_master_secret);
  }
  // [RFC 5746 3.4] a server that does not know of it, or takes this for another handshake.
  if (!answers.seen.has(ExtensionType::renegotiation_info) ||
      !answers.renegotiated_connection.empty()) {
    return fail(&handshake, HandshakeFailure::renegotiation, AlertDescription::handshake_failure);
  }
  // [RFC 8422 5.2]
  if (!answers.takes_uncompressed_points) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  if (!answers.alpn_protocol.empty() && !choose_protocol(handshake, answers.alpn_protocol)) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  handshake.ticket_follows = answers.seen.has(ExtensionType::session_ticket);
  // The hello's share is of no use for a resumed session, nor for a group that is not this one.
  const bool echoes =
      !hello.legacy_session_id_echo.empty() &&
      std::ranges::equal(hello.legacy_session_id_echo,
                         ByteView{handshake.session_id}.first(handshake.session_id_len));
  if (!echoes) {
    handshake.session_id_len = static_cast<std::uint8_t>(hello.legacy_session_id_echo.size());
    std::ranges::copy(hello.legacy_session_id_echo, handshake.session_id.begin());
    phase_ = Phase::certificate;
    return step();
  }
  // [RFC 5077 3.4] the server resumes, which it can only do with what we have shown; [RFC 5246
  // 7.4.1.3] under the same suite.
  const ClientSession* const session = handshake.session;
  if (session == nullptr || session->version != ProtocolVersion::tls12 ||
      session->cipher_suite != cipher_suite_) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  wipe_object(handshake.key_share);
  handshake.master_secret.restore(handshake.suite->hash, session->secret_bytes());
  chain_expires_ms_ = session->chain_expires_ms;
  resumed_ = true;
  derive_keys12(handshake);
  phase_ = handshake.ticket_follows ? Phase::new_session_ticket : Phase::change_cipher_spec;
  return step();
}

Step Client::server_key_exchange(ClientAttached attached, ByteView message) noexcept {
  ClientHandshake& handshake = *attached.handshake;
  crypto::VerifyJob& job = *attached.verify;
  const auto exchange =
      wire::parse_server_key_exchange(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!exchange) return fail(&handshake, exchange.error());
  // [RFC 8422 5.4] a group of ours, and [RFC 5246 7.4.3] a scheme of ours.
  const NamedGroup group{exchange->group};
  const auto& ours = handshake.config->groups;
  job.scheme = SignatureScheme{exchange->scheme};
  if (std::ranges::find(ours, group) == ours.end() ||
      !may_sign(job.scheme, handshake.suite->key_exchange)) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  if (!is_valid_share(group, exchange->point)) {
    return fail(&handshake, HandshakeFailure::bad_key_share);
  }
  handshake.group = group;
  std::ranges::copy(exchange->point, handshake.peer_share.begin());
  handshake.peer_share_len = static_cast<std::uint8_t>(exchange->point.size());

  job.signature = {
      .offset = static_cast<std::uint16_t>(exchange->signature.data() - job.messages.data()),
      .len = static_cast<std::uint16_t>(exchange->signature.size())};
  job.messages_len = static_cast<std::uint16_t>(job.messages_len + message.size());
  // [RFC 8422 5.4] both randoms and the parameters.
  job.kind = crypto::SignedKind::parameters;
  wire::Writer w{job.content};
  w.bytes(handshake.client_random);
  w.bytes(handshake.server_random);
  w.bytes(exchange->params);
  job.content_len = static_cast<std::uint8_t>(w.size());
  if (!w.ok()) return fail(&handshake, HandshakeFailure::internal_error);
  handshake.transcript.update(message);
  phase_ = Phase::server_hello_done;
  return step();
}

Step Client::certificate_request12(ClientHandshake& handshake, ByteView message) noexcept {
  const auto alert =
      wire::parse_certificate_request12(message.subspan(sizeof(wire::HandshakeHeader)));
  if (alert != AlertDescription{}) return fail(&handshake, alert);
  handshake.certificate_requested = true;
  handshake.transcript.update(message);
  return step();
}

Step Client::server_hello_done(ClientHandshake& handshake, ByteView message) noexcept {
  handshake.transcript.update(message);
  // Before any of our secrets depends on what the server has signed.
  phase_ = Phase::verification;
  return step();
}

// write_key_exchange12 begins our flight; it waits for the keys.  False: it did not fit.
bool Client::write_key_exchange12(ClientHandshake& handshake) noexcept {
  auto& flight = handshake.flight;
  flight.clear();
  const crypto::KeyShare& share = handshake.key_share;
  const ByteView messages = flight.write([&](wire::Writer& w) {
    // [RFC 5246 7.4.6] asked, we say that we have none.
    if (handshake.certificate_requested) wire::write_no_certificate(w, version_);
    wire::write_client_key_exchange(w, ByteView{share.public_key}.first(share.public_len));
  });
  handshake.transcript.update(messages);
  // [RFC 7627 3] session_hash covers everything up to and including ClientKeyExchange.
  handshake.hello_hash = handshake.transcript.digest();
  return !messages.empty();
}

Step Client::derive_done12(ClientHandshake& handshake, const crypto::CryptoJob& job) noexcept {
  handshake.master_secret.derive_extended(handshake.suite->hash,
                                          ByteView{job.shared_secret}.first(job.shared_secret_len),
                                          handshake.hello_hash);
  derive_keys12(handshake);
  if (!write_finished12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  phase_ = handshake.ticket_follows ? Phase::new_session_ticket : Phase::change_cipher_spec;
  return step();
}

// derive_keys12 cuts the keys of both directions out of the master secret; each begins to use them
// at its ChangeCipherSpec.
void Client::derive_keys12(const ClientHandshake& handshake) noexcept {
  handshake.master_secret.derive_keys(
      {.aead = aead_, .cbc = crypto::CbcAlgorithm::none, .encrypt_then_mac = false},
      handshake.client_random, handshake.server_random, {write_, write_secret_},
      {read_, read_secret_});
}

bool Client::write_finished12(ClientHandshake& handshake) noexcept {
  auto& flight = handshake.flight;
  flight.add(FlightPart::change_cipher_spec);
  flight.add(FlightPart::protect);
  const auto verify_data = handshake.master_secret.finished(MasterSecret12::Sender::client,
                                                            handshake.transcript.digest());
  const ByteView finished =
      flight.write([&](wire::Writer& w) { wire::write_finished(w, verify_data); });
  handshake.transcript.update(finished);
  flight.add(FlightPart::end_of_flight);
  return !finished.empty();
}

Step Client::new_session_ticket12(ClientHandshake& handshake, ByteView message) noexcept {
  const auto nst = wire::parse_new_session_ticket12(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!nst) return fail(&handshake, nst.error());
  handshake.transcript.update(message);
  // It is worth something only when the server's Finished is good, so it waits for that.
  handshake.kept = static_cast<std::uint16_t>(message.size());
  phase_ = Phase::change_cipher_spec;
  return step();
}

Step Client::finished12(const Engine& engine, ClientAttached attached, ByteView message) noexcept {
  ClientHandshake& handshake = *attached.handshake;
  // [RFC 5246 7.4.9] our own has left, unless the server's comes first.
  if (!resumed_ && !handshake.flight.empty()) {
    return fail(&handshake, HandshakeFailure::unexpected_message);
  }
  const auto expected = handshake.master_secret.finished(MasterSecret12::Sender::server,
                                                         handshake.transcript.digest());
  if (!equal_ct(message.subspan(sizeof(wire::HandshakeHeader)), expected)) {
    return fail(&handshake, HandshakeFailure::bad_finished);
  }
  handshake.transcript.update(message);
  Events events;
  events.add(Event::established);
  if (attached.session != nullptr && keep_session12(engine, handshake, *attached.session)) {
    events.add(Event::session);
  }
  if (resumed_) {
    handshake.flight.clear();
    if (!write_finished12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  }
  handshake.master_secret.clear();
  phase_ = Phase::established;
  finish_handshake(handshake);
  return step(events);
}

// keep_session12 keeps the ticket that has come, or else the ID of a new session; false: the server
// has given neither.
bool Client::keep_session12(const Engine& engine, const ClientHandshake& handshake,
                            ClientSession& session) const noexcept {
  // [RFC 5246 F.1.4] so long at most: who gets hold of a master secret can use it all the while.
  constexpr std::uint32_t kDay = 86'400;
  wire::NewSessionTicket nst;
  nst.lifetime_seconds = kDay;
  if (handshake.kept != 0) {
    const auto came = wire::parse_new_session_ticket12(
        ByteView{handshake.partial}.first(handshake.kept).subspan(sizeof(wire::HandshakeHeader)));
    if (came && !came->ticket.empty() && came->ticket.size() <= ClientSession::kMaxTicket) {
      nst = *came;
    }
  }
  if (nst.ticket.empty() && (resumed_ || handshake.session_id_len == 0)) return false;
  fill_session(engine, nst, session);
  session.session_id_len = nst.ticket.empty() ? handshake.session_id_len : std::uint8_t{0};
  session.session_id = handshake.session_id;
  session.age_add = 0;
  session.secret_len = MasterSecret12::kLen;
  std::ranges::copy(handshake.master_secret.expose(), session.secret.expose_for_write().begin());
  return true;
}

}  // namespace sallyport::tls
