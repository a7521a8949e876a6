// Certificate chains with their private keys: loading, checking, and making one when the
// configuration names none.  Control-plane code: it allocates, reads files and may be slow.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/algorithms.h"
#include "lib/crypto/openssl/private_key.h"

namespace sallyport::x509 {

// A chain is sent in every full handshake; more than this would not fit the server's flight.
constexpr std::size_t kMaxChainBytes = 10'000;
constexpr std::uint16_t kMinRsaBits = 2048;
constexpr std::uint16_t kMaxRsaBits = 4096;  // its signature fills CryptoJob::signature

// Credential is a checked chain, leaf first, and the key of its leaf.
struct Credential {
  std::vector<std::vector<std::uint8_t>> chain;  // DER
  // The TLS SignatureScheme numbers of the signatures in the chain, each once; 0 stands for those
  // that have none.  Self-signed certificates do not count: nobody checks that signature.
  std::vector<std::uint16_t> chain_schemes;
  std::vector<std::string> names;  // lower-case DNS names; one may start with "*."
  crypto::KeyType key_type = crypto::KeyType::none;
  std::uint16_t key_bits = 0;
  // What the leaf's keyUsage lets its key do (RFC 5280 4.2.1.3); all, when it has none.
  bool may_sign = true;         // digitalSignature
  bool may_decrypt = true;      // keyEncipherment: RSA key exchange of TLS 1.2
  std::int64_t not_before = 0;  // Unix seconds, of the leaf
  std::int64_t not_after = 0;
  std::string subject;                         // of the leaf, for messages
  std::string signature_algorithm;             // by which the leaf is signed: "RSA-SHA256"
  std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the leaf's DER
  crypto::openssl::PrivateKey key;
};

enum class LoadError : std::uint8_t {
  none,
  chain_unreadable,
  chain_not_pem,
  no_certificate,         // PEM, but of something else
  malformed_certificate,  // a CERTIFICATE block that is no certificate
  chain_too_long,
  chain_order,  // the leaf is not first, or one does not certify the one before it
  expired,
  not_yet_valid,
  useless_key_usage,  // the leaf allows nothing that TLS would do with its key
  unsupported_key_type,
  key_too_small,
  key_too_large,
  key_unreadable,
  key_not_pem,
  no_private_key,  // PEM, but of something else
  malformed_key,
  key_encrypted,     // and no passphrase was given
  wrong_passphrase,  // or not a key below the encryption
  key_mismatch,
  generation_failed,
};

// Loaded is a credential, or why there is none: `message` names the file and what to do.
struct Loaded {
  std::optional<Credential> credential;
  LoadError error = LoadError::none;
  std::string message;
  [[nodiscard]] explicit operator bool() const noexcept { return credential.has_value(); }
};

struct LoadOptions {
  std::int64_t now = 0;         // Unix seconds, for the validity period
  std::string_view passphrase;  // of the key file; empty: none
};

// CredentialLoader reads many credentials in a row.  It keeps what OpenSSL would prepare anew for
// each of them (ten times the work of reading a key), and the issuers that they share.  For one
// thread.
class CredentialLoader {
 public:
  CredentialLoader();
  ~CredentialLoader();
  CredentialLoader(const CredentialLoader&) = delete;
  CredentialLoader& operator=(const CredentialLoader&) = delete;

  // load reads a PEM chain (leaf first) and a PEM key (PKCS #8, SEC 1 or PKCS #1); both may be the
  // same file.
  [[nodiscard]] Loaded load(const std::string& chain_file, const std::string& key_file,
                            const LoadOptions& options);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// load_credential is one load() of a loader of its own.
[[nodiscard]] Loaded load_credential(const std::string& chain_file, const std::string& key_file,
                                     const LoadOptions& options);

struct SelfSignedOptions {
  std::string common_name = "sallyport";
  std::vector<std::string> dns_names;  // empty: the common name
  std::int64_t now = 0;                // Unix seconds
  std::int64_t lifetime_seconds = 90LL * 24 * 3600;
};

// make_self_signed makes an ECDSA P-256 key and a certificate for it.
[[nodiscard]] Loaded make_self_signed(const SelfSignedOptions& options);

// fingerprint_text is "AB:CD:..." as other tools print it.
[[nodiscard]] std::string fingerprint_text(const Credential& credential);

// certificate_pem is the leaf as PEM text, for handing a generated one to a client.
[[nodiscard]] std::string certificate_pem(const Credential& credential);

}  // namespace sallyport::x509
