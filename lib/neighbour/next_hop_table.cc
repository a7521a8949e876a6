#include "lib/neighbour/next_hop_table.h"

#include <algorithm>

namespace sallyport::neighbour {

// Claim is what one packet says: `ip` is at `mac`.
struct NextHopTable::Claim {
  IpAddress ip;
  std::optional<MacAddress> mac;  // an advertisement may leave it out
  bool is_answer = false;         // addressed to us, as the reply to a question of ours would be
  IpAddress to;                   // the address of ours that it answers
  bool may_replace = true;        // [RFC 4861 4.4] override flag
};

namespace {

bool comes_before(const NextHop& hop, const IpAddress& ip) noexcept { return hop.ip < ip; }

}  // namespace

NextHop* NextHopTable::entry_of(const IpAddress& ip) noexcept {
  const auto at = std::lower_bound(next_hops_.begin(), next_hops_.end(), ip, comes_before);
  return at != next_hops_.end() && at->ip == ip ? &*at : nullptr;
}

const NextHop* NextHopTable::find(const IpAddress& ip) const noexcept {
  const auto at = std::lower_bound(next_hops_.begin(), next_hops_.end(), ip, comes_before);
  return at != next_hops_.end() && at->ip == ip ? &*at : nullptr;
}

bool NextHopTable::add(const IpAddress& ip, const IpAddress& source, milliseconds now) {
  if (ip.is_v4() != source.is_v4() || ip.is_unspecified() || ip.is_multicast_or_broadcast()) {
    return false;
  }
  if (NextHop* known = entry_of(ip); known != nullptr) {
    known->source = source;
    return true;
  }
  if (next_hops_.size() == kMaxNextHops) return false;
  NextHop hop;
  hop.ip = ip;
  hop.source = source;
  hop.next_question = now;
  next_hops_.insert(std::lower_bound(next_hops_.begin(), next_hops_.end(), ip, comes_before), hop);
  return true;
}

void NextHopTable::remove(const IpAddress& ip) {
  std::erase_if(next_hops_, [&ip](const NextHop& hop) { return hop.ip == ip; });
}

void NextHopTable::advance(milliseconds now, std::vector<ProbeFrame>& out) {
  std::size_t asked = 0;
  for (std::size_t i = 0; i < next_hops_.size() && asked < kMaxQuestionsPerCall; ++i) {
    if (cursor_ >= next_hops_.size()) cursor_ = 0;
    NextHop& hop = next_hops_[cursor_++];
    if (now < hop.next_question) continue;
    out.push_back(ask(hop, now));
    ++asked;
  }
}

// ask makes the next question about `hop` and decides when the one after it is due.
ProbeFrame NextHopTable::ask(NextHop& hop, milliseconds now) const noexcept {
  if (hop.state == State::reachable) {
    hop.state = State::probe;
    hop.tries = 0;
    hop.unicast_tries = timing_.unicast_tries;
  }
  // A known station is asked alone, so that a healthy link carries no broadcasts; only if it is
  // silent the others may speak.
  std::optional<MacAddress> to;
  if (hop.state == State::probe && hop.tries < hop.unicast_tries) to = hop.mac;
  ++hop.tries;
  // While a next hop has never answered, nothing can be sent to it: it is asked once a second for
  // as long as that lasts, so that a server which comes up late is used at once.
  const bool quick =
      hop.state == State::incomplete || hop.tries < hop.unicast_tries + timing_.first_tries;
  if (hop.state == State::probe && hop.tries > hop.unicast_tries + timing_.first_tries) {
    hop.state = State::stale;
  }
  hop.last_question = now;
  hop.next_question = now + (quick ? timing_.retransmit : timing_.slow);
  return ask_frame(link_, hop.source, hop.ip, to);
}

NextHopTable::Outcome NextHopTable::on_heard(const Heard& heard, milliseconds now) noexcept {
  if (heard.ethernet.vlan != link_.vlan) return Outcome::ignored;
  Claim claim;
  switch (heard.kind) {
    case Heard::Kind::arp:
      claim.ip = heard.arp.sender_ip;
      claim.mac = heard.arp.sender_mac;
      claim.to = heard.arp.target_ip;
      claim.is_answer =
          heard.arp.operation == wire::ArpOperation::reply && heard.arp.target_mac == link_.mac;
      break;
    case Heard::Kind::advertisement: {
      const auto& a = heard.advertisement;
      claim.ip = a.target;
      if (a.has_target_mac) claim.mac = a.target_mac;
      claim.to = a.destination;
      claim.is_answer = a.solicited;
      claim.may_replace = a.override;
      break;
    }
    case Heard::Kind::solicitation:
      return Outcome::ignored;
  }
  // Nobody but us can speak for our own MAC, and no station has a group's.
  if (claim.mac && (claim.mac->is_multicast() || claim.mac->is_zero() || *claim.mac == link_.mac)) {
    return Outcome::ignored;
  }
  NextHop* const hop = entry_of(claim.ip);
  if (hop == nullptr) return Outcome::ignored;
  const bool asked = hop->state != State::reachable && hop->tries > 0;
  if (asked && claim.is_answer && claim.to == hop->source) return answer(*hop, claim, now);
  if (hop->resolved && claim.mac && *claim.mac != hop->mac) return hint(*hop, now);
  return Outcome::ignored;
}

NextHopTable::Outcome NextHopTable::answer(NextHop& hop, const Claim& claim,
                                           milliseconds now) const noexcept {
  // [RFC 4861 7.2.4] The answer to a question that named the MAC need not repeat it.
  if (!claim.mac && !hop.resolved) return Outcome::ignored;
  const MacAddress mac = claim.mac.value_or(hop.mac);
  const bool is_new = !hop.resolved || mac != hop.mac;
  if (is_new && hop.resolved) {
    // While the known station is being asked alone, nobody else was asked.  And [RFC 4861 7.2.5]
    // without the override flag an advertisement must not replace what is known.
    const bool all_were_asked = hop.state == State::stale || hop.tries > hop.unicast_tries;
    if (!all_were_asked || !claim.may_replace) return Outcome::ignored;
  }
  hop.mac = mac;
  hop.resolved = true;
  hop.state = State::reachable;
  hop.tries = 0;
  hop.last_answer = now;
  hop.next_question = now + timing_.reachable_time;
  return is_new ? Outcome::changed : Outcome::confirmed;
}

// An unasked claim that the MAC has changed is true when a gateway fails over, and false when
// somebody wants the traffic of our backends.  Believing it would let one forged packet redirect
// all of it; so it only makes us ask at once.  The station that we know is asked first, alone: if
// it answers, nothing changes.  If it is silent for one retransmission time, everybody is asked.
NextHopTable::Outcome NextHopTable::hint(NextHop& hop, milliseconds now) const noexcept {
  if (hop.state == State::probe) return Outcome::ignored;  // being asked already
  hop.state = State::probe;
  hop.tries = 0;
  hop.unicast_tries = 1;
  // Floods of hints cause no flood of questions.
  hop.next_question = std::max(now, hop.last_question + timing_.retransmit);
  return Outcome::hint;
}

}  // namespace sallyport::neighbour
