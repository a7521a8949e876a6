// NeighbourService: resolves the next hops of every interface and guards the addresses that are
// ours.  Pure: frames and time come in as arguments, frames and events go out as values.
//
// An address is ours once probing has found nobody else with it; only then it stands among the
// interface's local_ips, and workers answer for it.  When another station had it first, that is
// told as an error, and the address comes in when a later probe finds it free.  An address that is
// ours already is defended and kept.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/units.h"
#include "lib/control/control_frame.h"
#include "lib/neighbour/address_claim.h"
#include "lib/neighbour/next_hop_table.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport::control {

// NeighbourEvent is something that an operator wants to read in the log.
struct NeighbourEvent {
  enum class Kind : std::uint8_t {
    next_hop_resolved,  // has a MAC now, or another one
    next_hop_stale,     // no longer answers; its last MAC stays in use
    address_conflict,   // another station uses an address of ours, which we keep and defend
    address_lost,       // another station had it first: not used by us any more
    address_regained,
  };
  Kind kind{};
  snapshot::InterfaceIndex interface;
  IpAddress ip;
  MacAddress mac;  // of the next hop, or of the other station
};
[[nodiscard]] std::string to_string(const NeighbourEvent& event);

// [RFC 5227 1.1 except] The RFC's pauses add up to nine seconds without service after each start.
// An operator chose the addresses of an appliance: one that is in use is still found, and said, but
// within a second.
inline constexpr neighbour::ClaimTiming kQuickClaims{.probe_wait = milliseconds{100},
                                                     .probe_min = milliseconds{100},
                                                     .probe_max = milliseconds{200},
                                                     .announce_wait = milliseconds{200},
                                                     .announce_interval = seconds{2},
                                                     .dad_wait = milliseconds{500}};

class NeighbourService {
 public:
  using Interfaces = std::vector<snapshot::Interface>;

  // At most this many frames leave per call of advance(); the rest waits for the next one.
  static constexpr std::size_t kMaxFramesPerCall = 64;

  // `interfaces` are those that compile() made, with every address that is to be ours.  `random`
  // must outlive the service.  `now` counts from any fixed instant and never goes back.
  NeighbourService(const Interfaces& interfaces, Random& random, milliseconds now,
                   const neighbour::Timing& timing = {},
                   const neighbour::ClaimTiming& claim_timing = kQuickClaims);

  // on_frame takes an ARP or neighbour-discovery frame from a worker; anything else is ignored.
  void on_frame(std::uint8_t port, std::uint16_t stripped_vlan, ByteView frame, milliseconds now);
  void advance(milliseconds now, std::vector<ControlFrame>& out);

  // is_settled: every address of ours has been claimed, or found to be somebody else's.
  [[nodiscard]] bool is_settled() const noexcept;

  // is_changed: interfaces() differs from what it was when last taken.
  [[nodiscard]] bool is_changed() const noexcept { return changed_; }
  // take_interfaces returns the interfaces with what is known of them now.
  [[nodiscard]] std::shared_ptr<const Interfaces> take_interfaces();
  // take_events returns what happened since the last call, oldest first; kMaxEvents at most.
  static constexpr std::size_t kMaxEvents = 256;
  [[nodiscard]] std::vector<NeighbourEvent> take_events();

 private:
  struct Side {  // what this service keeps of one interface
    neighbour::NextHopTable table;
    std::vector<neighbour::AddressClaim> claims;  // parallel to configured local_ips
    std::vector<bool> ours;                       // parallel to claims
    std::vector<bool> lost;                       // parallel to claims: told as somebody else's
    std::vector<bool> stale;                      // parallel to next_hops
  };

  void observe(std::size_t interface);
  void tell(NeighbourEvent::Kind kind, std::size_t interface, const IpAddress& ip,
            const MacAddress& mac);

  Interfaces now_;
  std::vector<Side> sides_;
  std::vector<neighbour::ProbeFrame> due_;  // scratch
  std::deque<ControlFrame> waiting_;
  std::vector<NeighbourEvent> events_;
  bool changed_ = true;
};

}  // namespace sallyport::control
