// The private operation of RSA-2048, 3072 and 4096, eight at a time: x^d modulo n, without padding.
//
// What it costs does not depend on how many of the eight lanes are in use.  Its time and its memory
// accesses do not depend on keys, inputs or results; registers and stack hold none of them when it
// returns.  Inputs are blinded, and a result that the public exponent does not lead back to the
// input never leaves.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/crypto/batch/rsa_kernel.h"

namespace sallyport::crypto::batch {

// RsaKey is a private key as the kernel needs it.  All limbs have 52 bits, lowest first; R is 2 to
// the 52 times the number of limbs.
struct RsaKey {
  struct Prime {
    std::array<std::uint64_t, kMaxPrimeLimbs> modulus{};
    std::array<std::uint64_t, kMaxPrimeLimbs> one{};       // R modulo it
    std::array<std::uint64_t, kMaxPrimeLimbs> cube{};      // R^3
    std::array<std::uint64_t, kMaxPrimeWords> exponent{};  // d modulo it less one, 64 bits each
    std::array<std::uint64_t, kMaxPrimeWords> negative_exponent{};  // -d, the same way
    std::uint64_t negative_inverse = 0;                             // -1 / modulus modulo 2^52
  };
  std::array<Prime, 2> prime;                             // p and q, 512 `tens` bits each
  std::array<std::uint64_t, kMaxPrimeLimbs> q_inverse{};  // R / q modulo p
  std::array<std::uint64_t, kMaxRsaLimbs> modulus{};      // n, 1024 `tens` bits
  std::array<std::uint64_t, kMaxRsaLimbs> square{};       // R^2 modulo n
  std::uint64_t negative_inverse = 0;                     // -1 / n modulo 2^52
  std::uint32_t public_exponent = 0;
  int tens = 0;

  // bytes is the length of n, of inputs and of results.
  [[nodiscard]] std::size_t bytes() const noexcept { return 128 * static_cast<std::size_t>(tens); }
};

// RsaBlinding is r^e R and R / r modulo n for a random r.  Each use that ends well leaves the pair
// of r^2; after another one there should be a fresh pair.
struct RsaBlinding {
  std::array<std::uint64_t, kMaxRsaLimbs> blind{};
  std::array<std::uint64_t, kMaxRsaLimbs> unblind{};
};

// RsaLane is one operation of a batch.
struct RsaLane {
  const RsaKey* key = nullptr;
  RsaBlinding* blinding = nullptr;  // that of the key, and no other lane's
  ByteView input;                   // key->bytes()
  MutableBytes output;              // key->bytes(); all zero when `ok` is false
  bool ok = false;
  bool refused = false;  // not ok because of the input
};

// is_below_modulus tells whether a number of key.bytes() is; how far below it is stays untold.
[[nodiscard]] bool is_below_modulus(const RsaKey& key, ByteView number) noexcept;

// load_rsa_lane writes a lane to a batch that has none there yet.  Precondition: the input has the
// length of the modulus.
void load_rsa_lane(const RsaLane& lane, std::size_t index, RsaBatch& batch) noexcept;
// load_rsa_renewal does so with a lane that is to make a pair for blinding out of a random number
// below the modulus, of its length.  All lanes of a batch are the one or the other.
void load_rsa_renewal(const RsaKey& key, ByteView drawn, std::size_t index,
                      RsaBatch& batch) noexcept;

class Rsa {
 public:
  // Takes 110 KB.  Precondition: available().
  Rsa();
  ~Rsa();
  Rsa(const Rsa&) = delete;
  Rsa& operator=(const Rsa&) = delete;

  // begin loads up to eight lanes, whose keys all have the same size.  Refused is an input that is
  // not below its modulus.
  void begin(std::span<RsaLane> lanes) noexcept;
  // step works off about this many multiplications modulo a prime, at most kMaxRsaStep more; true
  // when there are none left.
  [[nodiscard]] bool step(int multiplications) noexcept;
  // finish writes the results to the same lanes, and forgets everything.  A lane may have lost its
  // blinding, when its key has gone in the meantime.
  void finish(std::span<RsaLane> lanes) noexcept;

  // run does all of that, for any number of lanes.
  void run(std::span<RsaLane> lanes) noexcept;

  // begin_renewal begins a batch that makes eight pairs for blinding, as long as one of eight
  // inputs and in the same steps.  `drawn` has eight random numbers below the modulus, each as long
  // as that, which are to be wiped afterwards.
  void begin_renewal(const RsaKey& key, ByteView drawn) noexcept;
  // finish_renewal replaces `pairs` and forgets everything.  Returns false and leaves `pairs`
  // unchanged unless all eight new ones cancel out: U^e B = 1 modulo n for a pair of B R and U R.
  [[nodiscard]] bool finish_renewal(std::span<RsaBlinding, kLanes> pairs) noexcept;
  // abandon forgets everything.
  void abandon() noexcept { rsa_wipe(*batch_); }

 private:
  struct Delete {
    void operator()(RsaBatch* batch) const noexcept;
  };
  std::unique_ptr<RsaBatch, Delete> batch_;
};

}  // namespace sallyport::crypto::batch
