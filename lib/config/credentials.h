// The files that a configuration names: certificates with their keys, and the cluster secret.  What
// is wrong with one is told at the line that names it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/config/config.h"
#include "lib/config/diagnostic.h"
#include "lib/x509/client_authority.h"
#include "lib/x509/credential.h"
#include "lib/x509/server_authority.h"

namespace sallyport::config {

struct LoadedCredentials {
  // Each pair of files once, however many listeners name it.
  std::vector<x509::Credential> credentials;
  // For each of Config::listeners the indices of its credentials, in the order of the file.  Empty:
  // the listener names none, and one has to be made for it.
  std::vector<std::vector<std::size_t>> of_listener;
  // For each of them who may vouch for clients; nullptr: clients are not asked.
  std::vector<std::shared_ptr<const x509::ClientAuthority>> authorities;
  // For each of Config::pools who may vouch for its backends; nullptr: they speak no TLS.
  std::vector<std::shared_ptr<const x509::ServerAuthority>> servers;
};

// client_files are those that a listener with client certificates names.
[[nodiscard]] x509::ClientAuthority::Files client_files(const Tls& tls);

// load_credentials reads and checks every certificate and key, and the files about clients and
// backends.  `now` is Unix seconds.
[[nodiscard]] LoadedCredentials load_credentials(const Config& config, const Positions& positions,
                                                 std::int64_t now, Diagnostics& diagnostics);

constexpr std::size_t kMinClusterSecretBytes = 32;

// load_cluster_secret returns the bytes of the secret file, or nothing when there is none or it is
// no good.  The caller wipes them.
[[nodiscard]] std::vector<std::uint8_t> load_cluster_secret(const Config& config,
                                                            const Positions& positions,
                                                            Diagnostics& diagnostics);

}  // namespace sallyport::config
