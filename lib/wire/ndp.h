// Neighbour discovery (RFC 4861) and duplicate address detection (RFC 4862): solicitations and
// advertisements.  Router discovery and redirects are not heard: addresses and routes are
// configured.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ip.h"
#include "lib/wire/packet.h"
#include "lib/wire/packet_error.h"

namespace sallyport::wire {

// [RFC 4861 7.1.1] Who is not on the link cannot send with this hop limit.
constexpr std::uint8_t kNeighbourHopLimit = 255;

constexpr IpAddress kAllNodes =
    IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01});

// solicited_node is the group that every holder of `address` has joined (RFC 4291 section 2.7.1).
[[nodiscard]] constexpr IpAddress solicited_node(const IpAddress& address) noexcept {
  const auto& b = address.bytes();
  return IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff, b[13], b[14], b[15]});
}

struct NeighbourSolicitation {
  IpAddress source;  // unspecified: somebody checks whether `target` is free
  IpAddress destination;
  IpAddress target;
  bool has_source_mac = false;
  MacAddress source_mac;
  // [RFC 4862 5.4.3] Asked from the unspecified address: duplicate address detection.
  [[nodiscard]] bool is_duplicate_address_detection() const noexcept {
    return source.is_unspecified();
  }
};

struct NeighbourAdvertisement {
  IpAddress source;
  IpAddress destination;
  IpAddress target;
  bool router = false;
  bool solicited = false;
  bool override = false;
  bool has_target_mac = false;
  MacAddress target_mac;
};

// Both read a packet of kind icmp6 and apply the validity checks of RFC 4861 section 7.1;
// icmp_unhandled when it is another message.
[[nodiscard]] Result<NeighbourSolicitation, PacketError> parse_neighbour_solicitation(
    const Packet& packet, ByteView frame) noexcept;
[[nodiscard]] Result<NeighbourAdvertisement, PacketError> parse_neighbour_advertisement(
    const Packet& packet, ByteView frame) noexcept;

// Fixed part (24 bytes) and one link-layer address option (8).
constexpr std::size_t kMaxNeighbourFrame =
    sizeof(EthernetHeader) + sizeof(VlanTag) + sizeof(Ipv6Header) + 24 + 8;

// Both write a whole frame and return its length; 0 when `out` is too small.
[[nodiscard]] std::size_t write_neighbour_solicitation(
    MutableBytes out, const Ethernet& ethernet, const NeighbourSolicitation& solicitation) noexcept;
[[nodiscard]] std::size_t write_neighbour_advertisement(
    MutableBytes out, const Ethernet& ethernet,
    const NeighbourAdvertisement& advertisement) noexcept;

// advertisement_for answers `solicitation` with our MAC: to the asker, or to all nodes when the
// asker has no address yet.
[[nodiscard]] NeighbourAdvertisement advertisement_for(const NeighbourSolicitation& solicitation,
                                                       const MacAddress& mac) noexcept;
// Where the advertisement goes on the link: back to `asker` unless it is for a group.
[[nodiscard]] MacAddress advertisement_destination(const NeighbourAdvertisement& advertisement,
                                                   const MacAddress& asker) noexcept;

}  // namespace sallyport::wire
