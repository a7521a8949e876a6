// Client: ClientHello, ServerHello, and what both versions share between records in and out.
#include "lib/tls/client.h"

#include <algorithm>
#include <array>

#include "lib/crypto/kx/groups.h"
#include "lib/tls/client_auth.h"
#include "lib/tls/negotiation.h"
#include "lib/wire/tls_client_certificate.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using crypto::JobStatus;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using crypto::VerifyStatus;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::AlertLevel;
using wire::ExtensionType;
using wire::ProtocolVersion;

constexpr std::size_t kMaxSuites = 16;
constexpr std::size_t kMaxGroups = 8;

// What a server may sign with, most wanted first; the last two only in TLS 1.2, and below
// certificates.
constexpr std::array kSchemes{
    SignatureScheme::ecdsa_secp256r1_sha256, SignatureScheme::ed25519,
    SignatureScheme::ecdsa_secp384r1_sha384, SignatureScheme::rsa_pss_rsae_sha256,
    SignatureScheme::rsa_pss_rsae_sha384,    SignatureScheme::rsa_pss_rsae_sha512,
    SignatureScheme::rsa_pkcs1_sha256,       SignatureScheme::rsa_pkcs1_sha384,
};

// Numbers is a short list as it goes into a ClientHello.
template <std::size_t N>
class Numbers {
 public:
  void add(std::uint16_t number) noexcept {
    if (len_ < N) numbers_[len_++] = number;
  }
  [[nodiscard]] std::span<const std::uint16_t> span() const noexcept {
    return std::span{numbers_}.first(len_);
  }

 private:
  std::array<std::uint16_t, N> numbers_{};
  std::size_t len_ = 0;
};

// speaks: the client knows how to use the suite, and its configuration allows the version.
[[nodiscard]] bool speaks(const ClientConfig& config, const SuiteInfo* suite) noexcept {
  if (suite == nullptr || suite->cbc != crypto::CbcAlgorithm::none) return false;
  switch (suite->key_exchange) {
    case KeyExchange::tls13:
      return config.tls13;
    case KeyExchange::ecdhe_ecdsa:
    case KeyExchange::ecdhe_rsa:
      return config.tls12;
    case KeyExchange::dhe_rsa:
    case KeyExchange::rsa:
      break;
  }
  return false;
}

[[nodiscard]] const SuiteInfo* offered_suite(const ClientConfig& config,
                                             wire::CipherSuite suite) noexcept {
  const SuiteInfo* const info = suite_info(suite);
  const bool is_listed =
      std::ranges::find(config.cipher_suites, static_cast<std::uint16_t>(suite)) !=
      config.cipher_suites.end();
  return is_listed && speaks(config, info) ? info : nullptr;
}

[[nodiscard]] bool may_show(const ClientConfig& config, const ClientSession& session) noexcept {
  const SuiteInfo* const suite = offered_suite(config, session.cipher_suite);
  return suite != nullptr && suite->version == session.version &&
         (session.ticket_len != 0 || session.session_id_len != 0) &&
         session.authority == config.authority;
}

[[nodiscard]] ByteView bytes_of(const std::string& text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// [RFC 8446 6.2] has no word for a certificate that is good, but somebody else's.
[[nodiscard]] AlertDescription alert_of(crypto::ClientVerdict verdict) noexcept {
  if (verdict == crypto::ClientVerdict::wrong_name) return AlertDescription::bad_certificate;
  return tls::alert_of(failure_of(verdict));
}

// reason_of names what a parser's alert means to us.
[[nodiscard]] HandshakeFailure reason_of(AlertDescription alert) noexcept {
  if (alert == AlertDescription::unsupported_extension) {
    return HandshakeFailure::unsupported_extension;
  }
  if (alert == AlertDescription::missing_extension) return HandshakeFailure::missing_extension;
  return failure_of(alert);
}

// [RFC 8446 4.1.3] what a server says that could have done better.
[[nodiscard]] bool is_downgraded(ByteView server_random) noexcept {
  const ByteView end = server_random.last(wire::kDowngradeToTls12.size());
  const ByteView common = ByteView{wire::kDowngradeToTls12}.first(end.size() - 1);
  return std::ranges::equal(end.first(end.size() - 1), common) && end.back() <= 1;
}

}  // namespace

void ClientHandshake::clear() noexcept {
  wipe_object(key_share);
  client_application.clear();
  early_secret.clear();
  master.clear();
  master_secret.clear();
  flight.clear();
  config = nullptr;
  session = nullptr;
  suite = nullptr;
  hello = {};
  cookie = {};
  offered = {};
  session_id_len = 0;
  peer_share_len = 0;
  kept = 0;
  hello_retried = false;
  ticket_follows = false;
  certificate_requested = false;
  server_shown = false;
  group = NamedGroup::none;
}

Client::Client(ClientHandshake& handshake, const ClientConfig& config,
               const ClientSession* session) noexcept
    : phase_{Phase::start}, authority_{config.authority} {
  handshake.clear();
  handshake.config = &config;
  if (session != nullptr && may_show(config, *session)) handshake.session = session;
}

Step Client::step(Events events) const noexcept {
  Step now;
  now.events = events;
  now.failure = failure_;
  now.alert = alert_;
  switch (phase_) {
    case Phase::start:
    case Phase::retry:
      now.await = Await::key_share;
      break;
    case Phase::server_hello:
    case Phase::encrypted_extensions:
    case Phase::certificate:
    case Phase::certificate_verify:
    case Phase::server_key_exchange:
    case Phase::server_hello_done:
    case Phase::new_session_ticket:
    case Phase::change_cipher_spec:
    case Phase::finished:
      now.await = Await::peer;
      break;
    case Phase::established:
      now.await = peer_closed_ ? Await::nothing : Await::peer;
      break;
    case Phase::start_derive:
      now.await = Await::job;
      break;
    case Phase::derive:
      now.await = Await::job_result;
      break;
    case Phase::verification:
      now.await = Await::verdict;
      break;
    case Phase::closed:
    case Phase::failed:
      now.await = Await::nothing;
      break;
  }
  return now;
}

Step Client::fail(ClientHandshake* handshake, HandshakeFailure failure) noexcept {
  return fail(handshake, failure, tls::alert_of(failure));
}

Step Client::fail(ClientHandshake* handshake, AlertDescription alert) noexcept {
  return fail(handshake, reason_of(alert), alert);
}

Step Client::fail(ClientHandshake* handshake, HandshakeFailure failure,
                  AlertDescription alert) noexcept {
  abort(alert);
  failure_ = failure;
  if (handshake != nullptr) handshake->clear();
  return step();
}

Step Client::end_by_peer(ClientHandshake* handshake, HandshakeFailure failure,
                         Event event) noexcept {
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

void Client::abort(AlertDescription alert) noexcept {
  phase_ = Phase::failed;
  failure_ = HandshakeFailure::internal_error;
  resumption_.clear();
  queue_fatal(alert);
}

void Client::close() noexcept {
  if (write_closed_ || alert_pending_) return;
  if (phase_ != Phase::established) {
    abort(AlertDescription::close_notify);
    failure_ = HandshakeFailure::none;
  }
  queue_close_notify();
}

bool Client::needs_handshake(const ClientHandshake* handshake) const noexcept {
  if (phase_ == Phase::closed || phase_ == Phase::failed) return false;
  return phase_ != Phase::established || has_flight(handshake);
}

bool Client::needs_verify_job(const ClientHandshake* handshake) const noexcept {
  if (handshake == nullptr || resumed_) return false;
  switch (phase_) {
    case Phase::server_hello:
      return partial_len_ != 0;
    case Phase::encrypted_extensions:
    case Phase::certificate:
    case Phase::certificate_verify:
    case Phase::server_key_exchange:
    case Phase::server_hello_done:
    case Phase::verification:
      return true;
    case Phase::finished:
      return handshake->server_shown;
    case Phase::closed:
    case Phase::start:
    case Phase::retry:
    case Phase::start_derive:
    case Phase::derive:
    case Phase::new_session_ticket:
    case Phase::change_cipher_spec:
    case Phase::established:
    case Phase::failed:
      break;
  }
  return false;
}

// finish_handshake lets go of the handshake when its last message has left.
void Client::finish_handshake(ClientHandshake& handshake) noexcept {
  if (phase_ == Phase::established && handshake.flight.empty()) handshake.clear();
}

NamedGroup Client::wants_key_share(const ClientHandshake& handshake) const noexcept {
  switch (phase_) {
    case Phase::start:
      return handshake.config->tls13 && !handshake.config->groups.empty()
                 ? handshake.config->groups.front()
                 : NamedGroup::none;
    case Phase::retry:
    case Phase::start_derive:
      // The pair of the ClientHello does for TLS 1.2 as well, if the server likes its group.
      return handshake.group != handshake.key_share.group ? handshake.group : NamedGroup::none;
    default:
      return NamedGroup::none;
  }
}

Step Client::start(Engine& engine, ClientHandshake& handshake,
                   crypto::KeyShare& key_share) noexcept {
  if (phase_ != Phase::start && phase_ != Phase::retry) return step();
  const NamedGroup wanted = wants_key_share(handshake);
  if (key_share.group != wanted) return fail(&handshake, HandshakeFailure::internal_error);
  if (wanted != NamedGroup::none) handshake.key_share = key_share;
  wipe_object(key_share);
  if (phase_ == Phase::start) {
    engine.random().fill(handshake.client_random);
    const bool has_expired = handshake.session != nullptr &&
                             engine.unix_ms() >= std::min(handshake.session->expires_ms,
                                                          handshake.session->chain_expires_ms);
    if (has_expired) handshake.session = nullptr;
    const ClientSession* const session = handshake.session;
    if (session != nullptr && session->session_id_len != 0) {
      handshake.session_id = session->session_id;
      handshake.session_id_len = session->session_id_len;
    } else if (handshake.config->tls13 || session != nullptr) {
      // [RFC 8446 D.4] looks like a session of TLS 1.2 to whoever stands in the way; [RFC 5077 3.4]
      // and when it comes back from a server of TLS 1.2, our ticket was accepted.
      engine.random().fill(handshake.session_id);
      handshake.session_id_len = static_cast<std::uint8_t>(handshake.session_id.size());
    }
  } else if (handshake.session_id_len != 0) {
    // [RFC 8446 D.4] once, before the first thing that we say to a server of TLS 1.3.
    handshake.flight.clear();
    handshake.flight.add(FlightPart::change_cipher_spec);
  }
  if (!write_hello(engine, handshake)) return fail(&handshake, HandshakeFailure::internal_error);
  phase_ = Phase::server_hello;
  return step();
}

// write_hello writes a ClientHello; false: the configuration has more than fits.
bool Client::write_hello(Engine& engine, ClientHandshake& handshake) noexcept {
  const ClientConfig& config = *handshake.config;
  Numbers<kMaxSuites> suites;
  for (const std::uint16_t suite : config.cipher_suites) {
    if (speaks(config, suite_info(wire::CipherSuite{suite}))) suites.add(suite);
  }
  Numbers<kMaxGroups> groups;
  for (const NamedGroup group : config.groups) groups.add(static_cast<std::uint16_t>(group));
  Numbers<kSchemes.size()> schemes;
  for (const SignatureScheme scheme : kSchemes) schemes.add(static_cast<std::uint16_t>(scheme));
  wire::ClientOffer offer{
      .random = handshake.client_random,
      .legacy_session_id = ByteView{handshake.session_id}.first(handshake.session_id_len),
      .cipher_suites = suites.span(),
      .supported_groups = groups.span(),
      .signature_algorithms = schemes.span(),
      .server_name = bytes_of(config.server_name),
      .alpn_protocols = config.alpn_protocols,
      .tls12 = config.tls12,
      .tls13 = config.tls13,
      .group = static_cast<std::uint16_t>(handshake.key_share.group),
      .key_exchange =
          ByteView{handshake.key_share.public_key}.first(handshake.key_share.public_len),
      .cookie = handshake.cookie,
      .session_ticket = {},
      .psk_identity = {}};
  const ClientSession* const session = handshake.session;
  crypto::HashAlgorithm hash{};
  if (session != nullptr && session->version == ProtocolVersion::tls12) {
    offer.session_ticket = session->ticket_bytes();
  } else if (session != nullptr) {
    hash = suite_info(session->cipher_suite)->hash;
    offer.psk_identity = session->ticket_bytes();
    offer.binder_len = crypto::digest_len(hash);
    // [RFC 8446 4.2.11.1]
    offer.obfuscated_ticket_age =
        static_cast<std::uint32_t>(engine.unix_ms() - session->received_ms) + session->age_add;
    handshake.early_secret = EarlySecret{hash, session->secret_bytes()};
  }
  handshake.hello = handshake.flight.write([&](wire::Writer& w) {
    wire::write_client_hello(w, offer);
    const MutableBytes message = w.written();
    if (offer.psk_identity.empty() || message.empty()) return;
    // [RFC 8446 4.2.11.2] the binder covers all before the binders, and what was said before a
    // retry.
    crypto::TranscriptHash covered{hash};
    if (handshake.hello_retried) covered = handshake.transcript;
    covered.update(message.first(message.size() - wire::binders_len(offer)));
    const crypto::Digest binder = handshake.early_secret.resumption_binder(covered.digest());
    std::ranges::copy(binder.view(), message.last(binder.len).begin());
  });
  if (handshake.hello.empty()) return false;
  const auto parsed =
      wire::parse_client_hello(handshake.hello.subspan(sizeof(wire::HandshakeHeader)));
  if (!parsed) return false;
  handshake.offered = wire::Extensions{parsed->extensions_offered};
  if (handshake.hello_retried) handshake.transcript.update(handshake.hello);
  return true;
}

HandshakeFailure Client::check_server_hello(const ClientHandshake& handshake,
                                            const wire::ServerHello& hello) const noexcept {
  const ClientConfig& config = *handshake.config;
  const bool tls13 = hello.answers.seen.has(ExtensionType::supported_versions);
  if (hello.legacy_version != static_cast<std::uint16_t>(ProtocolVersion::tls12)) {
    // [RFC 8446 4.1.3] TLS 1.3 hides behind the number of TLS 1.2.
    return tls13 ? HandshakeFailure::illegal_parameter : HandshakeFailure::protocol_version;
  }
  if (tls13) {
    // [RFC 8446 4.2.1] an earlier version is never chosen in this way.
    if (hello.answers.selected_version != static_cast<std::uint16_t>(ProtocolVersion::tls13)) {
      return HandshakeFailure::illegal_parameter;
    }
    // [RFC 8446 4.1.3]
    if (!std::ranges::equal(hello.legacy_session_id_echo,
                            ByteView{handshake.session_id}.first(handshake.session_id_len))) {
      return HandshakeFailure::illegal_parameter;
    }
  } else {
    // [RFC 8446 4.1.4] a retry is a word of TLS 1.3, and so is what follows it.
    if (handshake.hello_retried || hello.is_retry()) return HandshakeFailure::illegal_parameter;
    if (!config.tls12) return HandshakeFailure::protocol_version;
    if (config.tls13 && is_downgraded(hello.random)) return HandshakeFailure::downgraded;
  }
  // [RFC 8446 4.1.3, RFC 5246 7.4.1.3] a suite of ours, and of this version.
  const SuiteInfo* const suite = offered_suite(config, hello.cipher_suite);
  const auto version = tls13 ? ProtocolVersion::tls13 : ProtocolVersion::tls12;
  if (suite == nullptr || suite->version != version || hello.legacy_compression_method != 0) {
    return HandshakeFailure::illegal_parameter;
  }
  return HandshakeFailure::none;
}

Step Client::server_hello(Engine& engine, ClientHandshake& handshake, ByteView message) noexcept {
  const auto hello = wire::parse_server_hello(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!hello) return fail(&handshake, hello.error());
  const bool tls13 = hello->answers.seen.has(ExtensionType::supported_versions);
  constexpr wire::Extensions kOfHello13{std::array{
      ExtensionType::supported_versions, ExtensionType::key_share, ExtensionType::pre_shared_key}};
  constexpr wire::Extensions kOfRetry{std::array{ExtensionType::supported_versions,
                                                 ExtensionType::key_share, ExtensionType::cookie}};
  constexpr wire::Extensions kOfHello12{
      std::array{ExtensionType::server_name, ExtensionType::application_layer_protocol_negotiation,
                 ExtensionType::renegotiation_info, ExtensionType::extended_master_secret,
                 ExtensionType::ec_point_formats, ExtensionType::session_ticket,
                 // Of TLS 1.3, but some servers say it in TLS 1.2, and it does no harm.
                 ExtensionType::supported_groups}};
  const bool is_retry = tls13 && hello->is_retry();
  wire::Extensions offered = handshake.offered;
  // [RFC 8446 4.2] the one extension that a server may begin with.
  if (is_retry) offered.add(ExtensionType::cookie);
  const auto alert = wire::judge_answers(hello->answers, offered,
                                         is_retry ? kOfRetry : (tls13 ? kOfHello13 : kOfHello12));
  if (alert != AlertDescription{}) return fail(&handshake, alert);
  const auto why = check_server_hello(handshake, *hello);
  if (why != HandshakeFailure::none) return fail(&handshake, why);

  const SuiteInfo* const suite = suite_info(hello->cipher_suite);
  // [RFC 8446 4.1.4] the retry has chosen the suite already.
  if (handshake.suite != nullptr && handshake.suite != suite) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  handshake.suite = suite;
  if (is_retry) return hello_retry(engine, handshake, *hello, message);
  if (!handshake.hello_retried) {
    handshake.transcript = crypto::TranscriptHash{suite->hash};
    handshake.transcript.update(handshake.hello);
  }
  handshake.transcript.update(message);
  std::ranges::copy(hello->random, handshake.server_random.begin());
  version_ = suite->version;
  cipher_suite_ = suite->suite;
  aead_ = suite->aead;
  return tls13 ? begin13(handshake, *hello) : begin12(handshake, *hello);
}

// choose_protocol: [RFC 7301 3.1] what the server chose is one of ours.
bool Client::choose_protocol(const ClientHandshake& handshake, ByteView protocol) noexcept {
  const auto& ours = handshake.config->alpn_protocols;
  const auto chosen = std::ranges::find_if(ours, [protocol](const std::string& name) {
    return std::ranges::equal(bytes_of(name), protocol);
  });
  if (chosen == ours.end()) return false;
  alpn_ = static_cast<std::uint8_t>(chosen - ours.begin());
  return true;
}

// certificate is that of the server, in either version.
Step Client::certificate(ClientAttached attached, ByteView message) noexcept {
  ClientHandshake& handshake = *attached.handshake;
  crypto::VerifyJob& job = *attached.verify;
  const ShownCertificates shown =
      note_certificates(message.subspan(sizeof(wire::HandshakeHeader)), version_, job);
  if (shown.alert != AlertDescription{}) return fail(&handshake, shown.alert);
  // [RFC 8446 4.4.2.4] a server has to show something.
  if (shown.count == 0) return fail(&handshake, AlertDescription::decode_error);
  if (shown.malformed) {
    return fail(&handshake, HandshakeFailure::server_refused, AlertDescription::bad_certificate);
  }
  handshake.transcript.update(message);
  handshake.server_shown = true;
  job.authority = handshake.config->authority;
  job.num_certificates = static_cast<std::uint8_t>(shown.count);
  job.messages_len = static_cast<std::uint16_t>(message.size());
  phase_ =
      version_ == ProtocolVersion::tls13 ? Phase::certificate_verify : Phase::server_key_exchange;
  return step();
}

Step Client::start_job(Engine& engine, ClientHandshake& handshake, crypto::CryptoJob& job,
                       crypto::KeyShare& key_share) noexcept {
  static_cast<void>(engine);
  if (phase_ != Phase::start_derive) return step();
  const NamedGroup wanted = wants_key_share(handshake);
  if (key_share.group != wanted) return fail(&handshake, HandshakeFailure::internal_error);
  if (wanted != NamedGroup::none) handshake.key_share = key_share;
  wipe_object(key_share);
  const bool tls13 = version_ == ProtocolVersion::tls13;
  if (!tls13 && !write_key_exchange12(handshake)) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  job.kind = tls13 ? crypto::JobKind::tls13_derive : crypto::JobKind::tls12_derive;
  job.status = JobStatus::pending;
  job.shared_secret_len = 0;
  job.signature_len = 0;
  job.num_key_shares = 0;
  job.group = handshake.group;
  job.scheme = SignatureScheme::none;
  job.credential = {};
  job.transcript_hash_algorithm = handshake.suite->hash;
  job.ephemeral = handshake.key_share;
  job.peer_share = handshake.peer_share;
  job.peer_share_len = handshake.peer_share_len;
  wipe_object(handshake.key_share);
  phase_ = Phase::derive;
  return step();
}

Step Client::job_done(Engine& engine, ClientHandshake& handshake,
                      const crypto::CryptoJob& job) noexcept {
  static_cast<void>(engine);
  if (phase_ != Phase::derive) return step();
  switch (job.status) {
    case JobStatus::ok:
      break;
    // [RFC 8446 7.4.1 and 7.4.2, RFC 7748 6.1] not a point of the curve, or the secret is zero.
    case JobStatus::bad_peer_share:
      return fail(&handshake, HandshakeFailure::bad_key_share);
    case JobStatus::expired:
      return fail(&handshake, HandshakeFailure::timed_out);
    case JobStatus::signer_failed:
    case JobStatus::pending:
      return fail(&handshake, HandshakeFailure::internal_error);
  }
  if (job.shared_secret_len > job.shared_secret.size()) {
    return fail(&handshake, HandshakeFailure::internal_error);
  }
  return version_ == ProtocolVersion::tls13 ? derive_done13(handshake, job)
                                            : derive_done12(handshake, job);
}

Step Client::verify_done(Engine& engine, ClientHandshake& handshake,
                         const crypto::VerifyJob& job) noexcept {
  static_cast<void>(engine);
  if (phase_ != Phase::verification) return step();
  switch (job.status) {
    case VerifyStatus::done:
      break;
    case VerifyStatus::expired:
      return fail(&handshake, HandshakeFailure::timed_out);
    case VerifyStatus::failed:
    case VerifyStatus::pending:
      return fail(&handshake, HandshakeFailure::verifier_failed);
  }
  const crypto::ClientVerdict verdict = job.identity.verdict;
  if (verdict != crypto::ClientVerdict::ok) {
    return fail(&handshake, HandshakeFailure::server_refused, alert_of(verdict));
  }
  handshake.server_shown = false;
  chain_expires_ms_ =
      static_cast<std::uint64_t>(std::max<std::int64_t>(job.identity.not_after, 0)) * 1'000;
  if (version_ == ProtocolVersion::tls13) return establish13(handshake);
  phase_ = Phase::start_derive;
  return step();
}

Step Client::refuse_verification(ClientHandshake& handshake) noexcept {
  return fail(&handshake, HandshakeFailure::verifier_busy);
}

}  // namespace sallyport::tls
