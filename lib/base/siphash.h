// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed 64-bit hash for short inputs.  It keeps a flooder
// from aiming at one bucket of a table, and is the MAC of SYN cookies.
#pragma once
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport {

struct SipKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

// siphash hashes a message of any length.  Fixed fields hash faster through SipState.
[[nodiscard]] std::uint64_t siphash(const SipKey& key, ByteView message) noexcept;

}  // namespace sallyport
