// Keeping secrets where they are: no core dumps, no swap.
#pragma once
#include <string>

namespace sallyport {

// harden_process returns what could not be done, for the log; empty when everything was.
[[nodiscard]] std::string harden_process();

}  // namespace sallyport
