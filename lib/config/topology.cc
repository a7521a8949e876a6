#include "lib/config/topology.h"

#include <algorithm>

namespace sallyport::config {

std::optional<std::size_t> link_of(const Config& config, const IpAddress& ip) {
  std::optional<std::size_t> best;
  int best_length = -1;
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    for (const IpPrefix& prefix : config.interfaces[i].addresses) {
      if (prefix.contains(ip) && prefix.length > best_length) {
        best = i;
        best_length = prefix.length;
      }
    }
  }
  return best;
}

std::optional<Way> way_to(const Config& config, const IpAddress& ip) {
  if (const auto link = link_of(config, ip)) return Way{*link, ip};
  std::optional<Way> best;
  int best_length = -1;
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    for (const Route& route : config.interfaces[i].routes) {
      if (route.to.contains(ip) && route.to.length > best_length) {
        best = Way{i, route.via};
        best_length = route.to.length;
      }
    }
  }
  if (best) return best;
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    const Interface& interface = config.interfaces[i];
    const auto& gateway = ip.is_v4() ? interface.gateway4 : interface.gateway6;
    if (gateway) return Way{i, *gateway};
  }
  return std::nullopt;
}

std::optional<std::size_t> owner_of(const Config& config, const IpAddress& ip) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    if (std::ranges::find(config.interfaces[i].addresses, ip, &IpPrefix::address) !=
        config.interfaces[i].addresses.end()) {
      return i;
    }
  }
  return std::nullopt;
}

IpPrefix network_of(const IpPrefix& prefix) {
  IpAddress::Bytes16 bytes = prefix.address.bytes();
  const unsigned kept = prefix.length + (prefix.address.is_v4() ? 96U : 0U);
  for (unsigned i = 0; i < bytes.size(); ++i) {
    const unsigned covered = std::clamp(kept, 8 * i, 8 * i + 8) - 8 * i;
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> covered));
  }
  return {IpAddress::v6(bytes), prefix.length};
}

}  // namespace sallyport::config
