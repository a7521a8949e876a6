// Numbers of 260 bits in eight lanes: five limbs of 52 bits, limb i of all lanes in one register of
// AVX-512.  What every kernel needs, whatever its modulus: products, carries, loads, stores, and
// leaving nothing behind.
//
// Only for the translation units of kernels.  Everything here is static and is inlined: none of it
// may get a name that the linker could pick for code that runs on other processors.
//
// The multiply-add instructions look at the low 52 bits of their factors and ignore the rest.  So a
// factor's limbs need no masking after a carry has been taken out of them: a Factor may hold
// anything above bit 51 of its lower four limbs.  A Residue may not; it can be added, subtracted
// and compared.  Every Residue is a Factor.  A Sum is what has not been carried yet: its limbs may
// be wide or negative, and only its whole means something.
#pragma once
#include "lib/crypto/batch/lanes.h"
#include "lib/crypto/batch/wide_avx512.h"

namespace sallyport::crypto::batch {
namespace {

constexpr int kLimbs = 5;
constexpr int kLimbBits = 52;
constexpr unsigned long long kLimbMask = (1ULL << kLimbBits) - 1;

struct Factor {
  Wide limb[kLimbs];
};
struct Residue : Factor {};
struct Sum {
  Wide limb[kLimbs];
};

// Columns of a product: column i has the weight 2^(52 i).
struct Columns {
  Wide at[2 * kLimbs];
};

[[gnu::always_inline]] inline Wide all(unsigned long long value) noexcept { return Wide{} + value; }
[[gnu::always_inline]] inline Wide shift_signed(Wide x) noexcept {
  return reinterpret_cast<Wide>(reinterpret_cast<SignedWide>(x) >> kLimbBits);
}

[[gnu::always_inline]] inline Sum sum(const Residue& a, const Residue& b) noexcept {
  Sum out;
  for (int i = 0; i < kLimbs; ++i) out.limb[i] = a.limb[i] + b.limb[i];
  return out;
}
[[gnu::always_inline]] inline Sum difference(const Residue& a, const Residue& b) noexcept {
  Sum out;
  for (int i = 0; i < kLimbs; ++i) out.limb[i] = a.limb[i] - b.limb[i];
  return out;
}

// carry_factor takes carries upwards, which may be negative, and leaves what it took in place.
// Only a whole that is not negative makes a Factor.
[[gnu::always_inline]] inline Factor carry_factor(const Sum& x) noexcept {
  Factor out;
  out.limb[0] = x.limb[0];
  for (int i = 1; i < kLimbs; ++i) out.limb[i] = x.limb[i] + shift_signed(out.limb[i - 1]);
  return out;
}
// carry takes carries upwards and leaves exact limbs; only the top one may have more than 52 bits,
// and it has the sign of the whole.
[[gnu::always_inline]] inline Residue carry(const Sum& x) noexcept {
  Residue out;
  Wide limb = x.limb[0];
  for (int i = 1; i < kLimbs; ++i) {
    out.limb[i - 1] = limb & kLimbMask;
    limb = x.limb[i] + shift_signed(limb);
  }
  out.limb[kLimbs - 1] = limb;
  return out;
}

[[gnu::always_inline]] inline Columns product(const Factor& a, const Factor& b) noexcept {
  Columns c{};
  for (int i = 0; i < kLimbs; ++i) {
    for (int j = 0; j < kLimbs; ++j) {
      c.at[i + j] = low_product(c.at[i + j], a.limb[i], b.limb[j]);
      c.at[i + j + 1] = high_product(c.at[i + j + 1], a.limb[i], b.limb[j]);
    }
  }
  return c;
}
[[gnu::always_inline]] inline Columns square_product(const Factor& a) noexcept {
  Columns c{};
  for (int i = 0; i < kLimbs; ++i) {
    for (int j = i + 1; j < kLimbs; ++j) {
      c.at[i + j] = low_product(c.at[i + j], a.limb[i], a.limb[j]);
      c.at[i + j + 1] = high_product(c.at[i + j + 1], a.limb[i], a.limb[j]);
    }
  }
  for (int i = 1; i < 2 * kLimbs - 1; ++i) c.at[i] += c.at[i];
  for (int i = 0; i < kLimbs; ++i) {
    c.at[2 * i] = low_product(c.at[2 * i], a.limb[i], a.limb[i]);
    c.at[2 * i + 1] = high_product(c.at[2 * i + 1], a.limb[i], a.limb[i]);
  }
  return c;
}

[[gnu::always_inline]] inline Residue select(Mask mask, const Residue& then,
                                             const Residue& otherwise) noexcept {
  Residue out;
  for (int i = 0; i < kLimbs; ++i) out.limb[i] = select(mask, then.limb[i], otherwise.limb[i]);
  return out;
}
[[gnu::always_inline]] inline void swap_if(Mask mask, Residue& a, Residue& b) noexcept {
  const Residue before = a;
  a = select(mask, b, a);
  b = select(mask, before, b);
}

// Constant is a number that all lanes share, by its words from the lowest up.
struct Constant {
  unsigned long long word[4];
};
[[gnu::always_inline]] inline Residue all(const Constant& c) noexcept {
  return {{{all(c.word[0] & kLimbMask), all(((c.word[0] >> 52) | (c.word[1] << 12)) & kLimbMask),
            all(((c.word[1] >> 40) | (c.word[2] << 24)) & kLimbMask),
            all(((c.word[2] >> 28) | (c.word[3] << 36)) & kLimbMask), all(c.word[3] >> 16)}}};
}
constexpr Constant kZero{{0, 0, 0, 0}};
constexpr Constant kOne{{1, 0, 0, 0}};

[[gnu::always_inline]] inline Wide load(const std::uint64_t* lanes) noexcept {
  return *reinterpret_cast<const Wide*>(lanes);
}
[[gnu::always_inline]] inline Residue unpack(const Lanes256& from) noexcept {
  const Wide w0 = load(from.word[0]);
  const Wide w1 = load(from.word[1]);
  const Wide w2 = load(from.word[2]);
  const Wide w3 = load(from.word[3]);
  return {
      {{w0 & kLimbMask, ((w0 >> 52) | (w1 << 12)) & kLimbMask,
        ((w1 >> 40) | (w2 << 24)) & kLimbMask, ((w2 >> 28) | (w3 << 36)) & kLimbMask, w3 >> 16}}};
}
// Precondition: every limb is exact.
[[gnu::always_inline]] inline void pack(const Residue& from, Lanes256& to) noexcept {
  Wide* const out = reinterpret_cast<Wide*>(to.word);
  out[0] = from.limb[0] | (from.limb[1] << 52);
  out[1] = (from.limb[1] >> 12) | (from.limb[2] << 40);
  out[2] = (from.limb[2] >> 24) | (from.limb[3] << 28);
  out[3] = (from.limb[3] >> 36) | (from.limb[4] << 16);
}

// leave_nothing overwrites the vector registers and `kScratch` bytes of the stack.  To be called
// where the kernel was called, so that both begin at the same depth, with more than the kernel
// uses.
template <std::size_t kScratch>
[[gnu::noinline]] void leave_nothing() noexcept {
  alignas(64) unsigned char scratch[kScratch];
  __builtin_memset(scratch, 0, sizeof scratch);
  __asm__ __volatile__("" : : "r"(scratch) : "memory");
  wipe_registers();
}

}  // namespace
}  // namespace sallyport::crypto::batch
