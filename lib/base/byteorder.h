// Integers in network byte order, stored as bytes: alignment 1, no padding, usable in constant
// expressions.  Nothing converts by accident; host() and of() are the only doors.
#pragma once
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace sallyport {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

// BigEndian<T, N> is an unsigned integer of N bytes as it lies on the wire.
template <std::unsigned_integral T, std::size_t N = sizeof(T)>
struct BigEndian {
  std::array<std::uint8_t, N> bytes{};

  [[nodiscard]] static constexpr BigEndian of(T value) noexcept {
    if constexpr (N == sizeof(T)) {
      return std::bit_cast<BigEndian>(swapped(value));
    } else {
      BigEndian wire;
      for (std::size_t i = N; i-- > 0; value = static_cast<T>(value >> 8)) {
        wire.bytes[i] = static_cast<std::uint8_t>(value);
      }
      return wire;
    }
  }
  [[nodiscard]] constexpr T host() const noexcept {
    if constexpr (N == sizeof(T)) {
      return swapped(std::bit_cast<T>(bytes));
    } else {
      T value = 0;
      for (const std::uint8_t byte : bytes) value = static_cast<T>((value << 8) | byte);
      return value;
    }
  }
  friend constexpr bool operator==(const BigEndian&, const BigEndian&) noexcept = default;

 private:
  // GCC 12 makes byte-wise loops of what one instruction does; so it is told.
  static constexpr T swapped(T value) noexcept {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(T) == 1) {
      return value;
    } else if constexpr (sizeof(T) == 2) {
      return __builtin_bswap16(value);
    } else if constexpr (sizeof(T) == 4) {
      return __builtin_bswap32(value);
    } else {
      static_assert(sizeof(T) == 8);
      return __builtin_bswap64(value);
    }
  }
};

using Be16 = BigEndian<std::uint16_t>;
using Be24 = BigEndian<std::uint32_t, 3>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

template <class T>
concept WireStruct = std::is_trivially_copyable_v<T> && alignof(T) == 1;

// load copies a wire struct out of the front of `in`.  Precondition: in.size() >= sizeof(T).
template <WireStruct T>
[[nodiscard]] constexpr T load(ByteView in) noexcept {
  std::array<std::uint8_t, sizeof(T)> raw{};
  const ByteView front = in.first(sizeof(T));
  if (std::is_constant_evaluated()) {
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = front[i];
  } else {
    std::memcpy(raw.data(), front.data(), sizeof(T));
  }
  return std::bit_cast<T>(raw);
}

// store copies a wire struct to the front of `out`.  Precondition: out.size() >= sizeof(T).
template <WireStruct T>
constexpr void store(MutableBytes out, const T& value) noexcept {
  const auto raw = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value);
  const MutableBytes front = out.first(sizeof(T));
  if (std::is_constant_evaluated()) {
    for (std::size_t i = 0; i < raw.size(); ++i) front[i] = raw[i];
  } else {
    std::memcpy(front.data(), raw.data(), sizeof(T));
  }
}

}  // namespace sallyport
