#include "lib/tcp/time_wait.h"

#include "lib/tcp/receive.h"

namespace sallyport::tcp {
namespace {

// may_reopen decides whether a SYN starts a new incarnation.
bool may_reopen(const TimeWait& tw, const Segment& syn) noexcept {
  if (tw.timestamps && syn.options.has_timestamps) {
    const auto newer = static_cast<std::int32_t>(syn.options.tsval - tw.ts_recent);
    // [RFC 6191 2] Newer timestamp: yes.  The same one: as without timestamps.  Older: no.
    if (newer != 0) return newer > 0;
  }
  return after(syn.seq, tw.rcv_nxt);
}

}  // namespace

TimeWait make_time_wait(Tcb& tcb, Instant now, Micros duration) noexcept {
  TimeWait tw;
  tw.snd_nxt = tcb.snd_max;
  tw.rcv_nxt = tcb.rcv_nxt;
  tw.ts_recent = tcb.ts_recent;
  tw.ts_offset = tcb.ts_offset;
  tw.expires_at = Stamp{now + duration};
  tw.window = advertise(tcb);
  tw.timestamps = tcb.timestamps;
  return tw;
}

TimeWaitArrival segment_arrives(TimeWait& tw, const Segment& segment, Instant now,
                                Micros duration) noexcept {
  TimeWaitArrival arrival;
  if (segment.flags.rst()) return arrival;  // [RFC 1337 3]
  const bool is_syn = segment.flags.syn();
  if (is_syn && !segment.flags.ack() && may_reopen(tw, segment)) {
    arrival.reply = TimeWaitReply::reopen;
    return arrival;
  }
  // [RFC 9293 3.10.7.4 except] What carries nothing is not answered: two sides in TIME_WAIT would
  // otherwise send each other ACKs without end.
  if (segment.length() == 0) return arrival;
  // [RFC 9293 3.10.7.4] Eighth, TIME-WAIT: a repeated FIN is acknowledged again and starts the
  // waiting anew, because our last ACK was lost.
  const bool is_our_peers_fin =
      segment.flags.fin() && !is_syn && segment.seq + segment.length() == tw.rcv_nxt;
  if (is_our_peers_fin) {
    tw.expires_at = Stamp{now + duration};
    arrival.rearmed = true;
  }
  arrival.reply = TimeWaitReply::ack;
  Segment& ack = arrival.segment;
  ack.flags = kAck;
  ack.seq = tw.snd_nxt;
  ack.ack = tw.rcv_nxt;
  ack.window = tw.window;
  if (tw.timestamps) {
    ack.options.has_timestamps = true;
    ack.options.tsval = timestamp_clock(now) + tw.ts_offset;
    ack.options.tsecr = tw.ts_recent;
  }
  return arrival;
}

}  // namespace sallyport::tcp
