// Any bytes as a received frame.  Properties: every view that a parser hands out lies inside the
// frame; and whatever was understood, written again from its values and parsed again, has the same
// values.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "lib/wire/arp.h"
#include "lib/wire/headers.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ndp.h"
#include "lib/wire/packet.h"

namespace {

using namespace sallyport;
using namespace sallyport::wire;

void require(bool holds) {
  if (!holds) std::abort();
}

Packet parsed_again(ByteView frame) {
  const auto packet = parse_packet(frame, 0, {});  // what we write has correct checksums
  require(packet.has_value());
  return *packet;
}

void check_tcp(const Packet& p, ByteView frame) {
  const TcpHeaders headers{p.ethernet, {p.source, p.destination, p.hop_limit, p.ecn}, p.tcp};
  const ByteView payload = p.payload(frame);
  const std::size_t room = header_lengths(headers).total();
  require(room <= kMaxHeadersLength);
  std::vector<std::uint8_t> out(room + payload.size());
  std::ranges::copy(payload, out.begin() + static_cast<std::ptrdiff_t>(room));
  write_tcp_headers(MutableBytes{out}.first(room), headers, payload, Completion::software);
  const Packet again = parsed_again(out);
  require(again.ethernet == p.ethernet && again.source == p.source &&
          again.destination == p.destination && again.hop_limit == p.hop_limit &&
          again.ecn == p.ecn);
  require(std::ranges::equal(again.payload(out), payload));
  // SACK blocks may have given way to the padding of the other options.
  TcpSegment expected = p.tcp;
  const std::size_t kept = again.tcp.options.num_sack_blocks;
  require(kept <= expected.options.num_sack_blocks);
  expected.options.num_sack_blocks = again.tcp.options.num_sack_blocks;
  std::fill(expected.options.sack_blocks.begin() + static_cast<std::ptrdiff_t>(kept),
            expected.options.sack_blocks.end(), TcpOptions::SackBlock{});
  require(again.tcp == expected);
}

void check_arp(const Packet& p, ByteView frame) {
  const auto arp = parse_arp(p, frame);
  if (!arp) return;
  std::vector<std::uint8_t> out(kMaxArpFrame);
  out.resize(write_arp(out, p.ethernet, *arp));
  const auto again = parse_arp(parsed_again(out), out);
  require(again && again->sender_mac == arp->sender_mac && again->sender_ip == arp->sender_ip &&
          again->target_mac == arp->target_mac && again->target_ip == arp->target_ip &&
          again->operation == arp->operation);
}

void check_neighbour(const Packet& p, ByteView frame) {
  if (const auto s = parse_neighbour_solicitation(p, frame)) {
    std::vector<std::uint8_t> out(kMaxNeighbourFrame);
    out.resize(write_neighbour_solicitation(out, p.ethernet, *s));
    const auto again = parse_neighbour_solicitation(parsed_again(out), out);
    require(again && again->source == s->source && again->target == s->target &&
            again->has_source_mac == s->has_source_mac && again->source_mac == s->source_mac);
  }
  if (const auto a = parse_neighbour_advertisement(p, frame)) {
    std::vector<std::uint8_t> out(kMaxNeighbourFrame);
    out.resize(write_neighbour_advertisement(out, p.ethernet, *a));
    const auto again = parse_neighbour_advertisement(parsed_again(out), out);
    require(again && again->source == a->source && again->target == a->target &&
            again->router == a->router && again->solicited == a->solicited &&
            again->override == a->override && again->target_mac == a->target_mac);
  }
}

void check_icmp(const Packet& p, ByteView frame) {
  static_cast<void>(parse_icmp_error(p, frame));
  check_neighbour(p, frame);
  if (!is_echo_request(p, frame) || p.destination.is_multicast_or_broadcast() ||
      p.destination.is_loopback() || p.destination.is_unspecified()) {
    return;
  }
  std::vector<std::uint8_t> out(frame.size() + kMaxHeadersLength);
  out.resize(write_echo_reply(out, p.ethernet, p.destination, p, frame));
  const Packet reply = parsed_again(out);
  require(reply.kind == p.kind && reply.payload_len == p.payload_len);
  require(std::ranges::equal(reply.payload(out).subspan(4), p.payload(frame).subspan(4)));
}

void check(ByteView frame, std::uint16_t stripped_vlan, Verify verify) {
  const auto packet = parse_packet(frame, stripped_vlan, verify);
  if (!packet) return;
  const Packet& p = *packet;
  require(p.l3_offset <= p.l4_offset && p.l4_offset <= p.payload_offset &&
          std::size_t{p.payload_offset} + p.payload_len <= frame.size());
  switch (p.kind) {
    case PacketKind::arp:
      check_arp(p, frame);
      break;
    case PacketKind::icmp4:
    case PacketKind::icmp6:
      check_icmp(p, frame);
      break;
    case PacketKind::tcp:
      check_tcp(p, frame);
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView frame{data, size};
  check(frame, 0, {});
  check(frame, 100, {.ip = false, .tcp = false, .icmp = false});
  check(frame, 0, {.ip = false, .tcp = false, .icmp = false});
  return 0;
}
