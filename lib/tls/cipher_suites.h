// The cipher suites of this build (RFC 8446 B.4, RFC 5289, RFC 7905) and what each consists of.
#pragma once
#include <array>
#include <cstdint>

#include "lib/crypto/algorithms.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

struct SuiteInfo {
  wire::CipherSuite suite = wire::CipherSuite::none;
  wire::ProtocolVersion version{};  // each suite belongs to exactly one
  crypto::AeadAlgorithm aead{};
  crypto::HashAlgorithm hash{};
  bool ecdsa = false;  // TLS 1.2: the certificate holds an elliptic-curve key, else an RSA key
};

inline constexpr std::array kCipherSuites{
    SuiteInfo{wire::CipherSuite::tls_aes_128_gcm_sha256, wire::ProtocolVersion::tls13,
              crypto::AeadAlgorithm::aes_128_gcm, crypto::HashAlgorithm::sha256},
    SuiteInfo{wire::CipherSuite::tls_aes_256_gcm_sha384, wire::ProtocolVersion::tls13,
              crypto::AeadAlgorithm::aes_256_gcm, crypto::HashAlgorithm::sha384},
    SuiteInfo{wire::CipherSuite::tls_chacha20_poly1305_sha256, wire::ProtocolVersion::tls13,
              crypto::AeadAlgorithm::chacha20_poly1305, crypto::HashAlgorithm::sha256},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::aes_128_gcm,
              crypto::HashAlgorithm::sha256, true},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_ecdsa_with_aes_256_gcm_sha384,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::aes_256_gcm,
              crypto::HashAlgorithm::sha384, true},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::chacha20_poly1305,
              crypto::HashAlgorithm::sha256, true},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::aes_128_gcm,
              crypto::HashAlgorithm::sha256},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_rsa_with_aes_256_gcm_sha384,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::aes_256_gcm,
              crypto::HashAlgorithm::sha384},
    SuiteInfo{wire::CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256,
              wire::ProtocolVersion::tls12, crypto::AeadAlgorithm::chacha20_poly1305,
              crypto::HashAlgorithm::sha256},
};

// suite_info gives nullptr for a suite that this build does not have.
[[nodiscard]] constexpr const SuiteInfo* suite_info(wire::CipherSuite suite) noexcept {
  for (const SuiteInfo& info : kCipherSuites) {
    if (info.suite == suite) return &info;
  }
  return nullptr;
}

}  // namespace sallyport::tls
