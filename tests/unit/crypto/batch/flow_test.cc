// The way that kernels take through their code does not depend on secrets: every instruction of a
// call is stepped through, for different secrets, and the addresses have to be the same.  So there
// is no branch, early exit or number of repetitions that a secret decides.  That no address of data
// does is what tests/ct/ct_batch.cc shows, for the same sources with a model of the instructions.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/rsa_kernel.h"
#include "lib/crypto/batch/x25519_kernel.h"
#include "lib/crypto/sign/ecdsa_nonce.h"
#include "lib/crypto/sign/p256_scalar.h"
#include "tests/support/long_run.h"

namespace sallyport::crypto::batch {
namespace {

// Flow is how many instructions a call took, and a hash of their addresses.
struct Flow {
  std::uint64_t instructions = 0;
  std::uint64_t hash = 0;
  friend bool operator==(const Flow&, const Flow&) = default;
};

// flow_of runs `work` in a child, step by step; empty where that is not allowed.
template <class Work>
Flow flow_of(const Work& work) {
  work();  // so that the dynamic linker has nothing left to do
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  Flow flow;
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return {};
  for (;;) {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 ||
        waitpid(child, &status, 0) != child) {
      return {};
    }
    if (!WIFSTOPPED(status)) break;
    const long at = ptrace(PTRACE_PEEKUSER, child, offsetof(user_regs_struct, rip), nullptr);
    flow.hash = (flow.hash ^ static_cast<std::uint64_t>(at)) * 0x100'0000'01b3;
    ++flow.instructions;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? flow : Flow{};
}

class Lanes {
 public:
  Lanes256 random() {
    Lanes256 lanes;
    for (auto& word : lanes.word) {
      for (std::uint64_t& w : word) w = random_();
    }
    return lanes;
  }
  // scalar is random, but below the order of P-256.
  Lanes256 scalar() {
    Lanes256 lanes = random();
    for (std::uint64_t& w : lanes.word[3]) w >>= 1;
    return lanes;
  }
  static Lanes256 all(std::uint64_t low, std::uint64_t rest) {
    Lanes256 lanes;
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::uint64_t& w : lanes.word[i]) w = i == 0 ? low : rest;
    }
    return lanes;
  }

 private:
  std::mt19937_64 random_{20'261'123};  // NOLINT: a fixed seed makes failures repeatable
};

class KernelFlow : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    if (flow_of([] {}).instructions == 0) GTEST_SKIP() << "tracing a child is not allowed here";
  }
  // expect_one_way runs `kernel` with scalars of random bits, and with one that has hardly any.
  template <class Kernel>
  void expect_one_way(const Kernel& kernel) {
    const Lanes256 many = lanes_.scalar();
    const Lanes256 few = Lanes::all(1, 0);
    const Lanes256* scalar = &many;
    const auto call = [&] { kernel(*scalar); };
    const Flow flow = flow_of(call);
    EXPECT_GT(flow.instructions, 10'000U);
    scalar = &few;
    const Flow other = flow_of(call);
    EXPECT_EQ(flow.instructions, other.instructions);
    EXPECT_EQ(flow.hash, other.hash);
  }
  // Half a million instructions take seconds to step through.
  static bool has_time() { return testing::is_long_run(); }
  Lanes lanes_;
};

TEST_F(KernelFlow, OfTheTestItselfIsSeen) {
  volatile std::uint64_t secret = 1;
  volatile int steps = 0;
  const auto branches = [&] {
    for (std::uint64_t s = secret; s != 0; s >>= 1) steps = steps + 1;
  };
  const Flow flow = flow_of(branches);
  EXPECT_EQ(flow, flow_of(branches));
  secret = 3;
  EXPECT_FALSE(flow == flow_of(branches));
}

TEST_F(KernelFlow, OfX25519) {
  if (!has_time()) GTEST_SKIP() << "for the long run";
  const auto table = std::make_unique<X25519Table>();
  x25519_make_table(*table);
  const Lanes256 peer = lanes_.random();
  Lanes256 out;
  expect_one_way([&](const Lanes256& scalar) { x25519_public_kernel(*table, scalar, out); });
  expect_one_way([&](const Lanes256& scalar) { x25519_derive_kernel(scalar, peer, out); });
}

TEST_F(KernelFlow, OfP256) {
  if (!has_time()) GTEST_SKIP() << "for the long run";
  const auto table = std::make_unique<P256Table>();
  p256_make_table(*table);
  P256Point peer;
  P256Signature signature;
  Lanes256 out;
  const Lanes256 digest = lanes_.random();
  ASSERT_EQ(p256_public_kernel(*table, lanes_.scalar(), peer), 0xff);
  P256Point point;
  expect_one_way([&](const Lanes256& scalar) {
    static_cast<void>(p256_public_kernel(*table, scalar, point));
  });
  expect_one_way(
      [&](const Lanes256& scalar) { static_cast<void>(p256_derive_kernel(scalar, peer, out)); });
  expect_one_way([&](const Lanes256& scalar) {
    static_cast<void>(p256_sign_kernel(*table, scalar, digest, scalar, signature));
  });
}

// A whole operation takes millions of steps.  Here are its parts: the table of a prime, its first
// windows, and everything after its last one, of an operation and of a renewal.
TEST_F(KernelFlow, OfRsa) {
  constexpr int kTens = 2;
  using Phase = RsaBatch::Phase;
  using Task = RsaBatch::Task;
  // The exponent is public; a short one leaves less to step through.
  const auto public_exponent = static_cast<std::uint64_t>(testing::rounds(3, 65'537));
  const auto fill = [&](RsaBatch& batch, Task task, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    batch.task = task;
    const auto limbs = [&](LaneWord* number, int count) {
      for (int i = 0; i < count; ++i) {
        for (std::uint64_t& limb : number[i]) limb = random() >> 12;
      }
    };
    batch.tens = kTens;
    for (RsaBatch::Prime& prime : batch.prime) {
      limbs(prime.modulus, 10 * kTens - 1);
      limbs(prime.one, 10 * kTens - 1);
      limbs(prime.cube, 10 * kTens - 1);
      for (auto& word : prime.exponent) {
        for (std::uint64_t& w : word) w = random();
      }
    }
    limbs(batch.q_inverse, 10 * kTens - 1);
    limbs(batch.modulus, 20 * kTens - 1);
    limbs(batch.square, 20 * kTens - 1);
    limbs(batch.input, 20 * kTens - 1);
    if (task == Task::raise) {
      limbs(batch.blind, 20 * kTens - 1);
      limbs(batch.unblind, 20 * kTens - 1);
    }
    for (std::uint64_t& e : batch.public_exponent) e = public_exponent;
  };
  struct Part {
    Task task;
    Phase first;
    int half;
    int multiplications;
    Phase next;  // when they have been done
  };
  const auto flow = [&](const Part& part, std::uint64_t seed) {
    // One for each time that flow_of does the work: to copy a batch has more steps than the part.
    const auto batches = std::make_unique<std::array<RsaBatch, 2>>();
    for (RsaBatch& batch : *batches) {
      fill(batch, part.task, seed);
      rsa_begin(batch);
      while (batch.phase != part.first || batch.half != part.half) {
        if (rsa_step(batch, 1)) return Flow{};
      }
    }
    std::size_t turn = 0;
    const Flow found =
        flow_of([&] { static_cast<void>(rsa_step((*batches)[turn++], part.multiplications)); });
    EXPECT_EQ((*batches)[0].phase, part.next);
    return found;
  };
  constexpr int kAll = 100'000;
  // A renewal is another way only before its table and after its last window.
  for (const Part& part :
       {Part{Task::raise, Phase::blind, 0, 8, Phase::table},
        Part{Task::raise, Phase::power, 0, testing::rounds(6, 1'000), Phase::power},
        Part{Task::raise, Phase::leave, 1, kAll, Phase::done},
        Part{Task::renew, Phase::blind, 0, 4, Phase::enter},
        Part{Task::renew, Phase::leave, 1, kAll, Phase::done}}) {
    const Flow one = flow(part, 1);
    EXPECT_GT(one.instructions, 10'000U);
    EXPECT_EQ(one, flow(part, 2));
  }
}

TEST_F(KernelFlow, OfNonces) {
  const std::array<std::uint8_t, 32> digest{1, 2, 3};
  const std::array<std::uint8_t, 32> entropy{4, 5, 6};
  const auto draw = [&](const std::array<std::uint8_t, 32>& key) {
    return flow_of([&] {
      std::array<std::uint8_t, 32> nonce;
      EcdsaNonce{key, digest, entropy}.next(nonce);
    });
  };
  std::array<std::uint8_t, 32> key{};
  key[31] = 1;
  const Flow flow = draw(key);
  EXPECT_GT(flow.instructions, 100U);
  key.fill(0x7f);
  EXPECT_EQ(flow, draw(key));
}

}  // namespace
}  // namespace sallyport::crypto::batch
