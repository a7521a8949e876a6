// The report at start: what was found, what is used, and why, for the operator to read once.
#pragma once
#include <string>

#include "app/sallyport/dataplane.h"
#include "app/sallyport/memory_plan.h"
#include "lib/config/config.h"
#include "lib/control/identities.h"

namespace sallyport {

// version_text is "sallyport 0.1.0 (DPDK 22.11.11)".
[[nodiscard]] std::string version_text();

// start_report: `exposed` is what harden_process could not do.
[[nodiscard]] std::string start_report(const config::Config& config, const MemoryPlan& plan,
                                       const Dataplane& dataplane,
                                       const control::Identities& identities,
                                       const std::string& exposed);

}  // namespace sallyport
