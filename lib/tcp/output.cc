#include "lib/tcp/output.h"

#include <algorithm>

#include "lib/tcp/options.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/recovery.h"

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

// usable_window is the number of bytes that the peer's window still admits at SND.NXT.
std::uint32_t usable_window(const Tcb& tcb) noexcept {
  const std::uint32_t in_flight = flight(tcb);
  return tcb.snd_wnd > in_flight ? tcb.snd_wnd - in_flight : 0;
}

// usable_cwnd: what the peer reported has left the network, so each duplicate ACK lets something
// out before a loss is certain, too (limited transmit, RFC 3042).
std::uint32_t usable_cwnd(const Tcb& tcb) noexcept {
  const std::uint32_t in_network = pipe(tcb);
  return tcb.congestion.cwnd > in_network ? tcb.congestion.cwnd - in_network : 0;
}

// repeat composes what was sent before.  A FIN that was not sent is not smuggled in.
Transmission repeat(const Tcb& tcb, const Pending& pending, std::uint32_t offset,
                    std::uint32_t len) noexcept {
  Transmission t = compose(tcb, pending, Transmission::Kind::retransmission, offset, len);
  if (!tcb.fin_sent) t.flags = t.flags.without(kFin);
  return t;
}

// What counts as lost goes first, as far as the congestion window lets it; never beyond what the
// network holds already.
Transmission retransmission(const Tcb& tcb, const Pending& pending) noexcept {
  const Pending::Piece piece = pending.lost;
  if (piece.len == 0 && !tcb.fin_lost) return {};
  const std::uint32_t offset = piece.len == 0 ? pending.queued : piece.offset;
  const std::uint32_t len = std::min(piece.len, std::uint32_t{tcb.snd_mss});
  if (pipe(tcb) > 0 && len > usable_cwnd(tcb)) return {};
  return repeat(tcb, pending, offset, len);
}

// [RFC 8985 7.3] New data if there is any, or what was sent last; whatever the congestion window
// says.
Transmission tail_probe(const Tcb& tcb, const Pending& pending) noexcept {
  const std::uint32_t len = std::min(pending.chunk_len, std::uint32_t{tcb.snd_mss});
  if (len > 0 && len <= usable_window(tcb)) {
    return compose(tcb, pending, Transmission::Kind::data, flight(tcb), len);
  }
  const Pending::Piece tail = pending.tail;
  if (tail.len > 0) {
    return repeat(tcb, pending, tail.offset, std::min(tail.len, std::uint32_t{tcb.snd_mss}));
  }
  return tcb.fin_sent && !tcb.fin_acked ? repeat(tcb, pending, pending.queued, 0) : Transmission{};
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
  if (tcb.timer != SendTimer::none) return;
  tcb.timer = SendTimer::persist;
  tcb.backoff = 0;
  tcb.retransmit_at = Stamp{now + tcb.rtt.rto()};
}

// Everything that a segment with an ACK carries beside its text.
Segment header_with_ack(Tcb& tcb, SeqNum seq, Flags flags, Instant now) noexcept {
  Segment header;
  header.seq = seq;
  header.flags = flags | kAck;
  if (tcb.ece_due) header.flags |= kEce;
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
  // [RFC 3168 6.1.1.1] Some paths drop SYNs that offer ECN: a repeated one does not.
  const bool with_ecn = tcb.ecn && !tcb.syn_retransmitted;
  if (tcb.state == State::syn_sent) {
    if (with_ecn) header.flags |= kEce | kCwr;
    return header;
  }
  header.flags |= kAck;
  if (with_ecn) header.flags |= kEce;
  header.ack = tcb.rcv_nxt;
  if (tcb.timestamps) header.options.tsecr = tcb.ts_recent;
  tcb.last_ack_sent = tcb.rcv_nxt;
  tcb.ack_now = false;
  return header;
}

// [RFC 3168 6.1.5] [RFC 3168 6.1.6] Only new text may be marked: neither repetitions nor window
// probes.  [RFC 3168 6.1.2] With it the peer learns that its marks were heard.
void make_ecn_capable(Tcb& tcb, Segment& header) noexcept {
  header.ecn = wire::Ecn::ect0;
  if (!tcb.cwr_due) return;
  header.flags |= kCwr;
  tcb.cwr_due = false;
}

// What is needed to find out later that a retransmission had no reason.
void remember_retransmission(Tcb& tcb, const Segment& header) noexcept {
  if (!tcb.undo_possible) return;
  if (tcb.undo_retransmissions < 0xff) ++tcb.undo_retransmissions;
  if (tcb.undo_has_tsval || tcb.undo_retransmissions > 1 || !tcb.timestamps) return;
  if (tcb.recovery == Recovery::open) return;  // a tail probe
  // [RFC 3522 3.2] What moves SND.UNA next tells only of the segment that begins there.
  if (after(header.seq, tcb.snd_una)) return;
  tcb.undo_has_tsval = true;
  tcb.undo_tsval = header.options.tsval;
}

}  // namespace

Transmission next_transmission(Tcb& tcb, const Pending& pending, Instant now) noexcept {
  using Kind = Transmission::Kind;
  if (tcb.state == State::syn_sent || tcb.state == State::syn_received) return next_syn(tcb);
  if (!may_send_data(tcb)) return {};
  if (tcb.lost > 0) return retransmission(tcb, pending);
  if (tcb.tail_probe_due) {
    if (const Transmission t = tail_probe(tcb, pending)) return t;
    tcb.tail_probe_due = false;  // nothing is left to be probed
  }
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
      tcb.last_sent.elapsed(now) > tcb.rtt.rto()) {
    on_idle(tcb.congestion, tcb.snd_mss);
    // What was delivered long ago judges nothing that is sent from now on; and after half an hour
    // its stamp would seem to lie ahead.
    tcb.rack.valid = false;
  }
  const std::uint32_t len = std::min(pending.chunk_len, std::uint32_t{tcb.snd_mss});
  // After a time-out what was sent of one segment goes whatever the windows say: the peer had room
  // for it once.
  if (offset == 0 && kind == Kind::retransmission && tcb.recovery == Recovery::timed_out) {
    const std::uint32_t sent = distance(tcb.snd_nxt, tcb.snd_max);
    return compose(tcb, pending, kind, offset, std::min(len, std::max(sent, usable_window(tcb))));
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
  if (tcb.ecn && t.kind == Transmission::Kind::data && t.len > 0) make_ecn_capable(tcb, header);

  const SeqNum end = t.seq + header.length();
  const bool is_repeated = t.kind == Transmission::Kind::retransmission;
  if (t.flags.fin()) {
    tcb.fin_sent = true;
    if (tcb.fin_lost) --tcb.lost;
    tcb.fin_lost = false;
  }
  tcb.snd_max = later(tcb.snd_max, end);
  if (t.kind == Transmission::Kind::window_probe) {
    // SND.NXT stays: until the peer takes the byte, it is not in flight but still to be sent.
    tcb.probe_due = false;
    return header;
  }
  tcb.snd_nxt = later(tcb.snd_nxt, end);
  if (!is_syn || !is_repeated) tcb.last_sent = Stamp{now};
  if (is_syn) {
    if (tcb.timer == SendTimer::none) arm_send_timer(tcb, {}, now);
    return header;
  }
  tcb.has_sent_data = true;
  if (tcb.recovery == Recovery::fast_recovery) tcb.congestion.prr.out += t.len;
  if (is_repeated) remember_retransmission(tcb, header);
  if (tcb.tail_probe_due) {
    tcb.tail_probe_due = false;
    tcb.tail_probe_out = true;
    tcb.tail_probe_repeats = is_repeated;
    tcb.undo_has_tsval = false;
    tcb.tail_end = tcb.snd_nxt;
    arm_send_timer(tcb, {}, now);
    return header;
  }
  // [RFC 6298 5.1] The timer runs while anything is in flight.  A retransmission starts it anew, or
  // it would fire before the repetition can be acknowledged; new data moves a tail probe.
  const bool moves = is_repeated && tcb.timer != SendTimer::reordering;
  if (moves || tcb.timer == SendTimer::none || tcb.timer == SendTimer::persist ||
      tcb.timer == SendTimer::tail_probe) {
    arm_send_timer(tcb, {}, now);
  }
  return header;
}

bool wants_ack(const Tcb& tcb) noexcept {
  return (tcb.ack_now || tcb.keep_alive_due) && tcb.state != State::syn_sent &&
         tcb.state != State::syn_received && tcb.state != State::closed;
}

Segment make_ack(Tcb& tcb, Instant now, std::span<const SackBlock> blocks) noexcept {
  // [RFC 9293 3.10.7.4] <SEQ=SND.NXT>; while a probe is out, the peer expects the probed byte.
  SeqNum seq = tcb.timer == SendTimer::persist ? tcb.snd_nxt : tcb.snd_max;
  if (tcb.keep_alive_due) {
    // [RFC 9293 3.8.4] <SEQ=SND.NXT-1>: out of the window, so it is answered.
    tcb.keep_alive_due = false;
    seq = seq - 1U;
  }
  Segment ack = header_with_ack(tcb, seq, {}, now);
  if (!tcb.sack) return ack;
  const std::size_t most = tcb.timestamps ? kSackBlocksWithTimestamps : kSackBlocks;
  for (const SackBlock& block : blocks.first(std::min(blocks.size(), most))) {
    ack.options.sack_blocks[ack.options.num_sack_blocks++] = block;
  }
  return ack;
}

}  // namespace sallyport::tcp
