// Bytes: what the simulated world passes around.
#pragma once
#include <cstdint>
#include <vector>

namespace sallyport::testing {

using Bytes = std::vector<std::uint8_t>;

}  // namespace sallyport::testing
