#include "lib/tcp/cookie_lanes.h"

namespace sallyport::tcp {

using namespace cookie;

void CookieLanes::make(const CookieKeys& keys, WallTime now, std::size_t num,
                       std::array<Reply, kLanes>& replies) const noexcept {
  SipLanes hash{keys.current};
  tuple.absorb_addresses(hash);
  const SipLanes::Words ts_offset = hash.finish(tuple.ports, 4);

  SipLanes::Words isn_and_ports;
  SipLanes::Words tail;
  std::array<std::uint32_t, kLanes> bits;
  for (std::size_t i = 0; i < kLanes; ++i) {
    isn_and_ports.lane[i] = client_isn.lane[i] << 32 | tuple.ports.lane[i];
    const std::uint32_t clock =
        static_cast<std::uint32_t>(now.unix_ms) + static_cast<std::uint32_t>(ts_offset.lane[i]);
    const std::uint32_t lost = timestamps[i] ? clock & kTimestampBits : 0;
    const std::uint64_t period = (now.unix_ms - lost) >> kCookiePeriodBits;
    bits[i] = (static_cast<std::uint32_t>(period) & kTimeMask) << kTimeShift | offered_bits[i] |
              (keys.epoch & 1U);
    tail.lane[i] = mac_tail(period, bits[i], timestamps[i]);
    replies[i].tsval = (clock & ~kTimestampBits) | offered_fine[i];
  }
  hash.absorb(&isn_and_ports, 1);
  const SipLanes::Words mac = hash.finish(tail, kMacTailLength);
  for (std::size_t i = 0; i < num; ++i) {
    replies[i].seq = (static_cast<std::uint32_t>(mac.lane[i]) & ~kOptionBits) | bits[i];
  }
}

}  // namespace sallyport::tcp
