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

// sequence is a SEQUENCE in DER of so many bytes, at least 260: a certificate from afar.
[[nodiscard]] inline Bytes sequence(std::size_t len, std::uint8_t content) {
  constexpr std::size_t kHead = 4;
  const std::size_t inside = len - kHead;
  Bytes bytes{0x30, 0x82, static_cast<std::uint8_t>(inside >> 8),
              static_cast<std::uint8_t>(inside & 0xff)};
  bytes.resize(len, content);
  return bytes;
}

}  // namespace sallyport::testing
