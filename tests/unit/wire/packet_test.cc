#include "lib/wire/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lib/base/internet_sum.h"
#include "lib/wire/arp.h"
#include "lib/wire/headers.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ndp.h"
#include "tests/support/sample_frames.h"

namespace sallyport::wire {
namespace {

using ::sallyport::testing::hex;
using ::sallyport::testing::kSampleFrames;
using ::sallyport::testing::sample_frame;
using ::sallyport::testing::unhex;

const MacAddress kTheirMac = *parse_mac("02:00:00:00:00:01");
const MacAddress kOurMac = *parse_mac("02:00:00:00:00:02");
const IpAddress kClient4 = *parse_ip("198.18.0.5");
const IpAddress kServer4 = *parse_ip("198.18.0.10");
const IpAddress kClient6 = *parse_ip("2001:db8::5");
const IpAddress kServer6 = *parse_ip("2001:db8::10");

PacketError error_of(ByteView frame, std::uint16_t stripped_vlan = 0, Verify verify = {}) {
  return parse_packet(frame, stripped_vlan, verify).error();
}

// Offsets of untagged sample frames.
constexpr std::size_t kIp = 14;
constexpr std::size_t kTcp4 = kIp + 20;

// corrected gives an IPv4 frame its right header checksum back after an edit.
std::vector<std::uint8_t> corrected(std::vector<std::uint8_t> frame) {
  frame[kIp + 10] = frame[kIp + 11] = 0;
  const std::size_t header_len = (frame[kIp] & 0x0fU) * 4U;
  const Be16 checksum = InternetSum{}.add(ByteView{frame}.subspan(kIp, header_len)).checksum();
  store(MutableBytes{frame}.subspan(kIp + 10), checksum);
  return frame;
}

constexpr Verify kNoTcp{.ip = true, .tcp = false, .icmp = true};

TEST(ParsePacket, ReadsASynOverIpv4) {
  const auto p = parse_packet(sample_frame("syn4"), 0, {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->kind, PacketKind::tcp);
  EXPECT_EQ(p->ethernet, (Ethernet{kTheirMac, kOurMac, 0}));
  EXPECT_EQ(p->source, kClient4);
  EXPECT_EQ(p->destination, kServer4);
  EXPECT_EQ(p->hop_limit, 64);
  EXPECT_EQ(p->tcp.source_port, 40'000);
  EXPECT_EQ(p->tcp.destination_port, 443);
  EXPECT_EQ(p->tcp.sequence_number, 0x01020304U);
  EXPECT_TRUE(p->tcp.flags.syn());
  EXPECT_FALSE(p->tcp.flags.ack());
  EXPECT_EQ(p->tcp.window, 64'240);
  EXPECT_EQ(p->tcp.options.mss, 1460);
  EXPECT_EQ(p->tcp.options.window_scale, 7);
  EXPECT_EQ(p->payload_len, 0);
}

TEST(ParsePacket, ReadsTaggedDataOverIpv6) {
  const auto frame = sample_frame("data6_vlan");
  const auto p = parse_packet(frame, 0, {});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->ethernet.vlan, 100);
  EXPECT_EQ(p->source, kClient6);
  EXPECT_EQ(p->destination, kServer6);
  EXPECT_EQ(p->ecn, Ecn::ect0);
  EXPECT_EQ(p->tcp.acknowledgment_number, 0x80000001U);
  const ByteView payload = p->payload(frame);
  EXPECT_EQ((std::string{payload.begin(), payload.end()}), "hello, world");
}

TEST(ParsePacket, ATagThatThePortTookOutCountsLikeOneInTheFrame) {
  EXPECT_EQ(parse_packet(sample_frame("syn4"), 100, {})->ethernet.vlan, 100);
  // Two tags are one too many.
  EXPECT_EQ(error_of(sample_frame("data6_vlan"), 100), PacketError::ethertype_unknown);
}

TEST(ParsePacket, APriorityTagMakesNoVlan) {
  auto frame = sample_frame("data6_vlan");
  frame[14] = 0xe0;
  frame[15] = 0;
  EXPECT_EQ(parse_packet(frame, 0, {})->ethernet.vlan, 0);
}

// [RFC 791 3.1] The total length, not the frame, says where the packet ends.
TEST(ParsePacket, IgnoresThePaddingThatEthernetAdds) {
  auto frame = sample_frame("rst4");
  const auto before = parse_packet(frame, 0, {});
  frame.resize(60, 0xee);
  const auto after = parse_packet(frame, 0, {});
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->payload_len, 0);
  EXPECT_EQ(after->tcp, before->tcp);
  auto v6 = sample_frame("data6_vlan");
  v6.resize(v6.size() + 20, 0xee);
  EXPECT_EQ(parse_packet(v6, 0, {})->payload_len, 12);
}

TEST(ParsePacket, SkipsIpOptionsAndTheExtensionHeadersOfIpv6) {
  const auto with_options = parse_packet(sample_frame("ipopts4"), 0, {});
  ASSERT_TRUE(with_options);
  EXPECT_EQ(with_options->l4_offset, kIp + 24);
  EXPECT_EQ(with_options->payload_len, 1);
  const auto with_extensions = parse_packet(sample_frame("exthdr6"), 0, {});
  ASSERT_TRUE(with_extensions);
  EXPECT_EQ(with_extensions->l4_offset, kIp + 40 + 8 + 8);
  EXPECT_EQ(with_extensions->tcp.destination_port, 4);
}

TEST(ParsePacket, RefusesFragments) {
  EXPECT_EQ(error_of(sample_frame("frag4")), PacketError::ip_fragment);
  EXPECT_EQ(error_of(sample_frame("frag6")), PacketError::ip_fragment);
  auto last = sample_frame("syn4");
  last[kIp + 6] = 0;
  last[kIp + 7] = 1;
  EXPECT_EQ(error_of(corrected(last)), PacketError::ip_fragment);
}

TEST(ParsePacket, RefusesExtensionHeadersBeyondTheLimits) {
  const auto base = sample_frame("exthdr6");
  auto with = [&base](std::size_t at, std::uint8_t value) {
    auto frame = base;
    frame[kIp + at] = value;
    return error_of(frame, 0, kNoTcp);
  };
  constexpr std::size_t kHopByHop = 40;
  constexpr std::size_t kDestination = 48;
  EXPECT_EQ(with(kDestination, 60), PacketError::ip_extension_headers);  // a third one
  EXPECT_EQ(with(kHopByHop, 0), PacketError::ip_extension_headers);      // not the first
  EXPECT_EQ(with(kHopByHop + 1, 7), PacketError::ip_malformed);          // more than there is
  EXPECT_EQ(with(kHopByHop + 1, 8), PacketError::ip_extension_headers);  // above 64 bytes
  EXPECT_EQ(with(kHopByHop + 1, 255), PacketError::ip_extension_headers);
  EXPECT_EQ(with(kHopByHop + 2, 0xc2),
            PacketError::ip_extension_headers);                             // jumbo payload
  EXPECT_EQ(with(kHopByHop + 2, 0x41), PacketError::ip_extension_headers);  // "discard"
  EXPECT_EQ(with(kHopByHop + 2, 0x21), PacketError::none);                  // unknown, "skip"
  EXPECT_EQ(with(kDestination, 44), PacketError::ip_fragment);
  EXPECT_EQ(with(kDestination, 50), PacketError::ip_protocol_unknown);  // ESP
  EXPECT_EQ(with(kDestination, 59), PacketError::ip_protocol_unknown);  // nothing follows
  EXPECT_EQ(with(6, 51), PacketError::ip_protocol_unknown);             // AH
}

TEST(ParsePacket, ARoutingHeaderIsFineOnlyAtItsEnd) {
  auto frame = sample_frame("exthdr6");
  frame[kIp + 40] = 43;     // next header behind hop-by-hop: routing
  frame[kIp + 48 + 3] = 0;  // segments left
  EXPECT_EQ(error_of(frame, 0, kNoTcp), PacketError::none);
  frame[kIp + 48 + 3] = 1;
  EXPECT_EQ(error_of(frame, 0, kNoTcp), PacketError::ip_extension_headers);
}

TEST(ParsePacket, NamesWhatIsWrongWithAnIpv4Header) {
  const auto base = sample_frame("syn4");
  auto with = [&base](std::size_t at, std::uint8_t value) {
    auto frame = base;
    frame[kIp + at] = value;
    return error_of(corrected(frame), 0, kNoTcp);
  };
  EXPECT_EQ(with(0, 0x65), PacketError::ip_malformed);  // version 6
  EXPECT_EQ(with(0, 0x44), PacketError::ip_malformed);  // 16 bytes of header
  EXPECT_EQ(with(3, 19), PacketError::ip_malformed);    // total length below the header
  EXPECT_EQ(with(3, 61), PacketError::frame_truncated);
  EXPECT_EQ(with(9, 17), PacketError::ip_protocol_unknown);
  EXPECT_EQ(with(9, 58), PacketError::ip_protocol_unknown);  // ICMPv6 belongs in IPv6
  EXPECT_EQ(with(12, 224), PacketError::ip_bad_source);
  EXPECT_EQ(with(12, 127), PacketError::ip_bad_source);
  auto broken = base;
  broken[kIp + 8] ^= 1;
  EXPECT_EQ(error_of(broken), PacketError::ip_bad_checksum);
  EXPECT_EQ(error_of(broken, 0, {.ip = false}), PacketError::none);
  auto nowhere = base;
  std::fill_n(nowhere.begin() + kIp + 12, 4, std::uint8_t{0});
  EXPECT_EQ(error_of(corrected(nowhere), 0, kNoTcp), PacketError::ip_bad_source);
  std::fill_n(nowhere.begin() + kIp + 12, 4, std::uint8_t{255});
  EXPECT_EQ(error_of(corrected(nowhere), 0, kNoTcp), PacketError::ip_bad_source);
}

TEST(ParsePacket, NamesWhatIsWrongWithAnIpv6Header) {
  const auto base = sample_frame("echo6");
  constexpr std::size_t kIp6 = 18;  // behind a tag
  constexpr Verify kNone{false, false, false};
  auto with_source = [&base](const char* address) {
    auto frame = base;
    std::ranges::copy(parse_ip(address)->bytes(), frame.begin() + kIp6 + 8);
    return error_of(frame, 0, kNone);
  };
  EXPECT_EQ(with_source("::1"), PacketError::ip_bad_source);
  EXPECT_EQ(with_source("ff02::1"), PacketError::ip_bad_source);
  EXPECT_EQ(with_source("2001:db8::1"), PacketError::none);
  // An address that would compare equal to an IPv4 address.
  EXPECT_EQ(with_source("::ffff:198.18.0.5"), PacketError::ip_bad_source);
  auto mapped_destination = base;
  std::ranges::copy(kServer4.bytes(), mapped_destination.begin() + kIp6 + 24);
  EXPECT_EQ(error_of(mapped_destination, 0, kNone), PacketError::ip_malformed);
  auto version = base;
  version[kIp6] = 0x40;
  EXPECT_EQ(error_of(version, 0, kNone), PacketError::ip_malformed);
  auto too_long = base;
  too_long[kIp6 + 4] = 1;
  EXPECT_EQ(error_of(too_long, 0, kNone), PacketError::frame_truncated);
  auto icmp4_in_ipv6 = base;
  icmp4_in_ipv6[kIp6 + 6] = 1;
  EXPECT_EQ(error_of(icmp4_in_ipv6, 0, kNone), PacketError::ip_protocol_unknown);
}

TEST(ParsePacket, TcpFromTheUnspecifiedAddressIsRefused) {
  auto frame = sample_frame("data6_vlan");
  std::fill_n(frame.begin() + 18 + 8, 16, std::uint8_t{0});
  EXPECT_EQ(error_of(frame, 0, kNoTcp), PacketError::ip_bad_source);
}

TEST(ParsePacket, NamesWhatIsWrongWithATcpHeader) {
  const auto base = sample_frame("rst4");
  auto with = [&base](std::size_t at, std::uint8_t value) {
    auto frame = base;
    frame[kTcp4 + at] = value;
    return error_of(frame, 0, kNoTcp);
  };
  EXPECT_EQ(with(12, 0x40), PacketError::tcp_malformed);  // 16 bytes of header
  EXPECT_EQ(with(12, 0x60), PacketError::tcp_malformed);  // more than there is
  auto broken = base;
  broken[kTcp4] ^= 1;
  EXPECT_EQ(error_of(broken), PacketError::tcp_bad_checksum);
  EXPECT_EQ(error_of(broken, 0, kNoTcp), PacketError::none);
}

TEST(ParsePacket, RefusesFlagsThatNoStateAllows) {
  auto frame = sample_frame("rst4");
  auto with = [&frame](int flags) {
    frame[kTcp4 + 13] = static_cast<std::uint8_t>(flags);
    return error_of(frame, 0, kNoTcp);
  };
  for (const int bad : {0x00, 0x01, 0x08, 0x29, 0x20, 0x03, 0x06, 0x13, 0x3f}) {
    EXPECT_EQ(with(bad), PacketError::tcp_bad_flags) << bad;
  }
  for (const int good : {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2, 0x52, 0x42}) {
    EXPECT_EQ(with(good), PacketError::none) << good;
  }
}

TEST(ParsePacket, KnowsTheOtherProtocols) {
  for (const auto& [name, kind] :
       {std::pair{"arp_request", PacketKind::arp}, std::pair{"echo4", PacketKind::icmp4},
        std::pair{"too_big6", PacketKind::icmp6}, std::pair{"ns_dad", PacketKind::icmp6}}) {
    const auto p = parse_packet(sample_frame(name), 0, {});
    ASSERT_TRUE(p) << name;
    EXPECT_EQ(p->kind, kind);
  }
  auto frame = sample_frame("echo4");
  frame.back() ^= 1;
  EXPECT_EQ(error_of(frame), PacketError::icmp_bad_checksum);
  auto lldp = sample_frame("syn4");
  lldp[12] = 0x88;
  lldp[13] = 0xcc;
  EXPECT_EQ(error_of(lldp), PacketError::ethertype_unknown);
}

// --- writing -------------------------------------------------------------------------------------

// rebuilt writes the frame that the values of `p` describe, with its payload behind.
std::vector<std::uint8_t> rebuilt(const Packet& p, ByteView frame, Completion completion) {
  const TcpHeaders headers{p.ethernet, {p.source, p.destination, p.hop_limit, p.ecn}, p.tcp};
  const ByteView payload = p.payload(frame);
  std::vector<std::uint8_t> out(header_lengths(headers).total() + payload.size());
  const MutableBytes room = MutableBytes{out}.first(out.size() - payload.size());
  std::ranges::copy(payload, out.end() - static_cast<std::ptrdiff_t>(payload.size()));
  write_tcp_headers(room, headers, payload, completion);
  return out;
}

TEST(WriteTcpHeaders, GivesTheSameBytesAsAnotherImplementation) {
  for (const char* name : {"syn4", "data6_vlan", "sack4", "rst4"}) {
    const auto frame = sample_frame(name);
    const auto p = parse_packet(frame, 0, {});
    ASSERT_TRUE(p) << name;
    EXPECT_EQ(hex(rebuilt(*p, frame, Completion::software)), hex(frame)) << name;
  }
}

TEST(WriteTcpHeaders, LeavesToThePortWhatThePortCompletes) {
  for (const char* name : {"syn4", "data6_vlan"}) {
    const auto frame = sample_frame(name);
    const auto p = parse_packet(frame, 0, {});
    ASSERT_TRUE(p);
    auto out = rebuilt(*p, frame, Completion::port);
    // What the port does: the IPv4 header checksum, and the sum over the segment, which holds the
    // sum of the pseudo-header.
    if (p->source.is_v4()) {
      EXPECT_EQ(load<Be16>(ByteView{out}.subspan(p->l3_offset + 10)).host(), 0);
      store(MutableBytes{out}.subspan(p->l3_offset + 10),
            InternetSum{}.add(ByteView{out}.subspan(p->l3_offset, 20)).checksum());
    }
    const Be16 checksum = InternetSum{}.add(ByteView{out}.subspan(p->l4_offset)).checksum();
    store(MutableBytes{out}.subspan(p->l4_offset + 16u), checksum);
    EXPECT_EQ(hex(out), hex(frame)) << name;
  }
}

TEST(WriteTcpHeaders, LengthsAreThoseOfAnOffloadRequest) {
  const auto frame = sample_frame("data6_vlan");
  const auto p = parse_packet(frame, 0, {});
  const TcpHeaders headers{p->ethernet, {p->source, p->destination}, p->tcp};
  const HeaderLengths lengths = header_lengths(headers);
  EXPECT_EQ(lengths.l2, 18);
  EXPECT_EQ(lengths.l3, 40);
  EXPECT_EQ(lengths.l4, 32);
  EXPECT_LE(lengths.total(), kMaxHeadersLength);
}

// --- bad input in thousands
// ------------------------------------------------------------------------

// look runs everything that reads a frame; an access out of range would abort.
void look(ByteView frame, Verify verify) {
  const auto p = parse_packet(frame, 0, verify);
  if (!p) return;
  ASSERT_LE(std::size_t{p->payload_offset} + p->payload_len, frame.size());
  switch (p->kind) {
    case PacketKind::tcp:
      EXPECT_TRUE(p->tcp.flags.syn() || p->tcp.flags.ack() || p->tcp.flags.rst());
      EXPECT_LE(p->tcp.options.num_sack_blocks, 4);
      break;
    case PacketKind::arp:
      static_cast<void>(parse_arp(*p, frame));
      break;
    case PacketKind::icmp4:
    case PacketKind::icmp6: {
      static_cast<void>(parse_icmp_error(*p, frame));
      static_cast<void>(parse_neighbour_solicitation(*p, frame));
      static_cast<void>(parse_neighbour_advertisement(*p, frame));
      std::vector<std::uint8_t> reply(frame.size() + 64);
      static_cast<void>(write_echo_reply(reply, p->ethernet, p->destination, *p, frame));
      break;
    }
  }
}

TEST(ParsePacket, EveryTruncationOfEveryFrameIsRefused) {
  for (const auto& sample : kSampleFrames) {
    const auto frame = unhex(sample.hex);
    for (std::size_t n = 0; n < frame.size(); ++n) {
      // An exact allocation, so that a sanitizer sees one byte too many.
      const std::vector<std::uint8_t> cut{frame.begin(),
                                          frame.begin() + static_cast<std::ptrdiff_t>(n)};
      EXPECT_NE(error_of(cut), PacketError::none) << sample.name << " " << n;
      look(cut, {false, false, false});
    }
  }
}

TEST(ParsePacket, EveryFlippedBitIsSurvivedAndNoticedWhereAChecksumCoversIt) {
  std::size_t covered = 0;
  for (const auto& sample : kSampleFrames) {
    auto frame = unhex(sample.hex);
    const auto whole = parse_packet(frame, 0, {});
    // IPv4 sums its header, and TCP and ICMP the rest; IPv6 and ARP leave fields uncovered.
    const bool is_summed = whole && whole->kind != PacketKind::arp && whole->source.is_v4();
    const std::size_t ip = frame[12] == 0x81 ? kIp + 4 : kIp;
    const std::size_t end =
        is_summed ? ip + (std::size_t{frame[ip + 2]} << 8U | frame[ip + 3]) : std::size_t{0};
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
      frame[bit / 8] ^= mask;
      look(frame, {});
      look(frame, {false, false, false});
      if (bit / 8 >= ip && bit / 8 < end) {
        ++covered;
        EXPECT_FALSE(parse_packet(frame, 0, {})) << sample.name << ", bit " << bit;
      }
      frame[bit / 8] ^= mask;
    }
  }
  EXPECT_GT(covered, 1'000U);
}

TEST(ParsePacket, ACutInsideTheIpLengthsIsSurvivedToo) {
  // The IP length is shortened with the frame, so that the layers above meet the end first.
  for (const auto& sample : kSampleFrames) {
    const auto frame = unhex(sample.hex);
    for (std::size_t n = kIp; n < frame.size(); ++n) {
      std::vector<std::uint8_t> cut{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n)};
      const bool tagged = frame[12] == 0x81;
      const std::size_t ip = tagged ? kIp + 4 : kIp;
      if (cut.size() < ip + 20) continue;
      const bool v4 = (cut[ip] >> 4) == 4;
      const std::size_t length = v4 ? n - ip : n - std::min(n, ip + 40);
      store(MutableBytes{cut}.subspan(ip + (v4 ? 2 : 4)),
            Be16::of(static_cast<std::uint16_t>(length)));
      look(cut, {false, false, false});
    }
  }
}

}  // namespace
}  // namespace sallyport::wire
