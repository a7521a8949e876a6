#include "lib/base/siphash.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport {
namespace {

// Key 00..0f and messages 00, 00 01, ...: from the vectors published with the reference code.
constexpr SipKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};
constexpr auto kMessage = [] {
  std::array<std::uint8_t, 64> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}();
std::uint64_t hash_of_first(std::size_t n) { return siphash(kKey, ByteView{kMessage}.first(n)); }

TEST(SipHash, GivesThePublishedValues) {
  EXPECT_EQ(hash_of_first(0), 0x726fdb47dd0e0e31);
  EXPECT_EQ(hash_of_first(1), 0x74f839c593dc67fd);
  EXPECT_EQ(hash_of_first(2), 0x0d6c8009d9a94f5a);
  EXPECT_EQ(hash_of_first(7), 0xab0200f58b01d137);
  EXPECT_EQ(hash_of_first(8), 0x93f5f5799a932462);
  EXPECT_EQ(hash_of_first(9), 0x9e0082df0ba9e4b0);
  EXPECT_EQ(hash_of_first(15), 0xa129ca6149be45e5);  // the paper's own example
  EXPECT_EQ(hash_of_first(63), 0x958a324ceb064572);
}

TEST(SipHash, EveryBitOfKeyAndMessageAndTheLengthMatter) {
  const std::uint64_t base = hash_of_first(20);
  for (std::size_t bit = 0; bit < 64; ++bit) {
    const std::uint64_t flip = std::uint64_t{1} << bit;
    EXPECT_NE(siphash({kKey.k0 ^ flip, kKey.k1}, ByteView{kMessage}.first(20)), base);
    EXPECT_NE(siphash({kKey.k0, kKey.k1 ^ flip}, ByteView{kMessage}.first(20)), base);
  }
  for (std::size_t bit = 0; bit < 160; ++bit) {
    auto message = kMessage;
    message[bit / 8] = static_cast<std::uint8_t>(message[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_NE(siphash(kKey, ByteView{message}.first(20)), base) << bit;
  }
  const std::array<std::uint8_t, 9> zeros{};
  EXPECT_NE(siphash(kKey, ByteView{zeros}.first(8)), siphash(kKey, zeros));
}

}  // namespace
}  // namespace sallyport
