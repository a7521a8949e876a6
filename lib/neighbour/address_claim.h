// AddressClaim: making sure that an address of ours is nobody else's, then telling the link about
// it, then listening: RFC 5227 for IPv4, RFC 4862 section 5.4 and RFC 4861 section 7.2.6 for IPv6.
#pragma once
#include <cstdint>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/random.h"
#include "lib/base/units.h"
#include "lib/neighbour/link.h"

namespace sallyport::neighbour {

enum class ClaimState : std::uint8_t {
  probing,     // not ours yet
  announcing,  // ours; the link is being told
  claimed,
  duplicate,  // somebody else has it: not ours; tried again after `retry`
};

// ClaimTiming has the values of RFC 5227 section 1.1; for IPv6 one question and one second suffice
// (RFC 4862 section 5.1).
struct ClaimTiming {
  milliseconds probe_wait = seconds{1};  // random delay before the first question: 0 to this
  milliseconds probe_min = seconds{1};   // random time between questions: from this ...
  milliseconds probe_max = seconds{2};   // ... to this
  milliseconds announce_wait = seconds{2};
  milliseconds announce_interval = seconds{2};
  milliseconds defend_interval = seconds{10};  // at most one defence in this time
  milliseconds dad_wait = seconds{1};          // [RFC 4862 5.4] RetransTimer
  milliseconds retry = seconds{60};            // RATE_LIMIT_INTERVAL
  unsigned probes = 3;
  unsigned announcements = 2;
};

class AddressClaim {
 public:
  // `random` spreads the first question of machines that start together.
  AddressClaim(const Link& link, const IpAddress& address, milliseconds now, Random& random,
               const ClaimTiming& timing = {}) noexcept;

  // advance appends the frames that are due.  `now` counts from any fixed instant, never back.
  void advance(milliseconds now, std::vector<ProbeFrame>& out);

  // on_heard returns true when the packet shows that another station uses, or is about to use, our
  // address; other() then says which.  While probing the claim is given up; later it is defended,
  // because it was an operator who gave us the address ([RFC 5227 2.4] (c)).  One conflict is told
  // once per defend_interval, so a flood of them fills no log.
  [[nodiscard]] bool on_heard(const Heard& heard, milliseconds now) noexcept;

  [[nodiscard]] ClaimState state() const noexcept { return state_; }
  [[nodiscard]] bool is_ours() const noexcept {
    return state_ == ClaimState::announcing || state_ == ClaimState::claimed;
  }
  [[nodiscard]] const IpAddress& address() const noexcept { return address_; }
  // other is the MAC of the station in the last conflict; zero when there was none.
  [[nodiscard]] const MacAddress& other() const noexcept { return other_; }
  [[nodiscard]] std::uint32_t num_conflicts() const noexcept { return num_conflicts_; }

 private:
  // conflicting_mac is who contests the address in this packet; zero: nobody.
  [[nodiscard]] MacAddress conflicting_mac(const Heard& heard) const noexcept;
  [[nodiscard]] milliseconds between(milliseconds least, milliseconds most) noexcept;
  void begin_probing(milliseconds now) noexcept;

  Link link_;
  IpAddress address_;
  Random& random_;
  ClaimTiming timing_;
  ClaimState state_ = ClaimState::probing;
  unsigned sent_ = 0;  // frames of this state
  milliseconds next_{0};
  milliseconds last_defence_;
  bool defend_ = false;
  MacAddress other_;
  std::uint32_t num_conflicts_ = 0;
};

}  // namespace sallyport::neighbour
