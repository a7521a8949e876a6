// LinkPeer: the next hop of what we send to a peer.
#pragma once
#include <cstdint>
#include <cstring>

#include "lib/base/address.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::worker {

// LinkPeer is where frames of one side go: to a fixed MAC (the source of the peer's last accepted
// frame) or to a next hop of the interface, whose MAC the snapshot tells.
struct LinkPeer {
  static constexpr std::uint16_t kFixedMac = 0xffff;

  LinkPeer() noexcept = default;
  LinkPeer(snapshot::InterfaceIndex interface, const MacAddress& mac) noexcept
      : interface_{static_cast<std::uint16_t>(interface.value & kInterfaceMask)}, mac_{mac} {}
  // Precondition: next_hop is not kFixedMac.
  LinkPeer(snapshot::InterfaceIndex interface, std::uint16_t next_hop) noexcept
      : interface_{static_cast<std::uint16_t>(interface.value | ~kInterfaceMask)} {
    std::memcpy(mac_.bytes.data(), &next_hop, sizeof next_hop);
  }
  [[nodiscard]] snapshot::InterfaceIndex interface() const noexcept {
    return {static_cast<std::uint16_t>(interface_ & kInterfaceMask)};
  }
  [[nodiscard]] bool has_fixed_mac() const noexcept { return interface_ <= kInterfaceMask; }
  [[nodiscard]] std::uint16_t next_hop() const noexcept {
    std::uint16_t next_hop = kFixedMac;
    if (!has_fixed_mac()) std::memcpy(&next_hop, mac_.bytes.data(), sizeof next_hop);
    return next_hop;
  }
  // mac means something with has_fixed_mac() only.
  [[nodiscard]] const MacAddress& mac() const noexcept { return mac_; }
  // follow takes the MAC that the peer's frames come from now.
  void follow(const MacAddress& mac) noexcept {
    if (has_fixed_mac()) mac_ = mac;
  }

 private:
  // The bit above says that the MAC holds the index of a next hop.
  static constexpr std::uint16_t kInterfaceMask = 0x7fff;
  std::uint16_t interface_ = 0;
  MacAddress mac_;
};
static_assert(sizeof(LinkPeer) == 8);

}  // namespace sallyport::worker
