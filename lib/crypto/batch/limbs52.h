// Between big-endian bytes and limbs of 52 bits, for long numbers.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/secret.h"

namespace sallyport::crypto::batch {

constexpr std::size_t kLimb52Bits = 52;
constexpr std::uint64_t kLimb52Mask = (std::uint64_t{1} << kLimb52Bits) - 1;
constexpr std::size_t kMaxLongBytes = 520;  // 80 limbs

namespace internal {
// A number with its lowest byte first, and room to read and write eight bytes at any of them.
using LongBytes = std::array<std::uint8_t, kMaxLongBytes + 8>;
}  // namespace internal

// set_limbs writes a number to `limbs`, lowest first; put(i, limb) stores each.
// Preconditions: bytes.size() <= kMaxLongBytes, and the number fits `count` <= 80 limbs.
template <class Put>
inline void set_limbs(ByteView big_endian, std::size_t count, const Put& put) noexcept {
  internal::LongBytes bytes{};
  std::ranges::reverse_copy(big_endian, bytes.begin());
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + kLimb52Bits * i / 8, sizeof word);
    put(i, word >> (kLimb52Bits * i % 8) & kLimb52Mask);
  }
  wipe(bytes);
}

// take_limbs writes the number with these limbs, take(i), at the full width of `big_endian`.
// Preconditions: as above, and limbs have no bits above 51.
template <class Take>
inline void take_limbs(std::size_t count, const Take& take, MutableBytes big_endian) noexcept {
  internal::LongBytes bytes{};
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t* const at = bytes.data() + kLimb52Bits * i / 8;
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word |= take(i) << (kLimb52Bits * i % 8);
    std::memcpy(at, &word, sizeof word);
  }
  std::reverse_copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(big_endian.size()),
                    big_endian.begin());
  wipe(bytes);
}

}  // namespace sallyport::crypto::batch
