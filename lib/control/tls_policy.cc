#include "lib/control/tls_policy.h"

#include <array>

namespace sallyport::control {
namespace {

// IANA numbers.  AES-128 before AES-256: no client is safer with the longer key, and all are
// faster with the shorter one.
constexpr auto kSuites13 = std::to_array<std::uint16_t>({
    0x1301,  // TLS_AES_128_GCM_SHA256
    0x1302,  // TLS_AES_256_GCM_SHA384
    0x1303,  // TLS_CHACHA20_POLY1305_SHA256
});
constexpr auto kSuites12 = std::to_array<std::uint16_t>({
    0xc02b,  // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    0xc02f,  // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    0xc02c,  // TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    0xc030,  // TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    0xcca9,  // TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    0xcca8,  // TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
});

}  // namespace

void apply_policy(config::TlsPolicy policy, tls::ServerConfig& tls) {
  tls.tls13 = true;
  tls.tls12 = policy == config::TlsPolicy::intermediate;
  tls.cipher_suites.assign(kSuites13.begin(), kSuites13.end());
  if (tls.tls12) {
    tls.cipher_suites.insert(tls.cipher_suites.end(), kSuites12.begin(), kSuites12.end());
  }
  tls.groups = {crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1,
                crypto::NamedGroup::secp384r1};
}

}  // namespace sallyport::control
