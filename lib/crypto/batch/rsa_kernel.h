// The private operation of RSA (RFC 8017 5.1.2) for eight independent lanes, each with a key of its
// own, and fresh pairs for its blinding; compiled for AVX-512 with IFMA: call this only where
// batch::available() says so. lib/crypto/batch/rsa.h is the door for everybody else.
//
// Time and memory accesses depend on the size of the keys and on their public exponents only.
#pragma once
#include "lib/crypto/batch/lanes.h"

namespace sallyport::crypto::batch {

// Numbers have limbs of 52 bits: 10 `tens` of them modulo a prime, twice as many modulo n.  A
// prime has 512 `tens` bits, which leaves 8 bits of each `tens` free.
constexpr int kMinRsaTens = 2;  // RSA-2048
constexpr int kMaxRsaTens = 4;  // RSA-4096
constexpr std::size_t kMaxPrimeLimbs = 10 * kMaxRsaTens;
constexpr std::size_t kMaxRsaLimbs = 2 * kMaxPrimeLimbs;
constexpr std::size_t kMaxPrimeWords = 8 * kMaxRsaTens;
constexpr std::size_t kMaxRsaBytes = 128 * kMaxRsaTens;

constexpr int kRsaPowers = 16;  // in a table

using LaneWord = std::uint64_t[kLanes];

// RsaBatch is everything about one batch: what the caller fills in, the result, and what the kernel
// keeps between two calls.  Lanes that are not in use are all zero.
//
// R is 2^(52 * limbs) of the modulus concerned.
struct alignas(64) RsaBatch {
  struct Prime {
    LaneWord modulus[kMaxPrimeLimbs];
    LaneWord one[kMaxPrimeLimbs];   // R
    LaneWord cube[kMaxPrimeLimbs];  // R^3
    // 64 bits each: d modulo the prime less one, or -d for a renewal.
    LaneWord exponent[kMaxPrimeWords];
    LaneWord negative_inverse;  // -1 / modulus modulo 2^52
  };
  Prime prime[2];                      // p and q, neither twice as large as the other
  LaneWord q_inverse[kMaxPrimeLimbs];  // R / q modulo p
  LaneWord modulus[kMaxRsaLimbs];      // n
  LaneWord square[kMaxRsaLimbs];       // R^2 modulo n
  LaneWord negative_inverse;
  LaneWord public_exponent;  // below 2^32, not zero
  // A pair r^e R and R / r modulo n; the kernel squares r for the next use.  A renewal takes none
  // and gives one, whose r^e is the input.
  LaneWord blind[kMaxRsaLimbs];
  LaneWord unblind[kMaxRsaLimbs];
  LaneWord input[kMaxRsaLimbs];  // below n; random in a renewal, and as secret as a key
  // The input to the power of d, or of -d.  Zero in lanes that are not good.
  LaneWord output[kMaxRsaLimbs];
  // The kernel's own numbers.
  LaneWord power[2][kMaxPrimeLimbs];  // results modulo both primes
  LaneWord wide[kMaxRsaLimbs];
  LaneWord base[kMaxRsaLimbs];
  LaneWord table[kRsaPowers][kMaxPrimeLimbs];

  int tens;
  enum class Task : std::uint8_t { raise, renew };
  Task task;
  std::uint8_t good;  // lanes whose result, raised to e, is the input again, or its inverse
  // Where the kernel is.
  enum class Phase : std::uint8_t { blind, enter, table, power, leave, recombine, verify, done };
  Phase phase;
  int half;  // of `prime`
  int position;
};

// rsa_begin makes a filled batch ready for rsa_step.
void rsa_begin(RsaBatch& batch) noexcept;

// rsa_step works off about `multiplications` (modulo one of the primes; at most kMaxRsaStep more),
// and returns true when the batch is finished.
constexpr int kMaxRsaStep = 18;
bool rsa_step(RsaBatch& batch, int multiplications) noexcept;

// rsa_wipe overwrites a batch of any size, whatever its state.
void rsa_wipe(RsaBatch& batch) noexcept;

}  // namespace sallyport::crypto::batch
