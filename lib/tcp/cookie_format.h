// What stands where in a SYN cookie; syn_cookie.h draws it.  Shared by those that make and check
// one cookie and those that make eight.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/cookie_keys.h"
#include "lib/tcp/options.h"
#include "lib/tcp/syn_cookie.h"

namespace sallyport::tcp::cookie {

inline constexpr unsigned kMacShift = 11;
inline constexpr std::uint32_t kOptionBits = (1U << kMacShift) - 1;
inline constexpr unsigned kTimeShift = 8;
inline constexpr std::uint32_t kTimeMask = 7;
inline constexpr unsigned kMssShift = 6;
inline constexpr std::uint32_t kMssMask = 3;
inline constexpr unsigned kScaleShift = 2;
inline constexpr std::uint32_t kScaleMask = 15;
inline constexpr std::uint32_t kNoScale = 15;
inline constexpr unsigned kSackShift = 1;

// The low bits of our TSval: three of finer MSS, one for ECN.  No MAC covers them: a client
// that changes them in its echo lies about what it offered itself.
inline constexpr std::uint32_t kTimestampBits = 15;
inline constexpr unsigned kFineShift = 1;
inline constexpr std::uint32_t kFineSteps = 8;
inline constexpr std::uint32_t kEcnBit = 1;

// Maximum segment sizes that two bits can tell apart: the smallest legal one, tunnels, one
// encapsulation on Ethernet, plain Ethernet.  The fifth entry ends the last interval, which finer
// bits divide up to jumbo frames.
using MssTable = std::array<std::uint16_t, 5>;
inline constexpr MssTable kMssV4{536, 1300, 1440, 1460, 10'032};
inline constexpr MssTable kMssV6{1220, 1300, 1420, 1440, 10'012};

[[nodiscard]] constexpr const MssTable& mss_table(bool is_v4) noexcept {
  return is_v4 ? kMssV4 : kMssV6;
}

[[nodiscard]] constexpr std::uint16_t fine_mss(const MssTable& table, std::uint32_t coarse,
                                               std::uint32_t fine) noexcept {
  const std::uint32_t step = table[coarse + 1] - std::uint32_t{table[coarse]};
  return static_cast<std::uint16_t>(table[coarse] + step * fine / kFineSteps);
}

[[nodiscard]] constexpr std::uint32_t coarse_index(const MssTable& table,
                                                   std::uint16_t mss) noexcept {
  return (mss >= table[1] ? 1U : 0U) + (mss >= table[2] ? 1U : 0U) + (mss >= table[3] ? 1U : 0U);
}

[[nodiscard]] constexpr std::uint32_t fine_index(const MssTable& table, std::uint32_t coarse,
                                                 std::uint16_t mss) noexcept {
  std::uint32_t fine = 0;  // nearly always: entries of the table are the common sizes
  while (fine + 1 < kFineSteps && fine_mss(table, coarse, fine + 1) <= mss) ++fine;
  return fine;
}

// Offer is what a SYN offered, as the cookie carries it.
struct Offer {
  std::uint32_t bits = 0;  // MSS, window scale and SACK where they stand in the ISN
  std::uint32_t fine = 0;  // finer MSS and ECN where they stand in the TSval
};

// offer_of takes the options of a SYN; mss 0 stands for none, and `ecn` for an offer that we take.
[[nodiscard]] constexpr Offer offer_of(bool is_v4, std::uint16_t mss, bool has_window_scale,
                                       std::uint8_t window_scale, bool sack_permitted,
                                       bool ecn) noexcept {
  const MssTable& table = mss_table(is_v4);
  const std::uint16_t named = mss != 0 ? mss : table[0];
  const std::uint32_t coarse = coarse_index(table, named);
  const std::uint32_t scale = has_window_scale ? std::min(window_scale, kMaxWindowScale) : kNoScale;
  return {
      .bits = coarse << kMssShift | scale << kScaleShift | (sack_permitted ? 1U << kSackShift : 0U),
      .fine = fine_index(table, coarse, named) << kFineShift | (ecn ? kEcnBit : 0U)};
}

// mac_tail is the last piece of what the MAC covers, of kMacTailLength bytes.  A key does not live
// for 2^16 periods, which are six days.
inline constexpr unsigned kMacTailLength = 4;
[[nodiscard]] constexpr std::uint64_t mac_tail(std::uint64_t period, std::uint32_t option_bits,
                                               bool timestamps) noexcept {
  return (period & 0xffff) << 16 | (timestamps ? 1U << 15 : 0U) | option_bits;
}

// key_for is the key under which a cookie of ours was made: its lowest bit tells.
[[nodiscard]] inline const SipKey& key_for(const CookieKeys& keys, std::uint32_t isn) noexcept {
  return ((isn ^ keys.epoch) & 1U) == 0 ? keys.current : keys.adjacent;
}

// sent_at is the wall time that a TSval of ours names, nearest to `now`.
[[nodiscard]] inline std::uint64_t sent_at(std::uint32_t tsval, std::uint32_t offset,
                                           WallTime now) noexcept {
  const std::uint32_t ms = (tsval & ~kTimestampBits) - offset;
  const auto age = static_cast<std::int32_t>(static_cast<std::uint32_t>(now.unix_ms) - ms);
  return now.unix_ms - static_cast<std::uint64_t>(std::int64_t{age});
}

// is_alive: the period of a cookie is one of those that are accepted now.
[[nodiscard]] inline bool is_alive(std::uint64_t period, WallTime now) noexcept {
  const auto age = static_cast<std::int64_t>((now.unix_ms >> kCookiePeriodBits) - period);
  return age >= -kCookiePeriodsAhead && age <= kCookiePeriodsBehind;
}

}  // namespace sallyport::tcp::cookie
