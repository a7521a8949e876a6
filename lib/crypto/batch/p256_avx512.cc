// The group law of P-256, and arithmetic modulo its order, eight lanes at a time.
//
// Coordinates are Jacobian: x = X / Z^2, y = Y / Z^3, and Z = 0 is the point at infinity.  The
// formulas for additions do not hold for equal and opposite points; at each use it says why there
// are none.
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/radix52_avx512.h"

namespace sallyport::crypto::batch {
namespace {

constexpr Constant kPrime{
    {0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001}};
constexpr Constant kOrder{
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}};

// canonical subtracts the modulus where that is possible.  Precondition: x is below twice of it.
[[gnu::always_inline]] inline Residue canonical(const Residue& x,
                                                const Constant& modulus) noexcept {
  const Residue less = carry(difference(x, all(modulus)));
  return select(any_bit_of(less.limb[4], all(1ULL << 63)), x, less);
}
[[gnu::always_inline]] inline Mask is_zero(const Residue& x) noexcept {
  return batch::is_zero(x.limb[0] | x.limb[1] | x.limb[2] | x.limb[3] | x.limb[4]);
}
[[gnu::always_inline]] inline Mask is_below(const Residue& x, const Constant& limit) noexcept {
  const Residue less = carry(difference(x, all(limit)));
  return any_bit_of(less.limb[4], all(1ULL << 63));
}
// [SEC 1 3.2.1] A scalar is in [1, n - 1].
[[gnu::always_inline]] inline Mask is_scalar(const Residue& x) noexcept {
  return static_cast<Mask>(is_below(x, kOrder) & ~is_zero(x));
}

// --- the field ----------------------------------------------------------------------------------
//
// p = 2^256 - 2^224 + 2^192 + 2^96 - 1, Montgomery form with R = 2^260, which is nearly 16 p.  So
// the product of a number below a p and one below b p is below (a b / 16 + 1) p.  Comments give
// such bounds as multiples of p; a Residue without one is below 2 p.

constexpr Constant kFieldOne{
    {0x0000000000000010, 0xfffffff000000000, 0xffffffffffffffff, 0x0000000fffffffef}};
constexpr Constant kFieldSquare{
    // R^2
    {0x0000000000000300, 0xfffffbffffffff00, 0xfffffffffffffeff, 0x000004fffffffdff}};
constexpr Constant kCurveB{
    {0x89cdf6229c4bddfd, 0xcf005cca8843090d, 0x5a220abf7212ed6a, 0xc30061dd48748341}};
constexpr Constant kBaseX{
    {0x9e730d418a9143c1, 0x5ba95fc4fedb6017, 0x9fb732b776225107, 0x8905f76b53755c66}};
constexpr Constant kBaseY{
    {0xdf25357ce95560a8, 0xb4ab8e43a19e45cd, 0x2e88688dd21f3258, 0x571ff18a5885d855}};

constexpr unsigned long long kPrimeTop = 0x0000'ffff'ffff'0000;  // bits 208 to 255 of p

// reduce divides by R.  Because p = -1 modulo 2^52, a column itself says how often p must be added
// to make it vanish: q times.  q p is q (2^256 - 2^224 + 2^192 + 2^96) less q, which leaves of the
// column only its carry.
[[gnu::always_inline]] inline Residue reduce(Columns c) noexcept {
  for (int i = 0; i < kLimbs; ++i) {
    const Wide q = c.at[i];
    c.at[i + 1] += q >> kLimbBits;
    c.at[i + 1] = low_product(c.at[i + 1], q, all(1ULL << 44));
    c.at[i + 2] = high_product(c.at[i + 2], q, all(1ULL << 44));
    c.at[i + 3] = low_product(c.at[i + 3], q, all(1ULL << 36));
    c.at[i + 4] = high_product(c.at[i + 4], q, all(1ULL << 36));
    c.at[i + 4] = low_product(c.at[i + 4], q, all(kPrimeTop));
    c.at[i + 5] = high_product(c.at[i + 5], q, all(kPrimeTop));
  }
  return carry(Sum{{c.at[5], c.at[6], c.at[7], c.at[8], c.at[9]}});
}

[[gnu::always_inline]] inline Residue operator*(const Factor& a, const Factor& b) noexcept {
  return reduce(product(a, b));
}
[[gnu::always_inline]] inline Residue square(const Factor& a) noexcept {
  return reduce(square_product(a));
}

template <unsigned kTimes>
[[gnu::always_inline]] inline Sum plus_p(Sum x) noexcept {
  constexpr unsigned long long kLimb[kLimbs] = {kLimbMask, (1ULL << 44) - 1, 0, 1ULL << 36,
                                                kPrimeTop};
  for (int i = 0; i < kLimbs; ++i) {
    if (kLimb[i] != 0) x.limb[i] += kTimes * kLimb[i];
  }
  return x;
}
[[gnu::always_inline]] inline Factor operator+(const Residue& a, const Residue& b) noexcept {
  return carry_factor(sum(a, b));
}
// The difference of numbers below 2 p is below 4 p.
[[gnu::always_inline]] inline Factor operator-(const Residue& a, const Residue& b) noexcept {
  return carry_factor(plus_p<2>(difference(a, b)));
}
template <unsigned kTimes>
[[gnu::always_inline]] inline Factor times(const Residue& a) noexcept {
  Sum out;
  for (int i = 0; i < kLimbs; ++i) out.limb[i] = kTimes * a.limb[i];
  return carry_factor(out);
}
// tight brings a number below 16 p below 2^256 + 2^229, which is 1.01 p: 2^256 goes and
// 2^224 - 2^192 - 2^96 + 1 comes.  It looks at the top limb before carries reach it; what it then
// takes once too often or too seldom is far less than these bounds leave room for.
[[gnu::always_inline]] inline Residue tight(Sum x) noexcept {
  const Wide q = reinterpret_cast<Wide>(reinterpret_cast<SignedWide>(x.limb[4]) >> 48);
  x.limb[0] += q;
  x.limb[1] -= q << 44;
  x.limb[3] -= q << 36;
  x.limb[4] = (x.limb[4] & ((1ULL << 48) - 1)) + (q << 16);
  return carry(x);
}

[[gnu::noinline]] Residue square_times(Residue x, int count) noexcept {
  for (int i = 0; i < count; ++i) x = square(x);
  return x;
}
// inverse is x^(p - 2), and zero for zero.  z_k stands for x^(2^k - 1).
[[gnu::noinline]] Residue inverse(const Residue& x) noexcept {
  const Residue z2 = square(x) * x;
  const Residue z3 = square(z2) * x;
  const Residue z6 = square_times(z3, 3) * z3;
  const Residue z12 = square_times(z6, 6) * z6;
  const Residue z15 = square_times(z12, 3) * z3;
  const Residue z30 = square_times(z15, 15) * z15;
  const Residue z32 = square_times(z30, 2) * z2;
  Residue r = square_times(z32, 32) * x;
  r = square_times(r, 128) * z32;
  r = square_times(r, 32) * z32;
  r = square_times(r, 30) * z30;
  return square_times(r, 2) * x;
}

[[gnu::always_inline]] inline Residue to_field(const Residue& x) noexcept {
  return x * all(kFieldSquare);
}
[[gnu::always_inline]] inline Residue from_field(const Residue& x) noexcept {
  return canonical(x * all(kOne), kPrime);
}

// --- the group ----------------------------------------------------------------------------------

// X and Y are below 1.1 p.
struct Point {
  Residue x;
  Residue y;
  Residue z;
};
struct Affine {
  Residue x;
  Residue y;
};

[[gnu::always_inline]] inline Point select(Mask mask, const Point& then,
                                           const Point& otherwise) noexcept {
  return {.x = batch::select(mask, then.x, otherwise.x),
          .y = batch::select(mask, then.y, otherwise.y),
          .z = batch::select(mask, then.z, otherwise.z)};
}

// twice doubles any point, infinity too: there is none of order two.
[[gnu::always_inline]] inline Point twice(const Point& p) noexcept {
  const Residue delta = square(p.z);
  const Residue gamma = square(p.y);
  const Residue third = (p.x - delta) * (p.x + delta);  // 1.8
  const Factor alpha = times<3>(third);                 // 5.4
  const Residue beta4 = times<4>(p.x) * gamma;          // 1.3
  Sum x = plus_p<4>(sum(square(alpha), all(kZero)));    // from here to 6.9
  for (int i = 0; i < kLimbs; ++i) x.limb[i] -= 2 * beta4.limb[i];
  const Residue x3 = tight(x);
  const Residue gamma4 = square(times<2>(gamma));            // 1.3
  Sum y = plus_p<4>(sum(alpha * (beta4 - x3), all(kZero)));  // to 6.2
  for (int i = 0; i < kLimbs; ++i) y.limb[i] -= 2 * gamma4.limb[i];
  return {.x = x3, .y = tight(y), .z = times<2>(p.y) * p.z};
}

// finish_add does what both additions share.  x1, y1 are below 2 and at a common Z; h = x2 - x1 and
// r = y2 - y1 are below 4.
[[gnu::always_inline]] inline Point finish_add(const Residue& x1, const Residue& y1,
                                               const Residue& x2, const Residue& y2,
                                               const Residue& z) noexcept {
  const Factor h = x2 - x1;
  const Factor r = y2 - y1;
  const Residue hh = square(h);
  const Residue hhh = hh * h;  // 1.5
  const Residue v = hh * x1;   // 1.25
  Sum x = plus_p<4>(difference(square(r), hhh));
  for (int i = 0; i < kLimbs; ++i) x.limb[i] -= 2 * v.limb[i];
  const Residue x3 = tight(x);
  const Residue y3 = tight(plus_p<2>(difference(r * (v - x3), y1 * hhh)));
  return {.x = x3, .y = y3, .z = z * h};
}
// add needs points that are neither equal, nor opposite, nor infinity.
[[gnu::always_inline]] inline Point add(const Point& p, const Affine& q) noexcept {
  const Residue zz = square(p.z);
  return finish_add(p.x, p.y, q.x * zz, q.y * (zz * p.z), p.z);
}
[[gnu::always_inline]] inline Point add(const Point& p, const Point& q) noexcept {
  const Residue zz1 = square(p.z);
  const Residue zz2 = square(q.z);
  return finish_add(p.x * zz2, p.y * (zz2 * q.z), q.x * zz1, q.y * (zz1 * p.z), p.z * q.z);
}
[[gnu::always_inline]] inline Residue negate_if(Mask mask, const Residue& x) noexcept {
  const Residue negative = tight(plus_p<2>(difference(all(kZero), x)));
  return batch::select(mask, negative, x);
}

// --- scalars in digits --------------------------------------------------------------------------

struct Scalar {
  Wide word[4];
};
[[gnu::always_inline]] inline Scalar load_scalar(const Lanes256& from) noexcept {
  return {{load(from.word[0]), load(from.word[1]), load(from.word[2]), load(from.word[3])}};
}

// Digit is a signed digit from -2^(w - 1) to 2^(w - 1).
struct Digit {
  Wide magnitude;
  Mask negative;
  Mask nonzero;
};
// digit recodes after Booth: the bits of digit i, and the highest bit below them.
template <unsigned kWidth>
[[gnu::always_inline]] inline Digit digit(const Scalar& k, unsigned i) noexcept {
  Wide window;
  if (i == 0) {
    window = k.word[0] << 1;
  } else {
    const unsigned first = kWidth * i - 1;
    const unsigned word = first / 64;
    const unsigned shift = first % 64;
    window = k.word[word] >> shift;
    if (shift > 64 - (kWidth + 1) && word < 3) window |= k.word[word + 1] << (64 - shift);
  }
  constexpr unsigned long long kBits = (2ULL << kWidth) - 1;
  window &= kBits;
  const Mask negative = any_bit_of(window, all(1ULL << kWidth));
  window = batch::select(negative, kBits - window, window);
  const Wide magnitude = (window >> 1) + (window & 1);
  return {magnitude, negative, any_bit_of(magnitude, magnitude)};
}

// --- multiples of the base point ----------------------------------------------------------------

constexpr unsigned kBaseWidth = 6;

// entry reads all of the table's row into registers, and permutes it there.
[[gnu::always_inline]] inline Affine entry(const std::uint64_t (&row)[10][32],
                                           const Digit& d) noexcept {
  const Wide index = d.magnitude - 1;
  const Mask upper = any_bit_of(index, all(16));
  Wide limb[10];
  for (int i = 0; i < 10; ++i) {
    const Wide low = pick(index, load(row[i]), load(row[i] + 8));
    const Wide high = pick(index, load(row[i] + 16), load(row[i] + 24));
    limb[i] = batch::select(upper, high, low);
  }
  const Residue y{{{limb[5], limb[6], limb[7], limb[8], limb[9]}}};
  return {.x = {{{limb[0], limb[1], limb[2], limb[3], limb[4]}}}, .y = negate_if(d.negative, y)};
}

// multiply_base is k G for 0 < k < n, from the lowest digit up.
//
// No addition is an exceptional one.  Before digit d at 64^i the sum is at most 0.51 * 64^i in
// magnitude, and |d| 64^i is at least 64^i: neither equal nor opposite as integers.  Modulo n they
// could only be with the topmost digit, i = 42, where magnitudes reach n: the sum of both is k, not
// zero; their difference would have to be n, with k = 2 d 64^42 - n; but k and d 64^42 differ by at
// most 0.51 * 64^42, which leaves only d = 16, and then k would be above n.
[[gnu::noinline]] void multiply_base(const P256Table& table, const Scalar& k, Point& out) noexcept {
  Point sum_of_digits{.x = all(kZero), .y = all(kZero), .z = all(kZero)};
  Mask begun = 0;
  for (unsigned i = 0; i < P256Table::kDigits; ++i) {
    const Digit d = digit<kBaseWidth>(k, i);
    const Affine a = entry(table.limb[i], d);
    const Point first{.x = a.x, .y = a.y, .z = all(kFieldOne)};
    const Point next = select(begun, add(sum_of_digits, a), first);
    sum_of_digits = select(d.nonzero, next, sum_of_digits);
    begun = static_cast<Mask>(begun | d.nonzero);
  }
  out = sum_of_digits;
}

// affine_x is zero for infinity.
[[gnu::always_inline]] inline Residue affine_x(const Point& p) noexcept {
  return from_field(p.x * square(inverse(p.z)));
}

void make_table(P256Table& table) noexcept {
  constexpr std::size_t kMultiples = P256Table::kMultiples;
  Point base{.x = all(kBaseX), .y = all(kBaseY), .z = all(kFieldOne)};
  // Eight digits at a time, each in its lane.
  for (std::size_t first = 0; first < P256Table::kDigits; first += kLanes) {
    Point unit = base;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      unit = select(static_cast<Mask>(1U << lane), base, unit);
      for (unsigned i = 0; i < kBaseWidth; ++i) base = twice(base);
    }
    Point multiple = unit;
    for (std::size_t j = 0; j < kMultiples; ++j) {
      const Residue z = inverse(multiple.z);
      const Residue zz = square(z);
      const Residue x = canonical(multiple.x * zz, kPrime);
      const Residue y = canonical(multiple.y * (zz * z), kPrime);
      for (std::size_t lane = 0; lane < kLanes && first + lane < P256Table::kDigits; ++lane) {
        auto& row = table.limb[first + lane];
        for (std::size_t i = 0; i < kLimbs; ++i) {
          row[i][j] = x.limb[i][lane];
          row[5 + i][j] = y.limb[i][lane];
        }
      }
      multiple = j == 0 ? twice(unit) : add(multiple, unit);
    }
  }
}

// --- agreement ----------------------------------------------------------------------------------

// on_curve tells y^2 = x^3 - 3 x + b.
[[gnu::always_inline]] inline Mask on_curve(const Affine& p) noexcept {
  const Residue cube = square(p.x) * p.x;
  Sum rest = plus_p<8>(difference(cube, square(p.y)));
  const Residue b = all(kCurveB);
  for (int i = 0; i < kLimbs; ++i) rest.limb[i] += b.limb[i] - 3 * p.x.limb[i];
  return is_zero(from_field(tight(rest)));
}

constexpr unsigned kPeerWidth = 5;
constexpr unsigned kPeerDigits = 52;
constexpr std::size_t kPeerMultiples = 16;

// multiply is k P for 0 < k < n and a point P that is not infinity, from the highest digit down.
//
// No addition is an exceptional one.  Let m be what the digits above d make, so that the sum is
// 32 m P.  m = 0 is infinity, which is seen to.  Otherwise 32 m is larger than |d|, so they are
// neither equal nor opposite as integers.  Modulo n, which is P's order: before the lowest digit,
// 32 m + |d| is below n.  At the lowest, 32 m + d is k, which is not n; and 32 m - d would be n
// only for k = n + 2 d, so that n = -d modulo 32; but n is 17 modulo 32, and d is from -16 to 16.
[[gnu::noinline]] void multiply(const Affine& p, const Scalar& k, Point& out) noexcept {
  Point table[kPeerMultiples];
  table[0] = {.x = p.x, .y = p.y, .z = all(kFieldOne)};
  table[1] = twice(table[0]);
  for (std::size_t j = 2; j < kPeerMultiples; ++j) table[j] = add(table[j - 1], p);

  Point r{.x = all(kZero), .y = all(kZero), .z = all(kZero)};
  Mask begun = 0;
  for (unsigned i = kPeerDigits; i-- > 0;) {
    for (unsigned j = 0; i + 1 < kPeerDigits && j < kPeerWidth; ++j) r = twice(r);
    const Digit d = digit<kPeerWidth>(k, i);
    // Every entry is read, whatever the digit.
    Point a = table[0];
    for (std::size_t j = 1; j < kPeerMultiples; ++j) {
      a = select(any_bit_of(d.magnitude ^ (j + 1), all(~0ULL)), a, table[j]);
    }
    a.y = negate_if(d.negative, a.y);
    const Point next = select(begun, add(r, a), a);
    r = select(d.nonzero, next, r);
    begun = static_cast<Mask>(begun | d.nonzero);
  }
  out = r;
}

[[gnu::noinline]] Mask derive(const Lanes256& scalar, const P256Point& peer,
                              Lanes256& shared) noexcept {
  const Residue x = unpack(peer.x);
  const Residue y = unpack(peer.y);
  Affine p{.x = to_field(x), .y = to_field(y)};
  // The encoding has no way to say infinity, and the cofactor is one: what fulfils the equation has
  // order n.  [SP 800-56A 5.6.2.3.4]
  const Mask good = static_cast<Mask>(is_below(x, kPrime) & is_below(y, kPrime) & on_curve(p));
  p.x = batch::select(good, p.x, all(kBaseX));
  p.y = batch::select(good, p.y, all(kBaseY));
  Point r;
  multiply(p, load_scalar(scalar), r);
  pack(affine_x(r), shared);
  return static_cast<Mask>(good & is_scalar(unpack(scalar)));
}

[[gnu::noinline]] Mask make_public(const P256Table& table, const Lanes256& scalar,
                                   P256Point& public_key) noexcept {
  Point r;
  multiply_base(table, load_scalar(scalar), r);
  const Residue z = inverse(r.z);
  const Residue zz = square(z);
  pack(from_field(r.x * zz), public_key.x);
  pack(from_field(r.y * (zz * z)), public_key.y);
  return is_scalar(unpack(scalar));
}

// --- modulo the order ---------------------------------------------------------------------------
//
// Montgomery form with the same R; the bounds are those of the field.

constexpr Constant kOrderSquare{
    // R^2
    {0x0845cc0dea6dc3ba, 0x5571bb192a067d8a, 0x45b2392b6bec5961, 0xe12d9559d9561fc2}};
constexpr unsigned long long kNegativeInverse = 0x1c8aaee00bc4f;  // -1 / n modulo 2^52

[[gnu::always_inline]] inline Residue reduce_modulo_n(Columns c) noexcept {
  const Residue n = all(kOrder);
  for (int i = 0; i < kLimbs; ++i) {
    const Wide q = low_product(Wide{}, c.at[i], all(kNegativeInverse));
    for (int j = 0; j < kLimbs; ++j) {
      c.at[i + j] = low_product(c.at[i + j], q, n.limb[j]);
      c.at[i + j + 1] = high_product(c.at[i + j + 1], q, n.limb[j]);
    }
    c.at[i + 1] += c.at[i] >> kLimbBits;
  }
  return carry(Sum{{c.at[5], c.at[6], c.at[7], c.at[8], c.at[9]}});
}
[[gnu::noinline]] Residue multiply_modulo_n(const Factor& a, const Factor& b) noexcept {
  return reduce_modulo_n(product(a, b));
}
[[gnu::noinline]] Residue square_modulo_n(Residue x, int count) noexcept {
  for (int i = 0; i < count; ++i) x = reduce_modulo_n(square_product(x));
  return x;
}

// inverse_modulo_n is x^(n - 2).  The upper half of n - 2 is regular, the lower is taken four bits
// at a time; the exponent is no secret.
[[gnu::noinline]] Residue inverse_modulo_n(const Residue& x) noexcept {
  Residue power[16];
  power[1] = x;
  for (int i = 2; i < 16; ++i) power[i] = multiply_modulo_n(power[i - 1], x);
  const Residue z8 = multiply_modulo_n(square_modulo_n(power[15], 4), power[15]);  // x^(2^8 - 1)
  const Residue z16 = multiply_modulo_n(square_modulo_n(z8, 8), z8);
  const Residue z32 = multiply_modulo_n(square_modulo_n(z16, 16), z16);
  Residue r = multiply_modulo_n(square_modulo_n(z32, 64), z32);
  r = multiply_modulo_n(square_modulo_n(r, 32), z32);
  constexpr unsigned long long kLower[2] = {0xbce6faada7179e84, 0xf3b9cac2fc63254f};
  for (const unsigned long long word : kLower) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      r = square_modulo_n(r, 4);
      const unsigned digit = word >> shift & 15;
      if (digit != 0) r = multiply_modulo_n(r, power[digit]);
    }
  }
  return r;
}

// [FIPS 186-5 6.4.1] r is the x-coordinate of k G modulo n; s = (z + r d) / k.
[[gnu::noinline]] Mask sign(const P256Table& table, const Lanes256& key, const Lanes256& digest,
                            const Lanes256& nonce, P256Signature& signature) noexcept {
  const Residue k = unpack(nonce);
  const Residue inverse_k = inverse_modulo_n(multiply_modulo_n(k, all(kOrderSquare)));
  Point point;
  multiply_base(table, load_scalar(nonce), point);
  // p is below 2 n.
  const Residue r = canonical(affine_x(point), kOrder);
  const Residue r_d = multiply_modulo_n(multiply_modulo_n(r, all(kOrderSquare)), unpack(key));
  const Factor z_plus_r_d = carry_factor(sum(unpack(digest), r_d));
  const Residue s = canonical(multiply_modulo_n(inverse_k, z_plus_r_d), kOrder);
  pack(r, signature.r);
  pack(s, signature.s);
  return static_cast<Mask>(is_scalar(k) & ~is_zero(r) & ~is_zero(s));
}

// More than the frames of a kernel and of what it calls.
constexpr std::size_t kScratch = 40 * 1024;

}  // namespace

void p256_make_table(P256Table& table) noexcept {
  make_table(table);
  wipe_registers();
}

std::uint8_t p256_public_kernel(const P256Table& table, const Lanes256& scalar,
                                P256Point& public_key) noexcept {
  const Mask good = make_public(table, scalar, public_key);
  leave_nothing<kScratch>();
  return good;
}

std::uint8_t p256_derive_kernel(const Lanes256& scalar, const P256Point& peer,
                                Lanes256& shared) noexcept {
  const Mask good = derive(scalar, peer, shared);
  leave_nothing<kScratch>();
  return good;
}

std::uint8_t p256_sign_kernel(const P256Table& table, const Lanes256& key, const Lanes256& digest,
                              const Lanes256& nonce, P256Signature& signature) noexcept {
  const Mask good = sign(table, key, digest, nonce, signature);
  leave_nothing<kScratch>();
  return good;
}

}  // namespace sallyport::crypto::batch
