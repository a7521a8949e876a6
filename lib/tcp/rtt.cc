#include "lib/tcp/rtt.h"

#include <algorithm>

namespace sallyport::tcp {

void measured(RoundTrip& r, Micros sample) noexcept {
  // Longer than the largest time-out can only be an error; it would also overflow the sums below.
  const std::uint32_t rtt = std::clamp(sample.count, 1U, kMaxRto.count);
  if (r.srtt.count == 0) {
    // [RFC 6298 2.2] First sample: SRTT = R, RTTVAR = R/2.
    r.srtt.count = rtt;
    r.rttvar.count = rtt / 2;
  } else {
    // [RFC 6298 2.3] RTTVAR first, from the old SRTT; weights 1/4 and 1/8.
    const std::uint32_t error = r.srtt.count > rtt ? r.srtt.count - rtt : rtt - r.srtt.count;
    r.rttvar.count = r.rttvar.count - r.rttvar.count / 4 + error / 4;
    r.srtt.count = std::max(1U, r.srtt.count - r.srtt.count / 8 + rtt / 8);
  }
}

Micros RoundTrip::rto() const noexcept {
  if (srtt.count == 0) return rttvar;
  const Micros variance{std::max(4 * rttvar.count, kMinRtoVariance.count)};
  return std::min(srtt + variance, kMaxRto);
}

Micros backed_off(const RoundTrip& r, std::uint8_t times) noexcept {
  std::uint64_t rto = r.rto().count;
  for (unsigned i = 0; i < times && rto < kMaxRto.count; ++i) rto *= 2;
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(rto, kMaxRto.count))};
}

}  // namespace sallyport::tcp
