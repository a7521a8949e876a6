#include "lib/dpdk/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace sallyport::dpdk {
namespace {

// The definition, word by word.
std::uint16_t plain_sum(ByteView bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum += (std::uint32_t{bytes[i]} << 8) + low;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

struct Buffer {
  std::array<std::uint8_t, 512> bytes{};
  std::uint16_t references = 1;
  frame::Frame frame;
  explicit Buffer(std::vector<std::uint8_t> content) {
    constexpr std::uint16_t kOffset = 64;
    std::ranges::copy(content, bytes.begin() + kOffset);
    frame.buffer = bytes.data();
    frame.references = &references;
    frame.buffer_len = std::uint16_t{512};
    frame.offset = kOffset;
    frame.len = static_cast<std::uint16_t>(content.size());
  }
};

TEST(Checksum, FillsTheIpv4HeaderSoThatItSumsToAllOnes) {
  std::vector<std::uint8_t> bytes(14 + 24 + 20, 0x5a);
  bytes[14] = 0x46;  // version 4, 24 bytes
  bytes[14 + 10] = bytes[14 + 11] = 0;
  Buffer b{bytes};
  b.frame.tx = {.l2_len = 14, .l3_len = 24, .ip_checksum = true};
  complete_ip_checksum(b.frame);
  EXPECT_EQ(plain_sum(b.frame.bytes().subspan(14, 24)), 0xffff);
}

TEST(Checksum, CompletesTheTcpChecksumFromThePseudoHeaderSum) {
  // IPv6 pseudo-header of 198.18.0.1-like addresses does not matter: any 16-bit sum must carry
  // over.
  for (const std::uint16_t pseudo : std::array<std::uint16_t, 4>{0x0000, 0x1234, 0xfffe, 0xffff}) {
    std::vector<std::uint8_t> bytes(14 + 40 + 20 + 7, 0xa7);
    bytes[14 + 40 + 16] = static_cast<std::uint8_t>(pseudo >> 8);
    bytes[14 + 40 + 17] = static_cast<std::uint8_t>(pseudo);
    Buffer b{bytes};
    b.frame.tx = {.l2_len = 14, .l3_len = 40, .l4_checksum = true};
    complete_l4_checksum(b.frame);
    // A receiver adds the pseudo-header and the segment, checksum included.
    EXPECT_EQ(plain_sum(b.frame.bytes().subspan(54), pseudo), 0xffff) << pseudo;
  }
}

TEST(Checksum, InsertsAVlanTagWithoutMovingThePayload) {
  std::vector<std::uint8_t> bytes(60);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  Buffer b{bytes};
  b.frame.vlan = 100;
  insert_vlan_tag(b.frame);
  const ByteView wire{b.frame.buffer + b.frame.offset - kVlanTagLength, bytes.size() + 4};
  EXPECT_TRUE(std::equal(wire.begin(), wire.begin() + 12, bytes.begin()));
  EXPECT_EQ(wire[12], 0x81);
  EXPECT_EQ(wire[13], 0x00);
  EXPECT_EQ(wire[14], 0x00);
  EXPECT_EQ(wire[15], 100);
  EXPECT_TRUE(std::equal(wire.begin() + 16, wire.end(), bytes.begin() + 12));
  EXPECT_EQ(b.frame.offset, 64);
  EXPECT_EQ(b.frame.len, 60);
}

}  // namespace
}  // namespace sallyport::dpdk
