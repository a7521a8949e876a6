#include "lib/dpdk/steering.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/address.h"
#include "lib/frame/toeplitz.h"

namespace sallyport::dpdk {
namespace {

using Bytes = std::vector<std::uint8_t>;

SocketAddress socket(std::string_view text) { return *parse_socket_address(text); }
const SocketAddress kClient4 = socket("198.18.0.1:40000");
const SocketAddress kServer4 = socket("198.18.0.10:443");
const SocketAddress kClient6 = socket("[2001:db8::1]:40000");
const SocketAddress kServer6 = socket("[2001:db8::10]:443");

void append(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void append16(Bytes& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

Bytes tcp(const SocketAddress& from, const SocketAddress& to) {
  Bytes bytes;
  append16(bytes, from.port);
  append16(bytes, to.port);
  bytes.resize(20);
  return bytes;
}

Bytes ip(const SocketAddress& from, const SocketAddress& to, std::uint8_t protocol,
         const Bytes& payload) {
  Bytes bytes;
  if (from.ip.is_v4()) {
    bytes = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0};
  } else {
    bytes = {0x60, 0, 0, 0, 0, 0, protocol, 64};
  }
  append(bytes, from.ip.octets());
  append(bytes, to.ip.octets());
  append(bytes, payload);
  return bytes;
}

Bytes ethernet(const Bytes& packet, std::uint16_t vlan = 0) {
  Bytes bytes(12, 0x02);
  if (vlan != 0) {
    append16(bytes, 0x8100);
    append16(bytes, vlan);
  }
  append16(bytes, (packet[0] >> 4) == 4 ? 0x0800 : 0x86dd);
  append(bytes, packet);
  return bytes;
}

Bytes segment(const SocketAddress& from, const SocketAddress& to) {
  return ip(from, to, 6, tcp(from, to));
}

std::uint32_t expected(const SocketAddress& from, const SocketAddress& to) {
  return frame::toeplitz(frame::symmetric_toeplitz_key(), from, to);
}

TEST(FlowHash, IsTheNicsHashOfATcpTuple) {
  for (const auto& [from, to] : {std::pair{kClient4, kServer4}, std::pair{kClient6, kServer6}}) {
    const auto flow = flow_hash(ethernet(segment(from, to)));
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->hash, expected(from, to));
    EXPECT_EQ(flow->source, FlowSource::tcp);
  }
}

TEST(FlowHash, IsTheSameForBothDirections) {
  EXPECT_EQ(flow_hash(ethernet(segment(kClient4, kServer4)))->hash,
            flow_hash(ethernet(segment(kServer4, kClient4)))->hash);
  EXPECT_EQ(flow_hash(ethernet(segment(kClient6, kServer6)))->hash,
            flow_hash(ethernet(segment(kServer6, kClient6)))->hash);
}

TEST(FlowHash, LooksBehindOneVlanTag) {
  EXPECT_EQ(flow_hash(ethernet(segment(kClient4, kServer4), 7))->hash,
            expected(kClient4, kServer4));
}

TEST(FlowHash, LooksBehindExtensionHeadersWithinItsBounds) {
  Bytes options(8);
  options[0] = 60;  // destination options follow
  Bytes more(16);
  more[0] = 6;
  more[1] = 1;
  append(options, more);
  append(options, tcp(kClient6, kServer6));
  EXPECT_EQ(flow_hash(ethernet(ip(kClient6, kServer6, 0, options)))->hash,
            expected(kClient6, kServer6));

  Bytes too_long(72);
  too_long[0] = 6;
  too_long[1] = 8;
  append(too_long, tcp(kClient6, kServer6));
  EXPECT_FALSE(flow_hash(ethernet(ip(kClient6, kServer6, 0, too_long))));
}

TEST(FlowHash, FollowsAnIcmpErrorToTheConnectionThatItQuotes) {
  Bytes error{3, 4, 0, 0, 0, 0, 5, 0};
  append(error, segment(kServer4, kClient4));
  const auto flow = flow_hash(ethernet(ip(socket("198.18.0.254:0"), kServer4, 1, error)));
  ASSERT_TRUE(flow);
  EXPECT_EQ(flow->hash, expected(kClient4, kServer4));
  EXPECT_EQ(flow->source, FlowSource::icmp);

  Bytes error6{2, 0, 0, 0, 0, 0, 5, 0};
  append(error6, segment(kServer6, kClient6));
  const auto flow6 = flow_hash(ethernet(ip(socket("[2001:db8::fe]:0"), kServer6, 58, error6)));
  ASSERT_TRUE(flow6);
  EXPECT_EQ(flow6->hash, expected(kClient6, kServer6));
}

TEST(FlowHash, LeavesEverythingElseWhereItArrived) {
  const Bytes echo{8, 0, 0, 0, 0, 1, 0, 1};
  EXPECT_FALSE(flow_hash(ethernet(ip(kClient4, kServer4, 1, echo))));
  const Bytes solicitation(24, 135);
  EXPECT_FALSE(flow_hash(ethernet(ip(kClient6, kServer6, 58, solicitation))));
  EXPECT_FALSE(flow_hash(ethernet(ip(kClient4, kServer4, 17, tcp(kClient4, kServer4)))));
  Bytes fragment = segment(kClient4, kServer4);
  fragment[7] = 1;
  EXPECT_FALSE(flow_hash(ethernet(fragment)));
  Bytes arp(60);
  arp[12] = 0x08;
  arp[13] = 0x06;
  EXPECT_FALSE(flow_hash(arp));
}

TEST(FlowHash, GivesUpOnEveryTruncation) {
  Bytes error{3, 4, 0, 0, 0, 0, 5, 0};
  append(error, segment(kServer4, kClient4));
  const std::size_t needed4 = 14 + 20 + 4;
  for (const Bytes& whole :
       {ethernet(segment(kClient4, kServer4)), ethernet(ip(kClient4, kServer4, 1, error)),
        ethernet(segment(kClient6, kServer6), 3)}) {
    for (std::size_t len = 0; len < needed4; ++len) {
      EXPECT_FALSE(flow_hash(ByteView{whole}.first(len))) << len;
    }
  }
}

}  // namespace
}  // namespace sallyport::dpdk
