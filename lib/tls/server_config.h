// ServerConfig: what one listener's TLS may do.  Immutable; built by the control thread, read by
// every worker through the snapshot.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/crypto/algorithms.h"
#include "lib/crypto/job.h"

namespace sallyport::tls {

// Credential is a certificate chain and the name of its private key, which lives elsewhere.
struct Credential {
  crypto::CredentialId id;
  crypto::KeyType key_type = crypto::KeyType::none;
  std::uint16_t key_bits = 0;
  std::vector<std::vector<std::uint8_t>> chain;  // DER, leaf first
  std::vector<std::string> names;                // lower-case DNS names; one may start with "*."
};

struct ServerConfig {
  std::vector<Credential> credentials;      // the first is the default; never empty
  std::vector<std::string> alpn_protocols;  // in our order of preference; empty: none offered
  bool tls12 = true;
  bool tls13 = true;
  // In our order of preference, IANA numbers; names that this build does not implement are refused
  // by the configuration, so every entry can be negotiated.
  std::vector<std::uint16_t> cipher_suites;  // 1.3 and 1.2 suites in one list
  std::vector<crypto::NamedGroup> groups;
};

}  // namespace sallyport::tls
