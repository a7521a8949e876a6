#include "lib/tcp/ack.h"

#include <algorithm>

namespace sallyport::tcp {
namespace {

// [RFC 6298 5 except] Karn: a backed-off time-out stays until a new sample replaces it, or a path
// longer than the time-out would never yield one.  But only so many doublings outlive progress:
// enough for any path on Earth, and a lossy one does not end up waiting for minutes.
constexpr std::uint8_t kBackoffKeptOnProgress = 2;

void take_ack_of_syn(Tcb& tcb, const Segment& segment, Instant now) noexcept {
  tcb.syn_acked = true;
  tcb.backoff = 0;
  tcb.timer = SendTimer::none;
  tcb.rtt_seq = tcb.snd_nxt;
  if (!tcb.syn_retransmitted) {
    measured(tcb.rtt, tcb.last_sent.elapsed(now));
    return;
  }
  // [RFC 7323 4.1] The echoed timestamp tells which SYN was acknowledged.
  if (tcb.timestamps && segment.options.has_timestamps) {
    const std::uint32_t ms = timestamp_clock(now) + tcb.ts_offset - segment.options.tsecr;
    if (ms <= kMaxRto.count / 1000) {
      measured(tcb.rtt, from_millis(ms));
      return;
    }
  }
  // [RFC 6298 5.7] A SYN that was repeated, and no sample: start carefully.
  tcb.rtt.rttvar = kRtoAfterLostSyn;
}

// new_ack: SND.UNA < SEG.ACK =< SND.MAX.
void new_ack(Tcb& tcb, const Segment& segment, Instant now, Arrival& arrival) noexcept {
  const bool acks_syn = !tcb.syn_acked;
  const bool acks_fin = tcb.fin_sent && segment.ack == tcb.snd_max;
  const std::uint32_t sequence_space = distance(tcb.snd_una, segment.ack);
  const std::uint32_t bytes = sequence_space - (acks_syn ? 1U : 0U) - (acks_fin ? 1U : 0U);

  if (acks_syn) take_ack_of_syn(tcb, segment, now);
  tcb.stuck = false;
  if (tcb.backoff > kBackoffKeptOnProgress) tcb.backoff = kBackoffKeptOnProgress;

  tcb.snd_una = segment.ack;
  tcb.snd_nxt = later(tcb.snd_nxt, tcb.snd_una);
  arrival.bytes_acked = bytes;
  if (bytes > 0) arrival.events.add(Event::acked);
  if (acks_fin && !tcb.fin_acked) {
    tcb.fin_acked = true;
    arrival.events.add(Event::fin_acked);
  }

  arrival.ack = Acknowledgment::advances;
  arrival.events.add(Event::window_opened);
}

// [RFC 5681 2] The five conditions of a duplicate ACK.
bool is_duplicate_ack(const Tcb& tcb, const Segment& segment) noexcept {
  return segment.ack == tcb.snd_una && tcb.snd_una != tcb.snd_max && segment.payload_len == 0 &&
         !segment.flags.syn() && !segment.flags.fin() && tcb.timer != SendTimer::persist &&
         std::uint32_t{segment.window} << tcb.snd_wscale == tcb.snd_wnd;
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
  // [RFC 9293 3.8.6.1] Who answers with a closed window is not gone, be it to probes or, after it
  // took back what it had offered, to repetitions.
  if (window == 0) tcb.stuck = false;
  if (tcb.timer != SendTimer::persist) return;
  // Whether the window is wide enough now, next_transmission() finds out, which arms the timer
  // again if it is not.
  tcb.stuck = false;
  if (window > 0) {
    tcb.backoff = 0;
    tcb.probe_due = false;
    tcb.timer = SendTimer::none;
  }
}

}  // namespace

void take_ack(Tcb& tcb, const Segment& segment, Instant now, Arrival& arrival) noexcept {
  if (after(segment.ack, tcb.snd_una)) {
    new_ack(tcb, segment, now, arrival);
  } else if (segment.ack == tcb.snd_una) {
    arrival.ack =
        is_duplicate_ack(tcb, segment) ? Acknowledgment::duplicate : Acknowledgment::repeats;
  }
  if (at_or_after(segment.ack, tcb.snd_una)) update_send_window(tcb, segment, arrival);
}

}  // namespace sallyport::tcp
