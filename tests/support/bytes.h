// Bytes: what the simulated world passes around.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/byteorder.h"

namespace sallyport::testing {

using Bytes = std::vector<std::uint8_t>;

// contains looks for a run of a secret's bytes.
[[nodiscard]] inline bool contains(ByteView memory, ByteView secret) {
  const ByteView run = secret.first(std::min<std::size_t>(16, secret.size()));
  return std::search(memory.begin(), memory.end(), run.begin(), run.end()) != memory.end();
}

}  // namespace sallyport::testing
