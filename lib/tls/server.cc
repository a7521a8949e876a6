// Server: what both versions share between records in and records out.
#include "lib/tls/server.h"

#include <algorithm>

#include "lib/base/text.h"
#include "lib/crypto/kx/ffdhe.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using crypto::JobStatus;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::AlertLevel;
using wire::ProtocolVersion;

// [RFC 8446 4.2.10] how much refused early data is skipped before it counts as garbage.
constexpr std::uint16_t kMaxSkippedEarlyData = 16'384;

}  // namespace

void Handshake::clear() noexcept {
  wipe_object(key_share);
  client_application.clear();
  server_application.clear();
  early_secret.clear();
  master.clear();
  master_secret.clear();
  flight.clear();
  parameters = {};
  config = nullptr;
  session_id_len = 0;
  peer_share_len = 0;
  wide_len = 0;
  hello_retried = false;
  buffered = 0;
  small_fragments = 0;
  has_other_transcript = false;
  resumed = false;
  selected_identity = 0;
  authenticated_ms = 0;
  client_shown = false;
  client = nullptr;
}

ByteView Handshake::alpn_protocol() const noexcept {
  if (parameters.alpn == kNoAlpnIndex) return {};
  return as_bytes(config->alpn_protocols[parameters.alpn]);
}

Server::Server(Handshake& handshake, const ServerConfig& config,
               crypto::ClientIdentity* client) noexcept
    : phase_{Phase::client_hello} {
  resume(handshake, config, client);
}

void Server::resume(Handshake& handshake, const ServerConfig& config,
                    crypto::ClientIdentity* client) noexcept {
  handshake.clear();
  handshake.config = &config;
  handshake.client = client;
}

Step Server::step(Events events) const noexcept {
  Step now;
  now.events = events;
  now.failure = failure_;
  now.alert = alert_;
  switch (phase_) {
    case Phase::client_hello:
    case Phase::second_client_hello:
    case Phase::client_certificate:
    case Phase::client_key_exchange:
    case Phase::certificate_verify:
    case Phase::change_cipher_spec:
    case Phase::finished:
      now.await = Await::peer;
      break;
    case Phase::verification:
      now.await = Await::verdict;
      break;
    case Phase::established:
      now.await = peer_closed_ ? Await::nothing : Await::peer;
      break;
    case Phase::start_exchange:
    case Phase::start_derive:
      now.await = Await::job;
      break;
    case Phase::exchange:
    case Phase::derive:
      now.await = Await::job_result;
      break;
    case Phase::closed:
    case Phase::failed:
      now.await = Await::nothing;
      break;
  }
  return now;
}

Step Server::fail(Handshake* handshake, HandshakeFailure failure) noexcept {
  return fail(handshake, failure, alert_of(failure));
}

Step Server::fail(Handshake* handshake, HandshakeFailure failure, AlertDescription alert) noexcept {
  abort(alert);
  failure_ = failure;
  if (handshake != nullptr) handshake->clear();
  return step();
}

Step Server::end_by_peer(Handshake* handshake, HandshakeFailure failure, Event event) noexcept {
  // [RFC 8446 6.1 and 6.2] close_notify is answered by ours; an error alert by nothing at all.
  abort(AlertDescription::close_notify);
  alert_level_ = AlertLevel::warning;
  if (event == Event::fatal_alert) end_writing();
  failure_ = failure;
  if (handshake != nullptr) handshake->clear();
  Events events;
  events.add(event);
  return step(events);
}

void Server::abort(AlertDescription alert) noexcept {
  phase_ = Phase::failed;
  failure_ = HandshakeFailure::internal_error;
  queue_fatal(alert);
}

void Server::close() noexcept {
  if (write_closed_ || alert_pending_) return;
  if (phase_ != Phase::established) {
    abort(AlertDescription::close_notify);
    failure_ = HandshakeFailure::none;
  }
  queue_close_notify();
}

bool Server::needs_handshake(const Handshake* handshake) const noexcept {
  switch (phase_) {
    case Phase::closed:
    case Phase::failed:
      return false;
    case Phase::established:
      return has_flight(handshake);
    case Phase::second_client_hello:
      return has_flight(handshake) || needs_message_buffer(handshake);
    case Phase::client_hello:
    case Phase::start_exchange:
    case Phase::exchange:
    case Phase::client_certificate:
    case Phase::client_key_exchange:
    case Phase::certificate_verify:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::change_cipher_spec:
    case Phase::finished:
    case Phase::verification:
      break;
  }
  return true;
}

bool Server::needs_message_buffer(const Handshake* handshake) const noexcept {
  return handshake != nullptr && handshake->buffered != 0;
}

// finish_handshake lets go of the handshake when its last message has left.
void Server::finish_handshake(Handshake& handshake) noexcept {
  if (phase_ == Phase::established && handshake.flight.empty()) handshake.clear();
}

Step Server::client_hello(Engine& engine, Attached attached, ByteView message) noexcept {
  Handshake& handshake = *attached.handshake;
  const auto hello = wire::parse_client_hello(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!hello) return fail(&handshake, failure_of(hello.error()), hello.error());
  if (HelloNotes* const notes = attached.notes; notes != nullptr && phase_ == Phase::client_hello) {
    notes->note_server_name(hello->server_name);
    // After a retry the first one counts: the second says what we have asked for.
    if (handshake.config->fingerprints) notes->fingerprint = fingerprint_of(*hello);
  }
  if (handshake.config->client_auth.is_on() && handshake.client == nullptr) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  const auto agreed = negotiate(*hello, *handshake.config);
  if (!agreed) return fail(&handshake, agreed.error());

  handshake.parameters = *agreed;
  handshake.transcript = crypto::TranscriptHash{agreed->hash};
  std::ranges::copy(hello->random, handshake.client_random.begin());
  std::ranges::copy(hello->legacy_session_id, handshake.session_id.begin());
  handshake.session_id_len = static_cast<std::uint8_t>(hello->legacy_session_id.size());
  if (phase_ == Phase::second_client_hello) {
    const auto why = take_second_hello(engine, handshake, *hello);
    if (why != HandshakeFailure::none) return fail(&handshake, why);
  }
  set_early_data_left(agreed->early_data_offered ? kMaxSkippedEarlyData : 0);
  version_ = agreed->version;
  cipher_suite_ = agreed->cipher_suite;
  aead_ = agreed->aead;
  alpn_ = agreed->alpn;
  if (attached.notes != nullptr) attached.notes->credential = agreed->credential;
  return version_ == ProtocolVersion::tls13 ? begin13(engine, handshake, *hello, message)
                                            : begin12(engine, handshake, *hello, message);
}

// limit_fragments begins to obey what the client said about the size of records.
void Server::limit_fragments(const Parameters& agreed) noexcept {
  max_fragment_ = agreed.max_fragment;
  fragments_limited_both_ways_ = agreed.fragment_limits.max_fragment_length != 0;
}

Step Server::complete_message(Engine& engine, Attached attached, ByteView message) noexcept {
  Handshake* const handshake = attached.handshake;
  if (phase_ == Phase::established) return key_update(engine, message);
  if (phase_ == Phase::client_certificate) return client_certificate(attached, message);
  if (phase_ == Phase::certificate_verify) return certificate_verify(attached, message);
  if (phase_ == Phase::client_key_exchange) return client_key_exchange(*handshake, message);
  return version_ == ProtocolVersion::tls13 ? finished13(engine, *handshake, message)
                                            : finished12(engine, *handshake, message);
}

crypto::NamedGroup Server::wants_key_share(const Handshake& handshake) const noexcept {
  const crypto::NamedGroup group = handshake.parameters.group;
  // A pair in a finite field is made in the job that signs its public half.
  const bool wants = phase_ == Phase::start_exchange && !crypto::is_finite_field(group);
  return wants ? group : crypto::NamedGroup::none;
}

Step Server::start_job(Engine& engine, Handshake& handshake, crypto::CryptoJob& job,
                       crypto::KeyShare& key_share) noexcept {
  if (phase_ != Phase::start_exchange && phase_ != Phase::start_derive) return step();
  job.status = JobStatus::pending;
  job.shared_secret_len = 0;
  job.signature_len = 0;
  job.num_key_shares = 0;
  job.group = handshake.parameters.group;
  job.scheme = handshake.parameters.signature_scheme;
  job.credential = handshake.credential().id;
  job.transcript_hash_algorithm = handshake.parameters.hash;
  if (phase_ == Phase::start_derive) {
    start_derive12(engine, handshake, job);
    return step();
  }
  if (key_share.group != wants_key_share(handshake)) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  engine.random().fill(handshake.server_random);
  const Step now = version_ == ProtocolVersion::tls13 ? start_exchange13(handshake, job, key_share)
                                                      : start_exchange12(handshake, job, key_share);
  wipe_object(key_share);
  return now;
}

Step Server::job_done(Engine& engine, Handshake& handshake, const crypto::CryptoJob& job) noexcept {
  static_cast<void>(engine);
  if (phase_ != Phase::exchange && phase_ != Phase::derive) return step();
  switch (job.status) {
    case JobStatus::ok:
      break;
    // [RFC 8446 7.4.1 and 7.4.2, RFC 7748 6.1] not a point of the curve, or the secret is zero.
    case JobStatus::bad_peer_share:
      return fail(&handshake, HandshakeFailure::bad_key_share);
    case JobStatus::signer_failed:
      return fail(&handshake, HandshakeFailure::signer_failed);
    case JobStatus::expired:
      return fail(&handshake, HandshakeFailure::timed_out);
    case JobStatus::pending:
      return fail(&handshake, HandshakeFailure::internal_error);
  }
  if (phase_ == Phase::derive) return derive_done12(handshake, job);
  return version_ == ProtocolVersion::tls13 ? exchange_done13(handshake, job)
                                            : exchange_done12(handshake, job);
}

}  // namespace sallyport::tls
