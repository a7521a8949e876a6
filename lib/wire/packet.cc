#include "lib/wire/packet.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "lib/base/internet_sum.h"
#include "lib/wire/arp.h"
#include "lib/wire/icmp.h"

namespace sallyport::wire {
namespace {

// What the steps below tell each other beside the packet itself.
struct Upper {
  IpProtocol protocol = IpProtocol::no_next_header;
  ByteView bytes;  // exactly what the IP length covers
};

// cannot_be_a_source: a packet from there is forged or broken, and no answer could reach it.  The
// unspecified address is judged later: duplicate address detection asks from it.
bool cannot_be_a_source(const IpAddress& a) noexcept {
  return a.is_multicast_or_broadcast() || a.is_loopback();
}

PacketError parse_ipv4(ByteView frame, Verify verify, Packet& p, Upper& upper) noexcept {
  const ByteView rest = frame.subspan(p.l3_offset);
  if (rest.size() < sizeof(Ipv4Header)) return PacketError::frame_truncated;
  const auto h = load<Ipv4Header>(rest);
  const std::size_t header_len = (h.version_and_length & 0x0fU) * std::size_t{4};
  const std::size_t total_len = h.total_length.host();
  if ((h.version_and_length >> 4) != 4 || header_len < sizeof h || total_len < header_len) {
    return PacketError::ip_malformed;
  }
  if (total_len > rest.size()) return PacketError::frame_truncated;
  if (verify.ip && !InternetSum{}.add(rest.first(header_len)).verifies()) {
    return PacketError::ip_bad_checksum;
  }
  if ((h.flags_and_offset.host() & (kMoreFragments | kFragmentOffsetMask)) != 0) {
    return PacketError::ip_fragment;
  }
  p.source = IpAddress::v4(h.source);
  p.destination = IpAddress::v4(h.destination);
  // [RFC 1122 3.2.1.3] Nobody sends from 0.0.0.0 to us; DHCP is not spoken here.
  if (cannot_be_a_source(p.source) || p.source.is_unspecified()) return PacketError::ip_bad_source;
  p.hop_limit = h.time_to_live;
  p.ecn = Ecn{static_cast<std::uint8_t>(h.type_of_service & 3U)};
  p.l4_offset = static_cast<std::uint16_t>(p.l3_offset + header_len);
  upper.bytes = rest.first(total_len).subspan(header_len);
  upper.protocol = IpProtocol{h.protocol};
  if (upper.protocol == IpProtocol::icmpv6) upper.protocol = IpProtocol::no_next_header;
  return PacketError::none;
}

PacketError parse_ipv6(ByteView frame, Packet& p, Upper& upper) noexcept {
  const ByteView rest = frame.subspan(p.l3_offset);
  if (rest.size() < sizeof(Ipv6Header)) return PacketError::frame_truncated;
  const auto h = load<Ipv6Header>(rest);
  const std::uint32_t first_word = h.version_class_flow.host();
  if ((first_word >> 28) != 6) return PacketError::ip_malformed;
  const std::size_t payload_len = h.payload_length.host();
  if (payload_len > rest.size() - sizeof h) return PacketError::frame_truncated;
  p.source = IpAddress::v6(h.source);
  p.destination = IpAddress::v6(h.destination);
  // An IPv4-mapped address on the wire could pass for the IPv4 address in every comparison of ours.
  if (cannot_be_a_source(p.source) || p.source.is_v4()) return PacketError::ip_bad_source;
  if (p.destination.is_v4()) return PacketError::ip_malformed;
  p.hop_limit = h.hop_limit;
  p.ecn = Ecn{static_cast<std::uint8_t>((first_word >> 20) & 3U)};
  upper.bytes = rest.subspan(sizeof h, payload_len);
  upper.protocol = IpProtocol{h.next_header};
  std::size_t extensions = 0;
  if (upper.protocol != IpProtocol::tcp) {
    const auto walked = walk_ipv6_extensions(upper.bytes, h.next_header);
    if (!walked) return walked.error();
    extensions = walked->offset;
    upper.protocol = walked->protocol;
    upper.bytes = upper.bytes.subspan(extensions);
  }
  p.l4_offset = static_cast<std::uint16_t>(p.l3_offset + sizeof h + extensions);
  if (upper.protocol == IpProtocol::icmp) upper.protocol = IpProtocol::no_next_header;
  return PacketError::none;
}

// legal_in_some_state: beside SYN and RST every segment acknowledges something, and nothing both
// opens and ends a connection.
constexpr bool legal_in_some_state(TcpFlags f) noexcept {
  if (f.syn()) return !f.fin() && !f.rst();
  return f.ack() || f.rst();
}

PacketError parse_tcp(ByteView segment, bool verify, Packet& p) noexcept {
  if (segment.size() < sizeof(TcpHeader)) return PacketError::tcp_malformed;
  if (p.source.is_unspecified()) return PacketError::ip_bad_source;
  if (verify &&
      !InternetSum{}
           .add_pseudo_header(p.source, p.destination, static_cast<std::uint8_t>(IpProtocol::tcp),
                              static_cast<std::uint32_t>(segment.size()))
           .add(segment)
           .verifies()) {
    return PacketError::tcp_bad_checksum;
  }
  const auto h = load<TcpHeader>(segment);
  const std::size_t header_len = (h.data_offset >> 4U) * std::size_t{4};
  if (header_len < sizeof h || header_len > segment.size()) return PacketError::tcp_malformed;
  const TcpFlags flags{h.flags};
  if (!legal_in_some_state(flags)) return PacketError::tcp_bad_flags;
  const auto e = read_tcp_options(segment.first(header_len).subspan(sizeof h), p.tcp.options);
  if (e != PacketError::none) return e;
  p.kind = PacketKind::tcp;
  p.tcp.source_port = h.source_port.host();
  p.tcp.destination_port = h.destination_port.host();
  p.tcp.sequence_number = h.sequence_number.host();
  p.tcp.acknowledgment_number = h.acknowledgment_number.host();
  p.tcp.flags = flags;
  p.tcp.window = h.window.host();
  p.payload_offset = static_cast<std::uint16_t>(p.l4_offset + header_len);
  p.payload_len = static_cast<std::uint16_t>(segment.size() - header_len);
  return PacketError::none;
}

PacketError parse_icmp(ByteView message, PacketKind kind, bool verify, Packet& p) noexcept {
  if (message.size() < sizeof(IcmpHeader)) return PacketError::icmp_malformed;
  InternetSum sum;
  if (verify && kind == PacketKind::icmp6) {
    sum.add_pseudo_header(p.source, p.destination, static_cast<std::uint8_t>(IpProtocol::icmpv6),
                          static_cast<std::uint32_t>(message.size()));
  }
  if (verify && !sum.add(message).verifies()) return PacketError::icmp_bad_checksum;
  p.kind = kind;
  p.payload_offset = p.l4_offset;
  p.payload_len = static_cast<std::uint16_t>(message.size());
  return PacketError::none;
}

PacketError parse_upper(const Upper& upper, Verify verify, Packet& p) noexcept {
  switch (upper.protocol) {
    case IpProtocol::tcp:
      return parse_tcp(upper.bytes, verify.tcp, p);
    case IpProtocol::icmp:
      return parse_icmp(upper.bytes, PacketKind::icmp4, verify.icmp, p);
    case IpProtocol::icmpv6:
      return parse_icmp(upper.bytes, PacketKind::icmp6, verify.icmp, p);
    case IpProtocol::hop_by_hop:
    case IpProtocol::routing:
    case IpProtocol::fragment:
    case IpProtocol::no_next_header:
    case IpProtocol::destination_options:
      break;
  }
  return PacketError::ip_protocol_unknown;
}

PacketError parse_network_layer(ByteView frame, EtherType type, Verify verify, Packet& p) noexcept {
  Upper upper;
  switch (type) {
    case EtherType::ipv4:
      if (const auto e = parse_ipv4(frame, verify, p, upper); e != PacketError::none) return e;
      return parse_upper(upper, verify, p);
    case EtherType::ipv6:
      if (const auto e = parse_ipv6(frame, p, upper); e != PacketError::none) return e;
      return parse_upper(upper, verify, p);
    case EtherType::arp:
      if (frame.size() - p.l3_offset < sizeof(ArpPacket)) return PacketError::frame_truncated;
      p.kind = PacketKind::arp;
      p.l4_offset = p.payload_offset = p.l3_offset;
      p.payload_len = sizeof(ArpPacket);
      return PacketError::none;
    case EtherType::vlan:  // a second tag
      break;
  }
  return PacketError::ethertype_unknown;
}

PacketError parse_frame(ByteView frame, std::uint16_t stripped_vlan, Verify verify,
                        Packet& p) noexcept {
  // Longer frames than offsets can name do not exist; the bound keeps the arithmetic honest.
  frame = frame.first(std::min<std::size_t>(frame.size(), std::numeric_limits<uint16_t>::max()));
  if (frame.size() < sizeof(EthernetHeader)) return PacketError::frame_truncated;
  // Field by field: a header that is loaded whole goes through the stack.
  p.ethernet.destination = load<MacAddress>(frame);
  p.ethernet.source = load<MacAddress>(frame.subspan(offsetof(EthernetHeader, source)));
  p.ethernet.vlan = stripped_vlan & kVlanIdMask;
  p.l3_offset = sizeof(EthernetHeader);
  EtherType type{load<Be16>(frame.subspan(offsetof(EthernetHeader, ether_type))).host()};
  if (type == EtherType::vlan && stripped_vlan == 0) {
    if (frame.size() < p.l3_offset + sizeof(VlanTag)) return PacketError::frame_truncated;
    const auto tag = load<VlanTag>(frame.subspan(p.l3_offset));
    // Identifier 0 is a priority tag: the frame belongs to no VLAN.
    p.ethernet.vlan = tag.control.host() & kVlanIdMask;
    p.l3_offset += sizeof tag;
    type = EtherType{tag.ether_type.host()};
  }
  return parse_network_layer(frame, type, verify, p);
}

}  // namespace

Result<Packet, PacketError> parse_packet(ByteView frame, std::uint16_t stripped_vlan,
                                         Verify verify) noexcept {
  // The packet is built where the caller will find it: copying it would cost more than parsing.
  Result<Packet, PacketError> result{Packet{}};
  if (const auto e = parse_frame(frame, stripped_vlan, verify, *result); e != PacketError::none)
      [[unlikely]] {
    result = Err{e};
  }
  return result;
}

}  // namespace sallyport::wire
