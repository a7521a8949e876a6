// CredentialSet: the certificates that one listener may show, found by the name that a client asks
// for (RFC 6066 section 3) in the same time for ten of them and for ten thousand.
//
// Immutable once made.  Whether a client can use what was found, by its signature algorithms and
// suites, is for negotiation to judge.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/siphash.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/job.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// Credential is a certificate chain and the name of its private key, which lives elsewhere.
struct Credential {
  crypto::CredentialId id;
  crypto::KeyType key_type = crypto::KeyType::none;
  std::uint16_t key_bits = 0;
  // What the certificate's keyUsage lets the key do (RFC 5246 7.4.2); all, when it has none.
  bool may_sign = true;     // digitalSignature: all key exchanges but one
  bool may_decrypt = true;  // keyEncipherment: RSA key exchange, with keys of RSA alone
  std::vector<std::vector<std::uint8_t>> chain;  // DER, leaf first
  // SignatureScheme numbers that a client must know to check the chain; empty: it needs none.
  std::vector<std::uint16_t> chain_schemes;
  std::vector<std::string> names;    // lower-case DNS names; one may start with "*."
  std::vector<std::uint8_t> staple;  // OCSPResponse in DER; empty: none
  // For those who are told which certificate was shown: "RSA-SHA256", "EC256"; empty: unknown.
  std::string signature_algorithm;
  std::string key_algorithm;

  // Compressed is the Certificate message of TLS 1.3, staple included, in the body of a
  // CompressedCertificate message.
  struct Compressed {
    wire::CertificateCompression algorithm{};
    std::vector<std::uint8_t> body;
  };
  std::vector<Compressed> compressed;  // in our order of preference
};

class CredentialSet {
 public:
  static constexpr std::size_t kMaxCredentials = 65'535;  // an index is 16 bits

  CredentialSet() = default;
  // Their order counts: of those with one name and one type of key the first is used.  Where one
  // may only sign and another only decrypt, each is used for what it may do.
  // Precondition: at most kMaxCredentials.
  CredentialSet(std::vector<Credential> credentials);
  CredentialSet(std::initializer_list<Credential> credentials)
      : CredentialSet(std::vector<Credential>{credentials}) {}

  [[nodiscard]] const Credential& operator[](std::size_t index) const noexcept {
    return credentials_[index];
  }
  [[nodiscard]] std::size_t size() const noexcept { return credentials_.size(); }
  [[nodiscard]] bool empty() const noexcept { return credentials_.empty(); }
  // all is every credential, in order.
  [[nodiscard]] const std::vector<Credential>& all() const noexcept { return credentials_; }

  // Candidates are indices of credentials that differ in the type of their key, or in what it may
  // be used for, in order.  They are valid as long as the set.
  using Candidates = std::span<const std::uint16_t>;

  // exact is who has this very name, wildcard who has "*" instead of its first label
  // ([RFC 6125 6.4.3]: of that one, and never of a part of a label).  `asked` may have any length,
  // any bytes, and upper-case letters.
  [[nodiscard]] Candidates exact(std::string_view asked) const noexcept;
  [[nodiscard]] Candidates wildcard(std::string_view asked) const noexcept;
  // defaults is for a client that asks for no name, or for one that nobody has: the first
  // credential, and the first of each other type and use of a key.
  [[nodiscard]] Candidates defaults() const noexcept { return defaults_.candidates(); }

  // num_names is how many different names the set knows.
  [[nodiscard]] std::size_t num_names() const noexcept { return names_.size(); }

 private:
  // One that signs of each type of key, and one of RSA that decrypts.
  static constexpr std::size_t kMaxCandidates = 5;

  struct ByUse {
    std::array<std::uint16_t, kMaxCandidates> indices{};
    std::uint8_t num_indices = 0;
    [[nodiscard]] Candidates candidates() const noexcept {
      return std::span{indices}.first(num_indices);
    }
  };
  struct Name {
    std::string text;  // lower case; of a wildcard all behind the "*"
    ByUse by_use;
  };
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t name = 0;  // index into names_, plus 1; 0: free
  };

  void add(std::string_view name, std::uint16_t index);
  void offer(ByUse& candidates, std::uint16_t index) const noexcept;
  [[nodiscard]] const Name* find(std::string_view name) const noexcept;

  std::vector<Credential> credentials_;
  std::vector<Name> names_;
  std::vector<Slot> slots_;  // a power of two, at least twice as many as names
  ByUse defaults_;
  // No secret: what is stored are the operator's own names, and asking costs one look-up at most.
  SipKey key_;
};

}  // namespace sallyport::tls
