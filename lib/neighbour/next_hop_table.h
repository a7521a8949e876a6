// NextHopTable: the MAC addresses of gateways and on-link backends, after RFC 826 and RFC 4861
// section 7.3, for one link.
//
// It holds only addresses that the configuration named, and it learns only from answers to its own
// questions.  A flood of forged ARP or ND packets therefore adds no entry, moves no entry and makes
// no traffic beyond one probe per entry and second.
//
// What it does not do: it is no cache for client addresses (replies go where frames came from, or
// to a gateway), and it queues no packets while an address is being resolved.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/address.h"
#include "lib/base/units.h"
#include "lib/neighbour/link.h"

namespace sallyport::neighbour {

enum class State : std::uint8_t {
  incomplete,  // nobody has answered yet
  reachable,   // answered within the last reachable_time
  probe,       // has a MAC; being asked again
  stale,       // has a MAC that no longer answers: still used, asked for slowly
};

struct Timing {
  milliseconds retransmit = seconds{1};       // [RFC 4861 10] RETRANS_TIMER
  milliseconds slow = seconds{5};             // between questions when the quick ones are used up
  milliseconds reachable_time = seconds{30};  // until the next question when all is well
  unsigned first_tries = 3;                   // MAX_MULTICAST_SOLICIT
  unsigned unicast_tries = 3;                 // MAX_UNICAST_SOLICIT
};

struct NextHop {
  IpAddress ip;
  IpAddress source;  // our address in the questions
  MacAddress mac;    // last good one; meaningful when resolved
  State state = State::incomplete;
  bool resolved = false;
  milliseconds last_answer{0};

  // For the table.
  unsigned tries = 0;          // questions asked in this state
  unsigned unicast_tries = 0;  // of these, how many go to the known MAC alone before all are asked
  milliseconds next_question{0};
  milliseconds last_question{0};
};

class NextHopTable {
 public:
  // More than any configuration has; what advance() does per call stays small all the same.
  static constexpr std::size_t kMaxNextHops = 4096;
  static constexpr std::size_t kMaxQuestionsPerCall = 64;

  explicit NextHopTable(const Link& link, const Timing& timing = {}) noexcept
      : link_{link}, timing_{timing} {}

  // add begins to resolve `ip`, asking from `source`.  Adding again changes only the source. False:
  // the table is full, the families differ, or it is an address that no single station has.
  [[nodiscard]] bool add(const IpAddress& ip, const IpAddress& source, milliseconds now);
  // remove forgets it, for a configuration that no longer names it.
  void remove(const IpAddress& ip);

  // advance appends the questions that are due, kMaxQuestionsPerCall at most; the rest is asked in
  // the next call.  `now` counts from any fixed instant and never goes back.
  void advance(milliseconds now, std::vector<ProbeFrame>& out);

  enum class Outcome : std::uint8_t {
    ignored,    // not about us, or not to be believed
    confirmed,  // what we knew is still right
    changed,    // a MAC is new or another one: publish
    hint,       // somebody claims a change unasked: we ask
  };
  Outcome on_heard(const Heard& heard, milliseconds now) noexcept;

  [[nodiscard]] const NextHop* find(const IpAddress& ip) const noexcept;
  // next_hops is sorted by address.
  [[nodiscard]] std::span<const NextHop> next_hops() const noexcept { return next_hops_; }

 private:
  struct Claim;  // what a packet says about one address

  [[nodiscard]] NextHop* entry_of(const IpAddress& ip) noexcept;
  [[nodiscard]] Outcome answer(NextHop& hop, const Claim& claim, milliseconds now) const noexcept;
  [[nodiscard]] Outcome hint(NextHop& hop, milliseconds now) const noexcept;
  [[nodiscard]] ProbeFrame ask(NextHop& hop, milliseconds now) const noexcept;

  Link link_;
  Timing timing_;
  std::vector<NextHop> next_hops_;
  std::size_t cursor_ = 0;  // where advance() goes on, so that everybody gets a turn
};

}  // namespace sallyport::neighbour
