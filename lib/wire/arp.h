// ARP for IPv4 over Ethernet (RFC 826), with the probes and announcements of RFC 5227.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/packet.h"
#include "lib/wire/packet_error.h"

namespace sallyport::wire {

struct ArpPacket {
  Be16 hardware_type;
  Be16 protocol_type;
  std::uint8_t hardware_length;
  std::uint8_t protocol_length;
  Be16 operation;
  MacAddress sender_hardware;
  IpAddress::Bytes4 sender_protocol;
  MacAddress target_hardware;
  IpAddress::Bytes4 target_protocol;
};
static_assert(sizeof(ArpPacket) == 28 && alignof(ArpPacket) == 1);

enum class ArpOperation : std::uint16_t { request = 1, reply = 2 };

struct Arp {
  ArpOperation operation = ArpOperation::request;
  MacAddress sender_mac;
  IpAddress sender_ip;
  MacAddress target_mac;
  IpAddress target_ip;

  // [RFC 5227 1.1] A probe asks about an address without claiming one.
  [[nodiscard]] bool is_probe() const noexcept {
    return operation == ArpOperation::request && sender_ip.is_unspecified();
  }
  // An announcement, or gratuitous ARP, speaks of its own address: request or reply.
  [[nodiscard]] bool is_announcement() const noexcept { return sender_ip == target_ip; }
};

// parse_arp reads a packet of kind arp.  Anything but a request or reply for IPv4 over Ethernet is
// malformed, and so is a sender that could not exist: a group MAC or none, a group or loopback
// address.  The sender's MAC may differ from the frame's source: virtual routers do that.
[[nodiscard]] Result<Arp, PacketError> parse_arp(const Packet& packet, ByteView frame) noexcept;

constexpr std::size_t kMaxArpFrame = sizeof(EthernetHeader) + sizeof(VlanTag) + sizeof(ArpPacket);

// write_arp writes a whole frame and returns its length; 0 when `out` is too small.
[[nodiscard]] std::size_t write_arp(MutableBytes out, const Ethernet& ethernet,
                                    const Arp& arp) noexcept;
// arp_reply_to says that `mac` has the address that `request` asked for.
[[nodiscard]] Arp arp_reply_to(const Arp& request, const MacAddress& mac) noexcept;

}  // namespace sallyport::wire
