// Topology: which interface an address belongs to, and which way leads to it.  The checks of the
// configuration and the compilation of it ask the same questions.
#pragma once
#include <cstddef>
#include <optional>

#include "lib/base/address.h"
#include "lib/config/config.h"

namespace sallyport::config {

// A worker keeps sessions of so many backends that speak TLS; with those beyond, every handshake is
// a full one.
constexpr std::uint16_t kMaxSessionPlaces = 1'024;

// Way: frames for a destination leave through this interface, to that neighbour.
struct Way {
  std::size_t interface = 0;  // index into Config::interfaces
  IpAddress next_hop;
};

// link_of returns the interface whose network holds `ip`; the longest prefix wins.
[[nodiscard]] std::optional<std::size_t> link_of(const Config& config, const IpAddress& ip);

// way_to finds the destination on a link, else by the longest route, else through the gateway of
// the first interface that has one for the family.
[[nodiscard]] std::optional<Way> way_to(const Config& config, const IpAddress& ip);

// owner_of returns the interface that has exactly this address.
[[nodiscard]] std::optional<std::size_t> owner_of(const Config& config, const IpAddress& ip);

// network_of clears the host bits.
[[nodiscard]] IpPrefix network_of(const IpPrefix& prefix);

}  // namespace sallyport::config
