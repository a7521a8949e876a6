// The checks that look at more than one value at a time.
#pragma once
#include "lib/config/config.h"
#include "lib/config/diagnostic.h"

namespace sallyport::config {

// check reports whatever makes a configuration of valid values impossible, and fills in the
// defaults that depend on other keys: the MTU of interfaces and the source addresses of pools.
void check(Config& config, const Positions& positions, Diagnostics& diagnostics);

}  // namespace sallyport::config
