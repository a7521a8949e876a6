// Server, TLS 1.2 (RFC 5246): full, with ephemeral keys on curves (RFC 8422) or in finite fields
// (RFC 7919) or with RSA key exchange; and resumed, by ticket or session ID (RFC 5077, RFC 7627).
#include <algorithm>
#include <utility>

#include "lib/crypto/kx/ffdhe.h"
#include "lib/crypto/sign/premaster.h"
#include "lib/tls/key_log.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;

}  // namespace

// begin12 goes on with a ClientHello that fits our configuration: to the first job, or, when there
// is a session to resume, to our flight.
Step Server::begin12(Engine& engine, Handshake& handshake, const wire::ClientHello& hello,
                     ByteView message) noexcept {
  Parameters& agreed = handshake.parameters;
  TicketNotes notes;
  const TicketPolicy& policy = handshake.config->tickets;
  if ((policy.enabled || policy.session_ids) && engine.ticket_keys() != nullptr) {
    handshake.binding = bind_session(hello.server_name, handshake.alpn_protocol());
    const auto why = accept_session12(engine, handshake, hello, notes);
    if (why != HandshakeFailure::none) return fail(&handshake, why);
  }
  // A session that is resumed keeps its ticket or its ID, and ends when that does.
  if (!handshake.resumed) promise_resumption12(engine, handshake, hello);
  if (handshake.config->client_auth.is_on() && !handshake.resumed) {
    handshake.keep_other_transcript();
  }
  handshake.transcribe(message);
  handshake.offered_version = hello.legacy_version;
  resumed_ = handshake.resumed;
  Events events;
  events.add(Event::client_hello);
  phase_ = Phase::start_exchange;
  if (handshake.resumed) {
    engine.random().fill(handshake.server_random);
    if (const Step now = resume12(handshake); now.failed()) return now;
  } else if (agreed.key_exchange == KeyExchange::rsa) {
    if (const Step now = hello_done12(engine, handshake); now.failed()) return now;
  }
  Step now = step(events);
  now.ticket_refusal = notes.refusal;
  return now;
}

// write_hello12 writes ServerHello; false: it did not fit.
bool Server::write_hello12(Handshake& handshake) noexcept {
  const Parameters& agreed = handshake.parameters;
  limit_fragments(agreed);
  // [RFC 8446 4.1.3] a client that also speaks TLS 1.3 sees that somebody talked us down.
  if (agreed.downgraded) {
    std::ranges::copy(wire::kDowngradeToTls12, handshake.server_random.end() - 8);
  }
  const ByteView server_hello = handshake.flight.write([&](wire::Writer& w) {
    wire::write_server_hello12(
        w, {.random = handshake.server_random,
            // [RFC 5077 3.4, RFC 5246 7.4.1.3] the client's when its session is resumed, by ticket
            // or by this; a new one when the session will be kept; else empty.
            .session_id = handshake.told_session_id(),
            .cipher_suite = agreed.cipher_suite,
            .alpn_protocol = handshake.alpn_protocol(),
            .secure_renegotiation = agreed.secure_renegotiation,
            .extended_master_secret = agreed.extended_master_secret,
            .encrypt_then_mac = agreed.encrypt_then_mac,
            .ec_point_formats = agreed.ec_point_formats,
            // [RFC 6066 3] not said again when a session is resumed.
            .server_name_accepted = agreed.server_name_matched && !handshake.resumed,
            .session_ticket = agreed.session_ticket,
            // [RFC 6066 8] no certificate is shown then, nor what speaks for it.
            .status_follows = agreed.staple && !handshake.resumed,
            .fragment_limits = agreed.fragment_limits});
  });
  handshake.transcribe(server_hello);
  return !server_hello.empty();
}

// derive_keys12 cuts the keys of both directions out of the master secret.
void Server::derive_keys12(const Handshake& handshake) noexcept {
  const Parameters& agreed = handshake.parameters;
  log_secret(LoggedSecret::master12, handshake.client_random, handshake.master_secret.expose());
  handshake.master_secret.derive_keys(
      {.aead = aead_, .cbc = agreed.cbc, .encrypt_then_mac = agreed.encrypt_then_mac},
      handshake.client_random, handshake.server_random, {read_, read_secret_},
      {write_, write_secret_});
}

// resume12 is the abbreviated handshake [RFC 5077 3.1]: our ChangeCipherSpec and Finished come
// first, and nothing asymmetric is done.
Step Server::resume12(Handshake& handshake) noexcept {
  if (!write_hello12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  const auto verify_data = handshake.master_secret.finished(MasterSecret12::Sender::server,
                                                            handshake.transcript.digest());
  Flight& flight = handshake.flight;
  flight.add(Flight::Part::change_cipher_spec);
  flight.add(Flight::Part::protect);
  const ByteView finished =
      flight.write([&](wire::Writer& w) { wire::write_finished(w, verify_data); });
  if (finished.empty()) return fail(&handshake, HandshakeFailure::internal_error);
  handshake.transcribe(finished);
  flight.add(Flight::Part::end_of_flight);
  derive_keys12(handshake);
  phase_ = Phase::change_cipher_spec;
  return step();
}

// write_done12 ends our first flight, with a CertificateRequest where there is to be one; false: it
// did not fit.
bool Server::write_done12(Handshake& handshake) noexcept {
  Flight& flight = handshake.flight;
  if (const ByteView request = handshake.certificate_request(); !request.empty()) {
    flight.add(Flight::Part::certificate_request);
    handshake.transcribe(request);
  }
  const ByteView done = flight.write([](wire::Writer& w) { wire::write_server_hello_done(w); });
  handshake.transcribe(done);
  flight.add(Flight::Part::end_of_flight);
  return !done.empty();
}

// hello_done12 is our flight where the client encrypts to the key of our certificate: there is
// nothing to sign.
Step Server::hello_done12(Engine& engine, Handshake& handshake) noexcept {
  engine.random().fill(handshake.server_random);
  if (!write_hello12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  Flight& flight = handshake.flight;
  flight.add(Flight::Part::certificate);
  handshake.transcribe(CertificateMessage{handshake.credential(), handshake.parameters});
  if (!write_done12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  phase_ = phase_after_flight(handshake, Phase::client_key_exchange);
  return step();
}

Step Server::start_exchange12(Handshake& handshake, crypto::CryptoJob& job,
                              crypto::KeyShare& key_share) noexcept {
  if (!write_hello12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  handshake.flight.add(Flight::Part::certificate);
  handshake.transcribe(CertificateMessage{handshake.credential(), handshake.parameters});

  // The executor signs the public half; the private half waits for ClientKeyExchange.
  job.kind = crypto::JobKind::tls12_sign_params;
  job.ephemeral = key_share;
  wipe(job.ephemeral.private_key);
  job.ephemeral.private_len = 0;
  job.ephemeral.group = handshake.parameters.group;  // in a finite field all that there is yet
  job.peer_share_len = 0;
  job.client_random = handshake.client_random;
  job.server_random = handshake.server_random;
  handshake.key_share = key_share;
  phase_ = Phase::exchange;
  return step();
}

// write_finite_field_exchange writes ServerKeyExchange with the pair that the job made; false: it
// did not fit.
bool Server::write_finite_field_exchange(Handshake& handshake,
                                         const crypto::CryptoJob& job) noexcept {
  const ByteView prime = crypto::finite_field_prime(handshake.parameters.group);
  const wire::FiniteFieldExchange exchange{
      .prime_len = prime.size(),
      .generator = {&crypto::kFiniteFieldGenerator, 1},
      .public_value = ByteView{job.wide}.first(job.wide_len),
      .scheme = static_cast<std::uint16_t>(handshake.parameters.signature_scheme),
      .signature = ByteView{job.signature}.first(job.signature_len)};
  Flight& flight = handshake.flight;
  const ByteView head =
      flight.write([&](wire::Writer& w) { wire::write_finite_field_head(w, exchange); });
  handshake.transcribe(head);
  flight.add(Flight::Part::prime);
  handshake.transcribe(prime);
  const ByteView tail =
      flight.write([&](wire::Writer& w) { wire::write_finite_field_tail(w, exchange); });
  handshake.transcribe(tail);
  handshake.key_share = job.ephemeral;
  return !head.empty() && !tail.empty();
}

Step Server::exchange_done12(Handshake& handshake, const crypto::CryptoJob& job) noexcept {
  if (job.signature_len > job.signature.size() || job.wide_len > job.wide.size()) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  if (handshake.parameters.key_exchange == KeyExchange::dhe_rsa) {
    if (!write_finite_field_exchange(handshake, job)) {
      return fail(&handshake, HandshakeFailure::internal_error);
    }
  } else {
    const crypto::KeyShare& share = handshake.key_share;
    const ByteView messages = handshake.flight.write([&](wire::Writer& w) {
      wire::write_server_key_exchange(
          w, static_cast<std::uint16_t>(share.group),
          ByteView{share.public_key}.first(share.public_len),
          static_cast<std::uint16_t>(handshake.parameters.signature_scheme),
          ByteView{job.signature}.first(job.signature_len));
    });
    if (messages.empty()) return fail(&handshake, HandshakeFailure::internal_error);
    handshake.transcribe(messages);
  }
  if (!write_done12(handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  phase_ = phase_after_flight(handshake, Phase::client_key_exchange);
  return step();
}

Step Server::client_key_exchange(Handshake& handshake, ByteView message) noexcept {
  const Parameters& agreed = handshake.parameters;
  const ByteView body = message.subspan(sizeof(wire::HandshakeHeader));
  const bool wide =
      agreed.key_exchange == KeyExchange::dhe_rsa || agreed.key_exchange == KeyExchange::rsa;
  const auto share =
      wide ? wire::parse_wide_key_exchange(body) : wire::parse_client_key_exchange(body);
  if (!share) return fail(&handshake, failure_of(share.error()), share.error());
  if (wide) {
    // The message lies in `partial` and the number at its end; it is judged by the executor.
    handshake.wide_len = static_cast<std::uint16_t>(share->size());
  } else if (!is_valid_share(agreed.group, *share)) {
    // [RFC 8422 5.11] a point of the wrong form is an illegal_parameter.
    return fail(&handshake, HandshakeFailure::bad_key_share);
  } else {
    std::ranges::copy(*share, handshake.peer_share.begin());
    handshake.peer_share_len = static_cast<std::uint8_t>(share->size());
  }
  handshake.transcribe(message);
  // [RFC 7627 3] session_hash covers everything up to and including this message.
  handshake.hello_hash = handshake.transcript.digest();
  // What a client signs comes before its ChangeCipherSpec, so the keys can wait for it.
  phase_ = handshake.client_shown ? Phase::certificate_verify : Phase::start_derive;
  return step();
}

void Server::start_derive12(Engine& engine, Handshake& handshake, crypto::CryptoJob& job) noexcept {
  const KeyExchange key_exchange = handshake.parameters.key_exchange;
  job.kind = crypto::JobKind::tls12_derive;
  job.ephemeral = handshake.key_share;
  wipe_object(handshake.key_share);
  if (key_exchange == KeyExchange::dhe_rsa || key_exchange == KeyExchange::rsa) {
    constexpr std::size_t kNumberAt = sizeof(wire::HandshakeHeader) + 2;
    const ByteView number = ByteView{handshake.partial}.subspan(kNumberAt, handshake.wide_len);
    std::ranges::copy(number, MutableBytes{job.wide}.first(number.size()).begin());
    job.wide_len = handshake.wide_len;
  } else {
    job.peer_share = handshake.peer_share;
    job.peer_share_len = handshake.peer_share_len;
  }
  if (key_exchange == KeyExchange::rsa) {
    // [RFC 5246 7.4.7.1] drawn before anybody knows whether it will be needed.
    job.kind = crypto::JobKind::tls12_rsa_decrypt;
    job.premaster_version = handshake.offered_version;
    engine.random().fill(MutableBytes{job.shared_secret}.first(crypto::kPremasterLen));
  }
  phase_ = Phase::derive;
}

Step Server::derive_done12(Handshake& handshake, const crypto::CryptoJob& job) noexcept {
  if (job.shared_secret_len > job.shared_secret.size() || job.wide_len > job.wide.size()) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  const Parameters& agreed = handshake.parameters;
  const ByteView premaster = agreed.key_exchange == KeyExchange::dhe_rsa
                                 ? ByteView{job.wide}.first(job.wide_len)
                                 : ByteView{job.shared_secret}.first(job.shared_secret_len);
  if (agreed.extended_master_secret) {
    handshake.master_secret.derive_extended(agreed.hash, premaster, handshake.hello_hash);
  } else {
    handshake.master_secret.derive(agreed.hash, premaster, handshake.client_random,
                                   handshake.server_random);
  }
  // The keys wait: each direction begins to use them at its ChangeCipherSpec.
  derive_keys12(handshake);
  phase_ = Phase::change_cipher_spec;
  return step();
}

Step Server::finished12(Engine& engine, Handshake& handshake, ByteView message) noexcept {
  using Sender = MasterSecret12::Sender;
  const auto expected =
      handshake.master_secret.finished(Sender::client, handshake.transcript.digest());
  if (!equal_ct(message.subspan(sizeof(wire::HandshakeHeader)), expected)) {
    return fail(&handshake, HandshakeFailure::bad_finished);
  }
  if (handshake.resumed) {
    handshake.master_secret.clear();
    phase_ = Phase::established;
    finish_handshake(handshake);
    Events events;
    events.add(Event::established);
    return step(events);
  }
  handshake.transcribe(message);
  if (handshake.client_shown) {
    phase_ = Phase::verification;
    return step();
  }
  return establish12(engine, handshake);
}

// establish12 ends a full handshake with our ticket, ChangeCipherSpec and Finished.
Step Server::establish12(Engine& engine, Handshake& handshake) noexcept {
  using Sender = MasterSecret12::Sender;
  Flight& flight = handshake.flight;
  if (!flight.empty()) return fail(&handshake, HandshakeFailure::internal_error);
  flight.clear();
  if (handshake.parameters.session_ticket && !issue_ticket12(engine, handshake)) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  if (handshake.session_id_len != 0) keep_session12(engine, handshake);
  const auto ours = handshake.master_secret.finished(Sender::server, handshake.transcript.digest());
  handshake.master_secret.clear();
  flight.add(Flight::Part::change_cipher_spec);
  flight.add(Flight::Part::protect);
  if (flight.write([&](wire::Writer& w) { wire::write_finished(w, ours); }).empty()) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  phase_ = Phase::established;
  Events events;
  events.add(Event::established);
  return step(events);
}

}  // namespace sallyport::tls
