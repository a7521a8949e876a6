// ClientAuth: whether clients of a listener show certificates, and what they are asked.  Immutable,
// a part of ServerConfig.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/client_identity.h"
#include "lib/crypto/verify_job.h"
#include "lib/stats/reasons.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

enum class ClientAuthMode : std::uint8_t {
  off,
  optional,  // who shows none is served all the same; one that is no good ends the handshake
  required,
};

class ClientAuth {
 public:
  // A longer list is left out of the request: it would not fit the first flight of a connection,
  // and clients then choose without its help.
  static constexpr std::size_t kMaxNamesLen = 8'192;

  // Off.
  ClientAuth() = default;
  // `names` are those of the authorities, DER.
  ClientAuth(ClientAuthMode mode, crypto::AuthorityId authority,
             const std::vector<std::vector<std::uint8_t>>& names);

  [[nodiscard]] ClientAuthMode mode() const noexcept { return mode_; }
  [[nodiscard]] bool is_on() const noexcept { return mode_ != ClientAuthMode::off; }
  [[nodiscard]] crypto::AuthorityId authority() const noexcept { return authority_; }
  // request is the whole CertificateRequest message.
  [[nodiscard]] ByteView request(wire::ProtocolVersion version) const noexcept;
  // may_sign says whether a client was asked for signatures of this scheme.
  [[nodiscard]] static bool may_sign(crypto::SignatureScheme scheme,
                                     wire::ProtocolVersion version) noexcept;

 private:
  ClientAuthMode mode_ = ClientAuthMode::off;
  crypto::AuthorityId authority_;
  std::vector<std::uint8_t> request13_;
  std::vector<std::uint8_t> request12_;
};

// ShownCertificates is what a Certificate message holds, that of a client or, for Client, a server.
struct ShownCertificates {
  wire::AlertDescription alert{};  // for a message that does not parse
  std::size_t count = 0;
  // More than a VerifyJob has room for, or something that cannot be a certificate
  // (bad_certificate).
  bool malformed = false;
};
// note_certificates notes in `job` where the certificates of a Certificate message lie, of which
// `body` is all but the header.  Precondition: it lies in job.messages.
[[nodiscard]] ShownCertificates note_certificates(ByteView body, wire::ProtocolVersion version,
                                                  crypto::VerifyJob& job) noexcept;

// failure_of is `none` for a client that may come in.
[[nodiscard]] stats::HandshakeFailure failure_of(crypto::ClientVerdict verdict) noexcept;

}  // namespace sallyport::tls
