// Text that goes on the wire or into reports.
#pragma once
#include <cstdint>
#include <string_view>

#include "lib/base/byteorder.h"

namespace sallyport {

[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// put_hex calls put(char) for the two digits of each byte.
template <class Put>
constexpr void put_hex(ByteView bytes, Put&& put) {
  for (const std::uint8_t byte : bytes) {
    put(kHexDigits[byte >> 4U]);
    put(kHexDigits[byte & 0xfU]);
  }
}

// to_lower knows the letters of ASCII alone, whatever the locale: what names of hosts are compared
// by (RFC 4343 section 3).
template <class Byte>
[[nodiscard]] constexpr Byte to_lower(Byte letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<Byte>(letter - 'A' + 'a') : letter;
}

}  // namespace sallyport
