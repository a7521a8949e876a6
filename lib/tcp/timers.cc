#include "lib/tcp/timers.h"

#include <algorithm>

#include "lib/tcp/path_mtu.h"

namespace sallyport::tcp {
namespace {

// is_given_up counts the time without progress, from the first expiration on.
bool is_given_up(Tcb& tcb, Instant now) noexcept {
  if (!tcb.stuck) {
    tcb.stuck = true;
    tcb.stuck_since = TimerStamp{now};
    return false;
  }
  return tcb.stuck_since.elapsed_us(now) >= kGiveUp.count;
}

void rearm(Tcb& tcb, Instant now) noexcept {
  if (tcb.backoff < 31) ++tcb.backoff;
  tcb.retransmit_at = Stamp{now + backed_off(tcb.rtt, tcb.backoff)};
}

void send_timer(Tcb& tcb, Instant now, Expired& expired) noexcept {
  if (tcb.state == State::syn_sent || tcb.state == State::syn_received) {
    if (tcb.backoff >= kMaxSynRetransmissions) {
      expired.timed_out = true;
      return;
    }
    tcb.snd_nxt = tcb.iss;
    tcb.syn_retransmitted = true;
    expired.retransmission_timeout = true;
    rearm(tcb, now);
    return;
  }
  if (tcb.timer == SendTimer::reordering) {
    expired.reordering = true;  // the caller arms the next timer
    return;
  }
  if (tcb.timer == SendTimer::tail_probe) {
    tcb.tail_probe_due = true;
    expired.tail_probe = true;
    // The probe arms the RTO; should it not find a frame to leave in, this does.
    tcb.timer = SendTimer::retransmission;
    tcb.retransmit_at = Stamp{now + backed_off(tcb.rtt, tcb.backoff)};
    return;
  }
  const bool is_first = !tcb.stuck;
  if (is_given_up(tcb, now)) {
    expired.timed_out = true;
    return;
  }
  if (tcb.timer == SendTimer::persist) {
    // [RFC 9293 3.8.6.1] A closed window is probed for as long as the peer answers the probes.
    tcb.probe_due = true;
    expired.window_probe = true;
    rearm(tcb, now);
    return;
  }
  // [RFC 6298 5.4] The earliest segment that was not acknowledged goes first, then the others in
  // slow start: everything in flight counts as lost.
  if (is_first && tcb.recovery == Recovery::open) prepare_undo(tcb);
  // The same data again: perhaps the path swallows what is large.
  if (!is_first && tcb.backoff % 2 == 1) suspect_black_hole(tcb);
  on_timeout(tcb.congestion, tcb.algorithm, distance(tcb.snd_una, tcb.snd_max), tcb.snd_mss,
             is_first);
  tcb.recovery = Recovery::timed_out;
  tcb.recover = tcb.snd_max;  // [RFC 6582 4] no fast retransmit for what is repeated now
  tcb.cwr_due = tcb.ecn;
  tcb.ecn_reduced = false;
  tcb.dup_acks = 0;
  tcb.tail_probe_out = false;
  tcb.tail_probe_due = false;
  expired.retransmission_timeout = true;
  rearm(tcb, now);
}

// [RFC 9293 3.8.4] A peer may be silent for as long as it likes, and may also be gone.  Only while
// nothing of ours is in flight: otherwise retransmissions find that out.
bool is_kept_alive(const Tcb& tcb) noexcept {
  return tcb.keep_alive != 0 && is_synchronized(tcb.state) && tcb.state != State::time_wait &&
         tcb.timer == SendTimer::none && tcb.snd_una == tcb.snd_max;
}

// silence_left is how long the peer may still say nothing before the next probe.
Micros silence_left(const Tcb& tcb, Instant now) noexcept {
  const std::uint64_t idle = std::uint64_t{tcb.keep_alive} * 1'000'000;
  const std::uint64_t interval = std::min<std::uint64_t>(idle, kKeepAliveInterval.count);
  const std::uint64_t allowed = idle + tcb.keep_alive_probes * interval;
  const std::uint64_t elapsed = tcb.heard_at.elapsed_us(now);
  return {elapsed < allowed ? static_cast<std::uint32_t>(allowed - elapsed) : 0};
}

void keep_alive(Tcb& tcb, Expired& expired) noexcept {
  if (tcb.keep_alive_probes >= kMaxKeepAliveProbes) {
    expired.timed_out = true;
    return;
  }
  ++tcb.keep_alive_probes;
  tcb.keep_alive_due = true;
  expired.keep_alive = true;
}

}  // namespace

std::optional<Instant> next_deadline(const Tcb& tcb, Instant now) noexcept {
  std::optional<Instant> deadline;
  if (tcb.timer != SendTimer::none) deadline = tcb.retransmit_at.instant(now);
  if (tcb.ack_delayed) {
    const Instant at = tcb.delayed_ack_at.instant(now);
    deadline = deadline ? std::min(*deadline, at) : at;
  }
  if (is_kept_alive(tcb)) {
    const Instant at = now + silence_left(tcb, now);
    deadline = deadline ? std::min(*deadline, at) : at;
  }
  return deadline;
}

Expired on_deadline(Tcb& tcb, Instant now) noexcept {
  Expired expired;
  if (tcb.state == State::closed || tcb.state == State::time_wait) return expired;
  if (tcb.ack_delayed && tcb.delayed_ack_at.has_come(now)) {
    tcb.ack_delayed = false;
    tcb.ack_now = true;
    expired.ack = true;
  }
  if (tcb.timer != SendTimer::none && tcb.retransmit_at.has_come(now)) {
    send_timer(tcb, now, expired);
  }
  if (is_kept_alive(tcb) && silence_left(tcb, now).count == 0) keep_alive(tcb, expired);
  if (expired.timed_out) {
    tcb.state = State::closed;
    tcb.timer = SendTimer::none;
    tcb.ack_delayed = false;
    tcb.ack_now = false;
    tcb.keep_alive_due = false;
  }
  return expired;
}

}  // namespace sallyport::tcp
