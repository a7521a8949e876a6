// SeqNum: a TCP sequence number (RFC 9293 section 3.4).
#pragma once
#include <cstdint>

namespace sallyport::wire {

// Arithmetic is modulo 2^32 and the order holds only between numbers less than 2^31 apart, so it is
// not transitive: there is no operator<, and none may be added, or std::sort would accept it.
struct SeqNum {
  std::uint32_t raw = 0;
  friend constexpr bool operator==(SeqNum, SeqNum) noexcept = default;
  friend constexpr SeqNum operator+(SeqNum s, std::uint32_t n) noexcept { return {s.raw + n}; }
  friend constexpr SeqNum operator-(SeqNum s, std::uint32_t n) noexcept { return {s.raw - n}; }
  // The distance is positive when `a` comes after `b`.
  friend constexpr std::int32_t operator-(SeqNum a, SeqNum b) noexcept {
    return static_cast<std::int32_t>(a.raw - b.raw);
  }
  constexpr SeqNum& operator+=(std::uint32_t n) noexcept {
    raw += n;
    return *this;
  }
};

[[nodiscard]] constexpr bool before(SeqNum a, SeqNum b) noexcept { return a - b < 0; }
[[nodiscard]] constexpr bool at_or_before(SeqNum a, SeqNum b) noexcept { return a - b <= 0; }
[[nodiscard]] constexpr bool after(SeqNum a, SeqNum b) noexcept { return a - b > 0; }
[[nodiscard]] constexpr bool at_or_after(SeqNum a, SeqNum b) noexcept { return a - b >= 0; }
[[nodiscard]] constexpr SeqNum later(SeqNum a, SeqNum b) noexcept { return before(a, b) ? b : a; }
[[nodiscard]] constexpr SeqNum earlier(SeqNum a, SeqNum b) noexcept { return before(a, b) ? a : b; }

// distance is `to - from` as a length.  Precondition: at_or_before(from, to).
[[nodiscard]] constexpr std::uint32_t distance(SeqNum from, SeqNum to) noexcept {
  return to.raw - from.raw;
}

}  // namespace sallyport::wire
