// Eight 64-bit words, one per lane, in a register of AVX-512, and what kernels do with them beyond
// what operators say.  model_of_avx512.h has the same for any processor, for the test of their
// flow.
#pragma once
#ifdef SALLYPORT_MODEL_OF_AVX512
#include "lib/crypto/batch/model_of_avx512.h"
#else
#include <immintrin.h>

namespace sallyport::crypto::batch {
namespace {

using Wide [[gnu::vector_size(64), gnu::may_alias]] = unsigned long long;
using SignedWide [[gnu::vector_size(64), gnu::may_alias]] = long long;
using Mask = __mmask8;  // one bit per lane

[[gnu::always_inline]] inline __m512i native(Wide x) noexcept {
  return reinterpret_cast<__m512i>(x);
}
// low_product adds the lower 52 bits of the product of 52 bits each, high_product the upper ones.
[[gnu::always_inline]] inline Wide low_product(Wide sum, Wide a, Wide b) noexcept {
  return reinterpret_cast<Wide>(_mm512_madd52lo_epu64(native(sum), native(a), native(b)));
}
[[gnu::always_inline]] inline Wide high_product(Wide sum, Wide a, Wide b) noexcept {
  return reinterpret_cast<Wide>(_mm512_madd52hi_epu64(native(sum), native(a), native(b)));
}
// select takes `then` in lanes whose bit is set, and `otherwise` in the others.
[[gnu::always_inline]] inline Wide select(Mask mask, Wide then, Wide otherwise) noexcept {
  return reinterpret_cast<Wide>(_mm512_mask_blend_epi64(mask, native(otherwise), native(then)));
}
[[gnu::always_inline]] inline Mask any_bit_of(Wide x, Wide bits) noexcept {
  return _mm512_test_epi64_mask(native(x), native(bits));
}
[[gnu::always_inline]] inline Mask is_zero(Wide x) noexcept {
  return _mm512_testn_epi64_mask(native(x), native(x));
}
[[gnu::always_inline]] inline Mask is_equal(Wide a, Wide b) noexcept {
  return _mm512_cmpeq_epi64_mask(native(a), native(b));
}
// pick takes, for each lane, one word of sixteen: what the lowest four bits of its index say.  Both
// halves are read whole.
[[gnu::always_inline]] inline Wide pick(Wide index, Wide lower, Wide upper) noexcept {
  return reinterpret_cast<Wide>(
      _mm512_permutex2var_epi64(native(lower), native(index), native(upper)));
}
// pick_if gives zero in lanes whose bit is not set.
[[gnu::always_inline]] inline Wide pick_if(Mask mask, Wide index, Wide lower, Wide upper) noexcept {
  return reinterpret_cast<Wide>(
      _mm512_maskz_permutex2var_epi64(mask, native(lower), native(index), native(upper)));
}
// in_this_order keeps the compiler from moving what follows before `x`, and from seeing that
// `from` is where it was.
[[gnu::always_inline]] inline void in_this_order(Wide& x, const Wide*& from) noexcept {
  __asm__ __volatile__("" : "+v"(x), "+r"(from));
}

// wipe_registers overwrites every vector register.
[[gnu::always_inline]] inline void wipe_registers() noexcept {
  __asm__ __volatile__(
      "vzeroall\n\t"
      "vpxorq %%zmm16, %%zmm16, %%zmm16\n\t"
      "vpxorq %%zmm17, %%zmm17, %%zmm17\n\t"
      "vpxorq %%zmm18, %%zmm18, %%zmm18\n\t"
      "vpxorq %%zmm19, %%zmm19, %%zmm19\n\t"
      "vpxorq %%zmm20, %%zmm20, %%zmm20\n\t"
      "vpxorq %%zmm21, %%zmm21, %%zmm21\n\t"
      "vpxorq %%zmm22, %%zmm22, %%zmm22\n\t"
      "vpxorq %%zmm23, %%zmm23, %%zmm23\n\t"
      "vpxorq %%zmm24, %%zmm24, %%zmm24\n\t"
      "vpxorq %%zmm25, %%zmm25, %%zmm25\n\t"
      "vpxorq %%zmm26, %%zmm26, %%zmm26\n\t"
      "vpxorq %%zmm27, %%zmm27, %%zmm27\n\t"
      "vpxorq %%zmm28, %%zmm28, %%zmm28\n\t"
      "vpxorq %%zmm29, %%zmm29, %%zmm29\n\t"
      "vpxorq %%zmm30, %%zmm30, %%zmm30\n\t"
      "vpxorq %%zmm31, %%zmm31, %%zmm31\n\t"
      :
      :
      : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
        "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
        "xmm31");
}
}  // namespace
}  // namespace sallyport::crypto::batch
#endif
