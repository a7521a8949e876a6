#include "lib/tcp/ack.h"

#include <algorithm>

namespace sallyport::tcp {
namespace {

// [RFC 5681 3.2] The third duplicate ACK means a loss, fewer only reordering.
constexpr std::uint8_t kDuplicateThreshold = 3;

// [RFC 6298 5 except] Karn: a backed-off time-out stays until a new sample replaces it, or a path
// longer than the time-out would never yield one.  But only so many doublings outlive progress:
// enough for any path on Earth, and a lossy one does not end up waiting for minutes.
constexpr std::uint8_t kBackoffKeptOnProgress = 2;

void sample_round_trip(Tcb& tcb, const Segment& segment, Instant now) noexcept {
  if (tcb.rtt_timing) {
    if (before(segment.ack, tcb.rtt_seq)) return;
    tcb.rtt_timing = false;
    tcb.backoff = 0;
    measured(tcb.rtt, tcb.rtt_started.elapsed(now));
    return;
  }
  // [RFC 7323 4.1] After a retransmission, when Karn's rule leaves no sample, the echoed timestamp
  // tells which transmission was acknowledged.
  if (tcb.backoff == 0 || !tcb.timestamps || !segment.options.has_timestamps) return;
  const std::uint32_t ms = timestamp_clock(now) + tcb.ts_offset - segment.options.tsecr;
  if (ms > kMaxRto.count / 1000) return;
  tcb.backoff = 0;
  measured(tcb.rtt, from_millis(ms));
}

void arm_retransmission(Tcb& tcb, Instant now) noexcept {
  // What a probe carried beyond what the peer took is not in flight: it is still to be sent.
  const bool is_probe_rest = tcb.persist && tcb.snd_nxt == tcb.snd_una;
  tcb.persist = false;
  tcb.probe_due = false;
  tcb.retransmit_armed = tcb.snd_una != tcb.snd_max && !is_probe_rest;
  if (tcb.retransmit_armed) tcb.retransmit_at = Stamp{now + backed_off(tcb.rtt, tcb.backoff)};
}

// new_ack: SND.UNA < SEG.ACK =< SND.MAX.
void new_ack(Tcb& tcb, const Segment& segment, Instant now, Arrival& arrival) noexcept {
  const bool acks_syn = !tcb.syn_acked;
  const bool acks_fin = tcb.fin_sent && segment.ack == tcb.snd_max;
  const std::uint32_t sequence_space = distance(tcb.snd_una, segment.ack);
  const std::uint32_t bytes = sequence_space - (acks_syn ? 1U : 0U) - (acks_fin ? 1U : 0U);

  sample_round_trip(tcb, segment, now);
  if (acks_syn) {
    tcb.syn_acked = true;
    tcb.backoff = 0;
    // [RFC 6298 5.7] A SYN that was repeated, and no sample: start carefully.
    if (tcb.syn_retransmitted && tcb.rtt.srtt.count == 0) tcb.rtt.rto = kRtoAfterLostSyn;
  }
  tcb.stuck = false;
  tcb.backoff = std::min(tcb.backoff, kBackoffKeptOnProgress);

  tcb.snd_una = segment.ack;
  tcb.snd_nxt = later(tcb.snd_nxt, tcb.snd_una);
  arrival.bytes_acked = bytes;
  if (bytes > 0) arrival.events.add(Event::acked);
  if (acks_fin && !tcb.fin_acked) {
    tcb.fin_acked = true;
    arrival.events.add(Event::fin_acked);
  }

  bool rearm = true;
  switch (tcb.recovery) {
    case Recovery::open:
      // Follows from behind, so that it is comparable after 2^31 bytes without a loss, too.
      if (after(tcb.snd_una, tcb.recover)) tcb.recover = tcb.snd_una - 1U;
      on_ack(tcb.congestion, tcb.algorithm, bytes, tcb.snd_mss, tcb.cwnd_limited);
      break;
    case Recovery::timed_out:
      on_ack(tcb.congestion, tcb.algorithm, bytes, tcb.snd_mss, true);
      if (at_or_after(segment.ack, tcb.recover)) tcb.recovery = Recovery::open;
      break;
    case Recovery::fast_recovery:
      if (at_or_after(segment.ack, tcb.recover)) {
        on_recovered(tcb.congestion, flight(tcb), tcb.snd_mss);
        tcb.recovery = Recovery::open;
        // [RFC 6582 3.2 except] `recover` guards against ACKs that our own repetitions cause.  Fast
        // recovery repeats only what was missing, so unlike after a time-out a loss right behind
        // `recover` may be repaired quickly again.
        tcb.recover = tcb.snd_una - 1U;
        break;
      }
      // [RFC 6582 3.2] step 5: a partial ACK shows the next hole.
      on_partial_ack(tcb.congestion, bytes, tcb.snd_mss);
      tcb.fast_retransmit_due = true;
      rearm = !tcb.seen_partial_ack;
      tcb.seen_partial_ack = true;
      break;
  }
  if (tcb.recovery != Recovery::fast_recovery) {
    tcb.dup_acks = 0;
    tcb.fast_retransmit_due = false;
  }
  // [RFC 6298 5.2] [RFC 6298 5.3] All acknowledged: stop; else from now on.
  if (rearm || tcb.snd_una == tcb.snd_max) arm_retransmission(tcb, now);
  arrival.events.add(Event::window_opened);
}

// [RFC 5681 2] The five conditions of a duplicate ACK.
bool is_duplicate_ack(const Tcb& tcb, const Segment& segment) noexcept {
  return segment.ack == tcb.snd_una && tcb.snd_una != tcb.snd_max && segment.payload_len == 0 &&
         !segment.flags.syn() && !segment.flags.fin() && !tcb.persist &&
         std::uint32_t{segment.window} << tcb.snd_wscale == tcb.snd_wnd;
}

void duplicate_ack(Tcb& tcb, Arrival& arrival) noexcept {
  switch (tcb.recovery) {
    case Recovery::fast_recovery:
      on_further_duplicate(tcb.congestion, tcb.snd_mss);
      arrival.events.add(Event::window_opened);
      return;
    case Recovery::timed_out:
      return;  // answers to what was in flight before
    case Recovery::open:
      break;
  }
  if (tcb.dup_acks < 255) ++tcb.dup_acks;
  // [RFC 3042 2] Limited transmit: each of the first two lets a new segment out.
  arrival.events.add(Event::window_opened);
  // [RFC 6582 3.2] step 2: not for what a time-out repeated.
  if (tcb.dup_acks < kDuplicateThreshold || !after(tcb.snd_una, tcb.recover)) return;
  on_loss(tcb.congestion, tcb.algorithm, distance(tcb.snd_una, tcb.snd_max), tcb.snd_mss);
  tcb.recovery = Recovery::fast_recovery;
  tcb.recover = tcb.snd_max;
  tcb.fast_retransmit_due = true;
  tcb.seen_partial_ack = false;
  arrival.events.add(Event::fast_retransmit);
}

void update_send_window(Tcb& tcb, const Segment& segment, Arrival& arrival) noexcept {
  // [RFC 9293 3.10.7.4] Fifth: an older segment must not replace a newer window.
  const bool is_newer = before(tcb.snd_wl1, segment.seq) ||
                        (tcb.snd_wl1 == segment.seq && at_or_before(tcb.snd_wl2, segment.ack));
  if (!is_newer) return;
  // [RFC 7323 2.3] Scaled, except in a SYN.
  const std::uint32_t window = std::uint32_t{segment.window}
                               << (segment.flags.syn() ? 0U : tcb.snd_wscale);
  if (window > tcb.snd_wnd) arrival.events.add(Event::window_opened);
  tcb.snd_wnd = window;
  tcb.max_snd_wnd = std::max(tcb.max_snd_wnd, window);
  tcb.snd_wl1 = segment.seq;
  tcb.snd_wl2 = segment.ack;
  if (!tcb.persist) return;
  // The peer answers, so it is not gone.  Whether the window is wide enough now,
  // next_transmission() finds out, which arms the timer again if it is not.
  tcb.stuck = false;
  if (window > 0) {
    tcb.backoff = 0;
    tcb.persist = false;
    tcb.probe_due = false;
    tcb.retransmit_armed = false;
  }
}

}  // namespace

void take_ack(Tcb& tcb, const Segment& segment, Instant now, Arrival& arrival) noexcept {
  if (after(segment.ack, tcb.snd_una)) {
    new_ack(tcb, segment, now, arrival);
  } else if (is_duplicate_ack(tcb, segment)) {
    duplicate_ack(tcb, arrival);
  }
  if (at_or_after(segment.ack, tcb.snd_una)) update_send_window(tcb, segment, arrival);
}

}  // namespace sallyport::tcp
