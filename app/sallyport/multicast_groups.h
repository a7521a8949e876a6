// The multicast addresses that a port has to receive for the addresses on it.
#pragma once
#include <cstdint>
#include <vector>

#include "lib/base/address.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport {

// multicast_groups: all nodes, and the solicited-node group of each IPv6 address (RFC 4291 section
// 2.7.1), as MAC addresses.
[[nodiscard]] std::vector<MacAddress> multicast_groups(
    const std::vector<snapshot::Interface>& interfaces, std::uint8_t port);

}  // namespace sallyport
