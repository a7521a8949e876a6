// [Marvin, 2023; Bleichenbacher 1998; Klima, Pokorny, Rosa 2003] How long it takes to choose
// between a decrypted premaster secret and a random one does not tell what was wrong with it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>

#include "lib/crypto/sign/premaster.h"
#include "tests/support/timing.h"

namespace sallyport::crypto {
namespace {

using testing::Class;

constexpr std::uint16_t kVersion = 0x0303;
constexpr std::size_t kLen = 256;  // of a modulus of 2,048 bits
constexpr std::size_t kMessage = kLen - kPremasterLen;
using Block = std::array<std::uint8_t, kLen>;

// [RFC 8017 7.2.1] 0x00 0x02, bytes that are not zero, 0x00, the message, which begins with the
// version [RFC 5246 7.4.7.1].
Block good_block(std::mt19937_64& random) {
  Block block;
  for (auto& byte : block) byte = static_cast<std::uint8_t>(1 + random() % 255);
  block[0] = 0;
  block[1] = 2;
  block[kMessage - 1] = 0;
  block[kMessage] = kVersion >> 8U;
  block[kMessage + 1] = kVersion & 0xffU;
  return block;
}

struct Forgery {
  const char* name;
  std::size_t at;
  std::uint8_t value;
};
constexpr Forgery kForgeries[] = {
    {"first byte", 0, 7},
    {"type of block", 1, 1},
    {"zero at once", 2, 0},
    {"zero late", kMessage - 2, 0},
    {"no separator", kMessage - 1, 9},
    {"major version", kMessage, 2},
    {"minor version", kMessage + 1, 1},
};

// time_of compares a good block with the forgery, in the hands of `choose`.
template <class Choose>
double time_of(const Forgery& forgery, const Choose& choose) {
  Block block{};
  std::array<std::uint8_t, kPremasterLen> premaster{};
  return testing::least_t(
      forgery.name, 20'000,
      [&](Class chosen, std::mt19937_64& random) {
        block = good_block(random);
        if (chosen == Class::random) block[forgery.at] = forgery.value;
        premaster.fill(0x77);
      },
      [&] { choose(block, premaster); });
}

class PremasterTiming : public ::testing::TestWithParam<Forgery> {};

TEST_P(PremasterTiming, IsThatOfAGoodOne) {
  EXPECT_LT(
      time_of(GetParam(), [](const Block& block,
                             auto& premaster) { choose_premaster(block, kVersion, premaster); }),
      testing::kLimit);
}

INSTANTIATE_TEST_SUITE_P(Forgeries, PremasterTiming, ::testing::ValuesIn(kForgeries),
                         [](const auto& forgery) {
                           std::string name = forgery.param.name;
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

// What gives up at the first byte that is wrong would be found out, also where that is the last
// one.
TEST(PremasterTimingControl, SeesALeak) {
  const auto leaking = [](const Block& block, auto& premaster) {
    if (block[0] != 0 || block[1] != 2) return;
    for (std::size_t i = 2; i < kMessage - 1; ++i) {
      if (block[i] == 0) return;
    }
    if (block[kMessage - 1] != 0) return;
    if (block[kMessage] != kVersion >> 8U || block[kMessage + 1] != (kVersion & 0xffU)) return;
    for (std::size_t i = 0; i < kPremasterLen; ++i) premaster[i] = block[kMessage + i];
  };
  for (const Forgery& forgery : kForgeries) {
    EXPECT_GT(time_of(forgery, leaking), testing::kLimit) << forgery.name;
  }
}

}  // namespace
}  // namespace sallyport::crypto
