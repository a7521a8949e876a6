// Bytes as text for reports.
#pragma once
#include <string>
#include <string_view>

#include "lib/base/byteorder.h"

namespace sallyport {

// hex_text is lower case, without separators.
[[nodiscard]] inline std::string hex_text(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xfU];
  }
  return out;
}

}  // namespace sallyport
