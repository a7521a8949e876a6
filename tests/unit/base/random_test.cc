#include "lib/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace sallyport {
namespace {

using Block = std::array<std::uint8_t, kChaCha20BlockLength>;

// [RFC 8439 2.3.2] Key 00..1f, counter 1.
TEST(ChaCha20, GivesTheBlockOfTheRfc) {
  ChaCha20Key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  const ChaCha20Nonce nonce{0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
  Block block{};
  chacha20_block(key, 1, nonce, block);
  const Block expected{0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
                       0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
                       0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
                       0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
                       0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
  EXPECT_EQ(block, expected);
}

// [RFC 8439 A.1] Test vector 1: all zero.
TEST(ChaCha20, GivesTheBlockOfAnAllZeroKey) {
  Block block{};
  chacha20_block({}, 0, {}, block);
  const std::array<std::uint8_t, 8> front{0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90};
  EXPECT_TRUE(std::ranges::equal(front, std::span{block}.first(8)));
}

TEST(Random, TheFirstOutputFollowsTheBytesThatBecameTheNextKey) {
  const Random::Seed seed{1, 2, 3};
  Block first{};
  chacha20_block(seed, 0, {}, first);
  Random random{seed};
  std::array<std::uint8_t, 32> drawn{};
  random.fill(drawn);
  EXPECT_TRUE(std::ranges::equal(drawn, std::span{first}.last(32)));
}

TEST(Random, ASeedGivesOneStreamHoweverItIsDrawn) {
  const Random::Seed seed{42};
  std::vector<std::uint8_t> whole(5000);
  Random one{seed};
  one.fill(whole);
  std::vector<std::uint8_t> pieces(5000);
  Random other{seed};
  std::size_t done = 0;
  for (std::size_t step = 1; done < pieces.size(); ++step) {
    const std::size_t n = std::min(step, pieces.size() - done);
    other.fill(MutableBytes{pieces}.subspan(done, n));
    done += n;
  }
  EXPECT_EQ(whole, pieces);
}

TEST(Random, ReseedingChangesWhatComesNext) {
  Random one{{7}};
  Random other{{7}};
  EXPECT_EQ(one.u64(), other.u64());
  one.reseed({1});
  EXPECT_NE(one.u64(), other.u64());
  // Entropy that happens to be the key leaves a fixed key, which still makes a stream.
  Random zero{{9}};
  zero.reseed({9});
  EXPECT_NE(zero.u64(), zero.u64());
}

TEST(Random, BelowStaysBelowAndReachesEveryValueEvenly) {
  Random random{{3}};
  std::array<unsigned, 6> seen{};
  constexpr unsigned kDraws = 60'000;
  for (unsigned i = 0; i < kDraws; ++i) ++seen[random.below(6)];
  for (const unsigned count : seen) {
    EXPECT_GT(count, kDraws / 6 - 600);
    EXPECT_LT(count, kDraws / 6 + 600);
  }
  EXPECT_EQ(random.below(1), 0U);
  // Half of all draws are rejected here: the bias that a modulo would have is at its largest.
  constexpr std::uint32_t kBound = 0x8000'0001;
  unsigned low = 0;
  for (unsigned i = 0; i < kDraws; ++i) {
    const std::uint32_t drawn = random.below(kBound);
    ASSERT_LT(drawn, kBound);
    low += drawn < kBound / 2 ? 1 : 0;
  }
  EXPECT_NEAR(low, kDraws / 2, 700);
}

}  // namespace
}  // namespace sallyport
