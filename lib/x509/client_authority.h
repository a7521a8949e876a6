// ClientAuthority: who may vouch for clients of one listener, and what to think of a client that
// shows a chain of certificates and a signature.
//
// The verification itself is OpenSSL's (RFC 5280).  What is added are bounds on what a stranger can
// make it do: few certificates, of kinds and sizes of key whose verification has a known price.  It
// allocates and takes up to milliseconds, so it never runs on the packet path.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"

namespace sallyport::x509 {

// Without these a single handshake could ask for the verification of hundreds of certificates, or
// for an RSA operation of minutes.
constexpr std::size_t kMaxClientChain = 4;
constexpr std::size_t kMaxClientChainBytes = 16'384;

// ClientVerdict is in words what an alert says in numbers (RFC 8446 6.2).
enum class ClientVerdict : std::uint8_t {
  ok,
  malformed,    // no certificate at all, too many, or bytes that are none
  unsupported,  // a kind or size of key, an algorithm or a purpose that is not accepted
  unknown_authority,
  expired,             // or not valid yet
  revoked,             // a list of revocations names it
  revocation_unknown,  // lists are configured, and none that is valid speaks for its issuer
  not_trusted,         // any other reason against the chain
  bad_signature,       // the client does not hold the key, or signed something else
};

// ClientIdentity is what a backend is told about a client.
struct ClientIdentity {
  static constexpr std::size_t kMaxSubject = 255;
  ClientVerdict verdict = ClientVerdict::malformed;
  std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the leaf's DER; zero when malformed
  std::string subject;                         // of the leaf (RFC 2253), cut at kMaxSubject bytes
};

// ClientProof is what a client showed.
struct ClientProof {
  // Signed is how `content` relates to the signature.
  enum class Content : std::uint8_t {
    message,  // TLS 1.3: what was signed (RFC 8446 4.4.3)
    digest,   // TLS 1.2: its hash with the scheme's hash function (RFC 5246 7.4.8)
  };
  std::span<const ByteView> chain;  // DER, leaf first
  crypto::SignatureScheme scheme{};
  Content kind{};
  ByteView content;
  ByteView signature;
};

class ClientAuthority {
 public:
  struct Files {
    std::string authorities;  // PEM: whoever stands here is trusted, whether root or not
    std::string revocations;  // PEM with CRLs; empty: nothing is ever revoked
    unsigned depth = 2;       // most certificates between a leaf and an authority
  };
  // Loaded is an authority, or why there is none: `message` names the file and what to do.
  struct Loaded;

  // load reads and checks the files.
  [[nodiscard]] static Loaded load(const Files& files);

  ClientAuthority(ClientAuthority&& other) noexcept;
  ClientAuthority& operator=(ClientAuthority&& other) noexcept;
  ~ClientAuthority();

  // judge may be called by several threads at once.  `now` is Unix seconds.
  [[nodiscard]] ClientIdentity judge(const ClientProof& proof, std::int64_t now) const;

  // names is the distinguished name of each authority, DER, in the order of the file: what a
  // CertificateRequest tells clients to choose by (RFC 8446 4.2.4, RFC 5246 7.4.4).
  [[nodiscard]] const std::vector<std::vector<std::uint8_t>>& names() const noexcept {
    return names_;
  }

 private:
  struct Store;
  ClientAuthority();

  std::unique_ptr<Store> store_;
  std::vector<std::vector<std::uint8_t>> names_;
};

struct ClientAuthority::Loaded {
  std::optional<ClientAuthority> authority;
  std::string message;
  [[nodiscard]] explicit operator bool() const noexcept { return authority.has_value(); }
};

}  // namespace sallyport::x509
