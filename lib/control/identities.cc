#include "lib/control/identities.h"

#include <string>
#include <utility>

#include "lib/control/certificate_compression.h"

namespace sallyport::control {
namespace {

// key_algorithm_of names kind and size as other proxies do.
std::string key_algorithm_of(const x509::Credential& credential) {
  switch (credential.key_type) {
    case crypto::KeyType::none:
      break;
    case crypto::KeyType::rsa:
      return "RSA" + std::to_string(credential.key_bits);
    case crypto::KeyType::ecdsa_p256:
      return "EC256";
    case crypto::KeyType::ecdsa_p384:
      return "EC384";
    case crypto::KeyType::ed25519:
      return "ED25519";
  }
  return {};
}

tls::Credential describe(const x509::Credential& credential, crypto::CredentialId id) {
  tls::Credential described;
  described.id = id;
  described.key_type = credential.key_type;
  described.key_bits = credential.key_bits;
  described.may_sign = credential.may_sign;
  described.may_decrypt = credential.may_decrypt;
  described.chain = credential.chain;
  described.chain_schemes = credential.chain_schemes;
  described.names = credential.names;
  described.signature_algorithm = credential.signature_algorithm;
  described.key_algorithm = key_algorithm_of(credential);
  return described;
}

}  // namespace

Identities identify(const config::Config& config, config::LoadedCredentials loaded,
                    std::uint32_t generation, std::int64_t now) {
  Identities identities;
  identities.clients = {.of_listener = std::move(loaded.authorities), .generation = generation};
  identities.servers = std::move(loaded.servers);
  std::vector<tls::Credential> described;
  const auto add = [&](x509::Credential& credential) {
    const crypto::CredentialId id{.index = static_cast<std::uint32_t>(described.size()),
                                  .generation = generation};
    described.push_back(describe(credential, id));
    identities.keys.push_back({.id = id, .key = std::move(credential.key)});
  };
  for (x509::Credential& credential : loaded.credentials) add(credential);

  std::vector<std::string> without;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    if (loaded.of_listener[i].empty()) without.push_back(config.listeners[i].name);
  }
  if (!without.empty()) {
    x509::Loaded made =
        x509::make_self_signed({.common_name = "sallyport", .dns_names = {}, .now = now});
    if (!made) {
      identities.error = std::move(made.message);
      return identities;
    }
    identities.self_made.push_back({.listeners = std::move(without),
                                    .fingerprint = x509::fingerprint_text(*made.credential),
                                    .pem = x509::certificate_pem(*made.credential)});
    add(*made.credential);
  }
  for (std::size_t i = 0; i < loaded.of_listener.size(); ++i) {
    const auto& indices = loaded.of_listener[i];
    ListenerCredentials& credentials = identities.of_listener.emplace_back();
    for (const std::size_t index : indices) credentials.push_back(described[index]);
    if (indices.empty()) credentials.push_back(described.back());
    if (!config.listeners[i].tls.compress_certificates) continue;
    for (tls::Credential& credential : credentials) compress(credential);
  }
  return identities;
}

}  // namespace sallyport::control
