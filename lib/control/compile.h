// compile: a validated Config becomes the parts of a Snapshot.  Pure: it reads no file, no clock
// and no device; what the ports and the key store know is handed in.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/units.h"
#include "lib/config/config.h"
#include "lib/snapshot/snapshot.h"
#include "lib/x509/client_authority.h"

namespace sallyport::control {

// PortFacts is what the device reports; in the order of Config::ports.
struct PortFacts {
  MacAddress mac;
};

// ListenerCredentials are the certificates of one configured listener, in the order of its file
// entries (or the self-made one), as the key store has named them.
using ListenerCredentials = std::vector<tls::Credential>;

// ClientAuthorities are who may vouch for the clients of each configured listener; nullptr: its
// clients are not asked.  The verifier knows them by their place and the generation; behind them
// come those of servers, one per pool.
struct ClientAuthorities {
  std::vector<std::shared_ptr<const x509::ClientAuthority>> of_listener;
  std::uint32_t generation = 0;
};

inline const ClientAuthorities kNoClientAuthorities;

struct CompileInput {
  const config::Config& config;
  std::span<const PortFacts> ports;                  // one per Config::ports
  std::span<const ListenerCredentials> credentials;  // one per Config::listeners
  TscRate tsc_rate;
  const ClientAuthorities& clients = kNoClientAuthorities;
  // In these nobody here can agree on keys; policies that allow them do without.
  std::span<const crypto::NamedGroup> missing_groups = {};
};

// Compiled is the part of a Snapshot that comes from the configuration.  A listener of the file
// with several addresses is several listeners here, which share one ServerConfig.
struct Compiled {
  std::shared_ptr<const std::vector<snapshot::Interface>> interfaces;
  std::shared_ptr<const std::vector<snapshot::Listener>> listeners;
  std::shared_ptr<const std::vector<snapshot::Pool>> pools;
};

// Preconditions: the configuration passed config::parse without errors, and every listener has at
// least one credential.
[[nodiscard]] Compiled compile(const CompileInput& input);

}  // namespace sallyport::control
