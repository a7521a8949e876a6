// Feeding a FourTuple into a keyed hash: the common beginning of cookies, initial sequence numbers
// and timestamp offsets.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/sip_state.h"

namespace sallyport::tcp {

// TupleWords is a FourTuple as a hash wants it.
class TupleWords {
 public:
  explicit TupleWords(const FourTuple& tuple) noexcept
      : local_{std::bit_cast<Words>(tuple.local.ip.bytes())},
        remote_{std::bit_cast<Words>(tuple.remote.ip.bytes())},
        ports_{std::uint32_t{tuple.local.port} << 16 | tuple.remote.port} {}

  [[nodiscard]] bool is_v4() const noexcept {
    return local_[0] == 0 && (local_[1] & kLow) == kMapped;
  }
  // absorb_addresses feeds one word for IPv4, four for IPv6.
  void absorb_addresses(SipState& hash) const noexcept {
    if (is_v4()) {
      hash.absorb((remote_[1] >> 32) | (local_[1] & ~kLow));
      return;
    }
    hash.absorb(local_[0]);
    hash.absorb(local_[1]);
    hash.absorb(remote_[0]);
    hash.absorb(remote_[1]);
  }
  [[nodiscard]] std::uint32_t ports() const noexcept { return ports_; }

 private:
  using Words = std::array<std::uint64_t, 2>;
  // The IPv4-mapped prefix ::ffff:0:0/96, as a little-endian word shows it.
  static constexpr std::uint64_t kMapped = 0xffff'0000;
  static constexpr std::uint64_t kLow = 0xffff'ffff;

  Words local_;
  Words remote_;
  std::uint32_t ports_;
};

}  // namespace sallyport::tcp
