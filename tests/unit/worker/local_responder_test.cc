#include "lib/worker/local_responder.h"

#include <gtest/gtest.h>

#include <string_view>

#include "lib/wire/arp.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ndp.h"
#include "tests/support/frame_pool.h"
#include "tests/support/sample_frames.h"

namespace sallyport::worker {
namespace {

using stats::DropReason;
using stats::Traffic;
using testing::FramePool;
using testing::sample_frame;

constexpr TscRate kRate{1'000'000'000};
constexpr std::uint32_t kPerSecond = 100;  // and a burst of eleven
constexpr std::uint32_t kBurst = 11;
constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 1}};
constexpr IpAddress kOurs4 = IpAddress::v4({198, 18, 0, 10});
constexpr IpAddress kPeer4 = IpAddress::v4({198, 18, 0, 5});

IpAddress v6(std::uint8_t host) {
  return IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

class LocalResponderTest : public ::testing::Test {
 protected:
  LocalResponderTest() {
    interface_.mac = kOurMac;
    interface_.local_ips = {kOurs4, v6(0x10)};
    pool_.refill(out_);
  }
  ~LocalResponderTest() override {
    clear();
    for (frame::Frame* f : out_.empties()) pool_.give_back(*f);
    EXPECT_EQ(pool_.in_use(), 0U);
  }
  DropReason give(ByteView bytes) {
    frame::Frame& f = *pool_.take_copy(bytes);
    const auto packet = wire::parse_packet(f.bytes(), 0, {});
    const DropReason why =
        packet ? responder_.handle(f, *packet, interface_, turn_) : drop_reason_of(packet.error());
    pool_.give_back(f);
    return why;
  }
  DropReason give(std::string_view name) { return give(sample_frame(name)); }
  DropReason give(const wire::Arp& arp) {
    std::array<std::uint8_t, wire::kMaxArpFrame> room{};
    const std::size_t len =
        wire::write_arp(room, {arp.sender_mac, MacAddress::broadcast(), 0}, arp);
    return give(ByteView{room}.first(len));
  }
  DropReason give(const wire::NeighbourSolicitation& solicitation) {
    std::array<std::uint8_t, wire::kMaxNeighbourFrame> room{};
    const std::size_t len = wire::write_neighbour_solicitation(
        room, {kPeerMac, wire::multicast_mac(solicitation.destination), 0}, solicitation);
    return give(ByteView{room}.first(len));
  }
  // sent parses the only frame that is on its way out.
  wire::Packet sent() {
    EXPECT_EQ(out_.num_sent(), 1U);
    if (out_.num_sent() != 1) return {};
    const auto packet = wire::parse_packet(sent_bytes(), 0, {});
    EXPECT_TRUE(packet.has_value());
    return packet ? *packet : wire::Packet{};
  }
  ByteView sent_bytes() { return out_.tx()[0]->bytes(); }
  void clear() {
    for (frame::Frame* f : out_.tx()) pool_.give_back(*f);
    out_.clear();
    pool_.refill(out_);
  }

  FramePool pool_{300};
  frame::Outbox out_{FramePool::flush, &pool_};
  FrameAccount held_;
  Turn turn_{Tsc{1'000'000'000'000}, out_, held_};
  snapshot::Interface interface_;
  stats::WorkerStats stats_;
  LocalResponder responder_{kRate, kPerSecond, stats_};
};

TEST_F(LocalResponderTest, AnswersAnArpRequestForAnAddressOfOurs) {
  EXPECT_EQ(give("arp_request"), DropReason::none);
  const auto reply = wire::parse_arp(sent(), sent_bytes());
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->operation, wire::ArpOperation::reply);
  EXPECT_EQ(reply->sender_mac, kOurMac);
  EXPECT_EQ(reply->sender_ip, kOurs4);
  EXPECT_EQ(reply->target_mac, kPeerMac);
  EXPECT_EQ(reply->target_ip, kPeer4);
  EXPECT_EQ(sent().ethernet.destination, kPeerMac);
  EXPECT_EQ(stats_.traffic.value(Traffic::arp_replies), 1U);
  EXPECT_TRUE(out_.control().empty());
}

TEST_F(LocalResponderTest, LeavesAnArpRequestForAnotherAddressAlone) {
  wire::Arp request{.sender_mac = kPeerMac, .sender_ip = kPeer4, .target_mac = {}, .target_ip = {}};
  request.target_ip = IpAddress::v4({198, 18, 0, 77});
  EXPECT_EQ(give(request), DropReason::arp_not_for_us);
  EXPECT_EQ(out_.num_sent(), 0U);
  EXPECT_TRUE(out_.control().empty());
}

// [RFC 5227 2.1.1] A probe asks whether an address is free; ours is not.
TEST_F(LocalResponderTest, DefendsItsAddressAgainstAnArpProbe) {
  const wire::Arp probe{.sender_mac = kPeerMac,
                        .sender_ip = IpAddress::v4({}),
                        .target_mac = {},
                        .target_ip = kOurs4};
  ASSERT_TRUE(probe.is_probe());
  EXPECT_EQ(give(probe), DropReason::none);
  const auto reply = wire::parse_arp(sent(), sent_bytes());
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->sender_ip, kOurs4);
}

// [RFC 5227 2.4] Somebody else speaks for our address: that is for the control thread to know.
TEST_F(LocalResponderTest, ReportsAnAnnouncementOfOurOwnAddress) {
  const wire::Arp claim{
      .sender_mac = kPeerMac, .sender_ip = kOurs4, .target_mac = {}, .target_ip = kOurs4};
  ASSERT_TRUE(claim.is_announcement());
  EXPECT_EQ(give(claim), DropReason::none);
  EXPECT_EQ(out_.num_sent(), 0U);
  ASSERT_EQ(out_.control().size(), 1U);
  EXPECT_EQ(out_.control()[0].kind, frame::ControlKind::neighbour_reply);
}

TEST_F(LocalResponderTest, AnAnnouncementOfAnothersAddressIsNotForUs) {
  const wire::Arp claim{
      .sender_mac = kPeerMac, .sender_ip = kPeer4, .target_mac = {}, .target_ip = kPeer4};
  EXPECT_EQ(give(claim), DropReason::arp_not_for_us);
  EXPECT_TRUE(out_.control().empty());
}

TEST_F(LocalResponderTest, PassesArpRepliesAndAdvertisementsOnAsTheyCame) {
  for (const std::string_view name : {"arp_reply", "na"}) {
    EXPECT_EQ(give(name), DropReason::none);
    EXPECT_EQ(out_.num_sent(), 0U);
    ASSERT_EQ(out_.control().size(), 1U) << name;
    const frame::ControlMessage& told = out_.control()[0];
    EXPECT_TRUE(std::ranges::equal(ByteView{told.bytes}.first(told.len), sample_frame(name)));
    clear();
  }
}

TEST_F(LocalResponderTest, DoesNotPassEthernetPaddingOn) {
  auto padded = sample_frame("arp_reply");
  padded.resize(60, 0xee);
  EXPECT_EQ(give(padded), DropReason::none);
  ASSERT_EQ(out_.control().size(), 1U);
  EXPECT_EQ(out_.control()[0].len, sample_frame("arp_reply").size());
}

TEST_F(LocalResponderTest, AnswersASolicitationToItsGroupAndToItself) {
  for (const bool unicast : {false, true}) {
    const IpAddress to = unicast ? v6(0x10) : wire::solicited_node(v6(0x10));
    EXPECT_EQ(give(wire::NeighbourSolicitation{.source = v6(5),
                                               .destination = to,
                                               .target = v6(0x10),
                                               .has_source_mac = true,
                                               .source_mac = kPeerMac}),
              DropReason::none);
    const auto answer = wire::parse_neighbour_advertisement(sent(), sent_bytes());
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->target, v6(0x10));
    EXPECT_EQ(answer->destination, v6(5));
    EXPECT_TRUE(answer->solicited);
    ASSERT_TRUE(answer->has_target_mac);
    EXPECT_EQ(answer->target_mac, kOurMac);
    EXPECT_EQ(sent().ethernet.destination, kPeerMac);
    clear();
  }
  EXPECT_EQ(stats_.traffic.value(Traffic::nd_replies), 2U);
}

// [RFC 4862 5.4.3] Who checks an address has none to be answered at: all nodes hear the answer.
TEST_F(LocalResponderTest, AnswersADuplicateAddressCheckToAllNodesAndReportsIt) {
  EXPECT_EQ(give("ns_dad"), DropReason::none);
  const auto answer = wire::parse_neighbour_advertisement(sent(), sent_bytes());
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->destination, wire::kAllNodes);
  EXPECT_FALSE(answer->solicited);
  EXPECT_EQ(sent().ethernet.destination, wire::multicast_mac(wire::kAllNodes));
  EXPECT_EQ(out_.control().size(), 1U);
}

TEST_F(LocalResponderTest, LeavesASolicitationForAnotherAlone) {
  EXPECT_EQ(give(wire::NeighbourSolicitation{.source = v6(5),
                                             .destination = wire::solicited_node(v6(0x77)),
                                             .target = v6(0x77),
                                             .has_source_mac = true,
                                             .source_mac = kPeerMac}),
            DropReason::ip_not_for_us);
  EXPECT_EQ(out_.num_sent(), 0U);
}

TEST_F(LocalResponderTest, EchoesBothFamilies) {
  for (const std::string_view name : {"echo4", "echo6"}) {
    EXPECT_EQ(give(name), DropReason::none) << name;
    const wire::Packet reply = sent();
    const auto request_bytes = sample_frame(name);
    const auto request = wire::parse_packet(request_bytes, 0, {});
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(reply.source, request->destination);
    EXPECT_EQ(reply.destination, request->source);
    EXPECT_EQ(reply.ethernet.destination, kPeerMac);
    EXPECT_FALSE(wire::is_echo_request(reply, sent_bytes()));
    // Identifier, sequence number and data.
    EXPECT_TRUE(std::ranges::equal(reply.payload(sent_bytes()).subspan(4),
                                   request->payload(request_bytes).subspan(4)));
    clear();
  }
  EXPECT_EQ(stats_.traffic.value(Traffic::echo_replies), 2U);
}

TEST_F(LocalResponderTest, EchoesNothingThatWasSentToAnother) {
  interface_.local_ips = {IpAddress::v4({198, 18, 0, 99})};
  EXPECT_EQ(give("echo4"), DropReason::ip_not_for_us);
  EXPECT_EQ(give("echo6"), DropReason::ip_not_for_us);
  EXPECT_EQ(out_.num_sent(), 0U);
}

TEST_F(LocalResponderTest, OtherIcmpMessagesAreCountedAndNotAnswered) {
  for (const std::string_view name : {"frag_needed4", "too_big6"}) {
    EXPECT_EQ(give(name), DropReason::icmp_unhandled) << name;
  }
  EXPECT_EQ(out_.num_sent(), 0U);
}

TEST_F(LocalResponderTest, MalformedMessagesHaveTheirOwnReasons) {
  auto arp = sample_frame("arp_request");
  arp[21] = 9;  // operation
  EXPECT_EQ(give(arp), DropReason::arp_malformed);
  auto echo = sample_frame("echo4");
  echo.back() ^= 1;
  EXPECT_EQ(give(echo), DropReason::icmp_bad_checksum);
  // [RFC 4861 7.1.1] With a hop limit below 255 it came from beyond the link.
  auto far = sample_frame("ns");
  far[21] = 254;
  EXPECT_EQ(give(far), DropReason::icmp_malformed);
  EXPECT_EQ(out_.num_sent(), 0U);
  EXPECT_TRUE(out_.control().empty());
}

TEST_F(LocalResponderTest, AnswersNoFasterThanItsRate) {
  for (std::uint32_t i = 0; i < kBurst; ++i) EXPECT_EQ(give("arp_request"), DropReason::none);
  EXPECT_EQ(give("arp_request"), DropReason::local_rate_limited);
  EXPECT_EQ(give("echo6"), DropReason::local_rate_limited);
  EXPECT_EQ(give("ns"), DropReason::local_rate_limited);
  clear();
  turn_.now = turn_.now + kRate.ticks(milliseconds{10});  // one token
  EXPECT_EQ(give("arp_request"), DropReason::none);
  EXPECT_EQ(give("arp_request"), DropReason::local_rate_limited);
}

TEST_F(LocalResponderTest, AFloodOfClaimsReachesTheControlThreadOnlyAtTheRate) {
  std::size_t told = 0;
  for (int i = 0; i < 1'000; ++i) {
    const DropReason why = give(i % 2 == 0 ? "arp_reply" : "na");
    if (why == DropReason::none)
      ++told;
    else
      EXPECT_EQ(why, DropReason::local_rate_limited);
    clear();
  }
  EXPECT_EQ(told, kBurst);
  // Claims and answers have separate budgets: such a flood does not silence us.
  EXPECT_EQ(give("arp_request"), DropReason::none);
}

TEST_F(LocalResponderTest, SaysSoWhenTheMessagesOfOneTurnAreUsedUp) {
  LocalResponder fast{kRate, 1'000'000, stats_};
  const auto bytes = sample_frame("arp_reply");
  frame::Frame& f = *pool_.take_copy(bytes);
  const auto packet = wire::parse_packet(f.bytes(), 0, {});
  ASSERT_TRUE(packet.has_value());
  for (std::size_t i = 0; i < frame::Outbox::kMaxControl; ++i) {
    EXPECT_EQ(fast.handle(f, *packet, interface_, turn_), DropReason::none);
  }
  EXPECT_EQ(fast.handle(f, *packet, interface_, turn_), DropReason::control_ring_full);
  pool_.give_back(f);
}

TEST_F(LocalResponderTest, AnswersLeaveThroughTheVlanOfTheInterface) {
  interface_.vlan = 100;
  interface_.port = 2;
  EXPECT_EQ(give("arp_request"), DropReason::none);
  EXPECT_EQ(out_.tx()[0]->vlan, 100);
  EXPECT_EQ(out_.tx()[0]->port, frame::PortIndex{2});
}

}  // namespace
}  // namespace sallyport::worker
