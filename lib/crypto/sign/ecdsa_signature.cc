#include "lib/crypto/sign/ecdsa_signature.h"

#include <algorithm>
#include <cstddef>

namespace sallyport::crypto {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;

// append_integer writes the shortest encoding of a number that is not negative.
std::size_t append_integer(std::span<const std::uint8_t, 32> number, MutableBytes out) noexcept {
  std::size_t first = 0;
  while (first < number.size() - 1 && number[first] == 0) ++first;
  const ByteView digits = number.subspan(first);
  const std::size_t sign = digits[0] >> 7;  // a zero octet, for else it would be negative
  out[0] = kInteger;
  out[1] = static_cast<std::uint8_t>(sign + digits.size());
  out[2] = 0;
  std::ranges::copy(digits, out.subspan(2 + sign).begin());
  return 2 + sign + digits.size();
}

}  // namespace

std::uint16_t encode_p256_signature(std::span<const std::uint8_t, 32> r,
                                    std::span<const std::uint8_t, 32> s,
                                    MutableBytes out) noexcept {
  std::size_t len = append_integer(r, out.subspan(2));
  len += append_integer(s, out.subspan(2 + len));
  out[0] = kSequence;
  out[1] = static_cast<std::uint8_t>(len);
  return static_cast<std::uint16_t>(2 + len);
}

}  // namespace sallyport::crypto
