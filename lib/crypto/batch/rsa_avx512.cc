// RSA by the Chinese remainder theorem, eight lanes at a time, in steps.
//
// A batch goes through the phases of RsaBatch::Phase: blind the input; for each prime enter it into
// Montgomery's form, make a table of powers, raise it to the private exponent, and leave
// Montgomery's form; recombine both results; verify.  [Boneh, DeMillo, Lipton 1997] One result that
// is right modulo one prime and wrong modulo the other gives the key away, so none leaves here that
// the public exponent does not lead back to the input, modulo n and after all else is done.
//
// Blinding needs pairs of r^e and 1 / r.  To invert r is not what this kernel does, but r need not
// be known: for a random b, which is r^e of some r, 1 / r is b^-d, the private operation with
// another exponent.  What is drawn for that is nobody's input, so it is not blinded in turn.
#include "lib/crypto/batch/montgomery_avx512.h"
#include "lib/crypto/batch/rsa_kernel.h"

namespace sallyport::crypto::batch {
namespace {

// With five bits there is a multiplication less for every twenty bits of an exponent, but reading
// twice the table costs as much, and making it more.
constexpr int kWindow = 4;
constexpr int kPowers = kRsaPowers;
static_assert(kPowers == 1 << kWindow);

[[gnu::always_inline]] inline Wide* wide(LaneWord* number) noexcept {
  return reinterpret_cast<Wide*>(number);
}
[[gnu::always_inline]] inline const Wide* wide(const LaneWord* number) noexcept {
  return reinterpret_cast<const Wide*>(number);
}
[[gnu::always_inline]] inline Wide wide_word(const LaneWord& word) noexcept {
  return *reinterpret_cast<const Wide*>(&word);
}
[[gnu::always_inline]] inline Modulus prime_of(const RsaBatch& b, int half) noexcept {
  return {wide(b.prime[half].modulus), wide_word(b.prime[half].negative_inverse)};
}
[[gnu::always_inline]] inline Modulus modulus_of(const RsaBatch& b) noexcept {
  return {wide(b.modulus), wide_word(b.negative_inverse)};
}

// Kernel has the operations on keys of one size.
template <int kTens>
struct Kernel {
  static constexpr int kHalf = 10 * kTens;  // limbs modulo a prime
  static constexpr int kFull = 2 * kHalf;   // limbs modulo n
  static constexpr int kBits = 512 * kTens;
  static constexpr int kWindows = (kBits + kWindow - 1) / kWindow;
  static constexpr int kFullCost = 4;  // of a multiplication modulo n

  static void blind(RsaBatch& b) noexcept {
    if (b.task == RsaBatch::Task::renew) {
      copy<kFull>(wide(b.input), wide(b.wide));
      return;
    }
    multiply<2 * kTens>(wide(b.input), wide(b.blind), modulus_of(b), wide(b.wide));
    mask_limbs<kFull>(wide(b.wide));
  }

  // enter reduces the input, below 2 n and so below R p, modulo a prime p, which divides it by R;
  // R^3 makes up for that.
  static void enter(RsaBatch& b) noexcept {
    ColumnSpace<kTens> columns;
    for (int i = 0; i < kFull; ++i) columns.at[i] = wide(b.wide)[i];
    const Modulus p = prime_of(b, b.half);
    Wide* const first = wide(b.table[1]);
    reduce<kTens>(columns.at, p, first);
    multiply<kTens>(first, wide(b.prime[b.half].cube), p, first);
    copy<kHalf>(wide(b.prime[b.half].one), wide(b.table[0]));
  }
  // extend_table makes the powers `i` and i + 1 of the first one; i is even.
  static void extend_table(RsaBatch& b, int i) noexcept {
    const Modulus p = prime_of(b, b.half);
    square<kTens>(wide(b.table[i / 2]), p, wide(b.table[i]));
    multiply<kTens>(wide(b.table[i]), wide(b.table[1]), p, wide(b.table[i + 1]));
  }

  // digit takes window i, counted from the lowest, out of every lane's exponent.
  [[gnu::always_inline]] static Wide digit(const RsaBatch& b, int i) noexcept {
    const LaneWord* const words = b.prime[b.half].exponent;
    const int word = kWindow * i / 64;
    const int shift = kWindow * i % 64;
    Wide window = wide_word(words[word]) >> shift;
    if (shift > 64 - kWindow && 64 * (word + 1) < kBits) {
      window |= wide_word(words[word + 1]) << (64 - shift);
    }
    return window & (kPowers - 1);
  }
  // look_up reads all of the table, whatever the digit.
  [[gnu::noinline]] static void look_up(const RsaBatch& b, const Wide& digit, Wide* out) noexcept {
    for (int first = 0; first < kHalf; first += kTen) {
      Wide found[kTen]{};
#pragma GCC unroll 2
      for (int power = 0; power < kPowers; ++power) {
        const Wide* const entry = wide(b.table[power]) + first;
        const Mask here = is_equal(digit, all(static_cast<unsigned long long>(power)));
#pragma GCC unroll 10
        for (int i = 0; i < kTen; ++i) found[i] = select(here, entry[i], found[i]);
      }
#pragma GCC unroll 10
      for (int i = 0; i < kTen; ++i) out[first + i] = found[i];
    }
  }
  static void raise(RsaBatch& b, int window) noexcept {
    const Modulus p = prime_of(b, b.half);
    Wide* const power = wide(b.power[b.half]);
    if (window == kWindows - 1) {
      look_up(b, digit(b, window), power);
      return;
    }
    for (int i = 0; i < kWindow; ++i) square<kTens>(power, p, power);
    Limbs<kHalf> factor;
    look_up(b, digit(b, window), factor.at);
    multiply<kTens>(power, factor.at, p, power);
  }
  static void leave(RsaBatch& b) noexcept {
    Wide* const power = wide(b.power[b.half]);
    leave_form<kTens>(power, prime_of(b, b.half), power);
  }

  // [RFC 8017 5.1.2] Garner: s = s_q + q ((s_p - s_q) / q modulo p), and nothing has to be reduced.
  static void recombine(RsaBatch& b) noexcept {
    const Modulus p = prime_of(b, 0);
    const Modulus n = modulus_of(b);
    const Wide* const s_q = wide(b.power[1]);
    Limbs<kHalf> number;
    Wide* const h = number.at;
    // q is below 2 p: with that much added the difference is not negative, and below 4 p.
    for (int i = 0; i < kHalf; ++i) h[i] = wide(b.power[0])[i] - s_q[i] + 2 * p.limb[i];
    carry_limbs<kHalf>(h);
    multiply<kTens>(h, wide(b.q_inverse), p, h);
    mask_limbs<kHalf>(h);
    subtract_once<kHalf>(h, p.limb);
    ColumnSpace<kTens> columns;
    multiply_columns<kTens>(wide(b.prime[1].modulus), h, columns.at);
    for (int i = 0; i < kHalf; ++i) columns.at[i] += s_q[i];
    carry_limbs<kFull>(columns.at);
    Wide* const out = wide(b.output);
    if (b.task == RsaBatch::Task::renew) {
      copy<kFull>(columns.at, out);  // below n, because s_q is below q and h below p
      return;
    }
    multiply<2 * kTens>(columns.at, wide(b.unblind), n, out);
    mask_limbs<kFull>(out);
    subtract_once<kFull>(out, n.limb);
    square<2 * kTens>(wide(b.blind), n, wide(b.blind));
    square<2 * kTens>(wide(b.unblind), n, wide(b.unblind));
  }

  // verify_bit is one bit of every lane's public exponent, from the highest that any of them has.
  // Which bits are set is no secret.
  static void verify_bit(RsaBatch& b, int bit) noexcept {
    const Modulus n = modulus_of(b);
    const Wide exponent = wide_word(b.public_exponent);
    Wide* const power = wide(b.wide);
    Wide* const base = wide(b.base);
    const Mask begun = any_bit_of(exponent >> (bit + 1), all(~0ULL));
    const Mask set = any_bit_of(exponent >> bit, all(1));
    if (begun != 0) square<2 * kTens>(power, n, power);
    if (begun == 0) copy<kFull>(base, power);
    if ((begun & set) != 0) {
      Limbs<kFull> product;
      multiply<2 * kTens>(power, base, n, product.at);
      for (int i = 0; i < kFull; ++i)
        power[i] = select(static_cast<Mask>(begun & set), product.at[i], power[i]);
    }
    // A lane whose exponent begins here.
    if ((set & ~begun) != 0 && begun != 0) {
      for (int i = 0; i < kFull; ++i)
        power[i] = select(static_cast<Mask>(set & ~begun), base[i], power[i]);
    }
  }
  static void judge(RsaBatch& b) noexcept {
    Wide* const power = wide(b.wide);
    leave_form<2 * kTens>(power, modulus_of(b), power);
    Wide difference{};
    for (int i = 0; i < kFull; ++i) difference |= power[i] ^ wide(b.input)[i];
    b.good = is_zero(difference);
    keep_good<kFull>(b.good, wide(b.output));
  }
  // judge_pair enters the input into its form, as which it is used, and multiplies the power by it,
  // which has to give one.  An input that has no inverse never does.
  static void judge_pair(RsaBatch& b) noexcept {
    const Modulus n = modulus_of(b);
    Wide* const power = wide(b.wide);
    multiply<2 * kTens>(wide(b.input), wide(b.square), n, wide(b.blind));
    copy<kFull>(wide(b.base), wide(b.unblind));
    multiply<2 * kTens>(power, wide(b.blind), n, power);
    leave_form<2 * kTens>(power, n, power);
    Wide difference = power[0] ^ all(1);
    for (int i = 1; i < kFull; ++i) difference |= power[i];
    b.good = is_zero(difference);
    keep_good<kFull>(b.good, wide(b.output));
    keep_good<kFull>(b.good, wide(b.blind));
    keep_good<kFull>(b.good, wide(b.unblind));
  }

  // advance does one thing, and returns what it cost in multiplications.
  static int advance(RsaBatch& b) noexcept {
    using Phase = RsaBatch::Phase;
    switch (b.phase) {
      case Phase::blind:
        blind(b);
        b.half = 0;
        b.phase = Phase::enter;
        return kFullCost;
      case Phase::enter:
        enter(b);
        b.position = 2;
        b.phase = Phase::table;
        return 2;
      case Phase::table:
        extend_table(b, b.position);
        b.position += 2;
        if (b.position < kPowers) return 2;
        b.position = kWindows;
        b.phase = Phase::power;
        return 2;
      case Phase::power:
        raise(b, --b.position);
        if (b.position == 0) b.phase = Phase::leave;
        return kWindow + 1;
      case Phase::leave:
        leave(b);
        b.phase = ++b.half == 2 ? Phase::recombine : Phase::enter;
        return 1;
      case Phase::recombine:
        recombine(b);
        multiply<2 * kTens>(wide(b.output), wide(b.square), modulus_of(b), wide(b.base));
        b.position = 32;
        while (b.position > 0 &&
               any_bit_of(wide_word(b.public_exponent) >> (b.position - 1), all(~0ULL)) == 0) {
          --b.position;
        }
        b.phase = Phase::verify;
        return kMaxRsaStep;
      case Phase::verify:
        if (b.position == 0) {
          b.phase = Phase::done;
          if (b.task == RsaBatch::Task::renew) {
            judge_pair(b);
            return 3 * kFullCost;
          }
          judge(b);
          return kFullCost;
        }
        verify_bit(b, --b.position);
        return kFullCost;
      case Phase::done:
        break;
    }
    return 0;
  }

 private:
  template <int kLimbs>
  [[gnu::always_inline]] static void copy(const Wide* from, Wide* to) noexcept {
    for (int i = 0; i < kLimbs; ++i) to[i] = from[i];
  }
  template <int kLimbs>
  [[gnu::always_inline]] static void keep_good(Mask good, Wide* number) noexcept {
    for (int i = 0; i < kLimbs; ++i) number[i] = select(good, number[i], Wide{});
  }
};

// More than the frames of a step and of what it calls.
constexpr std::size_t kScratch = 40 * 1024;

template <int kTens>
bool step(RsaBatch& batch, int multiplications) noexcept {
  while (multiplications > 0 && batch.phase != RsaBatch::Phase::done) {
    multiplications -= Kernel<kTens>::advance(batch);
  }
  return batch.phase == RsaBatch::Phase::done;
}

}  // namespace

void rsa_begin(RsaBatch& batch) noexcept { batch.phase = RsaBatch::Phase::blind; }

bool rsa_step(RsaBatch& batch, int multiplications) noexcept {
  bool done = true;
  switch (batch.tens) {
    case 2:
      done = step<2>(batch, multiplications);
      break;
    case 3:
      done = step<3>(batch, multiplications);
      break;
    case 4:
      done = step<4>(batch, multiplications);
      break;
  }
  leave_nothing<kScratch>();
  return done;
}

void rsa_wipe(RsaBatch& batch) noexcept {
  __builtin_memset(&batch, 0, sizeof batch);
  __asm__ __volatile__("" : : "r"(&batch) : "memory");
}

}  // namespace sallyport::crypto::batch
