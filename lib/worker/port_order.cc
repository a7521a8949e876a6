#include "lib/worker/port_order.h"

#include <bit>

#include "lib/base/sip_state.h"

namespace sallyport::worker {
namespace {

// [Luby and Rackoff 1988] Four rounds with a keyed function make a permutation that looks random.
constexpr unsigned kRounds = 4;

}  // namespace

std::uint32_t PortOrder::at(std::uint32_t i, std::uint32_t n) const noexcept {
  // Two halves of equal length, together the smallest that hold every number below n.
  const unsigned half_bits = (static_cast<unsigned>(std::bit_width(n - 1)) + 1) / 2;
  const std::uint32_t mask = (1U << half_bits) - 1;
  std::uint32_t x = i;
  // A permutation of more than [0, n): what falls outside goes through it again, and comes back
  // inside at the latest where it began.  At most three in four fall outside.
  do {
    std::uint32_t left = x >> half_bits;
    std::uint32_t right = x & mask;
    for (unsigned round = 0; round < kRounds; ++round) {
      SipState hash{secret_};
      hash.absorb(std::uint64_t{n} << 32 | right);
      const auto mixed = static_cast<std::uint32_t>(hash.finish(round, 1)) & mask;
      const std::uint32_t next = left ^ mixed;
      left = right;
      right = next;
    }
    x = left << half_bits | right;
  } while (x >= n);
  return x;
}

}  // namespace sallyport::worker
