// Arithmetic on secrets: no branch and no index depends on the operands, so neither time nor cache
// tells anything about them.  For values that must not be told apart: paddings, lengths below
// them, plaintexts that may turn out to be forged.
#pragma once
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::ct {

// Mask is all ones (true) or all zeros (false).
using Mask = std::uint64_t;

// hide keeps the compiler from learning what a value is: of a mask that it has only two values, and
// it would make branches; of a secret in a loop that it differs from an address by what is public,
// and it would count them in one register.
[[nodiscard]] inline std::uint64_t hide(std::uint64_t value) noexcept {
  __asm__("" : "+r"(value));
  return value;
}

[[nodiscard]] inline Mask is_negative(std::uint64_t a) noexcept { return hide(0 - (a >> 63)); }
[[nodiscard]] inline Mask is_zero(std::uint64_t a) noexcept {
  a = hide(a);
  return is_negative(~a & (a - 1));
}
[[nodiscard]] inline Mask equal(std::uint64_t a, std::uint64_t b) noexcept {
  return is_zero(a ^ b);
}
[[nodiscard]] inline Mask less(std::uint64_t a, std::uint64_t b) noexcept {
  a = hide(a);
  b = hide(b);
  return is_negative(a ^ ((a ^ b) | ((a - b) ^ a)));
}
[[nodiscard]] inline Mask at_least(std::uint64_t a, std::uint64_t b) noexcept {
  return ~less(a, b);
}
[[nodiscard]] inline std::uint64_t select(Mask mask, std::uint64_t if_true,
                                          std::uint64_t if_false) noexcept {
  mask = hide(mask);
  return (mask & if_true) | (~mask & if_false);
}
[[nodiscard]] inline std::uint8_t select_byte(Mask mask, std::uint8_t if_true,
                                              std::uint8_t if_false) noexcept {
  return static_cast<std::uint8_t>(select(mask, if_true, if_false));
}
// equal of two strings of one length, which is public.
[[nodiscard]] inline Mask equal(ByteView a, ByteView b) noexcept {
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<std::uint64_t>(a[i] ^ b[i]);
  }
  return is_zero(difference);
}

}  // namespace sallyport::ct
