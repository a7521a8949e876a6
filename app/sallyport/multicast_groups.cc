#include "app/sallyport/multicast_groups.h"

#include <algorithm>

namespace sallyport {

std::vector<MacAddress> multicast_groups(const std::vector<snapshot::Interface>& interfaces,
                                         std::uint8_t port) {
  std::vector<MacAddress> groups;
  const auto add = [&](const MacAddress& group) {
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  };
  for (const snapshot::Interface& interface : interfaces) {
    if (interface.port != port) continue;
    for (const IpAddress& ip : interface.local_ips) {
      if (ip.is_v4()) continue;
      // [RFC 2464 7] 33:33 and the last four bytes of the group.
      add({{0x33, 0x33, 0, 0, 0, 1}});
      const auto& b = ip.bytes();
      add({{0x33, 0x33, 0xff, b[13], b[14], b[15]}});
    }
  }
  return groups;
}

}  // namespace sallyport
