// Keeping secrets where they are: no core dumps, no swap.
#pragma once
#include <string>

namespace sallyport {

// harden_process returns what could not be done and what would help, for the report at start; empty
// when everything was.
[[nodiscard]] std::string harden_process();

}  // namespace sallyport
