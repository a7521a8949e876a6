#include "lib/tls/client_auth.h"

#include <algorithm>
#include <array>

#include "lib/crypto/sign/schemes.h"
#include "lib/wire/der.h"
#include "lib/wire/tls_client_certificate.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using crypto::SignatureScheme;
using stats::HandshakeFailure;
using wire::ProtocolVersion;

constexpr std::uint16_t number_of(SignatureScheme scheme) noexcept {
  return static_cast<std::uint16_t>(scheme);
}

// [RFC 8446 4.2.3] The last three are for the signatures in certificates.
constexpr std::array kSchemes13{
    number_of(SignatureScheme::ecdsa_secp256r1_sha256),
    number_of(SignatureScheme::ecdsa_secp384r1_sha384),
    number_of(SignatureScheme::ed25519),
    number_of(SignatureScheme::rsa_pss_rsae_sha256),
    number_of(SignatureScheme::rsa_pss_rsae_sha384),
    number_of(SignatureScheme::rsa_pss_rsae_sha512),
    number_of(SignatureScheme::rsa_pkcs1_sha256),
    number_of(SignatureScheme::rsa_pkcs1_sha384),
    number_of(SignatureScheme::rsa_pkcs1_sha512),
};
// [RFC 5246 7.4.4] Both for what the client signs and for the signatures in its certificates.  What
// it signs is the hash of a transcript, of which there are these two.  Ed25519 signs the messages
// themselves, of which no copy is kept.
constexpr std::array kSchemes12{
    number_of(SignatureScheme::ecdsa_secp256r1_sha256),
    number_of(SignatureScheme::ecdsa_secp384r1_sha384),
    number_of(SignatureScheme::rsa_pss_rsae_sha256),
    number_of(SignatureScheme::rsa_pss_rsae_sha384),
    number_of(SignatureScheme::rsa_pkcs1_sha256),
    number_of(SignatureScheme::rsa_pkcs1_sha384),
};

[[nodiscard]] std::span<const std::uint16_t> schemes_of(ProtocolVersion version) noexcept {
  if (version == ProtocolVersion::tls13) return kSchemes13;
  return kSchemes12;
}

using Names = std::vector<std::vector<std::uint8_t>>;

[[nodiscard]] std::vector<std::uint8_t> request_of(ProtocolVersion version, const Names& names) {
  constexpr std::size_t kAllElse = 128;
  std::vector<std::uint8_t> message(ClientAuth::kMaxNamesLen + kAllElse);
  wire::Writer w{message};
  const auto schemes = schemes_of(version);
  if (version == ProtocolVersion::tls13) {
    wire::write_certificate_request13(w, schemes, names);
  } else {
    wire::write_certificate_request12(w, schemes, names);
  }
  message.resize(w.size());
  message.shrink_to_fit();
  return message;
}

[[nodiscard]] std::size_t len_of(const Names& names) noexcept {
  std::size_t len = 0;
  for (const auto& name : names) len += 2 + name.size();
  return len;
}

}  // namespace

ClientAuth::ClientAuth(ClientAuthMode mode, crypto::AuthorityId authority, const Names& names)
    : mode_{mode}, authority_{authority} {
  const Names told = len_of(names) <= kMaxNamesLen ? names : Names{};
  request13_ = request_of(ProtocolVersion::tls13, told);
  request12_ = request_of(ProtocolVersion::tls12, told);
}

ByteView ClientAuth::request(ProtocolVersion version) const noexcept {
  return version == ProtocolVersion::tls13 ? request13_ : request12_;
}

bool ClientAuth::may_sign(SignatureScheme scheme, ProtocolVersion version) noexcept {
  if (version == ProtocolVersion::tls13 && !crypto::allowed_in_tls13(scheme)) return false;
  const auto schemes = schemes_of(version);
  return std::ranges::find(schemes, number_of(scheme)) != schemes.end();
}

ShownCertificates note_certificates(ByteView body, ProtocolVersion version,
                                    crypto::VerifyJob& job) noexcept {
  ShownCertificates shown;
  shown.alert = wire::parse_client_certificate(body, version, [&](ByteView certificate) {
    if (shown.count < job.certificates.size()) {
      job.certificates[shown.count] = {
          .offset = static_cast<std::uint16_t>(certificate.data() - job.messages.data()),
          .len = static_cast<std::uint16_t>(certificate.size())};
    }
    shown.malformed = shown.malformed || !wire::is_der_sequence(certificate);
    ++shown.count;
  });
  shown.malformed = shown.malformed || shown.count > job.certificates.size();
  return shown;
}

HandshakeFailure failure_of(ClientVerdict verdict) noexcept {
  switch (verdict) {
    case ClientVerdict::ok:
      return HandshakeFailure::none;
    case ClientVerdict::none:
      break;
    case ClientVerdict::malformed:
      return HandshakeFailure::client_certificate_malformed;
    case ClientVerdict::unsupported:
      return HandshakeFailure::client_certificate_unsupported;
    case ClientVerdict::unknown_authority:
      return HandshakeFailure::client_authority_unknown;
    case ClientVerdict::expired:
      return HandshakeFailure::client_certificate_expired;
    case ClientVerdict::revoked:
      return HandshakeFailure::client_certificate_revoked;
    case ClientVerdict::revocation_unknown:
      return HandshakeFailure::client_revocation_unknown;
    case ClientVerdict::not_trusted:
    case ClientVerdict::wrong_name:
      return HandshakeFailure::client_certificate_untrusted;
    case ClientVerdict::wrong_scheme:
      return HandshakeFailure::illegal_parameter;
    case ClientVerdict::bad_signature:
      return HandshakeFailure::client_signature_bad;
  }
  return HandshakeFailure::internal_error;
}

}  // namespace sallyport::tls
