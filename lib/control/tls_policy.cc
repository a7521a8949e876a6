#include "lib/control/tls_policy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "lib/wire/tls_types.h"

namespace sallyport::control {
namespace {

using config::TlsPolicy;
using crypto::NamedGroup;
using wire::CipherSuite;

struct NamedSuite {
  CipherSuite suite;
  std::string_view name;  // IANA's
  TlsPolicy since;        // the strictest policy that allows it
};

// In our order of preference.  AES-128 before AES-256: no client is safer with the longer key, and
// all are faster with the shorter one.  All with forward secrecy before all without, AEAD before
// CBC.  [Mozilla, Server Side TLS 5.7] has TLS 1.0 and 1.1, CBC with SHA-384 and 3DES for its
// oldest clients; nobody here speaks these.  It lets the client choose but in its oldest policy,
// which is `suite_preference = "client"` here; and it knows no X448, which only `compatible` adds.
constexpr auto kSuites = std::to_array<NamedSuite>({
    {CipherSuite::tls_aes_128_gcm_sha256, "TLS_AES_128_GCM_SHA256", TlsPolicy::modern},
    {CipherSuite::tls_aes_256_gcm_sha384, "TLS_AES_256_GCM_SHA384", TlsPolicy::modern},
    {CipherSuite::tls_chacha20_poly1305_sha256, "TLS_CHACHA20_POLY1305_SHA256", TlsPolicy::modern},
    {CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256,
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
     TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_ecdsa_with_aes_256_gcm_sha384,
     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_rsa_with_aes_256_gcm_sha384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
     TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256,
     "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256,
     "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", TlsPolicy::intermediate},
    {CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
     TlsPolicy::intermediate},
    {CipherSuite::tls_dhe_rsa_with_aes_256_gcm_sha384, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
     TlsPolicy::intermediate},
    {CipherSuite::tls_dhe_rsa_with_chacha20_poly1305_sha256,
     "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", TlsPolicy::intermediate},
    {CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha256,
     "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", TlsPolicy::compatible},
    {CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha256, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
     TlsPolicy::compatible},
    {CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
     TlsPolicy::compatible},
    {CipherSuite::tls_ecdhe_ecdsa_with_aes_256_cbc_sha, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
     TlsPolicy::compatible},
    {CipherSuite::tls_ecdhe_rsa_with_aes_256_cbc_sha, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
     TlsPolicy::compatible},
    {CipherSuite::tls_dhe_rsa_with_aes_128_cbc_sha256, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_dhe_rsa_with_aes_256_cbc_sha256, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_128_gcm_sha256, "TLS_RSA_WITH_AES_128_GCM_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_256_gcm_sha384, "TLS_RSA_WITH_AES_256_GCM_SHA384",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_128_cbc_sha256, "TLS_RSA_WITH_AES_128_CBC_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_256_cbc_sha256, "TLS_RSA_WITH_AES_256_CBC_SHA256",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_128_cbc_sha, "TLS_RSA_WITH_AES_128_CBC_SHA",
     TlsPolicy::compatible},
    {CipherSuite::tls_rsa_with_aes_256_cbc_sha, "TLS_RSA_WITH_AES_256_CBC_SHA",
     TlsPolicy::compatible},
});

struct GroupOfPolicy {
  NamedGroup group;
  std::string_view name;  // IANA's
  TlsPolicy since;
};

constexpr auto kGroups = std::to_array<GroupOfPolicy>({
    {NamedGroup::x25519, "x25519", TlsPolicy::modern},
    {NamedGroup::secp256r1, "secp256r1", TlsPolicy::modern},
    {NamedGroup::secp384r1, "secp384r1", TlsPolicy::modern},
    {NamedGroup::x448, "x448", TlsPolicy::compatible},
    {NamedGroup::ffdhe2048, "ffdhe2048", TlsPolicy::intermediate},
    {NamedGroup::ffdhe3072, "ffdhe3072", TlsPolicy::compatible},
    {NamedGroup::ffdhe4096, "ffdhe4096", TlsPolicy::compatible},
});

// The enumerators go from strict to permissive, and each policy allows all that the one before it
// does.
[[nodiscard]] constexpr bool allows(TlsPolicy policy, TlsPolicy since) noexcept {
  return since <= policy;
}

// has_curve: a client of ours agrees on keys in curves alone.
[[nodiscard]] constexpr bool has_curve(NamedGroup group) noexcept {
  return group == NamedGroup::x25519 || group == NamedGroup::secp256r1 ||
         group == NamedGroup::secp384r1 || group == NamedGroup::x448;
}

}  // namespace

void apply_policy(TlsPolicy policy, tls::ServerConfig& tls) {
  tls.tls13 = true;
  tls.tls12 = policy != TlsPolicy::modern;
  tls.suite_preference = tls::SuitePreference::server;
  tls.cipher_suites.clear();
  for (const NamedSuite& entry : kSuites) {
    if (allows(policy, entry.since)) {
      tls.cipher_suites.push_back(static_cast<std::uint16_t>(entry.suite));
    }
  }
  tls.groups.clear();
  for (const GroupOfPolicy& entry : kGroups) {
    if (allows(policy, entry.since)) tls.groups.push_back(entry.group);
  }
}

void apply_policy(TlsPolicy policy, tls::ClientConfig& tls) {
  tls::ServerConfig same;
  apply_policy(policy, same);
  tls.tls12 = same.tls12;
  tls.tls13 = same.tls13;
  // Suites that a client does not speak it leaves out by itself.
  tls.cipher_suites = std::move(same.cipher_suites);
  tls.groups.clear();
  for (const NamedGroup group : same.groups) {
    if (has_curve(group)) tls.groups.push_back(group);
  }
}

std::string explain_policy(TlsPolicy policy) {
  tls::ServerConfig tls;
  apply_policy(policy, tls);
  std::string text = "versions: ";
  if (tls.tls13) text += "TLS 1.3";
  if (tls.tls12) text += ", TLS 1.2";
  text += "\norder of cipher suites: ";
  text += tls.suite_preference == tls::SuitePreference::client
              ? "the client's"
              : "the server's, but ChaCha20 first for clients that put it first";
  text += "\ngroups:";
  for (const NamedGroup group : tls.groups) {
    const auto* const entry = std::ranges::find(kGroups, group, &GroupOfPolicy::group);
    text += " " + std::string{entry->name};
    if (group == NamedGroup::x448) text += " (where libcrypto has it)";
  }
  text += "\ncipher suites:\n";
  for (const std::uint16_t number : tls.cipher_suites) {
    const auto* const entry = std::ranges::find(kSuites, CipherSuite{number}, &NamedSuite::suite);
    std::array<char, 16> hex{};
    std::snprintf(hex.data(), hex.size(), "  0x%04x  ", unsigned{number});
    text += hex.data() + std::string{entry->name} + "\n";
  }
  return text;
}

}  // namespace sallyport::control
