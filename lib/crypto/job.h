// CryptoJob: one asymmetric operation on its way from an I/O lcore to an executor and back.
//
// Ownership travels with the pointer: the worker that allocated the job fills it, gives it away,
// and touches it again only when it comes back; that worker alone wipes and releases it.  A job
// names its connection and its credential by {index, generation} and holds no pointers, so nothing
// it names has to outlive it.
#pragma once
#include <array>
#include <cstdint>
#include <type_traits>

#include "lib/base/slab.h"
#include "lib/base/units.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/kx/groups.h"

namespace sallyport::crypto {

// CredentialId names a private key in the executor's key store; the key itself never travels.
struct CredentialId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0 names nothing
  friend constexpr bool operator==(CredentialId, CredentialId) noexcept = default;
};

enum class JobKind : std::uint8_t {
  tls13_derive_and_sign,  // (EC)DHE shared secret and CertificateVerify in one trip
  tls13_derive,           // (EC)DHE shared secret alone: a pre-shared key authenticates
  tls12_sign_params,      // ServerKeyExchange: client_random + server_random + ServerECDHParams
  tls12_derive,           // premaster secret from ClientKeyExchange
  tls12_rsa_decrypt,      // the same where it is encrypted to our key; never fails
  make_key_shares,        // fills key_shares[]; belongs to no connection
};

enum class JobStatus : std::uint8_t {
  pending,
  ok,
  bad_peer_share,  // not a point of the group, or the shared secret is all zero
  signer_failed,   // unknown credential, scheme that does not fit it, or the operation failed
  expired,         // deadline passed before it was its turn
};

constexpr std::size_t kMaxPublicShare = 97;   // uncompressed secp384r1 point
constexpr std::size_t kMaxPrivateShare = 56;  // X448
constexpr std::size_t kMaxSharedSecret = 56;
constexpr std::size_t kMaxSignature = 512;  // RSA-4096
constexpr std::size_t kMaxTranscriptHash = 48;
constexpr std::size_t kMaxWide = 512;  // a number below an RSA-4096 modulus or in ffdhe4096

// KeyShare is an ephemeral key pair, used once and wiped.
struct KeyShare {
  NamedGroup group = NamedGroup::none;
  std::uint8_t public_len = 0;
  std::uint8_t private_len = 0;
  Tsc made;
  std::array<std::uint8_t, kMaxPrivateShare> private_key{};
  std::array<std::uint8_t, kMaxPublicShare> public_key{};
};
static_assert(sizeof(KeyShare) <= 176, "eight of them are the largest part of a job");

struct alignas(64) CryptoJob {
  static constexpr std::uint8_t kKeySharesPerJob = 8;

  CryptoJob() noexcept : signature{} {}

  // Routing: written by the worker, echoed untouched.
  std::uint64_t connection = 0;  // the worker's handle of the connection, opaque here
  Handle<CryptoJob> self;
  std::uint16_t worker = 0;
  JobKind kind{};
  JobStatus status = JobStatus::pending;
  HashAlgorithm transcript_hash_algorithm{};
  std::uint8_t peer_share_len = 0;
  std::uint8_t num_key_shares = 0;
  std::uint8_t shared_secret_len = 0;
  std::uint16_t signature_len = 0;
  std::uint16_t wide_len = 0;
  std::uint16_t premaster_version = 0;  // tls12_rsa_decrypt: what the ClientHello named
  SignatureScheme scheme = SignatureScheme::none;
  NamedGroup group = NamedGroup::none;
  CredentialId credential;
  Tsc submitted;
  Tsc deadline;  // zero: none

  // Inputs.
  KeyShare ephemeral;  // our half of the key agreement
  std::array<std::uint8_t, kMaxPublicShare> peer_share{};
  std::array<std::uint8_t, kMaxTranscriptHash> transcript_hash{};  // tls13: CH..Certificate
  std::array<std::uint8_t, 32> client_random{};                    // tls12_sign_params
  std::array<std::uint8_t, 32> server_random{};

  // Both ways, for the key exchanges of TLS 1.2 that have large numbers: the encrypted premaster
  // secret in; our public value out of tls12_sign_params in a finite field (the exponent is in
  // `ephemeral` then); the peer's public value in and the premaster secret out of tls12_derive.
  std::array<std::uint8_t, kMaxWide> wide{};

  // Outputs.  For tls12_rsa_decrypt it holds a random premaster secret, which stays where the real
  // one is no good.
  std::array<std::uint8_t, kMaxSharedSecret> shared_secret{};
  // make_key_shares signs nothing, so its output takes the place of the signature.
  union {
    std::array<std::uint8_t, kMaxSignature> signature;
    std::array<KeyShare, kKeySharesPerJob> key_shares;
  };
};
// key_shares_per_job is how many pairs a make_key_shares job brings.
[[nodiscard]] constexpr std::uint8_t key_shares_per_job(NamedGroup group) noexcept {
  return is_made_ahead(group) ? CryptoJob::kKeySharesPerJob : 1;
}
static_assert(std::is_trivially_copyable_v<CryptoJob>);
static_assert(sizeof(CryptoJob) <= 2'432);

}  // namespace sallyport::crypto
