#include "lib/worker/local_responder.h"

#include <algorithm>

#include "lib/wire/arp.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ndp.h"
#include "lib/worker/send_queue.h"

namespace sallyport::worker {

using stats::DropReason;

namespace {

// answer sends what `write` puts into a frame; it returns the length, 0 when there is no room.
template <class Write>
DropReason answer(const snapshot::Interface& interface, Turn& turn, Write&& write) noexcept {
  frame::Frame& reply = turn.out.take(kHeadRoom);
  const std::size_t len = write(MutableBytes{reply.buffer + reply.offset, reply.tail_room()});
  if (len == 0) {
    turn.out.untake(reply);
    return DropReason::internal_error;
  }
  reply.len = static_cast<std::uint16_t>(len);
  reply.port = {interface.port};
  reply.vlan = interface.vlan;
  turn.out.send(reply);
  return DropReason::none;
}

}  // namespace

bool is_local(const snapshot::Interface& interface, const IpAddress& ip) noexcept {
  return std::ranges::find(interface.local_ips, ip) != interface.local_ips.end();
}

DropReason LocalResponder::handle(const frame::Frame& f, const wire::Packet& packet,
                                  const snapshot::Interface& interface, Turn& turn) noexcept {
  switch (packet.kind) {
    case wire::PacketKind::arp:
      return handle_arp(f, packet, interface, turn);
    case wire::PacketKind::icmp4:
      if (!is_local(interface, packet.destination)) return DropReason::ip_not_for_us;
      return wire::is_echo_request(packet, f.bytes()) ? echo(f, packet, interface, turn)
                                                      : DropReason::icmp_unhandled;
    case wire::PacketKind::icmp6:
      return handle_icmp6(f, packet, interface, turn);
    case wire::PacketKind::tcp:
      break;
  }
  return DropReason::internal_error;
}

DropReason LocalResponder::handle_arp(const frame::Frame& f, const wire::Packet& packet,
                                      const snapshot::Interface& interface, Turn& turn) noexcept {
  const auto arp = wire::parse_arp(packet, f.bytes());
  if (!arp) return drop_reason_of(arp.error());
  // [RFC 5227 2.4] Somebody else who speaks for an address of ours is a conflict.
  const bool claims_ours = is_local(interface, arp->sender_ip);
  if (arp->operation == wire::ArpOperation::reply || claims_ours) {
    return report(f, packet, interface, turn);
  }
  if (!is_local(interface, arp->target_ip)) return DropReason::arp_not_for_us;
  if (!replies_.take(turn.now)) return DropReason::local_rate_limited;
  stats_.traffic.count(stats::Traffic::arp_replies);
  return answer(interface, turn, [&](MutableBytes room) {
    const wire::Ethernet ethernet{interface.mac, packet.ethernet.source, 0};
    return wire::write_arp(room, ethernet, wire::arp_reply_to(*arp, interface.mac));
  });
}

DropReason LocalResponder::handle_icmp6(const frame::Frame& f, const wire::Packet& packet,
                                        const snapshot::Interface& interface, Turn& turn) noexcept {
  switch (wire::icmp6_type(packet, f.bytes())) {
    case wire::Icmp6Type::neighbour_solicitation: {
      const auto solicitation = wire::parse_neighbour_solicitation(packet, f.bytes());
      if (!solicitation) return drop_reason_of(solicitation.error());
      if (!is_local(interface, solicitation->target)) return DropReason::ip_not_for_us;
      // While we check an address ourselves, another's check of the same one is a conflict.
      if (solicitation->is_duplicate_address_detection()) {
        (void)report(f, packet, interface, turn);
      }
      if (!replies_.take(turn.now)) return DropReason::local_rate_limited;
      stats_.traffic.count(stats::Traffic::nd_replies);
      return answer(interface, turn, [&](MutableBytes room) {
        const wire::NeighbourAdvertisement advertisement =
            wire::advertisement_for(*solicitation, interface.mac);
        const MacAddress to =
            wire::advertisement_destination(advertisement, packet.ethernet.source);
        return wire::write_neighbour_advertisement(room, {interface.mac, to, 0}, advertisement);
      });
    }
    case wire::Icmp6Type::neighbour_advertisement:
      return report(f, packet, interface, turn);
    case wire::Icmp6Type::echo_request:
      return is_local(interface, packet.destination) ? echo(f, packet, interface, turn)
                                                     : DropReason::ip_not_for_us;
    case wire::Icmp6Type::destination_unreachable:
    case wire::Icmp6Type::packet_too_big:
    case wire::Icmp6Type::time_exceeded:
    case wire::Icmp6Type::parameter_problem:
    case wire::Icmp6Type::echo_reply:
    case wire::Icmp6Type::router_solicitation:
    case wire::Icmp6Type::router_advertisement:
      break;
  }
  return DropReason::icmp_unhandled;
}

DropReason LocalResponder::echo(const frame::Frame& f, const wire::Packet& packet,
                                const snapshot::Interface& interface, Turn& turn) noexcept {
  if (!replies_.take(turn.now)) return DropReason::local_rate_limited;
  stats_.traffic.count(stats::Traffic::echo_replies);
  return answer(interface, turn, [&](MutableBytes room) {
    const wire::Ethernet ethernet{interface.mac, packet.ethernet.source, 0};
    return wire::write_echo_reply(room, ethernet, packet.destination, packet, f.bytes());
  });
}

DropReason LocalResponder::report(const frame::Frame& f, const wire::Packet& packet,
                                  const snapshot::Interface& interface, Turn& turn) noexcept {
  if (!reports_.take(turn.now)) return DropReason::local_rate_limited;
  frame::ControlMessage message;
  message.kind = frame::ControlKind::neighbour_reply;
  message.port = {interface.port};
  message.vlan = interface.vlan;
  // Only what was understood is copied: Ethernet padding is of no use to anybody.
  const std::size_t used = std::size_t{packet.payload_offset} + packet.payload_len;
  if (used > message.bytes.size()) return DropReason::icmp_malformed;
  message.len = static_cast<std::uint16_t>(used);
  std::ranges::copy(f.bytes().first(used), message.bytes.begin());
  return turn.out.tell(message) ? DropReason::none : DropReason::control_ring_full;
}

DropReason drop_reason_of(wire::PacketError error) noexcept {
  switch (error) {
    case wire::PacketError::none:
      return DropReason::none;
    case wire::PacketError::frame_truncated:
      return DropReason::frame_truncated;
    case wire::PacketError::ethertype_unknown:
      return DropReason::ethertype_unknown;
    case wire::PacketError::arp_malformed:
      return DropReason::arp_malformed;
    case wire::PacketError::ip_malformed:
      return DropReason::ip_malformed;
    case wire::PacketError::ip_bad_checksum:
      return DropReason::ip_bad_checksum;
    case wire::PacketError::ip_fragment:
      return DropReason::ip_fragment;
    case wire::PacketError::ip_bad_source:
      return DropReason::ip_bad_source;
    case wire::PacketError::ip_extension_headers:
      return DropReason::ip_extension_headers;
    case wire::PacketError::ip_protocol_unknown:
      return DropReason::ip_protocol_unknown;
    case wire::PacketError::icmp_malformed:
      return DropReason::icmp_malformed;
    case wire::PacketError::icmp_bad_checksum:
      return DropReason::icmp_bad_checksum;
    case wire::PacketError::icmp_unhandled:
      return DropReason::icmp_unhandled;
    case wire::PacketError::tcp_malformed:
      return DropReason::tcp_malformed;
    case wire::PacketError::tcp_bad_checksum:
      return DropReason::tcp_bad_checksum;
    case wire::PacketError::tcp_bad_flags:
      return DropReason::tcp_bad_flags;
  }
  return DropReason::internal_error;
}

}  // namespace sallyport::worker
