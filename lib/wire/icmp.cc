#include "lib/wire/icmp.h"

#include <algorithm>

#include "lib/base/internet_sum.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {
namespace {

// The part of a quoted TCP header that every router sends back: [RFC 792] 64 bits of it.
struct QuotedTcp {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence_number;
};
static_assert(sizeof(QuotedTcp) == 8);

// read_kind sorts the messages of both versions; `error.mtu` comes with packet_too_big.
PacketError read_kind(PacketKind version, const IcmpHeader& h, IcmpError& error) noexcept {
  error.code = h.code;
  if (version == PacketKind::icmp4) {
    constexpr std::uint8_t kFragmentationNeeded = 4;
    switch (Icmp4Type{h.type}) {
      case Icmp4Type::destination_unreachable:
        error.kind = IcmpErrorKind::unreachable;
        if (h.code == kFragmentationNeeded) {
          error.kind = IcmpErrorKind::packet_too_big;
          error.mtu = h.rest.host() & 0xffffU;  // [RFC 1191 4] the lower half
        }
        return PacketError::none;
      case Icmp4Type::time_exceeded:
        error.kind = IcmpErrorKind::time_exceeded;
        return PacketError::none;
      case Icmp4Type::parameter_problem:
        error.kind = IcmpErrorKind::parameter_problem;
        return PacketError::none;
      case Icmp4Type::echo_reply:
      case Icmp4Type::echo_request:
        break;
    }
    return PacketError::icmp_unhandled;
  }
  switch (Icmp6Type{h.type}) {
    case Icmp6Type::destination_unreachable:
      error.kind = IcmpErrorKind::unreachable;
      return PacketError::none;
    case Icmp6Type::packet_too_big:
      error.kind = IcmpErrorKind::packet_too_big;
      error.mtu = h.rest.host();
      return PacketError::none;
    case Icmp6Type::time_exceeded:
      error.kind = IcmpErrorKind::time_exceeded;
      return PacketError::none;
    case Icmp6Type::parameter_problem:
      error.kind = IcmpErrorKind::parameter_problem;
      return PacketError::none;
    case Icmp6Type::echo_request:
    case Icmp6Type::echo_reply:
    case Icmp6Type::router_solicitation:
    case Icmp6Type::router_advertisement:
    case Icmp6Type::neighbour_solicitation:
    case Icmp6Type::neighbour_advertisement:
      break;
  }
  return PacketError::icmp_unhandled;
}

PacketError skip_quoted_ipv4(Reader& r, IcmpError& error) noexcept {
  const auto h = r.object<Ipv4Header>();
  const std::size_t header_len = (h.version_and_length & 0x0fU) * std::size_t{4};
  if (!r.ok() || (h.version_and_length >> 4) != 4 || header_len < sizeof h) {
    return PacketError::icmp_malformed;
  }
  if (IpProtocol{h.protocol} != IpProtocol::tcp) return PacketError::icmp_unhandled;
  // We send no fragments, and only the first one would have ports.
  if ((h.flags_and_offset.host() & kFragmentOffsetMask) != 0) return PacketError::icmp_malformed;
  r.skip(header_len - sizeof h);
  error.source.ip = IpAddress::v4(h.source);
  error.destination.ip = IpAddress::v4(h.destination);
  return PacketError::none;
}

PacketError skip_quoted_ipv6(Reader& r, IcmpError& error) noexcept {
  const auto h = r.object<Ipv6Header>();
  if (!r.ok() || (h.version_class_flow.host() >> 28) != 6) return PacketError::icmp_malformed;
  // We send TCP directly behind the fixed header.
  if (IpProtocol{h.next_header} != IpProtocol::tcp) return PacketError::icmp_unhandled;
  error.source.ip = IpAddress::v6(h.source);
  error.destination.ip = IpAddress::v6(h.destination);
  // Mapped addresses would compare equal to the IPv4 connection of the same numbers.
  if (error.source.ip.is_v4() || error.destination.ip.is_v4()) return PacketError::icmp_malformed;
  return PacketError::none;
}

}  // namespace

bool is_echo_request(const Packet& packet, ByteView frame) noexcept {
  constexpr std::size_t kCodeOffset = 1;
  const bool right_type =
      (packet.kind == PacketKind::icmp4 && icmp4_type(packet, frame) == Icmp4Type::echo_request) ||
      (packet.kind == PacketKind::icmp6 && icmp6_type(packet, frame) == Icmp6Type::echo_request);
  return right_type && frame[packet.l4_offset + kCodeOffset] == 0;
}

std::size_t write_echo_reply(MutableBytes out, const Ethernet& ethernet, const IpAddress& source,
                             const Packet& request, ByteView request_frame) noexcept {
  if (!is_echo_request(request, request_frame)) return 0;
  const ByteView message = request.payload(request_frame);
  const bool v4 = request.kind == PacketKind::icmp4;
  const IpProtocol protocol = v4 ? IpProtocol::icmp : IpProtocol::icmpv6;
  const Ip ip{source, request.source};
  Writer w{out};
  write_ethernet(w, ethernet, ether_type(ip));
  write_ip(w, ip, protocol, message.size(), Completion::software);
  const MutableBytes reply = w.reserve(message.size());
  if (reply.empty()) return 0;
  std::ranges::copy(message, reply.begin());
  auto h = load<IcmpHeader>(reply);
  h.type = v4 ? static_cast<std::uint8_t>(Icmp4Type::echo_reply)
              : static_cast<std::uint8_t>(Icmp6Type::echo_reply);
  h.checksum = Be16::of(0);
  store(reply, h);
  InternetSum sum;
  if (!v4) {
    sum.add_pseudo_header(ip.source, ip.destination, static_cast<std::uint8_t>(protocol),
                          static_cast<std::uint32_t>(reply.size()));
  }
  h.checksum = sum.add(reply).checksum();
  store(reply, h);
  return w.size();
}

Result<IcmpError, PacketError> parse_icmp_error(const Packet& packet, ByteView frame) noexcept {
  const bool v4 = packet.kind == PacketKind::icmp4;
  if (!v4 && packet.kind != PacketKind::icmp6) return Err{PacketError::icmp_unhandled};
  Reader r{packet.payload(frame)};
  IcmpError error;
  const auto h = r.object<IcmpHeader>();
  if (const auto e = read_kind(packet.kind, h, error); e != PacketError::none) return Err{e};
  const auto e = v4 ? skip_quoted_ipv4(r, error) : skip_quoted_ipv6(r, error);
  if (e != PacketError::none) return Err{e};
  const auto tcp = r.object<QuotedTcp>();
  if (!r.ok()) return Err{PacketError::icmp_malformed};
  error.source.port = tcp.source_port.host();
  error.destination.port = tcp.destination_port.host();
  error.sequence_number = tcp.sequence_number.host();
  return error;
}

}  // namespace sallyport::wire
