// Long numbers in eight lanes, and Montgomery's multiplication modulo an odd number of each lane's
// own. A number has 10 kTens limbs of 52 bits, limb i of all lanes in one vector in memory.
//
// Only for the translation units of kernels, like radix52_avx512.h: everything is static.
//
// Numbers are Factors in the sense of that header: above bit 51 a limb may hold anything, because
// the multiply-add instructions do not look there; "exact" limbs have nothing there.  A modulus n
// is at least 16 bits shorter than R = 2^(520 kTens).  So the product of a and b below 4 n, divided
// by R, is below (16 n^2 + R n) / R < 2 n: no multiplication ends with a subtraction, and none is
// conditional.
//
// Products are made in squares of ten by ten limbs, because 20 accumulators and ten factors fill
// the 32 registers.  A column adds up at most 4 * 80 halves of products, 61 bits.
#pragma once
#include "lib/crypto/batch/radix52_avx512.h"

namespace sallyport::crypto::batch {
namespace {

constexpr int kTen = 10;

// Limbs is memory for so many of them.
template <int kCount>
struct Limbs {
  Wide at[static_cast<unsigned>(kCount)];
};

// Square holds the columns of a ten by ten product while it is made.  Loops over it are unrolled
// completely, so that it lives in registers.
struct Square {
  Wide at[2 * kTen];
};
[[gnu::always_inline]] inline void add_product(Square& sum, const Wide* a, const Wide* b) noexcept {
#pragma GCC unroll 10
  for (int i = 0; i < kTen; ++i) {
    const Wide factor = a[i];
#pragma GCC unroll 10
    for (int j = 0; j < kTen; ++j) sum.at[i + j] = low_product(sum.at[i + j], factor, b[j]);
#pragma GCC unroll 10
    for (int j = 0; j < kTen; ++j) {
      sum.at[i + j + 1] = high_product(sum.at[i + j + 1], factor, b[j]);
    }
  }
}
// add_cross_products adds every a_i a_j with i < j.
[[gnu::always_inline]] inline void add_cross_products(Square& sum, const Wide* a) noexcept {
#pragma GCC unroll 10
  for (int i = 0; i < kTen; ++i) {
    const Wide factor = a[i];
#pragma GCC unroll 10
    for (int j = i + 1; j < kTen; ++j) sum.at[i + j] = low_product(sum.at[i + j], factor, a[j]);
#pragma GCC unroll 10
    for (int j = i + 1; j < kTen; ++j) {
      sum.at[i + j + 1] = high_product(sum.at[i + j + 1], factor, a[j]);
    }
  }
}
[[gnu::always_inline]] inline void move_down(Square& sum) noexcept {
#pragma GCC unroll 10
  for (int i = 0; i < kTen; ++i) {
    sum.at[i] = sum.at[i + kTen];
    sum.at[i + kTen] = Wide{};
  }
}

// multiply_columns writes the columns of a b, 20 kTens of them.
template <int kTens>
[[gnu::always_inline]] inline void multiply_columns(const Wide* a, const Wide* b,
                                                    Wide* columns) noexcept {
  Square sum{};
#pragma GCC unroll 1
  for (int c = 0; c < 2 * kTens; ++c) {
    const int first = c < kTens ? 0 : c - kTens + 1;
#pragma GCC unroll 1
    for (int i = first; i <= c - first; ++i) {
      add_product(sum, a + kTen * i, b + kTen * (c - i));
    }
#pragma GCC unroll 10
    for (int i = 0; i < kTen; ++i) columns[kTen * c + i] = sum.at[i];
    move_down(sum);
  }
}
template <int kTens>
[[gnu::always_inline]] inline void square_columns(const Wide* a, Wide* columns) noexcept {
  Square sum{};
#pragma GCC unroll 1
  for (int c = 0; c < 2 * kTens; ++c) {
    int i = c < kTens ? 0 : c - kTens + 1;
#pragma GCC unroll 1
    for (; i < c - i; ++i) add_product(sum, a + kTen * i, a + kTen * (c - i));
    if (i == c - i) add_cross_products(sum, a + kTen * i);
    // Every product of two different limbs counts twice, and the squares come in between.
    const Wide* const factors = a + kTen / 2 * c;
    Wide* const out = columns + kTen * c;
#pragma GCC unroll 5
    for (int k = 0; k < kTen; k += 2) {
      const Wide factor = factors[k / 2];
      out[k] = low_product(sum.at[k] + sum.at[k], factor, factor);
      out[k + 1] = high_product(sum.at[k + 1] + sum.at[k + 1], factor, factor);
    }
    move_down(sum);
  }
}

// Modulus is what there is of an odd modulus.
struct Modulus {
  const Wide* limb;
  Wide negative_inverse;  // -1 / n modulo 2^52
};

constexpr int kWidth = 2 * kTen;  // limbs of a modulus that rows are cleared with at once

// Rows are columns on their way through the registers.
template <int kRows>
using Rows = Limbs<kWidth + kRows>;
// clear adds q n to the columns, q chosen so that the lowest kRows vanish but for what they carry,
// as far as the lower kWidth limbs of n make them.
template <int kRows>
[[gnu::always_inline]] inline Rows<kRows> clear(const Wide* columns, const Modulus& n,
                                                Wide* q) noexcept {
  Rows<kRows> rows;
  Wide* const at = rows.at;
#pragma GCC unroll 20
  for (int j = 0; j < kWidth; ++j) at[j] = columns[j];
  Wide next = low_product(Wide{}, at[0], n.negative_inverse);
#pragma GCC unroll 20
  for (int row = 0; row < kRows; ++row) {
    const Wide factor = next;
    const Wide* limb = n.limb;
    q[row] = factor;
    // What the next row waits for comes first, up to its factor: processors prefer what is older.
    // The lower half of q n_0 fills this column up to the next multiple of 2^52.
    at[row + 1] = low_product(at[row + 1], factor, limb[1]);
    at[row + 1] = high_product(at[row + 1], factor, limb[0]);
    at[row + 1] += (at[row] + kLimbMask) >> kLimbBits;
    next = low_product(Wide{}, at[row + 1], n.negative_inverse);
    // A compiler that sees that every row loads the same limbs keeps these in registers, instead of
    // the columns.
    in_this_order(next, limb);
    at[row + 2] = high_product(at[row + 2], factor, limb[1]);
    at[row + kWidth] = columns[row + kWidth];
#pragma GCC unroll 20
    for (int j = 2; j < kWidth; ++j) {
      const Wide other = limb[j];
      at[row + j] = low_product(at[row + j], factor, other);
      at[row + j + 1] = high_product(at[row + j + 1], factor, other);
    }
  }
  return rows;
}
// clear_ten leaves q, and the columns 10 to 29 up to date.
[[gnu::noinline]] void clear_ten(Wide* columns, const Modulus& n, Wide* q) noexcept {
  const Rows<kTen> rows = clear<kTen>(columns, n, q);
#pragma GCC unroll 20
  for (int j = kTen; j < kTen + kWidth; ++j) columns[j] = rows.at[j];
}
// clear_twenty does all that a modulus of twenty limbs needs.
[[gnu::noinline]] void clear_twenty(const Wide* columns, const Modulus& n, Wide* out) noexcept {
  Wide q[kWidth];
  const Rows<kWidth> rows = clear<kWidth>(columns, n, q);
  Wide limb = rows.at[kWidth];
  out[0] = limb;
#pragma GCC unroll 20
  for (int i = 1; i < kWidth; ++i) {
    limb = rows.at[kWidth + i] + (limb >> kLimbBits);
    out[i] = limb;
  }
}

// reduce divides the number of these columns by R, modulo n: the result is below 2 n for a number
// below R n.  Destroys the columns, of which there must be room for ten more than 20 kTens.
template <int kTens>
[[gnu::always_inline]] inline void reduce(Wide* columns, const Modulus& n, Wide* out) noexcept {
  static_assert(kTens >= 2);
  if constexpr (kTens == 2) {
    clear_twenty(columns, n, out);
    return;
  }
  Wide q[kTen];
#pragma GCC unroll 1
  for (int r = 0; r < kTens; ++r) {
    Wide* const rows = columns + kTen * r;
    clear_ten(rows, n, q);
    if constexpr (kTens > 2) {
      Square sum;
#pragma GCC unroll 10
      for (int i = 0; i < kTen; ++i) sum.at[i] = rows[2 * kTen + i];
#pragma GCC unroll 1
      for (int j = 2; j < kTens; ++j) {
        Wide* const block = rows + kTen * j;
#pragma GCC unroll 10
        for (int i = kTen; i < 2 * kTen; ++i) sum.at[i] = block[i];
        add_product(sum, q, n.limb + kTen * j);
#pragma GCC unroll 10
        for (int i = 0; i < kTen; ++i) {
          block[i] = sum.at[i];
          sum.at[i] = sum.at[i + kTen];
        }
      }
#pragma GCC unroll 10
      for (int i = 0; i < kTen; ++i) rows[kTen * kTens + i] = sum.at[i];
    }
  }
  constexpr int kLength = kTen * kTens;
  Wide limb = columns[kLength];
  out[0] = limb;
  for (int i = 1; i < kLength; ++i) {
    limb = columns[kLength + i] + (limb >> kLimbBits);
    out[i] = limb;
  }
}

// Room for the columns of a product.
template <int kTens>
using ColumnSpace = Limbs<2 * kTen * kTens + kTen>;

// multiply gives a b / R modulo n, below 2 n for factors below 4 n.  `out` may be one of them.
template <int kTens>
[[gnu::noinline]] void multiply(const Wide* a, const Wide* b, const Modulus& n,
                                Wide* out) noexcept {
  ColumnSpace<kTens> columns;
  multiply_columns<kTens>(a, b, columns.at);
  reduce<kTens>(columns.at, n, out);
}
template <int kTens>
[[gnu::noinline]] void square(const Wide* a, const Modulus& n, Wide* out) noexcept {
  ColumnSpace<kTens> columns;
  square_columns<kTens>(a, columns.at);
  reduce<kTens>(columns.at, n, out);
}

// mask_limbs cuts off what a multiplication leaves above bit 51.
template <int kLength>
[[gnu::always_inline]] inline void mask_limbs(Wide* x) noexcept {
  for (int i = 0; i < kLength; ++i) x[i] &= kLimbMask;
}
// carry_limbs makes exact limbs of a number that is not negative as a whole.
template <int kLength>
[[gnu::always_inline]] inline void carry_limbs(Wide* x) noexcept {
  Wide carried{};
  for (int i = 0; i < kLength; ++i) {
    const Wide limb = x[i] + carried;
    x[i] = limb & kLimbMask;
    carried = shift_signed(limb);
  }
}
// subtract_once subtracts the modulus where that is possible.  Precondition: exact limbs.
template <int kLength>
[[gnu::always_inline]] inline void subtract_once(Wide* x, const Wide* modulus) noexcept {
  Limbs<kLength> less;
  Wide borrowed{};
  for (int i = 0; i < kLength; ++i) {
    const Wide limb = x[i] - modulus[i] + borrowed;
    less.at[i] = limb & kLimbMask;
    borrowed = shift_signed(limb);
  }
  const Mask negative = any_bit_of(borrowed, all(~0ULL));
  for (int i = 0; i < kLength; ++i) x[i] = select(negative, x[i], less.at[i]);
}
// leave_form divides by R and reduces completely: exact limbs, below n.
template <int kTens>
[[gnu::noinline]] void leave_form(const Wide* x, const Modulus& n, Wide* out) noexcept {
  constexpr int kLength = kTen * kTens;
  ColumnSpace<kTens> columns;
  for (int i = 0; i < kLength; ++i) {
    columns.at[i] = x[i] & kLimbMask;
    columns.at[kLength + i] = Wide{};
  }
  reduce<kTens>(columns.at, n, out);
  mask_limbs<kLength>(out);
  subtract_once<kLength>(out, n.limb);
}

}  // namespace
}  // namespace sallyport::crypto::batch
