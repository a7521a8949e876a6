// The rounds of SipHash over vectors, written once for every width.  `Wide` is eight lanes of 64
// bits in one register or several; it is a type of the including file alone, so that no function
// compiled for one instruction set can be taken by the linker for another.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/sip_lanes.h"

namespace sallyport::sip_lanes {

template <class Wide>
struct Rounds {
  Wide v0, v1, v2, v3;

  [[gnu::always_inline]] explicit Rounds(const SipLanes::Words* v) noexcept
      : v0{Wide::load(v[0])}, v1{Wide::load(v[1])}, v2{Wide::load(v[2])}, v3{Wide::load(v[3])} {}

  [[gnu::always_inline]] void round() noexcept {
    v0 = v0 + v1;
    v2 = v2 + v3;
    v1 = Wide::template rotl<13>(v1) ^ v0;
    v3 = Wide::template rotl<16>(v3) ^ v2;
    v0 = Wide::template rotl<32>(v0);
    v2 = v2 + v1;
    v0 = v0 + v3;
    v1 = Wide::template rotl<17>(v1) ^ v2;
    v3 = Wide::template rotl<21>(v3) ^ v0;
    v2 = Wide::template rotl<32>(v2);
  }
  [[gnu::always_inline]] void absorb(Wide word) noexcept {
    v3 = v3 ^ word;
    round();
    round();
    v0 = v0 ^ word;
  }
};

template <class Wide>
[[gnu::always_inline]] inline void absorb(SipLanes::Words* v, const SipLanes::Words* words,
                                          std::size_t num_words) noexcept {
  Rounds<Wide> s{v};
  for (std::size_t i = 0; i < num_words; ++i) s.absorb(Wide::load(words[i]));
  s.v0.store(v[0]);
  s.v1.store(v[1]);
  s.v2.store(v[2]);
  s.v3.store(v[3]);
}

template <class Wide>
[[gnu::always_inline]] inline void finish(const SipLanes::Words* v, const SipLanes::Words& tail,
                                          std::uint64_t length_byte,
                                          SipLanes::Words& out) noexcept {
  Rounds<Wide> s{v};
  s.absorb(Wide::load(tail) ^ Wide::all(length_byte << 56));
  s.v2 = s.v2 ^ Wide::all(0xff);
  for (int i = 0; i < 4; ++i) s.round();
  (s.v0 ^ s.v1 ^ s.v2 ^ s.v3).store(out);
}

}  // namespace sallyport::sip_lanes
