// How long a kernel takes does not depend on secrets.  Only in the long run.
//
// What flow_test.cc and tests/ct/ct_batch.cc cannot see, instructions whose time depends on what
// they compute, can only be seen here.
#include "tests/support/timing.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/batch/x25519_kernel.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "tests/support/long_run.h"

namespace sallyport::crypto::batch {
namespace {

using testing::Class;
using testing::kLimit;
using testing::least_t;

class KernelTiming : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    if (!testing::is_long_run()) GTEST_SKIP() << "for the long run";
  }
  // scalars is hardly any bits for one class, and random ones below the order for the other.
  static void scalars(Class chosen, std::mt19937_64& random, Lanes256& out) {
    for (auto& word : out.word) {
      for (std::uint64_t& w : word) {
        const std::uint64_t drawn = random() >> (&word == &out.word[3] ? 1 : 0);
        w = chosen == Class::random ? drawn : std::uint64_t{&word == &out.word[0]};
      }
    }
  }
  template <class Kernel>
  static double measure(const char* name, const Kernel& kernel) {
    Lanes256 scalar;
    return least_t(
        name, 100'000,
        [&](Class chosen, std::mt19937_64& random) { scalars(chosen, random, scalar); },
        [&] { kernel(scalar); });
  }
};

// One more step for each bit that is set in two of the lanes: some hundredths of a kernel's time,
// as it would be if an addition were left out for each digit of zero.
TEST_F(KernelTiming, OfALeakIsSeen) {
  const auto table = std::make_unique<X25519Table>();
  x25519_make_table(*table);
  Lanes256 out;
  volatile std::uint64_t steps = 0;
  EXPECT_GT(measure("a leaking function",
                    [&](const Lanes256& scalar) {
                      x25519_public_kernel(*table, scalar, out);
                      for (const auto& word : scalar.word) {
                        for (const std::uint64_t bits : {word[3], word[4]}) {
                          for (std::uint64_t s = bits; s != 0; s &= s - 1) steps = steps + 1;
                        }
                      }
                    }),
            kLimit);
}

TEST_F(KernelTiming, OfX25519) {
  const auto table = std::make_unique<X25519Table>();
  x25519_make_table(*table);
  Lanes256 out;
  EXPECT_LT(measure("X25519, key pair",
                    [&](const Lanes256& scalar) { x25519_public_kernel(*table, scalar, out); }),
            kLimit);
  Lanes256 peer{};
  for (auto& word : peer.word) std::ranges::fill(word, 0x0123'4567'89ab'cdef);
  EXPECT_LT(measure("X25519, agreement",
                    [&](const Lanes256& scalar) { x25519_derive_kernel(scalar, peer, out); }),
            kLimit);
}

TEST_F(KernelTiming, OfP256) {
  const auto table = std::make_unique<P256Table>();
  p256_make_table(*table);
  P256Point point;
  EXPECT_LT(measure("P-256, key pair",
                    [&](const Lanes256& scalar) {
                      static_cast<void>(p256_public_kernel(*table, scalar, point));
                    }),
            kLimit);
  Lanes256 seven{};
  std::ranges::fill(seven.word[0], 7);
  P256Point peer;
  ASSERT_EQ(p256_public_kernel(*table, seven, peer), 0xff);
  Lanes256 shared;
  EXPECT_LT(measure("P-256, agreement",
                    [&](const Lanes256& scalar) {
                      static_cast<void>(p256_derive_kernel(scalar, peer, shared));
                    }),
            kLimit);
  P256Signature signature;
  EXPECT_LT(measure("ECDSA, nonce",
                    [&](const Lanes256& scalar) {
                      static_cast<void>(p256_sign_kernel(*table, seven, seven, scalar, signature));
                    }),
            kLimit);
  EXPECT_LT(measure("ECDSA, key",
                    [&](const Lanes256& scalar) {
                      static_cast<void>(p256_sign_kernel(*table, scalar, seven, seven, signature));
                    }),
            kLimit);
}

// The exponents are secret, and what is raised to them: a table and the windows after it, as many
// as there are in a few hundred multiplications.  Nothing here needs to be a key.
TEST_F(KernelTiming, OfRsa) {
  for (const int tens : {2, 4}) {
    const auto batch = std::make_unique<RsaBatch>();
    const auto fill = [](LaneWord* number, int count, std::mt19937_64& random, bool few) {
      for (int i = 0; i < count; ++i) {
        for (std::uint64_t& limb : number[i]) {
          const std::uint64_t drawn = random() >> 12;
          limb = few ? std::uint64_t{i == 0} : drawn;
        }
      }
    };
    const auto prepare = [&](Class chosen, std::mt19937_64& random) {
      const bool few = chosen == Class::fixed;
      batch->tens = tens;
      for (RsaBatch::Prime& prime : batch->prime) {
        std::mt19937_64 same{1};  // the modulus is the same for both classes
        fill(prime.modulus, 10 * tens - 1, same, false);
        fill(prime.cube, 10 * tens - 1, same, false);
        fill(prime.one, 10 * tens - 1, same, false);
        fill(prime.exponent, 8 * tens, random, few);
      }
      fill(batch->input, 20 * tens - 1, random, few);
      fill(batch->blind, 20 * tens - 1, random, few);
      std::ranges::fill(batch->public_exponent, 65'537);
      rsa_begin(*batch);
    };
    EXPECT_LT(least_t(tens == 2 ? "RSA-2048" : "RSA-4096", tens == 2 ? 8'000 : 3'000, prepare,
                      [&] { static_cast<void>(rsa_step(*batch, 300)); }),
              kLimit);
  }
}

}  // namespace
}  // namespace sallyport::crypto::batch
