// The model of wide_avx512.h: the same functions, lane by lane, for any processor.  The kernels
// compiled with it take the same way through the same source, so that tools that do not know
// AVX-512 can follow secrets through them (tests/ct/ct_batch.cc).  Too slow for anything else.
//
// No lane decides about a branch or an address here, as none does in the instructions it stands
// for. What a kernel calls thousands of times is not inlined: it would take minutes to compile.
#pragma once

namespace sallyport::crypto::batch {
namespace {

using Wide [[gnu::vector_size(64), gnu::may_alias]] = unsigned long long;
using SignedWide [[gnu::vector_size(64), gnu::may_alias]] = long long;
using Mask = unsigned char;  // one bit per lane
__extension__ using Product = unsigned __int128;

constexpr unsigned long long kFactorBits = (1ULL << 52) - 1;

[[gnu::always_inline]] inline Product product_of(unsigned long long a,
                                                 unsigned long long b) noexcept {
  return static_cast<Product>(a & kFactorBits) * (b & kFactorBits);
}
[[gnu::noinline, maybe_unused]] Wide low_product(Wide sum, Wide a, Wide b) noexcept {
  for (int i = 0; i < 8; ++i) {
    sum[i] += static_cast<unsigned long long>(product_of(a[i], b[i])) & kFactorBits;
  }
  return sum;
}
[[gnu::noinline, maybe_unused]] Wide high_product(Wide sum, Wide a, Wide b) noexcept {
  for (int i = 0; i < 8; ++i) {
    sum[i] += static_cast<unsigned long long>(product_of(a[i], b[i]) >> 52);
  }
  return sum;
}

// ones_if is a word of ones, or of zeros: for a bit that the compiler knows nothing about.
[[gnu::always_inline]] inline unsigned long long ones_if(unsigned long long bit) noexcept {
  __asm__("" : "+r"(bit));
  return 0 - bit;
}
[[gnu::always_inline]] inline unsigned long long is_not_zero(unsigned long long x) noexcept {
  return (x | (0 - x)) >> 63;
}
[[gnu::noinline, maybe_unused]] Wide select(Mask mask, Wide then, Wide otherwise) noexcept {
  Wide out{};
  for (int i = 0; i < 8; ++i) {
    const unsigned long long here = ones_if((static_cast<unsigned>(mask) >> i) & 1U);
    out[i] = (then[i] & here) | (otherwise[i] & ~here);
  }
  return out;
}
[[gnu::noinline, maybe_unused]] Mask any_bit_of(Wide x, Wide bits) noexcept {
  unsigned mask = 0;
  for (int i = 0; i < 8; ++i) mask |= static_cast<unsigned>(is_not_zero(x[i] & bits[i])) << i;
  return static_cast<Mask>(mask);
}
[[gnu::always_inline]] inline Mask is_zero(Wide x) noexcept {
  return static_cast<Mask>(~any_bit_of(x, x));
}
[[gnu::always_inline]] inline Mask is_equal(Wide a, Wide b) noexcept { return is_zero(a ^ b); }

[[gnu::noinline, maybe_unused]] Wide pick(Wide index, Wide lower, Wide upper) noexcept {
  Wide out{};
  for (int i = 0; i < 8; ++i) {
    for (unsigned j = 0; j < 16; ++j) {
      const unsigned long long here = ones_if(is_not_zero((index[i] & 15) ^ j) ^ 1);
      out[i] |= (j < 8 ? lower[j] : upper[j - 8]) & here;
    }
  }
  return out;
}
[[gnu::always_inline]] inline Wide pick_if(Mask mask, Wide index, Wide lower, Wide upper) noexcept {
  return select(mask, pick(index, lower, upper), Wide{});
}
[[gnu::always_inline]] inline void in_this_order(Wide& /*x*/, const Wide*& /*from*/) noexcept {}
[[gnu::always_inline]] inline void wipe_registers() noexcept {}

}  // namespace
}  // namespace sallyport::crypto::batch
