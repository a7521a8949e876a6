#include "lib/base/internet_sum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace sallyport {
namespace {

// The definition, word by word.
std::uint16_t slow_sum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

std::vector<std::uint8_t> random_bytes(std::mt19937& draw, std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(draw());
  return bytes;
}

// [RFC 1071 3] The example: 00 01 f2 03 f4 f5 f6 f7.
TEST(InternetSum, GivesTheExampleOfTheRfc) {
  const std::array<std::uint8_t, 8> example{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(InternetSum{}.add(example).sum().host(), 0xddf2);
  EXPECT_EQ(InternetSum{}.add(example).checksum().host(), 0x220d);
}

TEST(InternetSum, AgreesWithTheDefinitionForEveryLengthAndAlignment) {
  std::mt19937 draw{1};
  const auto bytes = random_bytes(draw, 1600);
  for (std::size_t n = 0; n <= 1514; ++n) {
    const ByteView piece = ByteView{bytes}.subspan(n % 8, n);
    ASSERT_EQ(InternetSum{}.add(piece).sum().host(), slow_sum(piece)) << n;
  }
}

TEST(InternetSum, DoesNotOverflowOnAllOnes) {
  const std::vector<std::uint8_t> ones(65'535, 0xff);
  EXPECT_EQ(InternetSum{}.add(ones).sum().host(), slow_sum(ones));
}

TEST(InternetSum, PiecesOfAnyLengthsGiveTheSumOfTheWhole) {
  std::mt19937 draw{2};
  for (int round = 0; round < 200; ++round) {
    const auto bytes = random_bytes(draw, draw() % 400);
    InternetSum sum;
    for (ByteView left{bytes}; !left.empty();) {
      const std::size_t n = std::min<std::size_t>(left.size(), 1 + draw() % 90);
      sum.add(left.first(n));
      left = left.subspan(n);
    }
    EXPECT_EQ(sum.sum().host(), slow_sum(bytes));
  }
}

TEST(InternetSum, ThePseudoHeaderIsTheOneOfTheFamily) {
  const IpAddress a4 = *parse_ip("198.18.0.5");
  const IpAddress b4 = *parse_ip("198.18.0.10");
  const std::array<std::uint8_t, 12> v4{198, 18, 0, 5, 198, 18, 0, 10, 0, 6, 0x12, 0x34};
  EXPECT_EQ(InternetSum{}.add_pseudo_header(a4, b4, 6, 0x1234).sum().host(), slow_sum(v4));
  const IpAddress a6 = *parse_ip("2001:db8::5");
  const IpAddress b6 = *parse_ip("2001:db8::10");
  std::vector<std::uint8_t> v6{a6.bytes().begin(), a6.bytes().end()};
  v6.insert(v6.end(), b6.bytes().begin(), b6.bytes().end());
  v6.insert(v6.end(), {0, 0, 0x12, 0x34, 0, 0, 0, 58});
  EXPECT_EQ(InternetSum{}.add_pseudo_header(a6, b6, 58, 0x1234).sum().host(), slow_sum(v6));
}

}  // namespace
}  // namespace sallyport
