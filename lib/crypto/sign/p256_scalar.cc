#include "lib/crypto/sign/p256_scalar.h"

#include <array>
#include <cstddef>

#include "lib/base/secret.h"

namespace sallyport::crypto {
namespace {

constexpr std::array<std::uint8_t, kP256ScalarLen> kOrder{
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

// less_n writes number - n and returns 1 if that is negative, else 0.
unsigned less_n(P256ScalarView number, std::span<std::uint8_t, kP256ScalarLen> out) noexcept {
  unsigned borrow = 0;
  for (std::size_t i = kP256ScalarLen; i-- > 0;) {
    const unsigned difference = unsigned{number[i]} - kOrder[i] - borrow;
    out[i] = static_cast<std::uint8_t>(difference);
    borrow = difference >> 31;
  }
  return borrow;
}

}  // namespace

bool is_p256_scalar(P256ScalarView number) noexcept {
  std::array<std::uint8_t, kP256ScalarLen> less;
  unsigned any = 0;
  for (const std::uint8_t byte : number) any |= byte;
  const unsigned is_nonzero = (any + 0xff) >> 8;
  const bool result = (less_n(number, less) & is_nonzero) != 0;
  wipe(less);
  return result;
}

void reduce_modulo_n(std::span<std::uint8_t, kP256ScalarLen> number) noexcept {
  std::array<std::uint8_t, kP256ScalarLen> less;
  const auto keep = static_cast<std::uint8_t>(0U - less_n(number, less));
  for (std::size_t i = 0; i < kP256ScalarLen; ++i) {
    number[i] = static_cast<std::uint8_t>((number[i] & keep) | (less[i] & ~keep));
  }
  wipe(less);
}

}  // namespace sallyport::crypto
