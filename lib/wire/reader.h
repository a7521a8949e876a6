// Reader walks untrusted bytes in network byte order: packet headers, and the TLS presentation
// language of RFC 8446 section 3.
//
// Failure is sticky: after the first read that does not fit, every later one returns zero or
// nothing and ok() stays false.  A parser therefore reads like the struct in its RFC and asks once,
// at the end, done().  Nothing is copied: the views returned point into the input.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::wire {

class Reader {
 public:
  constexpr explicit Reader(ByteView in) noexcept : in_{in} {}

  [[nodiscard]] constexpr std::uint8_t u8() noexcept { return integer<std::uint8_t, 1>(); }
  [[nodiscard]] constexpr std::uint16_t u16() noexcept { return integer<std::uint16_t, 2>(); }
  [[nodiscard]] constexpr std::uint32_t u24() noexcept { return integer<std::uint32_t, 3>(); }
  [[nodiscard]] constexpr std::uint32_t u32() noexcept { return integer<std::uint32_t, 4>(); }
  [[nodiscard]] constexpr std::uint64_t u64() noexcept { return integer<std::uint64_t, 8>(); }

  // bytes takes exactly n.
  [[nodiscard]] constexpr ByteView bytes(std::size_t n) noexcept {
    if (n > in_.size()) [[unlikely]] {
      fail();
      return {};
    }
    const ByteView taken = in_.first(n);
    in_ = in_.subspan(n);
    return taken;
  }
  // rest takes all that is left, possibly nothing.
  [[nodiscard]] constexpr ByteView rest() noexcept { return bytes(in_.size()); }
  constexpr void skip(std::size_t n) noexcept { static_cast<void>(bytes(n)); }
  // object takes a wire struct.
  template <WireStruct T>
  [[nodiscard]] constexpr T object() noexcept {
    const ByteView raw = bytes(sizeof(T));
    return raw.size() == sizeof(T) ? load<T>(raw) : T{};
  }

  // vecN takes `opaque name<min..max>`: a length of N bits, which must lie in [min, max], and as
  // many bytes.
  [[nodiscard]] constexpr ByteView vec8(std::size_t min, std::size_t max) noexcept {
    return vec(u8(), min, max);
  }
  [[nodiscard]] constexpr ByteView vec16(std::size_t min, std::size_t max) noexcept {
    return vec(u16(), min, max);
  }
  [[nodiscard]] constexpr ByteView vec24(std::size_t min, std::size_t max) noexcept {
    return vec(u24(), min, max);
  }

  // within reads a vector that has structure of its own: `body(Reader&)` must consume exactly
  // `inner`, or this reader fails.  A loop in it runs `while (!r.at_end())`, which ends on failure
  // as well.
  template <class Body>
  constexpr void within(ByteView inner, Body&& body) noexcept {
    if (failed_) return;
    Reader r{inner};
    body(r);
    if (!r.done()) fail();
  }

  // fail is also for the caller: a value that the format forbids.
  constexpr void fail() noexcept {
    failed_ = true;
    in_ = {};
  }
  [[nodiscard]] constexpr bool ok() const noexcept { return !failed_; }
  [[nodiscard]] constexpr bool at_end() const noexcept { return in_.empty(); }
  // done: everything was read and everything was there.
  [[nodiscard]] constexpr bool done() const noexcept { return ok() && at_end(); }
  [[nodiscard]] constexpr std::size_t remaining() const noexcept { return in_.size(); }

 private:
  template <class T, std::size_t N>
  constexpr T integer() noexcept {
    const ByteView raw = bytes(N);
    if (raw.empty()) [[unlikely]] {
      return 0;
    }
    return load<BigEndian<T, N>>(raw).host();
  }
  constexpr ByteView vec(std::size_t length, std::size_t min, std::size_t max) noexcept {
    if (length < min || length > max) [[unlikely]] {
      fail();
    }
    return failed_ ? ByteView{} : bytes(length);
  }

  ByteView in_;
  bool failed_ = false;
};

}  // namespace sallyport::wire
