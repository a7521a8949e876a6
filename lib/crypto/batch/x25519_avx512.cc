// The group law and the ladder of Curve25519, eight lanes at a time.
#include "lib/crypto/batch/radix52_avx512.h"
#include "lib/crypto/batch/x25519_kernel.h"

namespace sallyport::crypto::batch {
namespace {

// --- the field of 2^255 - 19 ---------------------------------------------------------------------
//
// 2^260 = 608 and 2^255 = 19.  A Residue is below 2^255 + 2^215: four limbs below 2^52, the top one
// below 2^47 + 2^7.  Sums and differences of two or three of them are Factors below 2^260.

constexpr int kTopBits = 47;
constexpr unsigned long long kTopMask = (1ULL << kTopBits) - 1;

// fold_top brings what lies above bit 255 to the bottom.  Precondition: no limb has reached 2^58.
[[gnu::always_inline]] inline Sum fold_top(Sum x) noexcept {
  const Wide above = x.limb[4] >> kTopBits;
  x.limb[4] &= kTopMask;
  x.limb[0] = low_product(x.limb[0], above, all(19));
  return x;
}

// reduce folds the upper half of a product into the lower.  Columns are sums of at most nine
// products of 52 bits, so they stay below 2^56; both factors are below 2^260, so what is carried to
// the last column does not leave it.
[[gnu::always_inline]] inline Residue reduce(Columns c) noexcept {
  for (int i = kLimbs; i < 2 * kLimbs - 1; ++i) c.at[i + 1] += c.at[i] >> kLimbBits;
  const Wide factor = all(608);
  const Wide beyond = high_product(Wide{}, c.at[9], factor);
  Sum r;
  r.limb[0] = low_product(c.at[0], c.at[5], factor);
  for (int i = 1; i < kLimbs; ++i) {
    r.limb[i] = low_product(high_product(c.at[i], c.at[i + 4], factor), c.at[i + 5], factor);
  }
  r.limb[0] = low_product(r.limb[0], beyond, factor);
  return carry(fold_top(r));
}

[[gnu::always_inline]] inline Residue operator*(const Factor& a, const Factor& b) noexcept {
  return reduce(product(a, b));
}
[[gnu::always_inline]] inline Residue square(const Factor& a) noexcept {
  return reduce(square_product(a));
}

// The sum and difference take no reduction, for what is multiplied next.
[[gnu::always_inline]] inline Factor operator+(const Residue& a, const Residue& b) noexcept {
  return carry_factor(sum(a, b));
}
// with_twice_p makes differences positive: 2 p = 2^256 - 38.
[[gnu::always_inline]] inline Factor with_twice_p(Sum x) noexcept {
  x.limb[0] -= 38;
  x.limb[4] += 1ULL << 48;
  return carry_factor(x);
}
[[gnu::always_inline]] inline Factor operator-(const Residue& a, const Residue& b) noexcept {
  return with_twice_p(difference(a, b));
}

[[gnu::noinline]] Residue square_times(Residue x, int times) noexcept {
  for (int i = 0; i < times; ++i) x = square(x);
  return x;
}

// inverse is x^(p - 2), and zero for zero.  z_k stands for x^(2^k - 1).
[[gnu::noinline]] Residue inverse(const Factor& x) noexcept {
  const Residue x2 = square(x);
  const Residue x9 = square_times(x2, 2) * x;
  const Residue x11 = x9 * x2;
  const Residue z5 = square(x11) * x9;
  const Residue z10 = square_times(z5, 5) * z5;
  const Residue z20 = square_times(z10, 10) * z10;
  const Residue z40 = square_times(z20, 20) * z20;
  const Residue z50 = square_times(z40, 10) * z10;
  const Residue z100 = square_times(z50, 50) * z50;
  const Residue z200 = square_times(z100, 100) * z100;
  const Residue z250 = square_times(z200, 50) * z50;
  return square_times(z250, 5) * x11;
}

// canonical subtracts p where that is possible.  Precondition: x < 2 p.
[[gnu::always_inline]] inline Residue canonical(const Residue& x) noexcept {
  Sum plus_19 = sum(x, all(kZero));
  plus_19.limb[0] += 19;
  const Wide at_least_p = carry_factor(plus_19).limb[4] >> kTopBits;
  Sum r = sum(x, all(kZero));
  r.limb[0] = low_product(r.limb[0], at_least_p, all(19));
  Residue out = carry(r);
  out.limb[4] &= kTopMask;
  return out;
}

// [RFC 7748 5] The scalar is a multiple of eight, bit 254 set, bit 255 clear.
[[gnu::always_inline]] inline void clamp(const Lanes256& scalar, Wide (&word)[4]) noexcept {
  for (int i = 0; i < 4; ++i) word[i] = load(scalar.word[i]);
  word[0] &= ~7ULL;
  word[3] = (word[3] & ~(1ULL << 63)) | (1ULL << 62);
}

// --- agreement: the Montgomery ladder ------------------------------------------------------------

// times_a24_plus is addend + 121665 x, [RFC 7748 5].  x is below 2^257.
[[gnu::always_inline]] inline Factor times_a24_plus(const Residue& addend,
                                                    const Factor& x) noexcept {
  const Wide a24 = all(121665);
  Sum r;
  r.limb[0] = low_product(addend.limb[0], x.limb[0], a24);
  for (int i = 1; i < kLimbs; ++i) {
    r.limb[i] = low_product(high_product(addend.limb[i], x.limb[i - 1], a24), x.limb[i], a24);
  }
  r.limb[0] = low_product(r.limb[0], high_product(Wide{}, x.limb[4], a24), all(608));
  return carry_factor(fold_top(r));
}

[[gnu::noinline]] void derive(const Lanes256& scalar, const Lanes256& peer,
                              Lanes256& shared) noexcept {
  Wide k[4];
  clamp(scalar, k);
  Residue x1 = unpack(peer);
  x1.limb[4] &= kTopMask;  // [RFC 7748 5] bit 255 is ignored, and values from p up are reduced
  Residue x2 = all(kOne);
  Residue z2 = all(kZero);
  Residue x3 = x1;
  Residue z3 = all(kOne);
  Mask swapped = 0;
  // The bit goes from the top down; each is a mask of lanes.
  for (int word = 3; word >= 0; --word) {
    Wide bits = k[word];
    for (int i = 0; i < 64; ++i) {
      const Mask bit = any_bit_of(bits, all(1ULL << 63));
      bits += bits;
      const Mask swap = static_cast<Mask>(swapped ^ bit);
      swapped = bit;
      swap_if(swap, x2, x3);
      swap_if(swap, z2, z3);
      const Factor a = x2 + z2;
      const Factor b = x2 - z2;
      const Factor c = x3 + z3;
      const Factor d = x3 - z3;
      const Residue da = d * a;
      const Residue cb = c * b;
      const Residue aa = square(a);
      const Residue bb = square(b);
      x3 = square(da + cb);
      z3 = x1 * square(da - cb);
      x2 = aa * bb;
      const Factor e = aa - bb;
      z2 = e * times_a24_plus(aa, e);
    }
  }
  swap_if(swapped, x2, x3);
  swap_if(swapped, z2, z3);
  pack(canonical(x2 * inverse(z2)), shared);
}

// --- key pairs: the Edwards form -----------------------------------------------------------------
//
// -x^2 + y^2 = 1 + d x^2 y^2, on which u = (1 + y) / (1 - y).  [RFC 7748 4.1]  Its addition law has
// no exceptions.  A scalar is 8 k; k, of 252 bits, is written in 51 digits from -16 to 16, and the
// multiples of each digit's power of 32 come from the table: no doubling is left to do.

constexpr Constant kBaseX{
    {0xc9562d608f25d51a, 0x692cc7609525a7b2, 0xc0a4e231fdd6dc5c, 0x216936d3cd6e53fe}};
constexpr Constant kBaseY{
    {0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666}};
constexpr Constant kTwiceD{
    {0xebd69b9426b2f159, 0x00e0149a8283b156, 0x198e80f2eef3d130, 0x2406d9dc56dffce7}};

// Point is x = X / Z, y = Y / Z, x y = T / Z.
struct Point {
  Residue x;
  Residue y;
  Residue z;
  Residue t;
};
// Addend is a point with Z = 1, as additions want it.
struct Addend {
  Residue y_plus_x;
  Residue y_minus_x;
  Residue xy_twice_d;
};

// add is the addition law with Z of the second point given, or one.
[[gnu::always_inline]] inline Point add(const Point& p, const Addend& q, const Residue& twice_z,
                                        Mask negative) noexcept {
  const Residue a = (p.y - p.x) * select(negative, q.y_plus_x, q.y_minus_x);
  const Residue b = (p.y + p.x) * select(negative, q.y_minus_x, q.y_plus_x);
  const Residue c = p.t * q.xy_twice_d;
  Sum d_minus_c;
  Sum d_plus_c;
  for (int i = 0; i < kLimbs; ++i) {
    const Wide signed_c = select(negative, Wide{} - c.limb[i], c.limb[i]);
    d_minus_c.limb[i] = twice_z.limb[i] - signed_c;
    d_plus_c.limb[i] = twice_z.limb[i] + signed_c;
  }
  const Factor f = with_twice_p(d_minus_c);
  const Factor g = with_twice_p(d_plus_c);
  const Factor e = b - a;
  const Factor h = b + a;
  return {.x = e * f, .y = h * g, .z = f * g, .t = e * h};
}

// entry looks up |digit| of each lane; for zero it is the neutral point.  All of the table's row is
// read into registers, and permuted there.
[[gnu::always_inline]] inline Addend entry(const std::uint64_t (&row)[15][16],
                                           Wide magnitude) noexcept {
  const Mask nonzero = any_bit_of(magnitude, magnitude);
  const Wide index = magnitude - 1;
  Wide limb[15];
  for (int i = 0; i < 15; ++i) {
    limb[i] = pick_if(nonzero, index, load(row[i]), load(row[i] + 8));
  }
  const Wide one_for_zero = select(nonzero, Wide{}, all(1));
  limb[0] |= one_for_zero;
  limb[5] |= one_for_zero;
  return {.y_plus_x = {{{limb[0], limb[1], limb[2], limb[3], limb[4]}}},
          .y_minus_x = {{{limb[5], limb[6], limb[7], limb[8], limb[9]}}},
          .xy_twice_d = {{{limb[10], limb[11], limb[12], limb[13], limb[14]}}}};
}

[[gnu::noinline]] void multiply_base(const X25519Table& table, const Lanes256& scalar,
                                     Lanes256& public_key) noexcept {
  Wide k[4];
  clamp(scalar, k);
  for (int i = 0; i < 4; ++i) k[i] = (k[i] >> 3) | (i < 3 ? k[i + 1] << 61 : Wide{});
  Point p{.x = all(kZero), .y = all(kOne), .z = all(kOne), .t = all(kZero)};
  Wide carried{};
  for (std::size_t i = 0; i < X25519Table::kDigits; ++i) {
    Wide digit = (k[0] & 31) + carried;
    for (int j = 0; j < 4; ++j) k[j] = (k[j] >> 5) | (j < 3 ? k[j + 1] << 59 : Wide{});
    // 0 to 32; from 17 up it becomes digit - 32, and one is carried.
    carried = (digit + 15) >> 5;
    const Mask negative = any_bit_of(carried, all(1));
    digit = select(negative, 32 - digit, digit);
    Residue twice_z;
    for (int j = 0; j < kLimbs; ++j) twice_z.limb[j] = p.z.limb[j] + p.z.limb[j];
    p = add(p, entry(table.limb[i], digit), twice_z, negative);
  }
  // k is below 2^252, so the last digit has carried nothing; k is no multiple of the base point's
  // order, which is above 2^252, so y is not one.
  const Residue u = inverse(p.z - p.y) * (p.z + p.y);
  pack(canonical(u), public_key);
}

[[gnu::always_inline]] inline Addend addend_of(const Residue& x, const Residue& y) noexcept {
  return {.y_plus_x = (y + x) * all(kOne),
          .y_minus_x = (y - x) * all(kOne),
          .xy_twice_d = x * y * all(kTwiceD)};
}

// plus adds any two points: Z of the second is in the first place of 2 Z1 Z2.
Point plus(const Point& p, const Point& q) noexcept {
  const Addend addend{.y_plus_x = (q.y + q.x) * all(kOne),
                      .y_minus_x = (q.y - q.x) * all(kOne),
                      .xy_twice_d = q.t * all(kTwiceD)};
  const Residue z = p.z * q.z;
  return add(p, addend, (z + z) * all(kOne), 0);
}

void make_table(X25519Table& table) noexcept {
  constexpr std::size_t kMultiples = X25519Table::kMultiples;
  Point base{.x = all(kBaseX), .y = all(kBaseY), .z = all(kOne), .t = all(kBaseX) * all(kBaseY)};
  for (int i = 0; i < 3; ++i) base = plus(base, base);
  // Eight digits at a time, each in its lane.
  for (std::size_t first = 0; first < X25519Table::kDigits; first += kLanes) {
    Point unit = base;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Mask here = static_cast<Mask>(1U << lane);
      unit = {.x = select(here, base.x, unit.x),
              .y = select(here, base.y, unit.y),
              .z = select(here, base.z, unit.z),
              .t = select(here, base.t, unit.t)};
      for (int i = 0; i < 5; ++i) base = plus(base, base);
    }
    Point multiple = unit;
    for (std::size_t j = 0; j < kMultiples; ++j) {
      const Residue z = inverse(multiple.z);
      const Addend addend = addend_of(multiple.x * z, multiple.y * z);
      for (std::size_t lane = 0; lane < kLanes && first + lane < X25519Table::kDigits; ++lane) {
        auto& row = table.limb[first + lane];
        for (std::size_t i = 0; i < kLimbs; ++i) {
          row[i][j] = addend.y_plus_x.limb[i][lane];
          row[5 + i][j] = addend.y_minus_x.limb[i][lane];
          row[10 + i][j] = addend.xy_twice_d.limb[i][lane];
        }
      }
      multiple = plus(multiple, unit);
    }
  }
}

// More than the frames of a kernel and of what it calls.
constexpr std::size_t kScratch = 12 * 1024;

}  // namespace

void x25519_make_table(X25519Table& table) noexcept {
  make_table(table);
  wipe_registers();
}

void x25519_public_kernel(const X25519Table& table, const Lanes256& scalar,
                          Lanes256& public_key) noexcept {
  multiply_base(table, scalar, public_key);
  leave_nothing<kScratch>();
}

void x25519_derive_kernel(const Lanes256& scalar, const Lanes256& peer, Lanes256& shared) noexcept {
  derive(scalar, peer, shared);
  leave_nothing<kScratch>();
}

}  // namespace sallyport::crypto::batch
