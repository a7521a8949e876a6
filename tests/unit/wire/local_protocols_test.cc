// ARP, ICMP and neighbour discovery.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lib/wire/arp.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ndp.h"
#include "lib/wire/packet.h"
#include "tests/support/sample_frames.h"

namespace sallyport::wire {
namespace {

using ::sallyport::testing::hex;
using ::sallyport::testing::sample_frame;

const MacAddress kTheirMac = *parse_mac("02:00:00:00:00:01");
const MacAddress kOurMac = *parse_mac("02:00:00:00:00:02");
const IpAddress kClient4 = *parse_ip("198.18.0.5");
const IpAddress kServer4 = *parse_ip("198.18.0.10");
const IpAddress kClient6 = *parse_ip("2001:db8::5");
const IpAddress kServer6 = *parse_ip("2001:db8::10");

using Frame = std::vector<std::uint8_t>;
constexpr Verify kUnverified{false, false, false};

Packet packet_of(const Frame& frame, Verify verify = {}) {
  const auto p = parse_packet(frame, 0, verify);
  EXPECT_TRUE(p) << static_cast<int>(p.error());
  return *p;
}

// --- ARP -----------------------------------------------------------------------------------------

TEST(Arp, ReadsARequestAndAnswersIt) {
  const Frame frame = sample_frame("arp_request");
  const auto request = parse_arp(packet_of(frame), frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->operation, ArpOperation::request);
  EXPECT_EQ(request->sender_mac, kTheirMac);
  EXPECT_EQ(request->sender_ip, kClient4);
  EXPECT_EQ(request->target_ip, kServer4);
  EXPECT_FALSE(request->is_probe());
  EXPECT_FALSE(request->is_announcement());

  Frame out(kMaxArpFrame);
  const Ethernet back{kOurMac, request->sender_mac};
  out.resize(write_arp(out, back, arp_reply_to(*request, kOurMac)));
  const auto reply = parse_arp(packet_of(out), out);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->operation, ArpOperation::reply);
  EXPECT_EQ(reply->sender_mac, kOurMac);
  EXPECT_EQ(reply->sender_ip, kServer4);
  EXPECT_EQ(reply->target_mac, kTheirMac);
  EXPECT_EQ(reply->target_ip, kClient4);
}

TEST(Arp, GivesTheSameBytesAsAnotherImplementation) {
  for (const char* name : {"arp_request", "arp_reply"}) {
    const Frame frame = sample_frame(name);
    const Packet p = packet_of(frame);
    Frame out(kMaxArpFrame);
    out.resize(write_arp(out, p.ethernet, *parse_arp(p, frame)));
    EXPECT_EQ(hex(out), hex(frame)) << name;
  }
}

TEST(Arp, RefusesOtherKindsAndImpossibleSenders) {
  const Frame base = sample_frame("arp_reply");
  auto with = [&base](std::size_t at, std::uint8_t value) {
    Frame frame = base;
    frame[14 + at] = value;
    return parse_arp(packet_of(frame), frame).error();
  };
  EXPECT_EQ(with(0, 1), PacketError::arp_malformed);  // hardware type
  EXPECT_EQ(with(1, 6), PacketError::arp_malformed);
  EXPECT_EQ(with(2, 0x86), PacketError::arp_malformed);  // protocol type
  EXPECT_EQ(with(4, 8), PacketError::arp_malformed);     // lengths
  EXPECT_EQ(with(5, 16), PacketError::arp_malformed);
  EXPECT_EQ(with(7, 0), PacketError::arp_malformed);  // operation
  EXPECT_EQ(with(7, 3), PacketError::arp_malformed);
  EXPECT_EQ(with(8, 0x03), PacketError::arp_malformed);  // sender is a group
  EXPECT_EQ(with(14, 224), PacketError::arp_malformed);
  EXPECT_EQ(with(14, 127), PacketError::arp_malformed);
  Frame nobody = base;
  std::fill_n(nobody.begin() + 14 + 8, 6, std::uint8_t{0});
  EXPECT_FALSE(parse_arp(packet_of(nobody), nobody));
  Frame nowhere = base;
  std::fill_n(nowhere.begin() + 14 + 14, 4, std::uint8_t{0});
  EXPECT_FALSE(parse_arp(packet_of(nowhere), nowhere));
  // [RFC 5227 1.1] As a request it is a probe.
  nowhere[14 + 7] = 1;
  EXPECT_TRUE(parse_arp(packet_of(nowhere), nowhere)->is_probe());
}

TEST(Arp, WritesNothingIntoTooLittleRoom) {
  Frame out(kMaxArpFrame - 5);
  EXPECT_EQ(write_arp(out, {kOurMac, kTheirMac}, {}), 0U);
}

// --- echo ----------------------------------------------------------------------------------------

TEST(Echo, AnswersWithWhatWasSent) {
  for (const auto& [name, us, them] :
       {std::tuple{"echo4", kServer4, kClient4}, std::tuple{"echo6", kServer6, kClient6}}) {
    const Frame frame = sample_frame(name);
    const Packet request = packet_of(frame);
    ASSERT_TRUE(is_echo_request(request, frame));
    Frame out(frame.size());
    const Ethernet back{kOurMac, kTheirMac, request.ethernet.vlan};
    out.resize(write_echo_reply(out, back, us, request, frame));
    const Packet reply = packet_of(out);  // with correct checksums
    EXPECT_EQ(reply.kind, request.kind);
    EXPECT_EQ(reply.ethernet, back);
    EXPECT_EQ(reply.source, us);
    EXPECT_EQ(reply.destination, them);
    EXPECT_FALSE(is_echo_request(reply, out));
    EXPECT_EQ(out[reply.l4_offset], request.kind == PacketKind::icmp4 ? 0 : 129);
    EXPECT_TRUE(
        std::ranges::equal(reply.payload(out).subspan(4), request.payload(frame).subspan(4)));
  }
}

TEST(Echo, OnlyRequestsAreAnswered) {
  Frame out(200);
  for (const char* name : {"syn4", "arp_request", "ns", "frag_needed4"}) {
    const Frame frame = sample_frame(name);
    const Packet p = packet_of(frame);
    EXPECT_EQ(write_echo_reply(out, {kOurMac, kTheirMac}, p.destination, p, frame), 0U) << name;
  }
  Frame reply = sample_frame("echo4");
  reply[34] = 0;
  EXPECT_FALSE(is_echo_request(packet_of(reply, kUnverified), reply));
  Frame other_code = sample_frame("echo4");
  other_code[35] = 1;
  EXPECT_FALSE(is_echo_request(packet_of(other_code, kUnverified), other_code));
}

TEST(Echo, WritesNothingIntoTooLittleRoom) {
  const Frame frame = sample_frame("echo4");
  Frame out(frame.size() - 1);
  EXPECT_EQ(write_echo_reply(out, {kOurMac, kTheirMac}, kServer4, packet_of(frame), frame), 0U);
}

// --- errors --------------------------------------------------------------------------------------

TEST(IcmpError, TellsTheMtuAndTheSegmentThatWasTooBig) {
  for (const auto& [name, us, them, mtu] : {std::tuple{"frag_needed4", kServer4, kClient4, 1400U},
                                            std::tuple{"too_big6", kServer6, kClient6, 1280U}}) {
    const Frame frame = sample_frame(name);
    const auto error = parse_icmp_error(packet_of(frame), frame);
    ASSERT_TRUE(error) << name;
    EXPECT_EQ(error->kind, IcmpErrorKind::packet_too_big);
    EXPECT_EQ(error->mtu, mtu);
    EXPECT_EQ(error->source, (SocketAddress{us, 443}));
    EXPECT_EQ(error->destination, (SocketAddress{them, 40'000}));
    EXPECT_EQ(error->sequence_number, 0xdeadbeefU);
  }
}

TEST(IcmpError, SortsTheOtherErrors) {
  Frame v4 = sample_frame("frag_needed4");
  auto kind4 = [&v4](std::uint8_t type, std::uint8_t code) {
    v4[34] = type;
    v4[35] = code;
    return parse_icmp_error(packet_of(v4, kUnverified), v4);
  };
  EXPECT_EQ(kind4(3, 1)->kind, IcmpErrorKind::unreachable);
  EXPECT_EQ(kind4(3, 1)->mtu, 0U);
  EXPECT_EQ(kind4(3, 3)->code, 3);
  EXPECT_EQ(kind4(11, 0)->kind, IcmpErrorKind::time_exceeded);
  EXPECT_EQ(kind4(12, 0)->kind, IcmpErrorKind::parameter_problem);
  EXPECT_EQ(kind4(4, 0).error(), PacketError::icmp_unhandled);  // source quench
  EXPECT_EQ(kind4(5, 0).error(), PacketError::icmp_unhandled);  // redirect
  Frame v6 = sample_frame("too_big6");
  auto kind6 = [&v6](std::uint8_t type) {
    v6[54] = type;
    return parse_icmp_error(packet_of(v6, kUnverified), v6);
  };
  EXPECT_EQ(kind6(1)->kind, IcmpErrorKind::unreachable);
  EXPECT_EQ(kind6(3)->kind, IcmpErrorKind::time_exceeded);
  EXPECT_EQ(kind6(4)->kind, IcmpErrorKind::parameter_problem);
  EXPECT_EQ(kind6(137).error(), PacketError::icmp_unhandled);
}

TEST(IcmpError, RefusesQuotesThatNameNoSegmentOfOurs) {
  const Frame base = sample_frame("frag_needed4");
  constexpr std::size_t kQuote = 14 + 20 + 8;
  auto with = [&base](std::size_t at, std::uint8_t value) {
    Frame frame = base;
    frame[kQuote + at] = value;
    return parse_icmp_error(packet_of(frame, kUnverified), frame).error();
  };
  EXPECT_EQ(with(0, 0x65), PacketError::icmp_malformed);
  EXPECT_EQ(with(0, 0x44), PacketError::icmp_malformed);
  EXPECT_EQ(with(0, 0x4f), PacketError::icmp_malformed);  // ports beyond the quote
  EXPECT_EQ(with(7, 1), PacketError::icmp_malformed);     // no first fragment
  EXPECT_EQ(with(9, 17), PacketError::icmp_unhandled);    // UDP
  // An IPv6 error must not speak of an IPv4 connection.
  Frame mapped = sample_frame("too_big6");
  std::ranges::copy(kServer4.bytes(), mapped.begin() + 14 + 40 + 8 + 8);
  EXPECT_EQ(parse_icmp_error(packet_of(mapped, kUnverified), mapped).error(),
            PacketError::icmp_malformed);
}

// --- neighbour discovery
// ---------------------------------------------------------------------------

TEST(Neighbour, GroupsHaveTheAddressesOfTheirRfcs) {
  static_assert(
      solicited_node(IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}))
          .bytes()[13] == 2);
  EXPECT_EQ(solicited_node(kServer6), *parse_ip("ff02::1:ff00:10"));
  EXPECT_EQ(multicast_mac(solicited_node(kServer6)), *parse_mac("33:33:ff:00:00:10"));
  EXPECT_EQ(multicast_mac(kAllNodes), *parse_mac("33:33:00:00:00:01"));
  EXPECT_EQ(multicast_mac(*parse_ip("224.128.0.1")), *parse_mac("01:00:5e:00:00:01"));
}

TEST(Neighbour, ReadsASolicitationAndAnswersIt) {
  const Frame frame = sample_frame("ns");
  const auto s = parse_neighbour_solicitation(packet_of(frame), frame);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->target, kServer6);
  EXPECT_TRUE(s->has_source_mac);
  EXPECT_EQ(s->source_mac, kTheirMac);
  EXPECT_FALSE(s->is_duplicate_address_detection());

  const NeighbourAdvertisement a = advertisement_for(*s, kOurMac);
  const Ethernet back{kOurMac, advertisement_destination(a, kTheirMac)};
  EXPECT_EQ(back.destination, kTheirMac);
  Frame out(kMaxNeighbourFrame);
  out.resize(write_neighbour_advertisement(out, back, a));
  const auto heard = parse_neighbour_advertisement(packet_of(out), out);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->source, kServer6);
  EXPECT_EQ(heard->destination, kClient6);
  EXPECT_EQ(heard->target, kServer6);
  EXPECT_TRUE(heard->solicited);
  EXPECT_TRUE(heard->override);
  EXPECT_FALSE(heard->router);
  EXPECT_EQ(heard->target_mac, kOurMac);
}

// [RFC 4861 7.2.4] The answer to a host without an address goes to all nodes, unsolicited.
TEST(Neighbour, DefendsAnAddressAgainstDuplicateAddressDetection) {
  const Frame frame = sample_frame("ns_dad");
  const auto s = parse_neighbour_solicitation(packet_of(frame), frame);
  ASSERT_TRUE(s);
  EXPECT_TRUE(s->is_duplicate_address_detection());
  const NeighbourAdvertisement a = advertisement_for(*s, kOurMac);
  EXPECT_EQ(a.destination, kAllNodes);
  EXPECT_FALSE(a.solicited);
  EXPECT_EQ(advertisement_destination(a, kTheirMac), multicast_mac(kAllNodes));
}

TEST(Neighbour, GivesTheSameBytesAsAnotherImplementation) {
  for (const char* name : {"ns", "ns_dad"}) {
    const Frame frame = sample_frame(name);
    const Packet p = packet_of(frame);
    Frame out(kMaxNeighbourFrame);
    out.resize(
        write_neighbour_solicitation(out, p.ethernet, *parse_neighbour_solicitation(p, frame)));
    EXPECT_EQ(hex(out), hex(frame)) << name;
  }
  const Frame frame = sample_frame("na");
  const Packet p = packet_of(frame);
  Frame out(kMaxNeighbourFrame);
  out.resize(
      write_neighbour_advertisement(out, p.ethernet, *parse_neighbour_advertisement(p, frame)));
  EXPECT_EQ(hex(out), hex(frame));
}

// [RFC 4861 7.1.1, 7.1.2] Validity, clause by clause.
TEST(Neighbour, RefusesMessagesThatTheRfcCallsInvalid) {
  constexpr std::size_t kIp = 14;
  constexpr std::size_t kMessage = kIp + 40;
  const auto solicitation = [](const Frame& frame) {
    return parse_neighbour_solicitation(packet_of(frame, kUnverified), frame).error();
  };
  const auto advertisement = [](const Frame& frame) {
    return parse_neighbour_advertisement(packet_of(frame, kUnverified), frame).error();
  };
  const auto with = [](const char* name, std::size_t at, std::uint8_t value) {
    Frame frame = sample_frame(name);
    frame[at] = value;
    return frame;
  };
  constexpr auto kMalformed = PacketError::icmp_malformed;
  EXPECT_EQ(solicitation(with("ns", kIp + 7, 254)), kMalformed);  // came through a router
  EXPECT_EQ(advertisement(with("na", kIp + 7, 64)), kMalformed);
  EXPECT_EQ(solicitation(with("ns", kMessage + 1, 1)), kMalformed);  // code
  EXPECT_EQ(advertisement(with("na", kMessage + 1, 1)), kMalformed);
  EXPECT_EQ(solicitation(with("ns", kMessage + 8, 0xff)), kMalformed);  // target is a group
  EXPECT_EQ(advertisement(with("na", kMessage + 8, 0xff)), kMalformed);
  EXPECT_EQ(solicitation(with("ns", kMessage + 25, 0)), kMalformed);  // option without length
  EXPECT_EQ(advertisement(with("na", kMessage + 25, 0)), kMalformed);
  EXPECT_EQ(solicitation(with("ns", kMessage + 25, 2)), kMalformed);         // beyond the message
  EXPECT_EQ(solicitation(with("ns", kMessage + 26, 0x01)), kMalformed);      // a group MAC
  EXPECT_EQ(solicitation(with("ns_dad", kIp + 24 + 15, 0x11)), kMalformed);  // another group
  Frame dad_with_mac = sample_frame("ns");
  std::fill_n(dad_with_mac.begin() + kIp + 8, 16, std::uint8_t{0});
  EXPECT_EQ(solicitation(dad_with_mac), kMalformed);
  Frame to_all = sample_frame("na");
  std::ranges::copy(kAllNodes.bytes(), to_all.begin() + kIp + 24);
  EXPECT_EQ(advertisement(to_all), kMalformed);  // solicited, yet to everybody
  to_all[kMessage + 4] = 0x20;
  EXPECT_EQ(advertisement(to_all), PacketError::none);
  Frame mapped = sample_frame("na");
  std::ranges::copy(kClient4.bytes(), mapped.begin() + kMessage + 8);
  EXPECT_EQ(advertisement(mapped), kMalformed);
}

TEST(Neighbour, EachReaderLeavesOtherMessagesAlone) {
  for (const char* name : {"na", "echo6", "syn4", "echo4"}) {
    const Frame frame = sample_frame(name);
    EXPECT_EQ(parse_neighbour_solicitation(packet_of(frame), frame).error(),
              PacketError::icmp_unhandled)
        << name;
  }
  const Frame frame = sample_frame("ns");
  EXPECT_EQ(parse_neighbour_advertisement(packet_of(frame), frame).error(),
            PacketError::icmp_unhandled);
}

TEST(Neighbour, SkipsOptionsThatItDoesNotKnow) {
  Frame frame = sample_frame("ns");
  frame[14 + 40 + 24] = 14;  // nonce instead of the link-layer address
  const auto s = parse_neighbour_solicitation(packet_of(frame, kUnverified), frame);
  ASSERT_TRUE(s);
  EXPECT_FALSE(s->has_source_mac);
}

}  // namespace
}  // namespace sallyport::wire
