// Ethernet II frames with at most one 802.1Q tag, and the MAC addresses of groups.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

enum class EtherType : std::uint16_t {
  ipv4 = 0x0800,
  arp = 0x0806,
  vlan = 0x8100,
  ipv6 = 0x86dd,
};

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

// VlanTag follows an EthernetHeader whose type is EtherType::vlan.
struct VlanTag {
  Be16 control;  // priority, drop eligible indicator, identifier
  Be16 ether_type;
};
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);
constexpr std::uint16_t kVlanIdMask = 0x0fff;

// Ethernet is what an Ethernet header says.  vlan 0 means no tag.
struct Ethernet {
  MacAddress source;
  MacAddress destination;
  std::uint16_t vlan = 0;
  friend constexpr bool operator==(const Ethernet&, const Ethernet&) noexcept = default;
};

[[nodiscard]] constexpr std::size_t ethernet_length(const Ethernet& ethernet) noexcept {
  return sizeof(EthernetHeader) + (ethernet.vlan != 0 ? sizeof(VlanTag) : 0);
}

// write_ethernet writes ethernet_length() bytes.  Frames below the minimum of 60 bytes are padded
// by the port, not here.
constexpr void write_ethernet(Writer& w, const Ethernet& ethernet, EtherType type) noexcept {
  const Be16 inner = Be16::of(static_cast<std::uint16_t>(type));
  if (ethernet.vlan == 0) {
    w.object(EthernetHeader{ethernet.destination, ethernet.source, inner});
    return;
  }
  const Be16 tagged = Be16::of(static_cast<std::uint16_t>(EtherType::vlan));
  w.object(EthernetHeader{ethernet.destination, ethernet.source, tagged});
  w.object(VlanTag{Be16::of(ethernet.vlan & kVlanIdMask), inner});
}

// multicast_mac is where frames for an IP multicast group go: [RFC 2464 7] 33:33 and the last four
// bytes for IPv6, [RFC 1112 6.4] 01:00:5e and the last 23 bits for IPv4.
[[nodiscard]] constexpr MacAddress multicast_mac(const IpAddress& group) noexcept {
  const auto& b = group.bytes();
  if (!group.is_v4()) return {{0x33, 0x33, b[12], b[13], b[14], b[15]}};
  return {{0x01, 0x00, 0x5e, static_cast<std::uint8_t>(b[13] & 0x7fU), b[14], b[15]}};
}

}  // namespace sallyport::wire
