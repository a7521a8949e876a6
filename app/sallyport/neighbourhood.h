// Neighbourhood: the links of all interfaces as the control thread keeps them: our addresses
// claimed and announced, next hops resolved.  Pure but for its random generator: frames and time
// in, frames and a new list of interfaces out.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/random.h"
#include "lib/base/units.h"
#include "lib/control/control_frame.h"
#include "lib/neighbour/address_claim.h"
#include "lib/neighbour/next_hop_table.h"
#include "lib/snapshot/snapshot.h"

namespace sallyport {

class Neighbourhood {
 public:
  using Interfaces = std::vector<snapshot::Interface>;

  // `interfaces` is what the configuration was compiled to, without any MAC of others.
  Neighbourhood(std::shared_ptr<const Interfaces> interfaces, milliseconds now, Random& random);

  // heard takes a frame that a worker passed on.
  void heard(const control::ControlFrame& frame, milliseconds now);
  // advance appends the frames that are due.
  void advance(milliseconds now, std::vector<control::ControlFrame>& out);

  // publishable is the list to be published now: next hops with what is known of them, and only
  // those own addresses that are ours.  The same pointer as before when nothing has changed.
  [[nodiscard]] std::shared_ptr<const Interfaces> publishable();
  // settled: every own address has been claimed or found to be somebody else's.
  [[nodiscard]] bool settled() const noexcept;
  // take_news returns what an operator should read, once.
  [[nodiscard]] std::vector<std::string> take_news();

 private:
  struct LinkState {
    std::uint8_t port = 0;
    std::uint16_t vlan = 0;
    neighbour::NextHopTable next_hops;
    std::vector<neighbour::AddressClaim> claims;  // parallel to Interface::local_ips
  };

  std::shared_ptr<const Interfaces> compiled_;
  std::shared_ptr<const Interfaces> published_;
  std::vector<LinkState> links_;                     // parallel to the interfaces
  std::vector<neighbour::ClaimState> claim_states_;  // as published, in the order of the claims
  std::vector<neighbour::ProbeFrame> probes_;
  std::vector<std::string> news_;
  bool changed_ = true;
};

// multicast_groups are the MAC addresses that a port has to receive for these interfaces: all
// nodes, and the solicited-node group of each IPv6 address (RFC 4291 section 2.7.1).
[[nodiscard]] std::vector<MacAddress> multicast_groups(const Neighbourhood::Interfaces& interfaces,
                                                       std::uint8_t port);

}  // namespace sallyport
