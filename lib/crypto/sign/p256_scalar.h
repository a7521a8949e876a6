// Scalars of P-256 as bytes: numbers modulo the order n of its group, big-endian.  The time of
// every function here depends on nothing but lengths.
#pragma once
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

constexpr std::size_t kP256ScalarLen = 32;
using P256ScalarView = std::span<const std::uint8_t, kP256ScalarLen>;

// is_p256_scalar tells whether `number` is in [1, n - 1].
[[nodiscard]] bool is_p256_scalar(P256ScalarView number) noexcept;
// reduce_modulo_n subtracts n where that is possible, which is enough for any 256 bits.
void reduce_modulo_n(std::span<std::uint8_t, kP256ScalarLen> number) noexcept;

}  // namespace sallyport::crypto
