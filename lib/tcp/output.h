// What to send next, and the header of what is sent.  The caller keeps the bytes: a queue of chunks
// that begins at SND.UNA, where one chunk is meant to be the payload of one segment.
//
//   for (;;) {
//     const uint32_t at = next_offset(tcb);            // where would the next segment begin?
//     const Transmission t = next_transmission(tcb, {queued, chunk_len_at(at)}, now);
//     if (!t) break;
//     const Segment header = transmit(tcb, t, now);    // commits it: timers, SND.NXT, our ACK
//     ... write header, attach queue bytes [t.offset, t.offset + t.len), send
//   }
//   if (wants_ack(tcb)) { const Segment header = make_ack(tcb, now, blocks); ... }
#pragma once
#include <cstdint>
#include <span>

#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// Pending describes the send queue.
struct Pending {
  std::uint32_t queued = 0;     // bytes from SND.UNA on, those in flight included
  std::uint32_t chunk_len = 0;  // bytes from next_offset() to the end of the chunk there; 0 if none
};

struct Transmission {
  enum class Kind : std::uint8_t {
    none,            // nothing may or need be sent now
    data,            // for the first time; perhaps with FIN; or a SYN or FIN alone
    retransmission,  // sent before
    window_probe,    // one byte (or what fits) into a closed window
  };
  Kind kind = Kind::none;
  Flags flags;  // SYN, FIN, PSH; transmit() adds ACK
  SeqNum seq;
  std::uint32_t offset = 0;  // from SND.UNA, in the queue
  std::uint32_t len = 0;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return kind != Kind::none; }
};

// next_offset is where, counted from SND.UNA, the segment that next_transmission would choose
// begins.  It equals `queued` when everything was sent.
[[nodiscard]] std::uint32_t next_offset(const Tcb& tcb) noexcept;

// next_transmission decides; it changes nothing but the persist timer, which it arms when data
// waits for a window with nothing in flight.  Whole chunks only, unless a chunk is longer than
// SND.MSS or the peer's window never gets as large (sender's silly window avoidance; the Nagle
// algorithm is off because chunks are full on purpose or urgent).
[[nodiscard]] Transmission next_transmission(Tcb& tcb, const Pending& pending,
                                             Instant now) noexcept;

// transmit commits `t` and yields its header.  Every ACK that was due goes with it.
[[nodiscard]] Segment transmit(Tcb& tcb, const Transmission& t, Instant now) noexcept;

// wants_ack: a segment without data has to be sent now.
[[nodiscard]] bool wants_ack(const Tcb& tcb) noexcept;

// make_ack yields a segment that only acknowledges: for wants_ack(), and as challenge ACK.  Blocks
// are those of OutOfOrderQueue::sack_blocks(); more than fit are left out, and all of them when
// SACK was not negotiated.
[[nodiscard]] Segment make_ack(Tcb& tcb, Instant now,
                               std::span<const SackBlock> blocks = {}) noexcept;

}  // namespace sallyport::tcp
