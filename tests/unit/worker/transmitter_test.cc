#include "lib/worker/transmitter.h"

#include <gtest/gtest.h>

#include <numeric>

#include "lib/base/internet_sum.h"
#include "tests/support/frame_pool.h"

namespace sallyport::worker {
namespace {

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kGatewayMac{{2, 0, 0, 0, 0, 3}};

IpAddress v6(std::uint8_t host) {
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

class TransmitterTest : public ::testing::Test {
 protected:
  void use(std::uint16_t vlan, snapshot::ReplyMode reply = snapshot::ReplyMode::source_mac,
           bool resolved = true) {
    snapshot::Interface interface;
    interface.port = 3;
    interface.vlan = vlan;
    interface.mac = kOurMac;
    interface.reply = reply;
    interface.next_hops = {{IpAddress::v4({198, 18, 0, 254}), kGatewayMac, resolved}};
    interface.routes = {{.destination = {IpAddress::v4({198, 19, 0, 0}), 16}, .next_hop = 0}};
    snapshot_.interfaces =
        std::make_shared<const std::vector<snapshot::Interface>>(1, std::move(interface));
  }
  static FourTuple tuple4() {
    return {{IpAddress::v4({198, 18, 0, 10}), 443}, {IpAddress::v4({198, 19, 0, 2}), 5'000}};
  }
  static FourTuple tuple6() { return {{v6(10), 443}, {v6(2), 5'000}}; }
  static tcp::Segment segment() {
    tcp::Segment s;
    s.seq = {1'000};
    s.ack = {2'000};
    s.flags = tcp::kAck | tcp::kPsh;
    s.window = 512;
    s.options.has_timestamps = true;
    s.options.tsval = 7;
    s.options.tsecr = 8;
    return s;
  }
  frame::Frame& payload(std::size_t len) {
    std::vector<std::uint8_t> bytes(len);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
    return *pool_.take_copy(bytes);
  }
  // received parses what a port that adds the checksums would send.
  static wire::Packet received(frame::Frame& f) {
    const MutableBytes l3 = f.bytes().subspan(f.tx.l2_len);
    if (f.tx.ip_checksum) {
      store(l3.subspan(10), InternetSum{}.add(l3.first(f.tx.l3_len)).checksum());
    }
    const MutableBytes l4 = l3.subspan(f.tx.l3_len);
    store(l4.subspan(16), InternetSum{}.add(l4).checksum());
    const auto packet = wire::parse_packet(f.bytes(), f.vlan, {});
    EXPECT_TRUE(packet.has_value());
    return packet ? *packet : wire::Packet{};
  }

  testing::FramePool pool_{8};
  snapshot::Snapshot snapshot_;
};

TEST_F(TransmitterTest, WritesWhatTheParserReadsForBothFamilies) {
  use(0);
  for (const FourTuple& tuple : {tuple4(), tuple6()}) {
    frame::Frame& f = payload(100);
    ASSERT_TRUE(write_segment(f, snapshot_, {{0}, kPeerMac}, tuple, segment()));
    EXPECT_EQ(f.port, frame::PortIndex{3});
    EXPECT_EQ(f.vlan, 0);
    EXPECT_EQ(f.tx.l2_len, 14);
    EXPECT_EQ(f.tx.l3_len, tuple.local.ip.is_v4() ? 20 : 40);
    EXPECT_EQ(f.tx.ip_checksum, tuple.local.ip.is_v4());
    EXPECT_TRUE(f.tx.l4_checksum);
    const wire::Packet packet = received(f);
    EXPECT_EQ(packet.ethernet.source, kOurMac);
    EXPECT_EQ(packet.ethernet.destination, kPeerMac);
    EXPECT_EQ(packet.source, tuple.local.ip);
    EXPECT_EQ(packet.destination, tuple.remote.ip);
    EXPECT_EQ(packet.tcp.source_port, 443);
    EXPECT_EQ(packet.tcp.destination_port, 5'000);
    EXPECT_EQ(packet.payload_len, 100);
    EXPECT_EQ(packet.payload(f.bytes())[99], 100);
    const tcp::Segment back = segment_of(packet);
    EXPECT_EQ(back.seq.raw, 1'000U);
    EXPECT_EQ(back.ack.raw, 2'000U);
    EXPECT_EQ(back.flags, segment().flags);
    EXPECT_EQ(back.window, 512);
    EXPECT_EQ(back.options.tsval, 7U);
    EXPECT_EQ(back.options.tsecr, 8U);
    pool_.give_back(f);
  }
}

TEST_F(TransmitterTest, KeepsSackBlocksOnTheWayOutAndIn) {
  use(0);
  frame::Frame& f = payload(0);
  tcp::Segment sent = segment();
  sent.options.num_sack_blocks = 2;
  sent.options.sack_blocks[0] = {{10}, {20}};
  sent.options.sack_blocks[1] = {{30}, {40}};
  ASSERT_TRUE(write_segment(f, snapshot_, {{0}, kPeerMac}, tuple4(), sent));
  const tcp::Segment back = segment_of(received(f));
  ASSERT_EQ(back.options.num_sack_blocks, 2);
  EXPECT_EQ(back.options.sack_blocks[1], sent.options.sack_blocks[1]);
  pool_.give_back(f);
}

TEST_F(TransmitterTest, LeavesTheTagOfAVlanInterfaceToThePort) {
  use(100);
  frame::Frame& f = payload(1);
  ASSERT_TRUE(write_segment(f, snapshot_, {{0}, kPeerMac}, tuple4(), segment()));
  EXPECT_EQ(f.vlan, 100);
  EXPECT_EQ(f.tx.l2_len, 14);
  EXPECT_EQ(received(f).ethernet.vlan, 100);
  pool_.give_back(f);
}

TEST_F(TransmitterTest, TheLargestHeadersFitTheHeadRoomOfAFrame) {
  use(100);
  frame::Frame& f = payload(1);
  f.offset = kHeadRoom;
  tcp::Segment sent = segment();
  sent.flags |= tcp::kSyn;
  sent.options.mss = 1'220;
  sent.options.has_window_scale = sent.options.sack_permitted = true;
  ASSERT_TRUE(write_segment(f, snapshot_, {{0}, kPeerMac}, tuple6(), sent));
  EXPECT_LT(f.offset, kHeadRoom);
  pool_.give_back(f);
}

TEST_F(TransmitterTest, AnUnresolvedNextHopLeavesTheFrameAsItWas) {
  use(0, snapshot::ReplyMode::gateway, false);
  frame::Frame& f = payload(10);
  const std::uint16_t offset = f.offset;
  EXPECT_FALSE(write_segment(f, snapshot_, {{0}, 0}, tuple4(), segment()));
  EXPECT_EQ(f.offset, offset);
  EXPECT_EQ(f.len, 10);
  use(0, snapshot::ReplyMode::gateway, true);
  EXPECT_TRUE(write_segment(f, snapshot_, {{0}, 0}, tuple4(), segment()));
  EXPECT_EQ(received(f).ethernet.destination, kGatewayMac);
  pool_.give_back(f);
}

TEST_F(TransmitterTest, RepliesGoToTheSourceOrTheGatewayAsTheInterfaceSays) {
  wire::Packet packet;
  packet.ethernet.source = kPeerMac;
  packet.source = tuple4().remote.ip;
  use(0);
  LinkPeer peer = reply_peer(snapshot_, {0}, packet);
  EXPECT_EQ(peer.next_hop(), LinkPeer::kFixedMac);
  EXPECT_EQ(peer.mac(), kPeerMac);
  use(0, snapshot::ReplyMode::gateway);
  EXPECT_EQ(reply_peer(snapshot_, {0}, packet).next_hop(), 0);
  // No route towards the client: the only one known to be able to reach it is who brought it here.
  packet.source = IpAddress::v4({198, 18, 0, 2});
  peer = reply_peer(snapshot_, {0}, packet);
  EXPECT_EQ(peer.next_hop(), LinkPeer::kFixedMac);
  EXPECT_EQ(peer.mac(), kPeerMac);
}

}  // namespace
}  // namespace sallyport::worker
