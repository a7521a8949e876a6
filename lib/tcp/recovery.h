// Loss recovery, the part that needs no queue: what an ACK and the marks of the chunks that it
// delivered say about loss, and what follows for the congestion window and the timer.  sender.h
// walks the queue and calls these in order; nobody else does.
//
//   RFC 8985   RACK: lost is what was sent before something that arrived, by more than the
//              reordering window; TLP: the end of a flight is probed
//   RFC 6582   without SACK: three duplicate ACKs, then partial ACKs (NewReno)
//   RFC 6937   PRR: the reduction is spread over the round trip
//   RFC 3522   a retransmission that was not needed is noticed by the echoed timestamp, or by
//   RFC 2883   DSACK, and the reduction is taken back
//   RFC 3168   ECN: what a router marked counts as lost, but is not repeated
#pragma once
#include <cstdint>
#include <optional>

#include "lib/tcp/input.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/sent_mark.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// Delivery is what one ACK reported as arrived.
struct Delivery {
  std::uint32_t bytes = 0;         // DeliveredData (RFC 6937 section 3)
  std::uint32_t reported = 0;      // acknowledged now, and by SACK before
  bool acked = false;              // SND.UNA moved
  bool sacked = false;             // a chunk was reported by SACK for the first time
  bool dsack = false;              // its first block reports a duplicate
  bool unneeded = false;           // ... of what the last recovery repeated
  bool congestion_echoed = false;  // [RFC 3168 6.1.2] ECE: a router has marked what we sent
  bool repeated = false;           // some of it had been sent more than once
  bool has_sample = false;
  Micros sample;  // round trip of the oldest chunk that was sent once only
};

// chunk_delivered folds one chunk in that the peer has now, [seq, end): counts and RACK's steps 1
// to 3 (RFC 8985 section 6.2).
void chunk_delivered(Tcb& tcb, const Segment& segment, SentMark mark, SeqNum seq, SeqNum end,
                     Instant now, Delivery& delivery) noexcept;

// [RFC 2883 4] has_dsack: the first block lies below SEG.ACK or within the second one.
[[nodiscard]] bool has_dsack(const Segment& segment) noexcept;

// ack_taken goes first after the walk over delivered chunks: round trip, duplicates without SACK,
// the reordering window, the fate of a tail probe.
void ack_taken(Tcb& tcb, const Segment& segment, const Arrival& arrival, Instant now,
               Delivery& delivery) noexcept;

// was_spurious: the retransmissions that recovery made were not needed.  It takes the reduction
// back and ends recovery; the caller clears the marks of loss.
[[nodiscard]] bool was_spurious(Tcb& tcb, const Segment& segment,
                                const Delivery& delivery) noexcept;

// time_left is how long a chunk in flight may still be under way before it counts as lost (RFC 8985
// section 6.2, step 5): zero means lost, nothing that RACK knows nothing of it.
[[nodiscard]] std::optional<Micros> time_left(const Tcb& tcb, SentMark mark, SeqNum end,
                                              Instant now) noexcept;
// [RFC 6582 3.2] first_chunk_is_lost, by duplicate or partial ACKs: for peers without SACK.
[[nodiscard]] bool first_chunk_is_lost(const Tcb& tcb, const Delivery& delivery) noexcept;

// react draws the conclusions: begins and ends recovery, moves cwnd.  `newly_lost`: chunks were
// marked lost since the last call.
void react(Tcb& tcb, bool newly_lost, const Delivery& delivery, Arrival& arrival,
           Instant now) noexcept;

// prepare_undo remembers what a reduction that follows may have to give back.
void prepare_undo(Tcb& tcb) noexcept;

// arm_send_timer sets the one timer after an ACK or a transmission: reordering when `wait` is not
// zero, else a tail probe where one is allowed, else the RTO.
void arm_send_timer(Tcb& tcb, Micros wait, Instant now) noexcept;

}  // namespace sallyport::tcp
