// Time in types.  An instant and a length of time differ, and so do TSC ticks and nanoseconds:
// only TscRate converts, and it is passed down, never global.
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>

namespace sallyport {

using Nanos = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// TscSpan is a length of time in ticks of the time-stamp counter; it may be negative.
struct TscSpan {
  std::int64_t ticks = 0;
  friend constexpr auto operator<=>(TscSpan, TscSpan) noexcept = default;
  friend constexpr TscSpan operator+(TscSpan a, TscSpan b) noexcept { return {a.ticks + b.ticks}; }
  friend constexpr TscSpan operator-(TscSpan a, TscSpan b) noexcept { return {a.ticks - b.ticks}; }
  friend constexpr TscSpan operator*(TscSpan a, std::int64_t n) noexcept { return {a.ticks * n}; }
  friend constexpr TscSpan operator/(TscSpan a, std::int64_t n) noexcept { return {a.ticks / n}; }
};

// Tsc is an instant: ticks since the processor was started.
struct Tsc {
  std::uint64_t ticks = 0;
  friend constexpr auto operator<=>(Tsc, Tsc) noexcept = default;
  friend constexpr Tsc operator+(Tsc t, TscSpan d) noexcept {
    return {t.ticks + static_cast<std::uint64_t>(d.ticks)};
  }
  friend constexpr Tsc operator-(Tsc t, TscSpan d) noexcept {
    return {t.ticks - static_cast<std::uint64_t>(d.ticks)};
  }
  friend constexpr TscSpan operator-(Tsc a, Tsc b) noexcept {
    return {static_cast<std::int64_t>(a.ticks - b.ticks)};
  }
};

// TscRate is the frequency of the counter.  Precondition: 1 MHz <= hz < 9.2 GHz, which keeps every
// product below 2^63.
struct TscRate {
  std::uint64_t hz = 1'000'000'000;

  // ticks converts any Nanos that fits (about +-292 years) exactly, rounding towards zero.
  [[nodiscard]] constexpr TscSpan ticks(Nanos n) const noexcept {
    const auto per_second = static_cast<std::int64_t>(hz);
    const std::int64_t whole = n.count() / kNanosPerSecond;
    const std::int64_t rest = n.count() % kNanosPerSecond;
    return {whole * per_second + rest * per_second / kNanosPerSecond};
  }
  [[nodiscard]] constexpr Nanos nanos(TscSpan span) const noexcept {
    const auto per_second = static_cast<std::int64_t>(hz);
    const std::int64_t whole = span.ticks / per_second;
    const std::int64_t rest = span.ticks % per_second;
    return Nanos{whole * kNanosPerSecond + rest * kNanosPerSecond / per_second};
  }

 private:
  static constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
};

// WallClock ties one instant to calendar time; it comes with the snapshot, so that pure code can
// check validity periods and ticket ages without reading a clock.
struct WallClock {
  Tsc at;
  std::uint64_t unix_ms = 0;
  [[nodiscard]] constexpr std::uint64_t unix_ms_at(Tsc now, TscRate rate) const noexcept {
    const Nanos since = rate.nanos(now - at);
    return unix_ms + static_cast<std::uint64_t>(since.count() / 1'000'000);
  }
};

}  // namespace sallyport
