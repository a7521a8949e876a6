// A segment arrives: RFC 9293 section 3.10.7 with RFC 5961 (blind attacks) and RFC 7323 (PAWS,
// scaled windows).  What its ACK says about losses, process_ack() of sender.h finds out afterwards.
#pragma once
#include <cstdint>

#include "lib/stats/reasons.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// Event: what a segment changed.  Several can happen at once.
enum class Event : std::uint16_t {
  established = 1U << 0,    // the handshake is complete
  acked = 1U << 1,          // Arrival::bytes_acked > 0: drop them from the front of the send queue
  window_opened = 1U << 2,  // more may be sent than before
  peer_closed = 1U << 3,    // the peer's stream ended and all of it was delivered
  fin_acked = 1U << 4,      // the peer has everything, our FIN included
  time_wait = 1U << 5,      // turn the Tcb into a TimeWait record (time_wait.h)
  closed = 1U << 6,         // both streams ended and nothing waits: drop the Tcb
  reset = 1U << 7,          // the peer reset the connection: drop the Tcb
  refused = 1U << 8,        // the peer answered our SYN with RST: drop the Tcb
  fast_retransmit = 1U << 9,     // a loss was detected and is being repaired
  duplicate_text = 1U << 10,     // brought only bytes that we had
  spurious_recovery = 1U << 11,  // a repair had no reason: its reduction was taken back
  ce_received = 1U << 12,        // a router has marked this segment (RFC 3168)
  ecn_reduction = 1U << 13,      // the peer echoes such a mark: cwnd was reduced
};

class Events {
 public:
  constexpr void add(Event e) noexcept { bits_ |= static_cast<unsigned>(e); }
  constexpr void add(Events other) noexcept { bits_ |= other.bits_; }
  [[nodiscard]] constexpr bool has(Event e) const noexcept {
    return (bits_ & static_cast<unsigned>(e)) != 0;
  }
  [[nodiscard]] constexpr bool any() const noexcept { return bits_ != 0; }
  // ended: the Tcb is finished in one way or another; only time_wait leaves a record.
  [[nodiscard]] constexpr bool ended() const noexcept {
    return has(Event::closed) || has(Event::reset) || has(Event::refused) || has(Event::time_wait);
  }

 private:
  unsigned bits_ = 0;
};

// Text: the part of the payload that the caller has to take.
struct Text {
  enum class Kind : std::uint8_t {
    none,
    in_order,      // deliver payload[offset, offset+len); RCV.NXT has moved over it already
    out_of_order,  // keep it for later, or drop it: nothing was promised (reassembly.h)
  };
  Kind kind = Kind::none;
  std::uint32_t offset = 0;
  std::uint32_t len = 0;
  SeqNum seq;  // of the first byte of the range
};

// Reply: what the segment deserves at once.
enum class Reply : std::uint8_t {
  none,  // an ACK may be due later: wants_ack()
  // make_ack() for this very segment: peers count duplicate ACKs.  Where that cannot be sent, one
  // ACK at the end of the burst serves too, for wants_ack() is true as well.
  ack,
  challenge_ack,  // make_ack(); seldom enough for every one to be sent (RFC 5961 section 7)
  reset,          // Arrival::rst, if the rate limit allows
};

// Acknowledgment: what SEG.ACK is to the send queue.
enum class Acknowledgment : std::uint8_t {
  none,       // absent, not believed, or older than SND.UNA
  repeats,    // of SND.UNA, and not a duplicate: with text, with another window, nothing in flight
  duplicate,  // [RFC 5681 2] repeats SND.UNA for no other reason than that a segment arrived
  advances,   // moved SND.UNA
};

struct Arrival {
  stats::DropReason drop = stats::DropReason::none;  // why the segment was not used
  Reply reply = Reply::none;
  Acknowledgment ack = Acknowledgment::none;
  Events events;
  Text text;
  // [RFC 2883 4] The part of the text that had arrived before; empty: none of it.  The ACK that
  // `reply` asks for reports it in front of all other blocks.  What was kept ahead of a gap the
  // caller knows.
  SackBlock duplicate;
  std::uint32_t bytes_acked = 0;  // of the stream: SYN and FIN are not counted
  Segment rst;                    // with Reply::reset
};

// TextPolicy: a caller that has no place for the payload says so, and the peer will repeat it.
enum class TextPolicy : std::uint8_t { accept, refuse };

// segment_arrives takes one segment of this connection; checksum and tuple were verified before.
// Precondition: tcb.state is neither closed nor time_wait.
//
// In-order text: after delivering it the caller looks whether kept text now follows (reassembly.h)
// and reports that with buffered_text_delivered().
[[nodiscard]] Arrival segment_arrives(Tcb& tcb, const Segment& segment, Instant now,
                                      TextPolicy policy = TextPolicy::accept) noexcept;

// buffered_text_delivered: `len` bytes that had been kept out of order, and now begin at RCV.NXT,
// were delivered.  The answer may hold peer_closed, time_wait or closed, when a FIN had waited.
[[nodiscard]] Events buffered_text_delivered(Tcb& tcb, std::uint32_t len) noexcept;

}  // namespace sallyport::tcp
