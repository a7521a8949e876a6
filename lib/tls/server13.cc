// Server, TLS 1.3: HelloRetryRequest, the one job, the flight, Finished, KeyUpdate (RFC 8446).
#include <algorithm>
#include <utility>

#include "lib/tls/hello_cookie.h"
#include "lib/tls/key_log.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using crypto::Digest;
using stats::HandshakeFailure;
using wire::ClientHello;
using wire::ProtocolVersion;

// message_hash, and a HelloRetryRequest with the longest session ID and cookie.
constexpr std::size_t kMaxRetryTranscript = 256;

[[nodiscard]] bool has_single_share(const ClientHello& hello) noexcept {
  wire::Reader r{hello.key_shares};
  r.skip(2);
  static_cast<void>(r.vec16(1, 65'535));
  return r.done();
}

}  // namespace

// begin13 goes on with a ClientHello that fits our configuration: to a retry, to the job, or, when
// nothing asymmetric is left to do, to our flight.
Step Server::begin13(Engine& engine, Handshake& handshake, const ClientHello& hello,
                     ByteView message) noexcept {
  Parameters& agreed = handshake.parameters;
  TicketNotes notes;
  if (handshake.config->tickets.enabled) {
    handshake.binding = bind_session(hello.server_name, handshake.alpn_protocol());
    // Who has to come back with another share shows its tickets again.
    if (!agreed.hello_retry || agreed.psk_mode == PskMode::psk_ke) {
      const auto why = accept_psk(engine, handshake, hello, message, notes);
      if (why != HandshakeFailure::none) return fail(&handshake, why);
    }
  }
  if (!handshake.resumed) {
    const bool may_yet_resume = agreed.hello_retry && agreed.psk_mode == PskMode::psk_dhe_ke;
    if (agreed.without_psk != HandshakeFailure::none && !may_yet_resume) {
      return fail(&handshake, agreed.without_psk);
    }
    if (agreed.hello_retry) return hello_retry_request(engine, handshake, hello, message);
  } else if (agreed.psk_mode == PskMode::psk_ke) {
    agreed.group = crypto::NamedGroup::none;
    agreed.hello_retry = false;
  }

  handshake.transcript.update(message.subspan(notes.hashed));
  resumed_ = handshake.resumed;
  Events events;
  events.add(Event::client_hello);
  if (notes.age_differs) events.add(Event::ticket_age);
  phase_ = Phase::start_exchange;
  if (agreed.group == crypto::NamedGroup::none) {
    engine.random().fill(handshake.server_random);
    if (!write_hellos13(handshake, {})) return fail(&handshake, HandshakeFailure::internal_error);
    if (const Step now = finish_flight13(handshake, {}, {}); now.failed()) return now;
  } else {
    const ByteView share = hello.key_share_of(static_cast<std::uint16_t>(agreed.group));
    std::ranges::copy(share, handshake.peer_share.begin());
    handshake.peer_share_len = static_cast<std::uint8_t>(share.size());
  }
  Step now = step(events);
  now.ticket_refusal = notes.refusal;
  return now;
}

// hello_retry_request answers a ClientHello and lets go of it: the cookie knows what the second one
// will need.
Step Server::hello_retry_request(Engine& engine, Handshake& handshake, const ClientHello& hello,
                                 ByteView message) noexcept {
  const Parameters& agreed = handshake.parameters;
  const SealedCookie cookie = seal_cookie(engine.hello_cookie_key(),
                                          {.cipher_suite = agreed.cipher_suite,
                                           .group = agreed.group,
                                           .hello = crypto::hash(agreed.hash, message)},
                                          hello);
  const ByteView request = handshake.flight.write(
      [&](wire::Writer& w) { write_hello_retry_request(w, handshake, cookie.view()); });
  if (request.empty()) return fail(&handshake, HandshakeFailure::internal_error);
  // [RFC 8446 D.4] right after our first message, for a client in compatibility mode.
  if (handshake.session_id_len != 0) handshake.flight.add(Flight::Part::change_cipher_spec);
  phase_ = Phase::second_client_hello;
  Events events;
  events.add(Event::hello_retry);
  return step(events);
}

void Server::write_hello_retry_request(wire::Writer& w, const Handshake& handshake,
                                       ByteView cookie) noexcept {
  const Parameters& agreed = handshake.parameters;
  wire::write_server_hello13(w, {.random = wire::kHelloRetryRequestRandom,
                                 .legacy_session_id_echo = handshake.told_session_id(),
                                 .cipher_suite = agreed.cipher_suite,
                                 .group = static_cast<std::uint16_t>(agreed.group),
                                 .key_exchange = {},
                                 .cookie = cookie});
}

// take_second_hello judges a second ClientHello, and puts the first and our request in front of it
// into the transcript.
HandshakeFailure Server::take_second_hello(const Engine& engine, Handshake& handshake,
                                           const ClientHello& hello) const noexcept {
  const Parameters& agreed = handshake.parameters;
  const auto cookie = open_cookie(engine.hello_cookie_key(), hello);
  // [RFC 8446 4.1.2 and 4.2.8] one share, of the group that we asked for; early data is over; the
  // rest as before.  [4.1.4] so a second request can never be needed.
  if (!cookie || agreed.version != ProtocolVersion::tls13 || agreed.hello_retry ||
      agreed.cipher_suite != cookie->cipher_suite || agreed.group != cookie->group ||
      !has_single_share(hello) || agreed.early_data_offered) {
    return HandshakeFailure::illegal_parameter;
  }
  handshake.hello_retried = true;
  // [RFC 8446 4.4.1] the first ClientHello stays in the transcript as its hash alone.
  std::array<std::uint8_t, kMaxRetryTranscript> bytes;
  wire::Writer w{bytes};
  wire::write_message_hash(w, cookie->hello.view());
  write_hello_retry_request(w, handshake, hello.cookie);
  handshake.transcript.update(w.written());
  return HandshakeFailure::none;
}

// write_hellos13 writes ServerHello and EncryptedExtensions; an empty public key: no key exchange.
// False: they did not fit.
bool Server::write_hellos13(Handshake& handshake, ByteView public_key) noexcept {
  const Parameters& agreed = handshake.parameters;
  limit_fragments(agreed);
  Flight& flight = handshake.flight;
  const ByteView server_hello = flight.write([&](wire::Writer& w) {
    wire::write_server_hello13(w, {.random = handshake.server_random,
                                   .legacy_session_id_echo = handshake.told_session_id(),
                                   .cipher_suite = agreed.cipher_suite,
                                   .group = static_cast<std::uint16_t>(agreed.group),
                                   .key_exchange = public_key,
                                   .pre_shared_key = handshake.resumed,
                                   .selected_identity = handshake.selected_identity});
  });
  handshake.transcript.update(server_hello);
  handshake.hello_hash = handshake.transcript.digest();
  // [RFC 8446 D.4]
  if (handshake.session_id_len != 0 && !handshake.hello_retried) {
    flight.add(Flight::Part::change_cipher_spec);
  }
  flight.add(Flight::Part::protect);
  const ByteView extensions = flight.write([&](wire::Writer& w) {
    wire::write_encrypted_extensions(w, {.alpn_protocol = handshake.alpn_protocol(),
                                         .server_name_accepted = agreed.server_name_matched,
                                         .fragment_limits = agreed.fragment_limits});
  });
  handshake.transcript.update(extensions);
  return !server_hello.empty() && !extensions.empty();
}

Step Server::start_exchange13(Handshake& handshake, crypto::CryptoJob& job,
                              crypto::KeyShare& key_share) noexcept {
  if (!write_hellos13(handshake, ByteView{key_share.public_key}.first(key_share.public_len))) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  job.ephemeral = key_share;
  job.peer_share = handshake.peer_share;
  job.peer_share_len = handshake.peer_share_len;
  phase_ = Phase::exchange;
  // [RFC 8446 2.2] a pre-shared key authenticates us: no certificate, no signature.
  if (handshake.resumed) {
    job.kind = crypto::JobKind::tls13_derive;
    return step();
  }
  if (const ByteView request = handshake.certificate_request(); !request.empty()) {
    handshake.flight.add(Flight::Part::certificate_request);
    handshake.transcript.update(request);
  }
  handshake.flight.add(Flight::Part::certificate);
  CertificateMessage{handshake.credential(), handshake.parameters}.update(handshake.transcript);
  // [RFC 8446 4.4.3] CertificateVerify signs the transcript up to Certificate.  All of it is known
  // before the shared secret is, so one trip brings both.
  job.kind = crypto::JobKind::tls13_derive_and_sign;
  job.transcript_hash = handshake.transcript.digest().bytes;
  return step();
}

Step Server::exchange_done13(Handshake& handshake, const crypto::CryptoJob& job) noexcept {
  if (job.signature_len > job.signature.size() ||
      job.shared_secret_len > job.shared_secret.size()) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  return finish_flight13(handshake, ByteView{job.shared_secret}.first(job.shared_secret_len),
                         ByteView{job.signature}.first(job.signature_len));
}

// finish_flight13 makes the keys, and writes CertificateVerify, unless a pre-shared key stands for
// the certificate, and Finished.
Step Server::finish_flight13(Handshake& handshake, ByteView shared_secret,
                             ByteView signature) noexcept {
  const Parameters& agreed = handshake.parameters;
  Flight& flight = handshake.flight;
  EarlySecret early =
      handshake.resumed ? std::move(handshake.early_secret) : EarlySecret{agreed.hash};
  HandshakeSecret secret = std::move(early).into_handshake(shared_secret);
  read_secret_ = secret.client_handshake(handshake.hello_hash);
  write_secret_ = secret.server_handshake(handshake.hello_hash);
  log_secret(LoggedSecret::client_handshake, handshake.client_random, read_secret_.expose());
  log_secret(LoggedSecret::server_handshake, handshake.client_random, write_secret_.expose());
  read_secret_.derive_keys(aead_, read_);
  write_secret_.derive_keys(aead_, write_);

  if (!handshake.resumed) {
    const ByteView verify = flight.write([&](wire::Writer& w) {
      wire::write_certificate_verify(w, static_cast<std::uint16_t>(agreed.signature_scheme),
                                     signature);
    });
    if (verify.empty()) return fail(&handshake, HandshakeFailure::internal_error);
    handshake.transcript.update(verify);
  }
  const Digest verify_data = write_secret_.finished(handshake.transcript.digest());
  const ByteView finished =
      flight.write([&](wire::Writer& w) { wire::write_finished(w, verify_data.view()); });
  handshake.transcript.update(finished);
  if (finished.empty()) return fail(&handshake, HandshakeFailure::internal_error);
  flight.add(Flight::Part::application_keys);
  flight.add(Flight::Part::end_of_flight);

  MasterSecret master = std::move(secret).into_master();
  const Digest transcript = handshake.transcript.digest();
  handshake.client_application = master.client_application(transcript);
  handshake.server_application = master.server_application(transcript);
  log_secret(LoggedSecret::client_application, handshake.client_random,
             handshake.client_application.expose());
  log_secret(LoggedSecret::server_application, handshake.client_random,
             handshake.server_application.expose());
  if (agreed.psk_mode != PskMode::none) handshake.master = std::move(master);
  read_protected_ = true;
  phase_ = phase_after_flight(handshake, Phase::finished);
  return step();
}

Step Server::finished13(Engine& engine, Handshake& handshake, ByteView message) noexcept {
  const Digest expected = read_secret_.finished(handshake.transcript.digest());
  if (!equal_ct(message.subspan(sizeof(wire::HandshakeHeader)), expected.view())) {
    return fail(&handshake, HandshakeFailure::bad_finished);
  }
  read_secret_ = std::move(handshake.client_application);
  read_secret_.derive_keys(aead_, read_);
  handshake.transcript.update(message);
  if (handshake.client_shown) {
    phase_ = Phase::verification;
    return step();
  }
  return establish13(engine, handshake);
}

Step Server::establish13(Engine& engine, Handshake& handshake) noexcept {
  phase_ = Phase::established;
  issue_tickets13(engine, handshake);
  finish_handshake(handshake);
  Events events;
  events.add(Event::established);
  return step(events);
}

Step Server::key_update(Engine& engine, ByteView message) noexcept {
  const Refusal refusal = read_key_update(engine, message);
  if (refusal.failure != HandshakeFailure::none) {
    return fail(nullptr, refusal.failure, refusal.alert);
  }
  Events events;
  events.add(Event::key_updated);
  return step(events);
}

}  // namespace sallyport::tls
