#include "lib/neighbour/link.h"

#include "lib/wire/icmp.h"
#include "lib/wire/packet.h"

namespace sallyport::neighbour {
namespace {

using wire::Ethernet;

ProbeFrame arp_frame(const Link& link, const MacAddress& destination,
                     const wire::Arp& arp) noexcept {
  ProbeFrame frame;
  frame.len = static_cast<std::uint8_t>(
      wire::write_arp(frame.bytes, Ethernet{link.mac, destination, link.vlan}, arp));
  return frame;
}

}  // namespace

std::optional<Heard> hear(ByteView frame, std::uint16_t stripped_vlan) noexcept {
  const auto packet = wire::parse_packet(frame, stripped_vlan, {});
  if (!packet) return std::nullopt;
  Heard heard;
  heard.ethernet = packet->ethernet;
  if (const auto arp = wire::parse_arp(*packet, frame)) {
    heard.kind = Heard::Kind::arp;
    heard.arp = *arp;
    return heard;
  }
  if (const auto solicitation = wire::parse_neighbour_solicitation(*packet, frame)) {
    heard.kind = Heard::Kind::solicitation;
    heard.solicitation = *solicitation;
    return heard;
  }
  if (const auto advertisement = wire::parse_neighbour_advertisement(*packet, frame)) {
    heard.kind = Heard::Kind::advertisement;
    heard.advertisement = *advertisement;
    return heard;
  }
  return std::nullopt;
}

ProbeFrame ask_frame(const Link& link, const IpAddress& source, const IpAddress& target,
                     const std::optional<MacAddress>& mac) noexcept {
  if (target.is_v4()) {
    return arp_frame(link, mac.value_or(MacAddress::broadcast()),
                     {wire::ArpOperation::request, link.mac, source, MacAddress{}, target});
  }
  wire::NeighbourSolicitation s;
  s.source = source;
  s.destination = mac ? target : wire::solicited_node(target);
  s.target = target;
  s.has_source_mac = true;
  s.source_mac = link.mac;
  const MacAddress to = mac.value_or(wire::multicast_mac(wire::solicited_node(target)));
  ProbeFrame frame;
  frame.len = static_cast<std::uint8_t>(
      wire::write_neighbour_solicitation(frame.bytes, Ethernet{link.mac, to, link.vlan}, s));
  return frame;
}

ProbeFrame tentative_frame(const Link& link, const IpAddress& address) noexcept {
  if (address.is_v4()) {
    return arp_frame(
        link, MacAddress::broadcast(),
        {wire::ArpOperation::request, link.mac, IpAddress::v4({}), MacAddress{}, address});
  }
  wire::NeighbourSolicitation s;
  s.destination = wire::solicited_node(address);
  s.target = address;
  ProbeFrame frame;
  frame.len = static_cast<std::uint8_t>(wire::write_neighbour_solicitation(
      frame.bytes, Ethernet{link.mac, wire::multicast_mac(s.destination), link.vlan}, s));
  return frame;
}

ProbeFrame announcement_frame(const Link& link, const IpAddress& address) noexcept {
  if (address.is_v4()) {
    return arp_frame(link, MacAddress::broadcast(),
                     {wire::ArpOperation::request, link.mac, address, MacAddress{}, address});
  }
  wire::NeighbourAdvertisement a;
  a.source = address;
  a.destination = wire::kAllNodes;
  a.target = address;
  a.override = true;
  a.has_target_mac = true;
  a.target_mac = link.mac;
  ProbeFrame frame;
  frame.len = static_cast<std::uint8_t>(wire::write_neighbour_advertisement(
      frame.bytes, Ethernet{link.mac, wire::multicast_mac(wire::kAllNodes), link.vlan}, a));
  return frame;
}

}  // namespace sallyport::neighbour
