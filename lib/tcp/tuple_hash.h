// Feeding a FourTuple into a keyed hash: the common beginning of cookies, initial sequence numbers
// and timestamp offsets.
#pragma once
#include <bit>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/sip_state.h"

namespace sallyport::tcp {

// absorb_tuple feeds the addresses (one word for IPv4, four for IPv6) and then one word of both
// ports with `suffix` in its upper half.
inline void absorb_tuple(SipState& hash, const FourTuple& tuple, std::uint32_t suffix) noexcept {
  using Words = std::array<std::uint64_t, 2>;
  const auto local = std::bit_cast<Words>(tuple.local.ip.bytes());
  const auto remote = std::bit_cast<Words>(tuple.remote.ip.bytes());
  // The IPv4-mapped prefix ::ffff:0:0/96, as a little-endian word shows it.
  constexpr std::uint64_t kMapped = 0xffff'0000;
  constexpr std::uint64_t kLow = 0xffff'ffff;
  if (local[0] == 0 && (local[1] & kLow) == kMapped) {
    hash.absorb((remote[1] >> 32) | (local[1] & ~kLow));
  } else {
    hash.absorb(local[0]);
    hash.absorb(local[1]);
    hash.absorb(remote[0]);
    hash.absorb(remote[1]);
  }
  const std::uint32_t ports = std::uint32_t{tuple.local.port} << 16 | tuple.remote.port;
  hash.absorb(std::uint64_t{suffix} << 32 | ports);
}

}  // namespace sallyport::tcp
