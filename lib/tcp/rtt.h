// Round-trip time and the retransmission time-out (RFC 6298).
#pragma once
#include <cstdint>

#include "lib/tcp/time.h"

namespace sallyport::tcp {

// [RFC 6298 2.1] Until a round trip was measured.
inline constexpr Micros kInitialRto = from_millis(1000);
// [RFC 6298 5.7] After a SYN that had to be repeated without any measurement.
inline constexpr Micros kRtoAfterLostSyn = from_millis(3000);
// [RFC 6298 2.4 except] One second would stall every short transfer that loses its last segment.
// As every deployed stack does, the variance term has a floor instead: no time-out fires sooner
// than this after the expected ACK, which covers a peer that delays its ACKs by 200 ms.
inline constexpr Micros kMinRtoVariance = from_millis(200);
// [RFC 6298 2.5] An upper bound of at least 60 seconds is allowed.
inline constexpr Micros kMaxRto = from_millis(60'000);

struct RoundTrip {
  Micros srtt;                  // zero: never measured
  Micros rttvar = kInitialRto;  // until then: the time-out itself
  // rto is without back-off.
  [[nodiscard]] Micros rto() const noexcept;
};

// measured folds one sample in.  A sample of zero counts as one microsecond.
void measured(RoundTrip& r, Micros sample) noexcept;

// backed_off is the time-out after `times` expirations in a row.
// [RFC 6298 5.5] Doubled each time, up to the maximum.
[[nodiscard]] Micros backed_off(const RoundTrip& r, std::uint8_t times) noexcept;

}  // namespace sallyport::tcp
