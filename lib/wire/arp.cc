#include "lib/wire/arp.h"

#include "lib/wire/ip.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {
namespace {

constexpr Be16 kHardwareEthernet = Be16::of(1);
constexpr Be16 kProtocolIpv4 = Be16::of(static_cast<std::uint16_t>(EtherType::ipv4));

}  // namespace

Result<Arp, PacketError> parse_arp(const Packet& packet, ByteView frame) noexcept {
  if (packet.kind != PacketKind::arp) return Err{PacketError::arp_malformed};
  const auto raw = load<ArpPacket>(packet.payload(frame));
  const Arp arp{ArpOperation{raw.operation.host()}, raw.sender_hardware,
                IpAddress::v4(raw.sender_protocol), raw.target_hardware,
                IpAddress::v4(raw.target_protocol)};
  const bool right_kind =
      raw.hardware_type == kHardwareEthernet && raw.protocol_type == kProtocolIpv4 &&
      raw.hardware_length == sizeof(MacAddress) &&
      raw.protocol_length == sizeof(IpAddress::Bytes4) &&
      (arp.operation == ArpOperation::request || arp.operation == ArpOperation::reply);
  const bool possible_sender = !arp.sender_mac.is_multicast() && !arp.sender_mac.is_zero() &&
                               !arp.sender_ip.is_multicast_or_broadcast() &&
                               !arp.sender_ip.is_loopback();
  // Only a probe has no sender address; a reply always speaks for one.
  const bool possible_reply =
      arp.operation != ArpOperation::reply || !arp.sender_ip.is_unspecified();
  if (!right_kind || !possible_sender || !possible_reply) return Err{PacketError::arp_malformed};
  return arp;
}

std::size_t write_arp(MutableBytes out, const Ethernet& ethernet, const Arp& arp) noexcept {
  Writer w{out};
  write_ethernet(w, ethernet, EtherType::arp);
  w.object(ArpPacket{kHardwareEthernet, kProtocolIpv4, sizeof(MacAddress),
                     sizeof(IpAddress::Bytes4), Be16::of(static_cast<std::uint16_t>(arp.operation)),
                     arp.sender_mac, arp.sender_ip.octets4(), arp.target_mac,
                     arp.target_ip.octets4()});
  return w.size();
}

Arp arp_reply_to(const Arp& request, const MacAddress& mac) noexcept {
  return {ArpOperation::reply, mac, request.target_ip, request.sender_mac, request.sender_ip};
}

}  // namespace sallyport::wire
