// Identities: the certificates of all listeners, named for the executors' key stores.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/credentials.h"
#include "lib/control/compile.h"

namespace sallyport::control {

struct Identities {
  // NamedKey goes into the key store of every executor, which makes its own copy.
  struct NamedKey {
    crypto::CredentialId id;
    crypto::openssl::PrivateKey key;
  };
  // SelfMade is the certificate of the listeners that configure none.
  struct SelfMade {
    std::vector<std::string> listeners;
    std::string fingerprint;  // "AB:CD:..." over SHA-256
    std::string pem;
  };

  std::vector<ListenerCredentials> of_listener;  // parallel to Config::listeners: for compile()
  std::vector<NamedKey> keys;
  ClientAuthorities clients;
  std::vector<std::shared_ptr<const x509::ServerAuthority>> servers;  // parallel to Config::pools
  std::vector<SelfMade> self_made;                                    // none or one
  std::string error;  // not empty: no certificate could be made, and why
};

// identify names every loaded credential {index, generation} and makes one ECDSA P-256 certificate
// for all listeners without any.  `generation` is that of the configuration, from 1 on, so that an
// old job never finds a new key.  `now` is Unix seconds.
[[nodiscard]] Identities identify(const config::Config& config, config::LoadedCredentials loaded,
                                  std::uint32_t generation, std::int64_t now);

}  // namespace sallyport::control
