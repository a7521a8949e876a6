#include "lib/tcp/recovery.h"

#include <algorithm>

namespace sallyport::tcp {
namespace {

// [RFC 5681 3.2] [RFC 8985 6.2] DupThresh: so many segments behind a gap mean a loss, fewer may be
// reordering.
constexpr std::uint8_t kDuplicateThreshold = 3;
constexpr std::uint8_t kReoWndRecoveries = 16;  // [RFC 8985 6.2] step 4
constexpr std::uint8_t kMaxReoWndMult = 64;
// [RFC 8985 7.2] WCDelAckT: the longest that a receiver delays the ACK of a single segment.
constexpr Micros kWorstDelayedAck = from_millis(200);
constexpr Micros kPtoWithoutRtt = from_millis(1000);
// A probe below the scheduling jitter of either side would mostly be spurious.
constexpr Micros kMinPto = from_millis(10);

// [RFC 8985 5.2] sent_after: by time, and by sequence number within one burst.
bool sent_after(Stamp a, SeqNum a_end, Stamp b, SeqNum b_end) noexcept {
  const auto ahead = static_cast<std::int32_t>(a.us - b.us);
  return ahead > 0 || (ahead == 0 && after(a_end, b_end));
}

// [RFC 8985 6.2] Step 2 except: a round trip that is shorter than possible, or an echo older than
// the retransmission, belongs to the first transmission.
bool acks_first_transmission(const Tcb& tcb, const Segment& segment, SentMark mark, Micros rtt,
                             Instant now) noexcept {
  if (!mark.retransmitted) return false;
  if (tcb.timestamps && segment.options.has_timestamps) {
    const std::uint32_t sent = timestamp_clock(mark.sent_at.instant(now)) + tcb.ts_offset;
    if (static_cast<std::int32_t>(segment.options.tsecr - sent) < 0) return true;
  }
  return rtt < tcb.rack.min_rtt;
}

// [RFC 8985 6.2] Step 4: the reordering window.
Micros reo_wnd(const Tcb& tcb) noexcept {
  const Rack& rack = tcb.rack;
  if (!rack.reordering_seen) {
    if (tcb.recovery != Recovery::open) return {};
    if (rack.segments_sacked >= kDuplicateThreshold) return {};
  }
  return std::min(Micros{rack.min_rtt.count / 4 * rack.reo_wnd_mult}, tcb.rtt.srtt);
}

// [RFC 8985 6.2] Step 4: each round trip with a DSACK widens the window.
void widen_reo_wnd(Tcb& tcb, Instant now) noexcept {
  Rack& rack = tcb.rack;
  if (rack.dsack_seen && rack.dsack_at.elapsed_us(now) <= tcb.rtt.srtt.count) return;
  rack.dsack_seen = true;
  rack.dsack_at = TimerStamp{now};
  rack.reo_wnd_mult = std::min<std::uint8_t>(rack.reo_wnd_mult + 1U, kMaxReoWndMult);
  rack.reo_wnd_persist = kReoWndRecoveries;
}

void forget_reo_wnd(Rack& rack) noexcept {
  if (rack.reo_wnd_persist > 0) --rack.reo_wnd_persist;
  if (rack.reo_wnd_persist == 0) rack.reo_wnd_mult = 1;
}

void sample_round_trip(Tcb& tcb, const Segment& segment, Instant now,
                       const Delivery& delivery) noexcept {
  // [RFC 6298 3] Karn: what arrived long ago may have waited for its ACK until a repetition filled
  // the gap before it.
  if (delivery.has_sample && !delivery.repeated) {
    const bool is_due = at_or_after(segment.ack, tcb.rtt_seq) || tcb.rtt.srtt.count == 0;
    if (!is_due) return;
    tcb.backoff = 0;
    tcb.rtt_seq = tcb.snd_nxt;
    measured(tcb.rtt, delivery.sample);
    return;
  }
  // [RFC 7323 4.1] After a retransmission, when Karn's rule leaves no sample, the echoed timestamp
  // tells which transmission was acknowledged.
  if (!delivery.acked || tcb.backoff == 0) return;
  if (!tcb.timestamps || !segment.options.has_timestamps) return;
  const std::uint32_t ms = timestamp_clock(now) + tcb.ts_offset - segment.options.tsecr;
  if (ms > kMaxRto.count / 1000) return;
  tcb.backoff = 0;
  measured(tcb.rtt, from_millis(ms));
}

// Without SACK a duplicate ACK says that one more segment arrived, but not which: `sacked` counts
// them, and never reaches the whole flight, because the first segment is missing.
void count_duplicates(Tcb& tcb, const Arrival& arrival, Delivery& delivery) noexcept {
  const std::uint32_t mss = tcb.snd_mss;
  if (arrival.ack == Acknowledgment::duplicate) {
    if (tcb.recovery == Recovery::timed_out) return;  // answers to what was in flight before
    if (tcb.dup_acks < 15) ++tcb.dup_acks;
    // [RFC 3042 2] Two segments, and where the third duplicate may not begin a recovery, no more.
    const bool is_limited = tcb.recovery == Recovery::open && tcb.dup_acks >= kDuplicateThreshold;
    if (is_limited && !first_chunk_is_lost(tcb, delivery)) return;
    const std::uint32_t others = flight(tcb) > mss ? flight(tcb) - mss : 0;
    const std::uint32_t counted = std::min(tcb.sacked + mss, std::max(others, tcb.sacked));
    delivery.bytes = counted - tcb.sacked;
    tcb.sacked = counted;
    return;
  }
  if (!delivery.acked) return;
  if (tcb.recovery != Recovery::fast_recovery) {
    delivery.bytes -= std::min(delivery.bytes, tcb.sacked);
    tcb.sacked = 0;
    tcb.dup_acks = 0;
    return;
  }
  // [RFC 6582 3.2] A partial ACK: the repeated segment, and some that duplicates stood for.
  const std::uint32_t known = std::min(tcb.sacked, delivery.bytes > mss ? delivery.bytes - mss : 0);
  tcb.sacked = std::min(tcb.sacked - known, flight(tcb));
  delivery.bytes -= known;
}

// [RFC 3708 2] A duplicate from before the reduction, or while nothing was repeated yet, is one
// that the network made, and says nothing about our repetitions.
void take_dsack(Tcb& tcb, const Segment& segment, Delivery& delivery) noexcept {
  if (!tcb.undo_possible || tcb.undo_retransmissions == 0) return;
  if (!tcb.undo_from.is_before(segment.options.sack()[0].right)) return;
  if (tcb.undo_retransmissions == 0xff) return;  // too many to be counted
  --tcb.undo_retransmissions;
  delivery.unneeded = true;
}

// flight_to_reduce is FlightSize for a reduction.
// [RFC 5681 3.2] Without what was sent by limited transmit.  While a hole waits to be filled, that
// can be many windows, because all that is reported behind it has left the network: half of such a
// flight would be no reduction.
// `acked`: by this very ACK, and in flight until then.
std::uint32_t flight_to_reduce(const Tcb& tcb, std::uint32_t acked = 0) noexcept {
  return std::min(flight(tcb) + acked, tcb.congestion.cwnd);
}

// [RFC 8985 7.4] What became of the tail probe.
void judge_tail_probe(Tcb& tcb, const Segment& segment, const Arrival& arrival,
                      const Delivery& delivery) noexcept {
  if (!tcb.tail_probe_out || before(segment.ack, tcb.tail_end)) return;
  if (!tcb.tail_probe_repeats || delivery.dsack ||
      (arrival.ack == Acknowledgment::duplicate && segment.options.num_sack_blocks == 0)) {
    tcb.tail_probe_out = false;
    return;
  }
  if (!after(segment.ack, tcb.tail_end)) return;
  // The probe has repaired a loss that nothing else told us of.  What this ACK took out of flight
  // counts, too.
  tcb.tail_probe_out = false;
  if (tcb.recovery != Recovery::open) return;
  on_loss(tcb.congestion, tcb.algorithm, flight_to_reduce(tcb, arrival.bytes_acked), tcb.snd_mss);
  on_recovered(tcb.congestion);
  tcb.cwr_due = tcb.ecn;
}

void begin_recovery(Tcb& tcb) noexcept {
  prepare_undo(tcb);
  // [RFC 3168 6.1.2] One reduction per window, whether for a mark or for a loss.
  if (tcb.ecn_reduced) {
    on_loss_after_reduction(tcb.congestion, flight_to_reduce(tcb));
  } else {
    on_loss(tcb.congestion, tcb.algorithm, flight_to_reduce(tcb), tcb.snd_mss);
    tcb.cwr_due = tcb.ecn;
  }
  tcb.ecn_reduced = false;
  tcb.recovery = Recovery::fast_recovery;
  tcb.recover = tcb.snd_max;
}

void end_recovery(Tcb& tcb) noexcept {
  if (tcb.recovery == Recovery::fast_recovery) {
    on_recovered(tcb.congestion);
    // [RFC 6582 3.2 except] `recover` guards against duplicate ACKs that our own repetitions cause.
    // Fast recovery repeats only what was missing, so unlike after a time-out a loss right behind
    // `recover` may be repaired quickly again.
    tcb.recover = tcb.snd_una - 1U;
  }
  tcb.recovery = Recovery::open;
  forget_reo_wnd(tcb.rack);
  if (!tcb.sack) {
    tcb.sacked = 0;
    tcb.dup_acks = 0;
  }
}

// [RFC 3168 6.1.2] The sender's half of ECN: a mark counts as a loss, at most once per window of
// data, and nothing is repeated.  Until the peer has our CWR its ECE is an old one: hence no
// reduction before data that followed the last one is acknowledged.
void heed_mark(Tcb& tcb, Arrival& arrival) noexcept {
  if (tcb.recovery != Recovery::open || tcb.ecn_reduced) return;
  // What the very ACK acknowledges was in flight when the mark was made.
  on_loss(tcb.congestion, tcb.algorithm, flight_to_reduce(tcb, arrival.bytes_acked), tcb.snd_mss);
  on_recovered(tcb.congestion);
  tcb.recover = tcb.snd_max;
  tcb.ecn_reduced = true;
  tcb.cwr_due = true;
  tcb.undo_possible = false;  // what comes now has a reason
  arrival.events.add(Event::ecn_reduction);
}

// [RFC 6937 3] How much may be sent in answer to this ACK.
void reduce_proportionally(Tcb& tcb, bool newly_lost, const Delivery& delivery) noexcept {
  Prr& prr = tcb.congestion.prr;
  const std::uint32_t ssthresh = tcb.congestion.ssthresh;
  const std::uint32_t in_network = pipe(tcb);
  prr.delivered += delivery.bytes;
  std::uint64_t may_send = 0;
  if (in_network > ssthresh) {
    const std::uint64_t share =
        (std::uint64_t{prr.delivered} * ssthresh + prr.recover_fs - 1) / prr.recover_fs;
    may_send = share > prr.out ? share - prr.out : 0;
  } else {
    // PRR-SSRB, the conservative bound; one segment more where SND.UNA moves and nothing else was
    // lost.
    std::uint32_t limit = prr.delivered > prr.out ? prr.delivered - prr.out : 0;
    limit = std::max(limit, delivery.bytes);
    if (delivery.acked && !newly_lost) limit += tcb.snd_mss;
    may_send = std::min(ssthresh - in_network, limit);
  }
  // The first retransmission never waits.  [RFC 6582 3.2] Nor does that of the next hole when only
  // partial ACKs tell of it.
  if (prr.out == 0 || (newly_lost && !tcb.sack))
    may_send = std::max<std::uint64_t>(may_send, tcb.snd_mss);
  tcb.congestion.cwnd =
      std::max(in_network + static_cast<std::uint32_t>(may_send), std::uint32_t{tcb.snd_mss});
}

// [RFC 8985 7.2] One probe at a time, and only while no loss is known of.
bool may_probe_tail(const Tcb& tcb) noexcept {
  return tcb.sack && tcb.recovery == Recovery::open && tcb.sacked == 0 && tcb.lost == 0 &&
         !tcb.tail_probe_out && tcb.backoff == 0 && is_synchronized(tcb.state);
}

Micros probe_time_out(const Tcb& tcb) noexcept {
  if (tcb.rtt.srtt.count == 0) return kPtoWithoutRtt;
  Micros pto = std::max(Micros{2 * tcb.rtt.srtt.count}, kMinPto);
  if (flight(tcb) <= tcb.snd_mss) pto = pto + kWorstDelayedAck;
  return pto;
}

}  // namespace

void prepare_undo(Tcb& tcb) noexcept {
  tcb.undo_possible = true;
  tcb.undo_has_tsval = false;
  tcb.undo_retransmissions = 0;
  tcb.undo_from = CoarseSeq{tcb.snd_una};
  tcb.undo_cwnd = tcb.congestion.cwnd;
  tcb.undo_slow_start = tcb.congestion.ssthresh == kNoThreshold;
  tcb.tail_probe_out = false;
  tcb.tail_probe_due = false;
}

void chunk_delivered(Tcb& tcb, const Segment& segment, SentMark mark, SeqNum seq, SeqNum end,
                     Instant now, Delivery& delivery) noexcept {
  Rack& rack = tcb.rack;
  delivery.bytes += distance(seq, end);
  const Micros rtt = mark.sent_at.elapsed(now);
  delivery.repeated = delivery.repeated || mark.retransmitted;
  // Step 1.
  if (!mark.retransmitted) {
    if (!delivery.has_sample) delivery.sample = rtt;
    delivery.has_sample = true;
    if (rack.min_rtt.count == 0 || rtt < rack.min_rtt) rack.min_rtt = {std::max(rtt.count, 1U)};
  }
  // Step 3: something sent later had arrived before.
  if (!rack.valid || after(end, rack.fack)) {
    rack.fack = end;
  } else if (before(end, rack.fack) && !mark.retransmitted) {
    rack.reordering_seen = true;
  }
  // Step 2.
  if (acks_first_transmission(tcb, segment, mark, rtt, now)) return;
  if (rack.valid && !sent_after(mark.sent_at, end, rack.sent_at, rack.end)) return;
  rack.valid = true;
  rack.sent_at = mark.sent_at;
  rack.end = end;
  rack.rtt = rtt;
}

bool has_dsack(const Segment& segment) noexcept {
  const auto blocks = segment.options.sack();
  if (blocks.empty()) return false;
  const SackBlock& first = blocks[0];
  if (!before(first.left, first.right)) return false;
  if (at_or_before(first.right, segment.ack)) return true;
  return blocks.size() > 1 && at_or_after(first.left, blocks[1].left) &&
         at_or_before(first.right, blocks[1].right);
}

void ack_taken(Tcb& tcb, const Segment& segment, const Arrival& arrival, Instant now,
               Delivery& delivery) noexcept {
  sample_round_trip(tcb, segment, now, delivery);
  if (!tcb.sack) {
    count_duplicates(tcb, arrival, delivery);
    return;
  }
  if (delivery.dsack) {
    widen_reo_wnd(tcb, now);
    take_dsack(tcb, segment, delivery);
  }
  judge_tail_probe(tcb, segment, arrival, delivery);
}

bool was_spurious(Tcb& tcb, const Segment& segment, const Delivery& delivery) noexcept {
  if (!tcb.undo_possible) return false;
  bool spurious = false;
  if (delivery.acked && tcb.undo_has_tsval && segment.options.has_timestamps) {
    // [RFC 3522 3.2] The first ACK for new data after the retransmission decides; but it knows
    // nothing of others that recovery has repeated meanwhile.
    const bool is_all = tcb.undo_retransmissions <= 1 || tcb.recovery == Recovery::timed_out;
    spurious = is_all && static_cast<std::int32_t>(segment.options.tsecr - tcb.undo_tsval) < 0;
    if (!spurious) tcb.undo_has_tsval = false;
  }
  // [RFC 3708 2] Every retransmission was reported as a duplicate.
  if (delivery.unneeded && tcb.undo_retransmissions == 0) spurious = true;
  if (!spurious) return false;
  on_undo(tcb.congestion, tcb.undo_cwnd, tcb.undo_slow_start);
  tcb.undo_possible = false;
  if (tcb.recovery != Recovery::open) {
    tcb.recovery = Recovery::open;
    tcb.recover = tcb.snd_una - 1U;
  }
  tcb.backoff = 0;
  return true;
}

std::optional<Micros> time_left(const Tcb& tcb, SentMark mark, SeqNum end, Instant now) noexcept {
  const Rack& rack = tcb.rack;
  if (!rack.valid || !sent_after(rack.sent_at, rack.end, mark.sent_at, end)) return std::nullopt;
  const Micros allowed = rack.rtt + reo_wnd(tcb);
  const Micros elapsed = mark.sent_at.elapsed(now);
  return elapsed >= allowed ? Micros{} : Micros{allowed.count - elapsed.count};
}

bool first_chunk_is_lost(const Tcb& tcb, const Delivery& delivery) noexcept {
  if (tcb.recovery == Recovery::fast_recovery)
    return delivery.acked && before(tcb.snd_una, tcb.recover);
  // [RFC 6582 3.2] step 2: not for what a time-out repeated.
  return tcb.recovery == Recovery::open && tcb.dup_acks >= kDuplicateThreshold &&
         (tcb.ecn_reduced || after(tcb.snd_una, tcb.recover));
}

void react(Tcb& tcb, bool newly_lost, const Delivery& delivery, Arrival& arrival,
           Instant now) noexcept {
  const bool was_timed_out = tcb.recovery == Recovery::timed_out;
  const bool ends =
      tcb.recovery != Recovery::open && delivery.acked && at_or_after(tcb.snd_una, tcb.recover);
  if (ends) {
    end_recovery(tcb);
  } else if (tcb.recovery == Recovery::open && after(tcb.snd_una, tcb.recover)) {
    // Follows from behind, so that it is comparable after 2^31 bytes without a loss, too.
    tcb.recover = tcb.snd_una - 1U;
    tcb.ecn_reduced = false;
  }
  if (newly_lost && tcb.recovery == Recovery::open) {
    begin_recovery(tcb);
    arrival.events.add(Event::fast_retransmit);
  }
  if (delivery.congestion_echoed && !ends) heed_mark(tcb, arrival);
  if (tcb.recovery == Recovery::fast_recovery) {
    reduce_proportionally(tcb, newly_lost, delivery);
  } else if (delivery.acked && (was_timed_out || !ends) && !delivery.congestion_echoed) {
    std::uint32_t bytes = arrival.bytes_acked;
    if (was_timed_out) {
      // [RFC 3465 2.3] The ACK of a repetition covers what had arrived before the time-out, too,
      // and that says nothing about the path now.  SACK told of it; without, one segment counts.
      bytes -= std::min(bytes, delivery.reported);
      if (!tcb.sack) bytes = std::min<std::uint32_t>(bytes, tcb.snd_mss);
    }
    on_ack(tcb.congestion, tcb.algorithm,
           {.bytes = bytes,
            .mss = tcb.snd_mss,
            .was_limited = tcb.cwnd_limited || was_timed_out,
            .srtt = tcb.rtt.srtt,
            .now = now});
  }
  if (delivery.bytes > 0 || newly_lost) arrival.events.add(Event::window_opened);
}

void arm_send_timer(Tcb& tcb, Micros wait, Instant now) noexcept {
  // What a probe carried beyond what the peer took is not in flight: it is still to be sent.
  const bool is_probe_rest = tcb.timer == SendTimer::persist && tcb.snd_nxt == tcb.snd_una;
  tcb.probe_due = false;
  tcb.timer = SendTimer::none;
  if (tcb.snd_una == tcb.snd_max || is_probe_rest) return;
  const Micros rto = backed_off(tcb.rtt, tcb.backoff);
  if (wait.count > 0) {
    tcb.timer = SendTimer::reordering;
    tcb.retransmit_at = Stamp{now + std::min(wait, rto)};
  } else if (may_probe_tail(tcb)) {
    tcb.timer = SendTimer::tail_probe;
    tcb.retransmit_at = Stamp{now + std::min(probe_time_out(tcb), rto)};
  } else {
    tcb.timer = SendTimer::retransmission;
    tcb.retransmit_at = Stamp{now + rto};
  }
}

}  // namespace sallyport::tcp
