// The test that a provider has to pass before it is trusted with keys.
#pragma once
#include "lib/offload/provider.h"

namespace sallyport::offload {

// passes_self_test compares `candidate` with `reference` on fresh keys and on shares at the edges
// of what is valid, with full and with partly filled batches.  Milliseconds: for the start.
[[nodiscard]] bool passes_self_test(const Provider& candidate, const Provider& reference) noexcept;

}  // namespace sallyport::offload
