// Server, the client's certificate: what it shows is collected in a VerifyJob and judged after its
// Finished, when everything that costs little has been checked (RFC 8446 4.4, RFC 5246 7.4.6 and
// 7.4.8).
#include <algorithm>

#include "lib/crypto/sign/content.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_client_certificate.h"

namespace sallyport::tls {

using crypto::VerifyJob;
using crypto::VerifyStatus;
using stats::HandshakeFailure;
using wire::AlertDescription;
using wire::ProtocolVersion;

bool Server::needs_verify_job(const Handshake* handshake) const noexcept {
  if (handshake == nullptr) return false;
  return handshake->client_shown || (phase_ == Phase::client_certificate && partial_len_ != 0);
}

// phase_after_flight: what the client says next, after our first flight.
Server::Phase Server::phase_after_flight(const Handshake& handshake, Phase usual) const noexcept {
  // [RFC 8446 4.3.2] who has shown a ticket is not asked.
  const bool asked = handshake.config->client_auth.is_on() && !handshake.resumed;
  return asked ? Phase::client_certificate : usual;
}

Step Server::client_certificate(Attached attached, ByteView message) noexcept {
  Handshake& handshake = *attached.handshake;
  VerifyJob& job = *attached.verify;
  const ByteView body = message.subspan(sizeof(wire::HandshakeHeader));
  const ShownCertificates shown = note_certificates(body, version_, job);
  if (shown.alert != AlertDescription{}) {
    return fail(&handshake, failure_of(shown.alert), shown.alert);
  }
  if (shown.malformed) {
    return fail(&handshake, HandshakeFailure::client_certificate_malformed);
  }
  handshake.transcribe(message);
  const bool tls13 = version_ == ProtocolVersion::tls13;
  if (shown.count == 0) {
    if (handshake.config->client_auth.mode() == ClientAuthMode::required) {
      // [RFC 5246 7.4.6] TLS 1.2 has no alert of its own for this.
      return tls13 ? fail(&handshake, HandshakeFailure::certificate_required)
                   : fail(&handshake, HandshakeFailure::certificate_required,
                          AlertDescription::handshake_failure);
    }
    handshake.has_other_transcript = false;
    phase_ = tls13 ? Phase::finished : Phase::client_key_exchange;
    return step();
  }
  handshake.client_shown = true;
  job.authority = handshake.config->client_auth.authority();
  job.num_certificates = static_cast<std::uint8_t>(shown.count);
  job.messages_len = static_cast<std::uint16_t>(message.size());
  phase_ = tls13 ? Phase::certificate_verify : Phase::client_key_exchange;
  return step();
}

Step Server::certificate_verify(Attached attached, ByteView message) noexcept {
  Handshake& handshake = *attached.handshake;
  VerifyJob& job = *attached.verify;
  const bool tls13 = version_ == ProtocolVersion::tls13;
  const auto verify =
      wire::parse_certificate_verify(message.subspan(sizeof(wire::HandshakeHeader)));
  if (!verify) return fail(&handshake, failure_of(verify.error()), verify.error());
  job.scheme = crypto::SignatureScheme{verify->scheme};
  // [RFC 8446 4.4.3, RFC 5246 7.4.8] one of those that we asked for.
  if (!ClientAuth::may_sign(job.scheme, version_)) {
    return fail(&handshake, HandshakeFailure::illegal_parameter);
  }
  job.signature = {
      .offset = static_cast<std::uint16_t>(verify->signature.data() - job.messages.data()),
      .len = static_cast<std::uint16_t>(verify->signature.size())};
  job.messages_len = static_cast<std::uint16_t>(job.messages_len + message.size());

  // What was signed is everything before this message.
  const crypto::Digest transcript = handshake.transcript_for(job.scheme).digest();
  handshake.has_other_transcript = false;
  const crypto::SignedContent content =
      crypto::client_certificate_verify_content(transcript.view());
  const ByteView is_signed = tls13 ? content.view() : transcript.view();
  job.kind = tls13 ? crypto::SignedKind::message : crypto::SignedKind::digest;
  std::ranges::copy(is_signed, job.content.begin());
  job.content_len = static_cast<std::uint8_t>(is_signed.size());
  handshake.transcribe(message);
  phase_ = tls13 ? Phase::finished : Phase::start_derive;
  return step();
}

Step Server::verify_done(Engine& engine, Handshake& handshake, const VerifyJob& job) noexcept {
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
  const HandshakeFailure why = failure_of(job.identity.verdict);
  if (why != HandshakeFailure::none) return fail(&handshake, why);
  *handshake.client = job.identity;
  handshake.client_shown = false;
  return version_ == ProtocolVersion::tls13 ? establish13(engine, handshake)
                                            : establish12(engine, handshake);
}

Step Server::refuse_verification(Handshake& handshake) noexcept {
  return fail(&handshake, HandshakeFailure::verifier_busy);
}

}  // namespace sallyport::tls
