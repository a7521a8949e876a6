#include "lib/crypto/hash/sha256_ni.h"

#include <immintrin.h>

// Only the intrinsics' header and static code of our own here: a template from elsewhere would be
// emitted for this instruction set under a name that the linker may pick for everybody.

namespace sallyport::crypto {
namespace {

alignas(16) constexpr std::uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

inline __m128i load(const void* from) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
inline void save(void* to, __m128i value) noexcept {
  _mm_storeu_si128(static_cast<__m128i*>(to), value);
}

// rounds does four rounds.  The instruction keeps {A, B, E, F} and {C, D, G, H} in two registers
// and swaps their roles every two rounds.
inline void rounds(__m128i& abef, __m128i& cdgh, __m128i words, unsigned group) noexcept {
  const __m128i sum = _mm_add_epi32(words, load(&kRoundConstants[4 * group]));
  cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
  abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

// schedule makes the next four words of the message schedule out of the last sixteen.
inline __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) noexcept {
  const __m128i seven_back = _mm_alignr_epi8(w3, w2, 4);
  return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), seven_back), w3);
}

}  // namespace

void sha256_compress_ni(std::uint32_t* chain, const std::uint8_t* blocks,
                        std::size_t count) noexcept {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  // {A..D}, {E..H} -> {A, B, E, F}, {C, D, G, H}, highest word first.
  const __m128i badc = _mm_shuffle_epi32(load(chain), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(load(chain + 4), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

  for (; count != 0; --count, blocks += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i w0 = _mm_shuffle_epi8(load(blocks), big_endian);
    __m128i w1 = _mm_shuffle_epi8(load(blocks + 16), big_endian);
    __m128i w2 = _mm_shuffle_epi8(load(blocks + 32), big_endian);
    __m128i w3 = _mm_shuffle_epi8(load(blocks + 48), big_endian);
    for (unsigned group = 0; group < 12; group += 4) {
      rounds(abef, cdgh, w0, group);
      w0 = schedule(w0, w1, w2, w3);
      rounds(abef, cdgh, w1, group + 1);
      w1 = schedule(w1, w2, w3, w0);
      rounds(abef, cdgh, w2, group + 2);
      w2 = schedule(w2, w3, w0, w1);
      rounds(abef, cdgh, w3, group + 3);
      w3 = schedule(w3, w0, w1, w2);
    }
    rounds(abef, cdgh, w0, 12);
    rounds(abef, cdgh, w1, 13);
    rounds(abef, cdgh, w2, 14);
    rounds(abef, cdgh, w3, 15);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  save(chain, _mm_blend_epi16(feba, dchg, 0xf0));
  save(chain + 4, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace sallyport::crypto
