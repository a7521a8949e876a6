// The report at start: what was found, what is used, and why, for the operator to read once.
#pragma once
#include <cstddef>
#include <string>

#include "app/sallyport/dataplane.h"
#include "app/sallyport/memory_plan.h"
#include "lib/config/config.h"
#include "lib/control/identities.h"

namespace sallyport {

// version_text is "sallyport 0.1.0 (DPDK 22.11.11)".
[[nodiscard]] std::string version_text();

// StartFacts is what the report tells and nothing else remembers.
struct StartFacts {
  std::string exposed;      // what harden_process could not do
  bool lacks_x448 = false;  // libcrypto does
  std::size_t certificates = 0;
  // Of the heap, for all of them: keys, chains, compressed forms.
  std::size_t certificate_bytes = 0;
};

[[nodiscard]] std::string start_report(const config::Config& config, const MemoryPlan& plan,
                                       const Dataplane& dataplane,
                                       const control::Identities& identities,
                                       const StartFacts& facts);

}  // namespace sallyport
