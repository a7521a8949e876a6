// The finite-field groups of RFC 7919, the only ones that DHE is done in here.  Their primes are
// safe, so a peer's value in (1, p-1) generates a group without small parts; groups of a server's
// own making are what Logjam broke.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"

namespace sallyport::crypto {

constexpr std::size_t kMaxFiniteFieldLen = 512;  // ffdhe4096
constexpr std::uint8_t kFiniteFieldGenerator = 2;

// [RFC 7919 4] a client that names any group of this range knows the rules, also where we do not
// know the group.
[[nodiscard]] constexpr bool is_finite_field(NamedGroup group) noexcept {
  const auto number = static_cast<std::uint16_t>(group);
  return number >= 256 && number <= 511;
}

// finite_field_prime is p, the most significant byte first; empty for groups that we do not have.
[[nodiscard]] ByteView finite_field_prime(NamedGroup group) noexcept;

// [RFC 7919 A] exponents of so many bits are as strong as the group.
[[nodiscard]] constexpr unsigned finite_field_exponent_bits(NamedGroup group) noexcept {
  if (group == NamedGroup::ffdhe2048) return 225;
  return group == NamedGroup::ffdhe3072 ? 275 : 325;
}

}  // namespace sallyport::crypto
