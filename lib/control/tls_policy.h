// What the named policies allow: Mozilla's server-side TLS guidance, as far as this build speaks
// it.
#pragma once
#include "lib/config/config.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// apply_policy sets versions, cipher suites and groups, all in order of preference.
void apply_policy(config::TlsPolicy policy, tls::ServerConfig& tls);

}  // namespace sallyport::control
