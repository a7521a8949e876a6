// Writer fills a span in network byte order.  It mirrors Reader: vectors patch their own length in
// when their body is complete, so nesting in the code is nesting on the wire (RFC 8446 section
// 3.4).
//
// Callers size the span for the largest message, so running out of room is our bug, not a peer's.
// It is still defined: nothing is written beyond the end, and ok() stays false.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "lib/base/byteorder.h"

namespace sallyport::wire {

class Writer {
 public:
  constexpr explicit Writer(MutableBytes out) noexcept : out_{out} {}

  constexpr void u8(std::uint8_t value) noexcept { integer<1>(value); }
  constexpr void u16(std::uint16_t value) noexcept { integer<2>(value); }
  constexpr void u24(std::uint32_t value) noexcept { integer<3>(value); }
  constexpr void u32(std::uint32_t value) noexcept { integer<4>(value); }
  constexpr void u64(std::uint64_t value) noexcept { integer<8>(value); }

  // bytes copies `in`, which must not overlap what is still to be written.
  constexpr void bytes(ByteView in) noexcept {
    const MutableBytes room = reserve(in.size());
    if (std::is_constant_evaluated()) {
      for (std::size_t i = 0; i < room.size(); ++i) room[i] = in[i];
    } else if (!room.empty()) {
      std::memcpy(room.data(), in.data(), room.size());
    }
  }
  constexpr void zeros(std::size_t n) noexcept {
    for (std::uint8_t& byte : reserve(n)) byte = 0;
  }
  template <WireStruct T>
  constexpr void object(const T& value) noexcept {
    const MutableBytes room = reserve(sizeof(T));
    if (!room.empty()) store(room, value);
  }
  // reserve skips n bytes and returns them, to be filled later by the caller; empty when they do
  // not fit.
  [[nodiscard]] constexpr MutableBytes reserve(std::size_t n) noexcept {
    if (n > out_.size() - used_) [[unlikely]] {
      fail();
      return {};
    }
    const MutableBytes room = out_.subspan(used_, n);
    used_ += n;
    return room;
  }

  // vecN writes a length of N bits and what body() writes through this writer.  A body too long for
  // its length field is a failure.
  template <class Body>
  constexpr void vec8(Body&& body) noexcept {
    vec<1>(body);
  }
  template <class Body>
  constexpr void vec16(Body&& body) noexcept {
    vec<2>(body);
  }
  template <class Body>
  constexpr void vec24(Body&& body) noexcept {
    vec<3>(body);
  }
  // The same around bytes that exist already.
  constexpr void vec8(ByteView in) noexcept {
    vec<1>([this, in] { bytes(in); });
  }
  constexpr void vec16(ByteView in) noexcept {
    vec<2>([this, in] { bytes(in); });
  }
  constexpr void vec24(ByteView in) noexcept {
    vec<3>([this, in] { bytes(in); });
  }

  constexpr void fail() noexcept {
    failed_ = true;
    used_ = out_.size();  // nothing more fits
  }
  [[nodiscard]] constexpr bool ok() const noexcept { return !failed_; }
  // size and written are what was written so far; 0 and empty after a failure.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return failed_ ? 0 : used_; }
  [[nodiscard]] constexpr MutableBytes written() const noexcept { return out_.first(size()); }

 private:
  template <std::size_t N>
  static constexpr void put(MutableBytes at, std::uint64_t value) noexcept {
    store(at, BigEndian<std::uint64_t, N>::of(value));
  }
  template <std::size_t N>
  constexpr void integer(std::uint64_t value) noexcept {
    const MutableBytes room = reserve(N);
    if (!room.empty()) put<N>(room, value);
  }
  template <std::size_t N, class Body>
  constexpr void vec(Body&& body) noexcept {
    const MutableBytes length = reserve(N);
    const std::size_t start = used_;
    body();
    if (failed_) return;
    const std::size_t written_len = used_ - start;
    if (written_len >> (8 * N) != 0) {
      fail();
      return;
    }
    put<N>(length, written_len);
  }

  MutableBytes out_;
  std::size_t used_ = 0;
  bool failed_ = false;
};

}  // namespace sallyport::wire
