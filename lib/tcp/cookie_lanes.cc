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

void AckLanes::check(const CookieKeys& keys, WallTime now, std::size_t num,
                     std::array<Verdict, kLanes>& verdicts) const noexcept {
  // Each lane has the key that its cookie names, and another one, under which only the freshness of
  // its timestamp can be told.
  std::array<std::uint32_t, kLanes> isn;
  SipLanes::Words k0;
  SipLanes::Words k1;
  SipLanes::Words other_k0;
  SipLanes::Words other_k1;
  bool any_timestamps = false;
  for (std::size_t i = 0; i < kLanes; ++i) {
    isn[i] = ack[i] - 1;
    const bool current = &key_for(keys, isn[i]) == &keys.current;
    k0.lane[i] = current ? keys.current.k0 : keys.adjacent.k0;
    k1.lane[i] = current ? keys.current.k1 : keys.adjacent.k1;
    other_k0.lane[i] = current ? keys.adjacent.k0 : keys.current.k0;
    other_k1.lane[i] = current ? keys.adjacent.k1 : keys.current.k1;
    any_timestamps |= timestamps[i];
  }
  SipLanes hash{k0, k1};
  tuple.absorb_addresses(hash);
  SipLanes::Words offset;
  SipLanes::Words other_offset;
  if (any_timestamps) {
    offset = hash.finish(tuple.ports, 4);
    SipLanes other{other_k0, other_k1};
    tuple.absorb_addresses(other);
    other_offset = other.finish(tuple.ports, 4);
  }

  const std::uint64_t latest = (now.unix_ms >> kCookiePeriodBits) + kCookiePeriodsAhead;
  std::array<std::uint64_t, kLanes> period;
  SipLanes::Words isn_and_ports;
  SipLanes::Words tail;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const std::uint32_t time = isn[i] >> kTimeShift & kTimeMask;
    period[i] = timestamps[i]
                    ? sent_at(tsecr[i], static_cast<std::uint32_t>(offset.lane[i]), now) >>
                          kCookiePeriodBits
                    : latest - ((latest - time) & kTimeMask);
    isn_and_ports.lane[i] =
        std::uint64_t{static_cast<std::uint32_t>(seq.lane[i]) - 1} << 32 | tuple.ports.lane[i];
    tail.lane[i] = mac_tail(period[i], isn[i] & kOptionBits, timestamps[i]);
  }
  hash.absorb(&isn_and_ports, 1);
  const SipLanes::Words mac = hash.finish(tail, kMacTailLength);

  for (std::size_t i = 0; i < num; ++i) {
    const bool same_time = (period[i] & kTimeMask) == (isn[i] >> kTimeShift & kTimeMask);
    const bool same_mac = ((static_cast<std::uint32_t>(mac.lane[i]) ^ isn[i]) & ~kOptionBits) == 0;
    const bool good = same_time && same_mac;
    if (good && is_alive(period[i], now)) {
      verdicts[i] = Verdict::accepted;
      continue;
    }
    verdicts[i] = good ? Verdict::expired : Verdict::bad_mac;
    const auto is_fresh = [&](std::uint64_t its_offset) noexcept {
      const std::uint64_t sent = sent_at(tsecr[i], static_cast<std::uint32_t>(its_offset), now);
      return is_alive(sent >> kCookiePeriodBits, now);
    };
    if (timestamps[i] && (is_fresh(offset.lane[i]) || is_fresh(other_offset.lane[i]))) {
      verdicts[i] = Verdict::overtakes;
    }
  }
}

}  // namespace sallyport::tcp
