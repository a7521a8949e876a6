// What a port would add to a frame that leaves, in software: checksums and the 802.1Q tag.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/frame/frame.h"

namespace sallyport::dpdk {

// complete_ip_checksum fills the IPv4 header checksum of a frame that asks for it.
void complete_ip_checksum(frame::Frame& f) noexcept;
// complete_l4_checksum turns the pseudo-header sum in the TCP checksum field into the checksum.
void complete_l4_checksum(frame::Frame& f) noexcept;

constexpr std::size_t kMacAddressesLength = 12;
constexpr std::size_t kEthernetLength = 14;
constexpr std::uint16_t kVlanTagLength = 4;
// insert_vlan_tag moves the MAC addresses forward and writes the frame's 802.1Q tag behind them;
// the frame as it leaves then begins kVlanTagLength bytes before f.offset, which does not change:
// the sender still finds its payload where it was.  Precondition: that head-room, and an Ethernet
// header.
void insert_vlan_tag(frame::Frame& f) noexcept;

}  // namespace sallyport::dpdk
