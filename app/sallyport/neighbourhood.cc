#include "app/sallyport/neighbourhood.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

using neighbour::ClaimState;
using neighbour::NextHopTable;

// [RFC 5227 1.1 except] The RFC's pauses add up to nine seconds without service.  An appliance is
// started by an operator who chose its addresses: one that is in use is still found, and said, but
// within a second.
constexpr neighbour::ClaimTiming kClaimTiming{.probe_wait = milliseconds{100},
                                              .probe_min = milliseconds{100},
                                              .probe_max = milliseconds{200},
                                              .announce_wait = milliseconds{200},
                                              .announce_interval = seconds{2},
                                              .dad_wait = milliseconds{500}};

// source_for is our address in questions about `target`: one of its network, else any of its
// family.
std::optional<IpAddress> source_for(const snapshot::Interface& interface, const IpAddress& target) {
  std::optional<IpAddress> source;
  for (const IpPrefix& own : interface.addresses) {
    if (own.address.is_v4() != target.is_v4()) continue;
    if (own.contains(target)) return own.address;
    if (!source) source = own.address;
  }
  return source;
}

}  // namespace

Neighbourhood::Neighbourhood(std::shared_ptr<const Interfaces> interfaces, milliseconds now,
                             Random& random)
    : compiled_{std::move(interfaces)} {
  for (const snapshot::Interface& interface : *compiled_) {
    const neighbour::Link link{.mac = interface.mac, .vlan = interface.vlan};
    LinkState& state =
        links_.emplace_back(LinkState{interface.port, interface.vlan, NextHopTable{link}, {}});
    for (const IpAddress& ip : interface.local_ips) {
      state.claims.emplace_back(link, ip, now, random, kClaimTiming);
    }
    for (const snapshot::NextHop& hop : interface.next_hops) {
      const auto source = source_for(interface, hop.ip);
      if (!source || !state.next_hops.add(hop.ip, *source, now)) {
        news_.push_back("next hop " + to_string(hop.ip) +
                        " cannot be resolved: its interface has " +
                        "no address of that family, or there are too many next hops");
      }
    }
  }
}

void Neighbourhood::heard(const control::ControlFrame& frame, milliseconds now) {
  const auto heard = neighbour::hear(frame.view(), frame.vlan);
  if (!heard) return;
  for (LinkState& link : links_) {
    if (link.port != frame.port || link.vlan != frame.vlan) continue;
    if (link.next_hops.on_heard(*heard, now) == NextHopTable::Outcome::changed) changed_ = true;
    for (neighbour::AddressClaim& claim : link.claims) {
      if (!claim.on_heard(*heard, now)) continue;
      news_.push_back("address " + to_string(claim.address()) + " is also used by " +
                      to_string(claim.other()));
      changed_ = true;
    }
  }
}

void Neighbourhood::advance(milliseconds now, std::vector<control::ControlFrame>& out) {
  std::vector<ClaimState> states;
  for (LinkState& link : links_) {
    probes_.clear();
    link.next_hops.advance(now, probes_);
    for (neighbour::AddressClaim& claim : link.claims) {
      claim.advance(now, probes_);
      states.push_back(claim.state());
    }
    for (const neighbour::ProbeFrame& probe : probes_) {
      control::ControlFrame& frame = out.emplace_back();
      frame.port = link.port;
      frame.vlan = link.vlan;
      frame.len = probe.len;
      std::ranges::copy(probe.view(), frame.bytes.begin());
    }
  }
  if (states != claim_states_) {
    claim_states_ = std::move(states);
    changed_ = true;
  }
}

std::shared_ptr<const Neighbourhood::Interfaces> Neighbourhood::publishable() {
  if (!std::exchange(changed_, false)) return published_;
  auto interfaces = std::make_shared<Interfaces>(*compiled_);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    snapshot::Interface& interface = (*interfaces)[i];
    for (snapshot::NextHop& hop : interface.next_hops) {
      const neighbour::NextHop* known = links_[i].next_hops.find(hop.ip);
      if (known == nullptr || !known->resolved) continue;
      hop.mac = known->mac;
      hop.resolved = true;
    }
    std::erase_if(interface.local_ips, [&](const IpAddress& ip) {
      return std::ranges::none_of(links_[i].claims, [&](const neighbour::AddressClaim& claim) {
        return claim.address() == ip && claim.is_ours();
      });
    });
  }
  published_ = std::move(interfaces);
  return published_;
}

bool Neighbourhood::settled() const noexcept {
  return std::ranges::all_of(links_, [](const LinkState& link) {
    return std::ranges::none_of(link.claims, [](const neighbour::AddressClaim& claim) {
      return claim.state() == ClaimState::probing;
    });
  });
}

std::vector<std::string> Neighbourhood::take_news() { return std::exchange(news_, {}); }

std::vector<MacAddress> multicast_groups(const Neighbourhood::Interfaces& interfaces,
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
