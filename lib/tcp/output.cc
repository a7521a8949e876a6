#include "lib/tcp/output.h"

#include <algorithm>

#include "lib/tcp/options.h"
#include "lib/tcp/receive.h"

namespace sallyport::tcp {
namespace {

// [RFC 2018 3] What the option space holds: four blocks, three beside timestamps.
constexpr std::size_t kSackBlocks = 4;
constexpr std::size_t kSackBlocksWithTimestamps = 3;

Transmission next_syn(const Tcb& tcb) noexcept {
  if (tcb.snd_nxt != tcb.iss) return {};
  const bool again = tcb.snd_max != tcb.iss;
  Transmission t;
  t.kind = again ? Transmission::Kind::retransmission : Transmission::Kind::data;
  t.flags = kSyn;
  t.seq = tcb.iss;
  return t;
}

// compose cuts a segment at `offset` of at most `len` bytes; PSH and FIN follow from where it ends.
Transmission compose(const Tcb& tcb, const Pending& pending, Transmission::Kind kind,
                     std::uint32_t offset, std::uint32_t len) noexcept {
  Transmission t;
  t.kind = kind;
  t.seq = tcb.snd_una + offset;
  t.offset = offset;
  t.len = len;
  const bool is_last = offset + len >= pending.queued;
  // [RFC 9293 3.9.1.2] PSH where the queue ends: nothing more is coming for now.
  if (is_last && len > 0) t.flags |= kPsh;
  if (is_last && tcb.fin_queued) t.flags |= kFin;
  return t;
}

// [RFC 6582 3.2] The segment at SND.UNA, which three duplicate ACKs or a partial one call lost.
Transmission fast_retransmission(const Tcb& tcb, const Pending& pending) noexcept {
  const std::uint32_t len =
      std::min({pending.chunk_len, pending.queued, std::uint32_t{tcb.snd_mss}});
  Transmission t = compose(tcb, pending, Transmission::Kind::retransmission, 0, len);
  // A FIN that had not been sent is not to be smuggled in as a repetition.
  if (!tcb.fin_sent) t.flags = t.flags.without(kFin);
  if (len == 0 && !t.flags.fin()) return {};
  return t;
}

// [RFC 9293 3.8.6.1] At least one byte, whatever the window says.
Transmission window_probe(const Tcb& tcb, const Pending& pending) noexcept {
  const std::uint32_t room = std::min(pending.chunk_len, std::uint32_t{tcb.snd_mss});
  const std::uint32_t len = std::min(room, std::max(tcb.snd_wnd, 1U));
  if (len == 0) return {};
  Transmission t = compose(tcb, pending, Transmission::Kind::window_probe, 0, len);
  t.flags = t.flags.without(kFin);
  return t;
}

void arm_persist(Tcb& tcb, Instant now) noexcept {
  if (tcb.retransmit_armed) return;
  tcb.persist = true;
  tcb.backoff = 0;
  tcb.retransmit_armed = true;
  tcb.retransmit_at = Stamp{now + tcb.rtt.rto};
}

// usable_window is the number of bytes that the peer's window still admits at SND.NXT.
std::uint32_t usable_window(const Tcb& tcb) noexcept {
  const std::uint32_t in_flight = flight(tcb);
  return tcb.snd_wnd > in_flight ? tcb.snd_wnd - in_flight : 0;
}

std::uint32_t usable_cwnd(const Tcb& tcb) noexcept {
  std::uint32_t cwnd = tcb.congestion.cwnd;
  // [RFC 3042 2] Limited transmit: two segments beyond the window for the first two duplicate ACKs.
  if (tcb.recovery == Recovery::open)
    cwnd += std::min<std::uint32_t>(tcb.dup_acks, 2) * tcb.snd_mss;
  const std::uint32_t in_flight = flight(tcb);
  return cwnd > in_flight ? cwnd - in_flight : 0;
}

// Everything that a segment with an ACK carries beside its text.
Segment header_with_ack(Tcb& tcb, SeqNum seq, Flags flags, Instant now) noexcept {
  Segment header;
  header.seq = seq;
  header.flags = flags | kAck;
  header.ack = tcb.rcv_nxt;
  header.window = advertise(tcb);
  if (tcb.timestamps) {
    header.options.has_timestamps = true;
    header.options.tsval = timestamp_clock(now) + tcb.ts_offset;
    header.options.tsecr = tcb.ts_recent;
  }
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.ack_now = false;
  tcb.ack_delayed = false;
  tcb.segments_unacked = 0;
  return header;
}

Segment syn_header(Tcb& tcb, Instant now) noexcept {
  Segment header;
  header.seq = tcb.iss;
  header.flags = kSyn;
  // [RFC 7323 2.2] The window of a SYN is never scaled.
  header.window = static_cast<std::uint16_t>(std::min(rcv_wnd(tcb), 65'535U));
  header.options.mss = tcb.our_mss;
  header.options.has_window_scale = tcb.window_scaling;
  header.options.window_scale = tcb.window_scaling ? tcb.rcv_wscale : std::uint8_t{0};
  header.options.sack_permitted = tcb.sack;
  header.options.has_timestamps = tcb.timestamps;
  if (tcb.timestamps) header.options.tsval = timestamp_clock(now) + tcb.ts_offset;
  if (tcb.state == State::syn_sent) return header;
  header.flags |= kAck;
  header.ack = tcb.rcv_nxt;
  if (tcb.timestamps) header.options.tsecr = tcb.ts_recent;
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.ack_now = false;
  return header;
}

// [RFC 6298 3] One sample at a time, and none from a segment that was sent twice (Karn).
void time_round_trip(Tcb& tcb, SeqNum seq, SeqNum end, Instant now) noexcept {
  if (before(seq, tcb.snd_max)) {
    if (tcb.rtt_timing && before(seq, tcb.rtt_seq)) tcb.rtt_timing = false;
    return;
  }
  if (tcb.rtt_timing) return;
  tcb.rtt_timing = true;
  tcb.rtt_seq = end;
  tcb.rtt_started = Stamp{now};
}

}  // namespace

std::uint32_t next_offset(const Tcb& tcb) noexcept {
  if (!is_synchronized(tcb.state) || tcb.fast_retransmit_due || tcb.probe_due) return 0;
  return flight(tcb);
}

Transmission next_transmission(Tcb& tcb, const Pending& pending, Instant now) noexcept {
  using Kind = Transmission::Kind;
  if (tcb.state == State::syn_sent || tcb.state == State::syn_received) return next_syn(tcb);
  if (!may_send_data(tcb)) return {};
  if (tcb.fast_retransmit_due) return fast_retransmission(tcb, pending);
  if (tcb.probe_due) return window_probe(tcb, pending);

  const std::uint32_t offset = flight(tcb);
  const Kind kind = before(tcb.snd_nxt, tcb.snd_max) ? Kind::retransmission : Kind::data;
  if (offset >= pending.queued) {
    tcb.cwnd_limited = false;
    // A FIN alone needs no window: a peer that has none accepts it all the same.
    if (offset == pending.queued && tcb.fin_queued) return compose(tcb, pending, kind, offset, 0);
    return {};
  }

  if (offset == 0 && tcb.has_sent_data && tcb.snd_una == tcb.snd_max &&
      tcb.last_sent.elapsed(now) > tcb.rtt.rto) {
    on_idle(tcb.congestion, tcb.snd_mss);
  }
  const std::uint32_t len = std::min(pending.chunk_len, std::uint32_t{tcb.snd_mss});
  // After a time-out one segment goes whatever the windows say: the peer had room for it once.
  if (offset == 0 && tcb.recovery == Recovery::timed_out) {
    return compose(tcb, pending, kind, offset, len);
  }
  if (len > usable_cwnd(tcb)) {
    tcb.cwnd_limited = true;
    return {};
  }
  const std::uint32_t window = usable_window(tcb);
  if (len <= window) return compose(tcb, pending, kind, offset, len);
  tcb.cwnd_limited = false;
  // [RFC 9293 3.8.6.2.1] Less than a chunk only when nothing is in flight and the window is at
  // least half of what this peer ever had; the persist timer overrides.
  if (offset != 0) return {};
  if (window > 0 && window >= tcb.max_snd_wnd / 2) {
    return compose(tcb, pending, kind, offset, window);
  }
  arm_persist(tcb, now);
  return {};
}

Segment transmit(Tcb& tcb, const Transmission& t, Instant now) noexcept {
  const bool is_syn = t.flags.syn();
  Segment header = is_syn ? syn_header(tcb, now) : header_with_ack(tcb, t.seq, t.flags, now);
  header.payload_len = t.len;

  const SeqNum end = t.seq + header.length();
  time_round_trip(tcb, t.seq, end, now);
  if (t.flags.fin()) tcb.fin_sent = true;
  tcb.snd_max = later(tcb.snd_max, end);
  if (t.kind == Transmission::Kind::window_probe) {
    // SND.NXT stays: until the peer takes the byte, it is not in flight but still to be sent.
    tcb.probe_due = false;
    return header;
  }
  tcb.snd_nxt = later(tcb.snd_nxt, end);
  if (!is_syn) {
    tcb.last_sent = Stamp{now};
    tcb.has_sent_data = true;
  }
  // [RFC 6298 5.1] The timer runs while anything is in flight.  A fast retransmission starts it
  // anew, or it would fire before the repetition can be acknowledged.
  if (!tcb.retransmit_armed || tcb.persist || tcb.fast_retransmit_due) {
    tcb.persist = false;
    tcb.retransmit_armed = true;
    tcb.retransmit_at = Stamp{now + backed_off(tcb.rtt, tcb.backoff)};
  }
  tcb.fast_retransmit_due = false;
  return header;
}

bool wants_ack(const Tcb& tcb) noexcept {
  return tcb.ack_now && tcb.state != State::syn_sent && tcb.state != State::syn_received &&
         tcb.state != State::closed;
}

Segment make_ack(Tcb& tcb, Instant now, std::span<const SackBlock> blocks) noexcept {
  // [RFC 9293 3.10.7.4] <SEQ=SND.NXT>; while a probe is out, the peer expects the probed byte.
  Segment ack = header_with_ack(tcb, tcb.persist ? tcb.snd_nxt : tcb.snd_max, {}, now);
  if (!tcb.sack) return ack;
  const std::size_t most = tcb.timestamps ? kSackBlocksWithTimestamps : kSackBlocks;
  for (const SackBlock& block : blocks.first(std::min(blocks.size(), most))) {
    ack.options.sack_blocks[ack.options.num_sack_blocks++] = block;
  }
  return ack;
}

}  // namespace sallyport::tcp
