#include "lib/base/sip_state.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport {
namespace {

TEST(SipState, GivesWhatSipHashGivesForTheSameBytes) {
  const SipKey key{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};
  std::array<std::uint8_t, 31> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  const auto word = [&](std::size_t at, std::size_t len) {
    std::uint64_t w = 0;
    for (std::size_t i = 0; i < len; ++i) w |= std::uint64_t{bytes[at + i]} << (8 * i);
    return w;
  };
  for (std::size_t len = 0; len <= bytes.size(); ++len) {
    SipState state{key};
    for (std::size_t i = 0; i + 8 <= len; i += 8) state.absorb(word(i, 8));
    const std::size_t tail = len % 8;
    EXPECT_EQ(state.finish(word(len - tail, tail), static_cast<unsigned>(tail)),
              siphash(key, ByteView{bytes}.first(len)))
        << len;
  }
}

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A.
TEST(SipState, MatchesTheVectorOfThePaper) {
  SipState state{{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908}};
  state.absorb(0x0706'0504'0302'0100);
  EXPECT_EQ(state.finish(0x000e'0d0c'0b0a'0908, 7), 0xa129'ca61'49be'45e5);
}

TEST(SipState, OnePrefixCanEndInSeveralWays) {
  SipState state{{1, 2}};
  state.absorb(3);
  const std::uint64_t first = state.finish();
  EXPECT_EQ(state.finish(), first);
  EXPECT_NE(state.finish(0, 1), first);
}

}  // namespace
}  // namespace sallyport
