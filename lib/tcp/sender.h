// The sender's side of a connection with its queue: output.h and timers.h decide, recovery.h draws
// conclusions, and these functions walk the queue between them.  Callers use these.
//
//   Arrival a = segment_arrives(tcb, segment, now);
//   process_ack(tcb, queue, segment, a, now);         // before acknowledged chunks are dropped
//   ... drop a.bytes_acked from the queue, deliver text ...
//   while (auto t = next_transmission(tcb, queue, now)) {
//     const Segment header = transmit(tcb, queue, t, now);
//     ... write header, attach queue bytes [t.offset, t.offset + t.len), send
//   }
//   on_deadline(tcb, queue, now)                      // when next_deadline() has come
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/tcp/input.h"
#include "lib/tcp/output.h"
#include "lib/tcp/recovery.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/sent_mark.h"
#include "lib/tcp/tcb.h"
#include "lib/tcp/timers.h"

namespace sallyport::tcp {

// The chunks that one walk looks at.  Without a limit a peer with a large window makes every ACK
// cost a walk over all of it (the class of CVE-2019-11478).  What lies behind is repaired a little
// later.  Chunks that SEG.ACK covers do not count: they leave the queue, each once, and those that
// nobody took off the account would stay in it for ever.  A run of chunks that SACK has reported
// counts as one: its first knows its last, so an ACK costs what is missing, not what is in flight.
inline constexpr unsigned kMaxWalk = 8192;

namespace internal {

// in_flight_chunks calls visit(chunk, mark, seq, end) for each chunk that was sent as a whole,
// until it returns false; not for those ahead of SND.UNA that were sacked before.
//
// The run_end of every sacked chunk lies at or behind it in the same run, so it never points at
// what has left the queue, which is from the front.  That of the first of a run, or of what is left
// of it, is the right one, unless two runs have come to touch: then the next walk joins them.
template <SegmentQueue Q, class Visit>
void in_flight_chunks(const Tcb& tcb, Q& queue, Visit&& visit) noexcept {
  unsigned left = kMaxWalk;
  typename Q::Node* run = nullptr;  // the first chunk of the run that ends before `c`
  const auto continue_run = [&run](typename Q::Node& first, typename Q::Node& last) noexcept {
    if (run == nullptr) run = &first;
    Q::set_run_end(*run, last);
  };
  for (auto* c = queue.first_chunk(); c != nullptr && left > 0; c = Q::next(*c)) {
    const SeqNum seq = Q::seq(*c);
    const SeqNum end = seq + Q::len(*c);
    if (after(end, tcb.snd_nxt)) return;
    const bool is_acked = at_or_before(end, tcb.snd_una);
    if (!is_acked) --left;
    if (Q::mark(*c).sacked) {
      auto* const last = Q::run_end(*c);
      if (!is_acked) {
        continue_run(*c, *last);
        c = last;
        continue;
      }
      if (last != c) Q::set_run_end(*Q::next(*c), *last);  // the new first of the run
    }
    if (!visit(*c, Q::mark(*c), seq, end)) return;
    if (Q::mark(*c).sacked) {
      Q::set_run_end(*c, *c);
      continue_run(*c, *c);
    } else {
      run = nullptr;
    }
  }
}

// Scoreboard blocks: those of the segment that report something in flight, in ascending order.
struct Blocks {
  std::array<SackBlock, Options::kMaxSackBlocks> sorted;
  std::size_t count = 0;
};
inline Blocks usable_blocks(const Tcb& tcb, const Segment& segment) noexcept {
  Blocks blocks;
  for (const SackBlock& b : segment.options.sack()) {
    const bool is_sane = before(b.left, b.right) && after(b.right, tcb.snd_una) &&
                         at_or_before(b.right, tcb.snd_max) &&
                         at_or_after(b.left, tcb.snd_una - tcb.max_snd_wnd);
    if (!is_sane) continue;
    std::size_t at = blocks.count++;
    for (; at > 0 && before(b.left, blocks.sorted[at - 1].left); --at) {
      blocks.sorted[at] = blocks.sorted[at - 1];
    }
    blocks.sorted[at] = b;
  }
  return blocks;
}

// take_delivered walks over what `segment` acknowledges, by SEG.ACK and by SACK.
template <SegmentQueue Q>
Delivery take_delivered(Tcb& tcb, Q& queue, const Segment& segment, const Arrival& arrival,
                        Instant now) noexcept {
  Delivery delivery;
  delivery.acked = arrival.ack == Acknowledgment::advances;
  delivery.congestion_echoed = tcb.ecn && segment.flags.ece() && !segment.flags.syn();
  Blocks blocks;
  if (tcb.sack) {
    blocks = usable_blocks(tcb, segment);
    delivery.dsack = has_dsack(segment);
  }
  if (!delivery.acked && blocks.count == 0) return delivery;
  std::size_t at = 0;
  in_flight_chunks(tcb, queue, [&](auto& chunk, SentMark mark, SeqNum seq, SeqNum end) noexcept {
    const std::uint32_t len = distance(seq, end);
    const bool is_acked = at_or_before(end, tcb.snd_una);
    if (!is_acked) {
      while (at < blocks.count && at_or_before(blocks.sorted[at].right, seq)) ++at;
      if (at == blocks.count) return false;
      if (before(seq, blocks.sorted[at].left) || after(end, blocks.sorted[at].right)) return true;
    }
    if (mark.lost) tcb.lost -= std::min(tcb.lost, len - std::min<std::uint32_t>(mark.resent, len));
    if (mark.sacked) {
      tcb.sacked -= std::min(tcb.sacked, len);
      --tcb.rack.segments_sacked;
      delivery.reported += len;
    } else {
      chunk_delivered(tcb, segment, mark, seq, end, now, delivery);
    }
    mark.lost = false;
    mark.resent = 0;
    mark.sacked = !is_acked;
    if (!is_acked) {
      tcb.sacked += len;
      ++tcb.rack.segments_sacked;
      delivery.sacked = true;
    }
    Q::set_mark(chunk, mark);
    return true;
  });
  return delivery;
}

template <SegmentQueue Q>
void mark_lost(Tcb& tcb, typename Q::Node& chunk, SentMark mark, std::uint32_t len) noexcept {
  mark.lost = true;
  mark.resent = 0;
  tcb.lost_from = tcb.lost == 0 ? Q::seq(chunk) : earlier(tcb.lost_from, Q::seq(chunk));
  tcb.lost += len;
  Q::set_mark(chunk, mark);
}

inline void mark_fin_lost(Tcb& tcb) noexcept {
  tcb.fin_lost = true;
  if (tcb.lost == 0) tcb.lost_from = tcb.snd_una;
  ++tcb.lost;
}

// first_lost is the first chunk that waits for being sent again.
template <SegmentQueue Q>
typename Q::Node* first_lost(Tcb& tcb, Q& queue) noexcept {
  auto* c = queue.chunk_at(later(tcb.lost_from, tcb.snd_una));
  for (unsigned left = kMaxWalk; c != nullptr && left > 0; --left) {
    const SentMark mark = Q::mark(*c);
    if (after(Q::seq(*c) + Q::len(*c), tcb.snd_nxt)) return nullptr;
    tcb.lost_from = Q::seq(*c);
    if (mark.lost) return c;
    c = Q::next(mark.sacked ? *Q::run_end(*c) : *c);
  }
  return nullptr;
}

struct Losses {
  bool any = false;
  Micros wait;  // until the next one may be found
};

// [RFC 8985 6.2] Step 5: what was sent so long before something delivered that it must be lost.
template <SegmentQueue Q>
Losses detect_losses(Tcb& tcb, Q& queue, Instant now) noexcept {
  Losses losses;
  in_flight_chunks(tcb, queue, [&](auto& chunk, SentMark mark, SeqNum seq, SeqNum end) noexcept {
    if (mark.lost || at_or_before(end, tcb.snd_una)) return true;
    const auto left = time_left(tcb, mark, end, now);
    // What was sent once, and too late to be judged, has only later ones behind it.
    if (!left) return bool{mark.retransmitted};
    if (left->count > 0) {
      losses.wait = std::max(losses.wait, *left);
      return true;
    }
    mark_lost<Q>(tcb, chunk, mark, distance(seq, end));
    losses.any = true;
    return true;
  });
  return losses;
}

// detect_first_loss marks the first chunk when duplicate or partial ACKs call it lost.
template <SegmentQueue Q>
bool detect_first_loss(Tcb& tcb, Q& queue, const Delivery& delivery, Instant now) noexcept {
  if (!first_chunk_is_lost(tcb, delivery)) return false;
  bool found = false;
  in_flight_chunks(tcb, queue, [&](auto& chunk, SentMark mark, SeqNum seq, SeqNum end) noexcept {
    if (at_or_before(end, tcb.snd_una)) return true;
    // Partial ACKs within one chunk, which no honest peer sends, would each repeat the rest of it:
    // what was repeated less than a round trip ago is still under way.
    const bool is_under_way =
        mark.retransmitted && before(seq, tcb.snd_una) && mark.sent_at.elapsed(now) < tcb.rtt.srtt;
    if (!mark.lost && !is_under_way) {
      mark_lost<Q>(tcb, chunk, mark, distance(seq, end));
      found = true;
    }
    return false;
  });
  if (!found && tcb.fin_sent && !tcb.fin_acked && !tcb.fin_lost && tcb.snd_una + 1 == tcb.snd_max) {
    mark_fin_lost(tcb);
    found = true;
  }
  return found;
}

template <SegmentQueue Q>
void clear_losses(Tcb& tcb, Q& queue) noexcept {
  in_flight_chunks(tcb, queue, [&](auto& chunk, SentMark mark, SeqNum, SeqNum) noexcept {
    mark.lost = false;
    mark.resent = 0;
    Q::set_mark(chunk, mark);
    return true;
  });
  tcb.lost = 0;
  tcb.fin_lost = false;
}

// mark_all_lost: after an RTO everything in flight counts as lost that the peer did not report.
template <SegmentQueue Q>
void mark_all_lost(Tcb& tcb, Q& queue) noexcept {
  auto* first = queue.first_chunk();
  while (first != nullptr && at_or_before(Q::seq(*first) + Q::len(*first), tcb.snd_una)) {
    first = Q::next(*first);
  }
  // [RFC 2018 8] The first one cannot have been received: the peer has dropped what it reported.
  const bool reneged = first != nullptr && Q::mark(*first).sacked;
  if (reneged || !tcb.sack) {
    tcb.sacked = 0;
    tcb.rack.segments_sacked = 0;
  }
  tcb.lost = 0;
  SeqNum end = tcb.snd_una;
  for (auto* c = first; c != nullptr; c = Q::next(*c)) {
    const SeqNum seq = Q::seq(*c);
    if (!before(seq, tcb.snd_nxt)) break;
    end = seq + Q::len(*c);
    if (after(end, tcb.snd_nxt)) {
      // Sent in part, into a small window: it begins anew.
      tcb.snd_nxt = later(seq, tcb.snd_una);
      break;
    }
    SentMark mark = Q::mark(*c);
    if (mark.sacked) {
      if (!reneged) continue;
      mark.sacked = false;
      mark.sent_at = tcb.last_sent;
    }
    mark_lost<Q>(tcb, *c, mark, distance(seq, end));
  }
  tcb.fin_lost = false;
  if (tcb.fin_sent && !tcb.fin_acked) mark_fin_lost(tcb);
}

}  // namespace internal

// process_ack does for the sender what the believed ACK of `segment` asks for.  Call it after each
// segment_arrives(), which gave `arrival`, and before acknowledged chunks leave the queue.
template <SegmentQueue Q>
void process_ack(Tcb& tcb, Q& queue, const Segment& segment, Arrival& arrival,
                 Instant now) noexcept {
  if (arrival.ack == Acknowledgment::none) return;
  Delivery delivery = internal::take_delivered(tcb, queue, segment, arrival, now);
  if (tcb.fin_acked && tcb.fin_lost) {
    tcb.fin_lost = false;
    tcb.lost -= std::min(tcb.lost, 1U);
  }
  ack_taken(tcb, segment, arrival, now, delivery);
  if (was_spurious(tcb, segment, delivery)) {
    internal::clear_losses(tcb, queue);
    arrival.events.add(Event::spurious_recovery);
  }
  internal::Losses losses;
  if (!tcb.sack) {
    losses.any = internal::detect_first_loss(tcb, queue, delivery, now);
  } else if (tcb.sacked > 0 || tcb.recovery != Recovery::open) {
    losses = internal::detect_losses(tcb, queue, now);
  }
  react(tcb, losses.any, delivery, arrival, now);
  const bool was_waiting = tcb.timer == SendTimer::reordering || tcb.timer == SendTimer::tail_probe;
  if (delivery.acked || losses.any || losses.wait.count > 0 || (delivery.sacked && was_waiting)) {
    arm_send_timer(tcb, losses.wait, now);
  }
}

// on_deadline handles every timer that is due; harmless when none is.
template <SegmentQueue Q>
[[nodiscard]] Expired on_deadline(Tcb& tcb, Q& queue, Instant now) noexcept {
  const Expired expired = on_deadline(tcb, now);
  if (expired.retransmission_timeout) internal::mark_all_lost(tcb, queue);
  if (expired.reordering) {
    // [RFC 8985 6.3] Nothing was delivered, but time has passed.
    const internal::Losses losses = internal::detect_losses(tcb, queue, now);
    Arrival nothing;
    react(tcb, losses.any, {}, nothing, now);
    arm_send_timer(tcb, losses.wait, now);
  }
  return expired;
}

// next_transmission decides what to send, as output.h says.
template <SegmentQueue Q>
[[nodiscard]] Transmission next_transmission(Tcb& tcb, Q& queue, Instant now) noexcept {
  const auto piece_from = [&](typename Q::Node* chunk, SeqNum from) noexcept {
    return Pending::Piece{distance(tcb.snd_una, from),
                          distance(from, Q::seq(*chunk) + Q::len(*chunk))};
  };
  Pending pending;
  const SeqNum end = queue.end();
  if (after(end, tcb.snd_una)) pending.queued = distance(tcb.snd_una, end);
  if (tcb.lost > 0) {
    if (auto* chunk = internal::first_lost(tcb, queue)) {
      const SeqNum from = Q::seq(*chunk) + Q::mark(*chunk).resent;
      pending.lost = piece_from(chunk, later(from, tcb.snd_una));
    }
    return next_transmission(tcb, pending, now);
  }
  if (tcb.tail_probe_due && flight(tcb) > 0) {
    // The last chunk in flight, or the part of it that fitted a small window.
    const SeqNum sent = earlier(tcb.snd_nxt, end);
    if (auto* chunk = after(sent, tcb.snd_una) ? queue.chunk_at(sent - 1U) : nullptr) {
      pending.tail = piece_from(chunk, later(Q::seq(*chunk), tcb.snd_una));
      pending.tail.len =
          std::min(pending.tail.len, distance(tcb.snd_una, sent) - pending.tail.offset);
    }
  }
  if (auto* chunk = queue.chunk_at(tcb.snd_nxt)) {
    pending.chunk_len = piece_from(chunk, tcb.snd_nxt).len;
  }
  return next_transmission(tcb, pending, now);
}

// transmit commits `t` and yields its header.
template <SegmentQueue Q>
[[nodiscard]] Segment transmit(Tcb& tcb, Q& queue, const Transmission& t, Instant now) noexcept {
  const bool is_repeated = before(t.seq, tcb.snd_max);
  if (t.len > 0) {
    if (auto* chunk = queue.chunk_at(t.seq)) {
      SentMark mark = Q::mark(*chunk);
      if (!mark.sacked) mark.sent_at = Stamp{now};
      mark.retransmitted = mark.retransmitted || is_repeated;
      if (mark.lost) {
        const std::uint32_t resent = distance(Q::seq(*chunk), t.seq + t.len);
        tcb.lost -= std::min(tcb.lost, resent - mark.resent);
        mark.lost = resent < Q::len(*chunk);
        mark.resent = mark.lost ? static_cast<std::uint16_t>(resent) : std::uint16_t{0};
      }
      Q::set_mark(*chunk, mark);
    }
  }
  return transmit(tcb, t, now);
}

}  // namespace sallyport::tcp
