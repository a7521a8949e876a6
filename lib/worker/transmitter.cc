#include "lib/worker/transmitter.h"

#include "lib/wire/headers.h"

namespace sallyport::worker {

tcp::Segment segment_of(const wire::Packet& packet) noexcept {
  const wire::TcpSegment& from = packet.tcp;
  tcp::Segment to;
  to.seq = {from.sequence_number};
  to.ack = {from.acknowledgment_number};
  to.flags = from.flags;
  to.window = from.window;
  to.ecn = packet.ecn;
  to.payload_len = packet.payload_len;
  to.options = from.options;
  return to;
}

wire::TcpSegment wire_segment_of(const FourTuple& tuple, const tcp::Segment& from) noexcept {
  wire::TcpSegment to;
  to.source_port = tuple.local.port;
  to.destination_port = tuple.remote.port;
  to.sequence_number = from.seq.raw;
  to.acknowledgment_number = from.ack.raw;
  to.flags = from.flags;
  to.window = from.window;
  to.options = from.options;
  return to;
}

std::uint16_t route_to(const snapshot::Interface& interface,
                       const IpAddress& destination) noexcept {
  for (const snapshot::Route& route : interface.routes) {
    if (route.destination.contains(destination)) return route.next_hop;
  }
  return LinkPeer::kFixedMac;
}

LinkPeer reply_peer(const snapshot::Snapshot& snapshot, snapshot::InterfaceIndex interface,
                    const wire::Packet& packet) noexcept {
  const snapshot::Interface& in = (*snapshot.interfaces)[interface.value];
  if (in.reply == snapshot::ReplyMode::gateway) {
    const std::uint16_t next_hop = route_to(in, packet.source);
    if (next_hop != LinkPeer::kFixedMac) return {interface, next_hop};
  }
  return {interface, packet.ethernet.source};
}

bool write_segment(frame::Frame& f, const snapshot::Snapshot& snapshot, const LinkPeer& peer,
                   const FourTuple& tuple, const tcp::Segment& segment) noexcept {
  const snapshot::Interface& interface = (*snapshot.interfaces)[peer.interface().value];
  const MacAddress* to = &peer.mac();
  if (!peer.has_fixed_mac()) {
    const snapshot::NextHop& hop = interface.next_hops[peer.next_hop()];
    if (!hop.resolved) return false;
    to = &hop.mac;
  }
  const wire::TcpHeaders headers{
      .ethernet = {interface.mac, *to, 0},
      .ip = {.source = tuple.local.ip, .destination = tuple.remote.ip, .ecn = segment.ecn},
      .tcp = wire_segment_of(tuple, segment)};
  const auto total = static_cast<std::uint16_t>(wire::header_lengths(headers).total());
  const ByteView payload = f.bytes();
  const wire::HeaderLengths lengths = wire::write_tcp_headers(
      {f.buffer + f.offset - total, total}, headers, payload, wire::Completion::port);
  f.offset = static_cast<std::uint16_t>(f.offset - total);
  f.len = static_cast<std::uint16_t>(f.len + total);
  f.port = {interface.port};
  f.vlan = interface.vlan;
  f.tx = {.l2_len = lengths.l2,
          .l3_len = lengths.l3,
          .ip_checksum = tuple.local.ip.is_v4(),
          .l4_checksum = true};
  return true;
}

}  // namespace sallyport::worker
