// SipState: SipHash-2-4 fed with 64-bit words instead of bytes, inline and copyable in mid-message.
// It gives the same value as siphash() over those words in little-endian order.  For per-packet
// hashes of fixed fields, where assembling bytes would cost more than hashing them.
#pragma once
#include <bit>
#include <cstdint>

#include "lib/base/siphash.h"

namespace sallyport {

class SipState {
 public:
  constexpr explicit SipState(const SipKey& key) noexcept
      : v0_{key.k0 ^ 0x736f'6d65'7073'6575},
        v1_{key.k1 ^ 0x646f'7261'6e64'6f6d},
        v2_{key.k0 ^ 0x6c79'6765'6e65'7261},
        v3_{key.k1 ^ 0x7465'6462'7974'6573} {}

  constexpr void absorb(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
    num_bytes_ += 8;
  }
  // finish works on a copy, so that one prefix can end in several ways.  Up to seven more bytes of
  // message fit beside the length, which costs less than another word: the low `tail_len` bytes of
  // `tail`, whose others are zero.
  [[nodiscard]] constexpr std::uint64_t finish(std::uint64_t tail = 0,
                                               unsigned tail_len = 0) const noexcept {
    SipState s = *this;
    s.absorb(std::uint64_t{(num_bytes_ + tail_len) & 0xffU} << 56 | tail);
    s.v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) s.round();
    return s.v0_ ^ s.v1_ ^ s.v2_ ^ s.v3_;
  }

 private:
  constexpr void round() noexcept {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
  std::uint32_t num_bytes_ = 0;
};

}  // namespace sallyport
