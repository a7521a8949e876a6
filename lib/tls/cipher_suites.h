// The cipher suites of this build (RFC 8446 B.4, RFC 5246 A.5, RFC 5289, RFC 7905, RFC 8422) and
// what each consists of.
#pragma once
#include <array>
#include <cstdint>

#include "lib/crypto/algorithms.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// KeyExchange is how keys are agreed on, and in TLS 1.2 also what proves who the server is.
enum class KeyExchange : std::uint8_t {
  tls13,  // the suite does not say
  ecdhe_ecdsa,
  ecdhe_rsa,
  dhe_rsa,  // in the groups of RFC 7919
  rsa,      // the client encrypts to the certificate's key: no forward secrecy
};

struct SuiteInfo {
  wire::CipherSuite suite = wire::CipherSuite::none;
  wire::ProtocolVersion version{};  // each suite belongs to exactly one
  KeyExchange key_exchange{};
  crypto::HashAlgorithm hash{};
  crypto::AeadAlgorithm aead{};  // if cbc is none
  crypto::CbcAlgorithm cbc{};

  [[nodiscard]] constexpr bool is_chacha() const noexcept {
    return cbc == crypto::CbcAlgorithm::none && aead == crypto::AeadAlgorithm::chacha20_poly1305;
  }
};

namespace suite_detail {

using crypto::AeadAlgorithm;
using crypto::CbcAlgorithm;
using crypto::HashAlgorithm;
using wire::CipherSuite;
using wire::ProtocolVersion;

// aead makes the entry of a suite whose name ends in the AEAD.
[[nodiscard]] constexpr SuiteInfo aead(CipherSuite suite, KeyExchange key_exchange,
                                       AeadAlgorithm algorithm) noexcept {
  return {.suite = suite,
          .version =
              key_exchange == KeyExchange::tls13 ? ProtocolVersion::tls13 : ProtocolVersion::tls12,
          .key_exchange = key_exchange,
          .hash = algorithm == AeadAlgorithm::aes_256_gcm ? HashAlgorithm::sha384
                                                          : HashAlgorithm::sha256,
          .aead = algorithm};
}
// [RFC 5246 5] the PRF of TLS 1.2 is SHA-256, also where the MAC is SHA-1.
[[nodiscard]] constexpr SuiteInfo cbc(CipherSuite suite, KeyExchange key_exchange,
                                      CbcAlgorithm algorithm) noexcept {
  return {.suite = suite,
          .version = ProtocolVersion::tls12,
          .key_exchange = key_exchange,
          .hash = HashAlgorithm::sha256,
          .cbc = algorithm};
}

[[nodiscard]] constexpr auto all_suites() noexcept {
  using enum CipherSuite;
  using enum KeyExchange;
  constexpr auto kAes128 = AeadAlgorithm::aes_128_gcm;
  constexpr auto kAes256 = AeadAlgorithm::aes_256_gcm;
  constexpr auto kChaCha = AeadAlgorithm::chacha20_poly1305;
  return std::array{
      aead(tls_aes_128_gcm_sha256, KeyExchange::tls13, kAes128),
      aead(tls_aes_256_gcm_sha384, KeyExchange::tls13, kAes256),
      aead(tls_chacha20_poly1305_sha256, KeyExchange::tls13, kChaCha),
      aead(tls_ecdhe_ecdsa_with_aes_128_gcm_sha256, ecdhe_ecdsa, kAes128),
      aead(tls_ecdhe_ecdsa_with_aes_256_gcm_sha384, ecdhe_ecdsa, kAes256),
      aead(tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256, ecdhe_ecdsa, kChaCha),
      aead(tls_ecdhe_rsa_with_aes_128_gcm_sha256, ecdhe_rsa, kAes128),
      aead(tls_ecdhe_rsa_with_aes_256_gcm_sha384, ecdhe_rsa, kAes256),
      aead(tls_ecdhe_rsa_with_chacha20_poly1305_sha256, ecdhe_rsa, kChaCha),
      aead(tls_dhe_rsa_with_aes_128_gcm_sha256, dhe_rsa, kAes128),
      aead(tls_dhe_rsa_with_aes_256_gcm_sha384, dhe_rsa, kAes256),
      aead(tls_dhe_rsa_with_chacha20_poly1305_sha256, dhe_rsa, kChaCha),
      cbc(tls_ecdhe_ecdsa_with_aes_128_cbc_sha256, ecdhe_ecdsa, CbcAlgorithm::aes_128_sha256),
      cbc(tls_ecdhe_rsa_with_aes_128_cbc_sha256, ecdhe_rsa, CbcAlgorithm::aes_128_sha256),
      cbc(tls_ecdhe_ecdsa_with_aes_128_cbc_sha, ecdhe_ecdsa, CbcAlgorithm::aes_128_sha1),
      cbc(tls_ecdhe_rsa_with_aes_128_cbc_sha, ecdhe_rsa, CbcAlgorithm::aes_128_sha1),
      cbc(tls_ecdhe_ecdsa_with_aes_256_cbc_sha, ecdhe_ecdsa, CbcAlgorithm::aes_256_sha1),
      cbc(tls_ecdhe_rsa_with_aes_256_cbc_sha, ecdhe_rsa, CbcAlgorithm::aes_256_sha1),
      cbc(tls_dhe_rsa_with_aes_128_cbc_sha256, dhe_rsa, CbcAlgorithm::aes_128_sha256),
      cbc(tls_dhe_rsa_with_aes_256_cbc_sha256, dhe_rsa, CbcAlgorithm::aes_256_sha256),
      aead(tls_rsa_with_aes_128_gcm_sha256, rsa, kAes128),
      aead(tls_rsa_with_aes_256_gcm_sha384, rsa, kAes256),
      cbc(tls_rsa_with_aes_128_cbc_sha256, rsa, CbcAlgorithm::aes_128_sha256),
      cbc(tls_rsa_with_aes_256_cbc_sha256, rsa, CbcAlgorithm::aes_256_sha256),
      cbc(tls_rsa_with_aes_128_cbc_sha, rsa, CbcAlgorithm::aes_128_sha1),
      cbc(tls_rsa_with_aes_256_cbc_sha, rsa, CbcAlgorithm::aes_256_sha1),
  };
}

}  // namespace suite_detail

inline constexpr auto kCipherSuites = suite_detail::all_suites();

// suite_info gives nullptr for a suite that this build does not have.
[[nodiscard]] constexpr const SuiteInfo* suite_info(wire::CipherSuite suite) noexcept {
  for (const SuiteInfo& info : kCipherSuites) {
    if (info.suite == suite) return &info;
  }
  return nullptr;
}

}  // namespace sallyport::tls
