// Time as TCP sees it: microseconds.  The worker converts its one TSC reading per burst into an
// Instant; a connection stores Stamps, which are the low 32 bits, because every interval that TCP
// measures is shorter than the 35 minutes over which those compare correctly.
#pragma once
#include <compare>
#include <cstdint>

#include "lib/base/units.h"

namespace sallyport::tcp {

// Micros is a length of time.
struct Micros {
  std::uint32_t count = 0;
  friend constexpr auto operator<=>(Micros, Micros) noexcept = default;
  friend constexpr Micros operator+(Micros a, Micros b) noexcept { return {a.count + b.count}; }
};
[[nodiscard]] constexpr Micros from_millis(std::uint32_t ms) noexcept { return {ms * 1000}; }

// Instant is a point of time: microseconds since the counter began.
struct Instant {
  std::uint64_t us = 0;
  friend constexpr auto operator<=>(Instant, Instant) noexcept = default;
  friend constexpr Instant operator+(Instant t, Micros d) noexcept { return {t.us + d.count}; }
  // Precondition of the difference: b <= a, less than 71 minutes apart.
  friend constexpr Micros operator-(Instant a, Instant b) noexcept {
    return {static_cast<std::uint32_t>(a.us - b.us)};
  }
};

// Stamp is an Instant that is remembered.
struct Stamp {
  std::uint32_t us = 0;
  constexpr Stamp() noexcept = default;
  constexpr explicit Stamp(Instant t) noexcept : us{static_cast<std::uint32_t>(t.us)} {}
  [[nodiscard]] constexpr Micros elapsed(Instant now) const noexcept {
    return {static_cast<std::uint32_t>(now.us) - us};
  }
  // has_come is true from the instant on that the stamp names.
  [[nodiscard]] constexpr bool has_come(Instant now) const noexcept {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(now.us) - us) >= 0;
  }
  // instant is the Instant nearest to `now` that this stamp stands for.
  [[nodiscard]] constexpr Instant instant(Instant now) const noexcept {
    const auto ahead = static_cast<std::int32_t>(us - static_cast<std::uint32_t>(now.us));
    return {now.us + static_cast<std::uint64_t>(static_cast<std::int64_t>(ahead))};
  }
};

// CoarseStamp is a remembered Instant in two bytes, in units of 2^Shift microseconds: for what is
// measured in many units and compared within 65,535 of them.
template <unsigned Shift>
struct CoarseStamp {
  std::uint16_t ticks = 0;
  constexpr CoarseStamp() noexcept = default;
  constexpr explicit CoarseStamp(Instant t) noexcept
      : ticks{static_cast<std::uint16_t>(t.us >> Shift)} {}
  // elapsed rounds to a unit, either way.
  [[nodiscard]] constexpr std::uint64_t elapsed_us(Instant now) const noexcept {
    const auto units = static_cast<std::uint16_t>((now.us >> Shift) - ticks);
    return std::uint64_t{units} << Shift;
  }
};
using TimerStamp = CoarseStamp<16>;  // 66 ms to 71 minutes
using AgeStamp = CoarseStamp<28>;    // 4.5 minutes to 200 days

// Clock converts between the counter of the processor and TCP's time.  instant() costs a division:
// once per burst.
class Clock {
 public:
  constexpr explicit Clock(TscRate rate) noexcept : rate_{rate} {}
  [[nodiscard]] constexpr Instant instant(Tsc now) const noexcept {
    const std::uint64_t whole = now.ticks / rate_.hz;
    const std::uint64_t rest = now.ticks % rate_.hz;
    return {whole * kMicrosPerSecond + rest * kMicrosPerSecond / rate_.hz};
  }
  // tsc is the first tick at which instant() has reached `t`.
  [[nodiscard]] constexpr Tsc tsc(Instant t) const noexcept {
    const std::uint64_t whole = t.us / kMicrosPerSecond;
    const std::uint64_t rest = t.us % kMicrosPerSecond;
    return {whole * rate_.hz + (rest * rate_.hz + kMicrosPerSecond - 1) / kMicrosPerSecond};
  }

 private:
  static constexpr std::uint64_t kMicrosPerSecond = 1'000'000;
  TscRate rate_;
};

// [RFC 7323 5.4] The timestamp clock ticks once per millisecond: fast enough to order segments at
// any rate that PAWS has to protect, slow enough not to wrap within the life of a segment.
[[nodiscard]] constexpr std::uint32_t timestamp_clock(Instant now) noexcept {
  return static_cast<std::uint32_t>(now.us / 1000);
}

}  // namespace sallyport::tcp
