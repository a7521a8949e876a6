#include "lib/neighbour/address_claim.h"

#include <algorithm>

namespace sallyport::neighbour {

AddressClaim::AddressClaim(const Link& link, const IpAddress& address, milliseconds now,
                           Random& random, const ClaimTiming& timing) noexcept
    : link_{link},
      address_{address},
      random_{random},
      timing_{timing},
      last_defence_{now - timing.defend_interval} {
  begin_probing(now + between(milliseconds{0}, timing_.probe_wait));
}

milliseconds AddressClaim::between(milliseconds least, milliseconds most) noexcept {
  const auto width =
      static_cast<std::uint32_t>(std::max<milliseconds::rep>(0, (most - least).count()));
  return least + milliseconds{random_.below(width + 1)};
}

void AddressClaim::begin_probing(milliseconds first) noexcept {
  state_ = ClaimState::probing;
  sent_ = 0;
  next_ = first;
}

void AddressClaim::advance(milliseconds now, std::vector<ProbeFrame>& out) {
  if (defend_) {
    defend_ = false;
    out.push_back(announcement_frame(link_, address_));
  }
  if (state_ == ClaimState::claimed || now < next_) return;
  if (state_ == ClaimState::duplicate) begin_probing(now);
  if (state_ == ClaimState::probing) {
    const bool v4 = address_.is_v4();
    // [RFC 4862 5.1] DupAddrDetectTransmits is 1.
    const unsigned probes = v4 ? timing_.probes : 1;
    if (sent_ < probes) {
      out.push_back(tentative_frame(link_, address_));
      ++sent_;
      const bool last = sent_ == probes;
      const milliseconds final_wait = v4 ? timing_.announce_wait : timing_.dad_wait;
      next_ = now + (last ? final_wait : between(timing_.probe_min, timing_.probe_max));
      return;
    }
    state_ = ClaimState::announcing;
    sent_ = 0;
  }
  out.push_back(announcement_frame(link_, address_));
  next_ = now + timing_.announce_interval;
  if (++sent_ >= timing_.announcements) state_ = ClaimState::claimed;
}

MacAddress AddressClaim::conflicting_mac(const Heard& heard) const noexcept {
  const bool tentative = !is_ours();
  switch (heard.kind) {
    case Heard::Kind::arp:
      // [RFC 5227 2.1.1, 2.4] Whoever sends from our address has it, ...
      if (heard.arp.sender_ip == address_) return heard.arp.sender_mac;
      // ... and whoever probes for it while we do is about to.
      if (tentative && heard.arp.is_probe() && heard.arp.target_ip == address_) {
        return heard.arp.sender_mac;
      }
      break;
    case Heard::Kind::solicitation:
      // [RFC 4862 5.4.3] Another node checks the same address at the same time.  Once the address
      // is ours, the answer to its question is what stops it.
      if (tentative && heard.solicitation.is_duplicate_address_detection() &&
          heard.solicitation.target == address_) {
        return heard.ethernet.source;
      }
      break;
    case Heard::Kind::advertisement:
      // [RFC 4862 5.4.4]
      if (heard.advertisement.target == address_) {
        return heard.advertisement.has_target_mac ? heard.advertisement.target_mac
                                                  : heard.ethernet.source;
      }
      break;
  }
  return {};
}

bool AddressClaim::on_heard(const Heard& heard, milliseconds now) noexcept {
  if (heard.ethernet.vlan != link_.vlan || heard.ethernet.source == link_.mac) return false;
  const MacAddress mac = conflicting_mac(heard);
  if (mac.is_zero() || mac == link_.mac || state_ == ClaimState::duplicate) return false;
  other_ = mac;
  ++num_conflicts_;
  if (!is_ours()) {
    state_ = ClaimState::duplicate;
    next_ = now + timing_.retry;
    return true;
  }
  // Two stations that defend without a pause would drown the link.
  if (now - last_defence_ < timing_.defend_interval) return false;
  last_defence_ = now;
  defend_ = true;
  return true;
}

}  // namespace sallyport::neighbour
