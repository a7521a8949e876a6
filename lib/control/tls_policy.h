// What the named policies allow: Mozilla's server-side TLS guidance, as far as this build speaks
// it.
#pragma once
#include <string>

#include "lib/config/config.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// apply_policy sets versions, cipher suites and groups, all in order of preference.
void apply_policy(config::TlsPolicy policy, tls::ServerConfig& tls);

// The same for a client: of these what a client speaks.
void apply_policy(config::TlsPolicy policy, tls::ClientConfig& tls);

// explain_policy says in lines of text what apply_policy sets.
[[nodiscard]] std::string explain_policy(config::TlsPolicy policy);

}  // namespace sallyport::control
