#include "lib/control/neighbour_service.h"

#include <algorithm>
#include <utility>

namespace sallyport::control {
namespace {

// source_for picks the address that questions about `target` come from: one of its own network, or
// any of its family for a link-local router.
const IpAddress* source_for(const snapshot::Interface& interface, const IpAddress& target) {
  const IpAddress* any = nullptr;
  for (const IpPrefix& prefix : interface.addresses) {
    if (prefix.contains(target)) return &prefix.address;
    if (prefix.address.is_v4() == target.is_v4()) any = &prefix.address;
  }
  return any;
}

}  // namespace

std::string to_string(const NeighbourEvent& event) {
  using Kind = NeighbourEvent::Kind;
  const std::string ip = sallyport::to_string(event.ip);
  const std::string mac = sallyport::to_string(event.mac);
  switch (event.kind) {
    case Kind::next_hop_resolved:
      return "next hop " + ip + " is at " + mac;
    case Kind::next_hop_stale:
      return "next hop " + ip + " no longer answers; frames still go to " + mac;
    case Kind::address_conflict:
      return "address conflict: " + mac + " uses our address " + ip +
             "; we keep it: find that station and change its address";
    case Kind::address_lost:
      return "address conflict: " + ip + " belongs to " + mac +
             " already; it is not used here until that station gives it up";
    case Kind::address_regained:
      return "address " + ip + " is free now and used here";
  }
  return {};
}

NeighbourService::NeighbourService(const Interfaces& interfaces, Random& random, milliseconds now,
                                   const neighbour::Timing& timing,
                                   const neighbour::ClaimTiming& claim_timing)
    : now_{interfaces} {
  for (snapshot::Interface& interface : now_) {
    const neighbour::Link link{.mac = interface.mac, .vlan = interface.vlan};
    Side& side = sides_.emplace_back(Side{.table = neighbour::NextHopTable{link, timing},
                                          .claims = {},
                                          .ours = std::vector<bool>(interface.local_ips.size()),
                                          .lost = std::vector<bool>(interface.local_ips.size()),
                                          .stale = std::vector<bool>(interface.next_hops.size())});
    for (const snapshot::NextHop& hop : interface.next_hops) {
      // The configuration has no next hop without an own address of its family.  A table that is
      // full leaves the rest unresolved, which `show backends` tells.
      if (const IpAddress* source = source_for(interface, hop.ip)) {
        static_cast<void>(side.table.add(hop.ip, *source, now));
      }
    }
    for (const IpAddress& ip : interface.local_ips) {
      side.claims.emplace_back(link, ip, now, random, claim_timing);
    }
    interface.local_ips.clear();
  }
}

void NeighbourService::on_frame(std::uint8_t port, std::uint16_t stripped_vlan, ByteView frame,
                                milliseconds now) {
  const auto heard = neighbour::hear(frame, stripped_vlan);
  if (!heard) return;
  for (std::size_t i = 0; i < now_.size(); ++i) {
    if (now_[i].port != port || now_[i].vlan != heard->ethernet.vlan) continue;
    Side& side = sides_[i];
    static_cast<void>(side.table.on_heard(*heard, now));
    for (neighbour::AddressClaim& claim : side.claims) {
      const bool was_ours = claim.is_ours();
      if (!claim.on_heard(*heard, now)) continue;
      if (was_ours) {
        tell(NeighbourEvent::Kind::address_conflict, i, claim.address(), claim.other());
      }
    }
    observe(i);
  }
}

void NeighbourService::advance(milliseconds now, std::vector<ControlFrame>& out) {
  for (std::size_t i = 0; i < now_.size(); ++i) {
    due_.clear();
    Side& side = sides_[i];
    // A queue that does not drain is no reason to ask faster.
    if (waiting_.size() < kMaxFramesPerCall) {
      side.table.advance(now, due_);
      for (neighbour::AddressClaim& claim : side.claims) claim.advance(now, due_);
    }
    for (const neighbour::ProbeFrame& probe : due_) {
      ControlFrame& frame = waiting_.emplace_back();
      frame.port = now_[i].port;
      frame.len = probe.len;
      // The tag of a VLAN stands in the bytes.
      std::ranges::copy(probe.view(), frame.bytes.begin());
    }
    observe(i);
  }
  for (std::size_t n = 0; n < kMaxFramesPerCall && !waiting_.empty(); ++n) {
    out.push_back(waiting_.front());
    waiting_.pop_front();
  }
}

// observe carries what the tables know over to the interface.
void NeighbourService::observe(std::size_t index) {
  snapshot::Interface& interface = now_[index];
  Side& side = sides_[index];
  for (std::size_t i = 0; i < interface.next_hops.size(); ++i) {
    snapshot::NextHop& hop = interface.next_hops[i];
    const neighbour::NextHop* known = side.table.find(hop.ip);
    if (known == nullptr) continue;
    if (known->resolved && (!hop.resolved || hop.mac != known->mac)) {
      hop.mac = known->mac;
      hop.resolved = true;
      changed_ = true;
      tell(NeighbourEvent::Kind::next_hop_resolved, index, hop.ip, hop.mac);
    }
    const bool stale = known->state == neighbour::State::stale;
    if (stale && !side.stale[i]) {
      tell(NeighbourEvent::Kind::next_hop_stale, index, hop.ip, hop.mac);
    }
    side.stale[i] = stale;
  }
  bool local_changed = false;
  for (std::size_t i = 0; i < side.claims.size(); ++i) {
    const neighbour::AddressClaim& claim = side.claims[i];
    if (claim.state() == neighbour::ClaimState::duplicate && !side.lost[i]) {
      side.lost[i] = true;
      tell(NeighbourEvent::Kind::address_lost, index, claim.address(), claim.other());
    }
    if (claim.is_ours() == side.ours[i]) continue;
    side.ours[i] = claim.is_ours();
    local_changed = true;
    if (side.ours[i] && side.lost[i]) {
      side.lost[i] = false;
      tell(NeighbourEvent::Kind::address_regained, index, claim.address(), claim.other());
    }
  }
  if (!local_changed) return;
  changed_ = true;
  interface.local_ips.clear();
  for (std::size_t i = 0; i < side.claims.size(); ++i) {
    if (side.ours[i]) interface.local_ips.push_back(side.claims[i].address());
  }
}

bool NeighbourService::is_settled() const noexcept {
  return std::ranges::all_of(sides_, [](const Side& side) {
    return std::ranges::none_of(side.claims, [](const neighbour::AddressClaim& claim) {
      return claim.state() == neighbour::ClaimState::probing;
    });
  });
}

void NeighbourService::tell(NeighbourEvent::Kind kind, std::size_t interface, const IpAddress& ip,
                            const MacAddress& mac) {
  if (events_.size() == kMaxEvents) return;
  events_.push_back(
      {.kind = kind, .interface = {static_cast<std::uint16_t>(interface)}, .ip = ip, .mac = mac});
}

std::shared_ptr<const NeighbourService::Interfaces> NeighbourService::take_interfaces() {
  changed_ = false;
  return std::make_shared<const Interfaces>(now_);
}

std::vector<NeighbourEvent> NeighbourService::take_events() { return std::exchange(events_, {}); }

}  // namespace sallyport::control
