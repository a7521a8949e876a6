// What to send next, and the header of what is sent.  The caller keeps the bytes: a queue of chunks
// that begins at SND.UNA, where one chunk is meant to be the payload of one segment.
//
// These functions see a few numbers of the queue; sender.h finds them in the queue itself, and has
// the functions that callers use.
#pragma once
#include <cstdint>
#include <span>

#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// Pending describes the send queue.
struct Pending {
  // Piece is a part of one chunk; offset counts from SND.UNA.
  struct Piece {
    std::uint32_t offset = 0;
    std::uint32_t len = 0;  // 0: there is none
  };
  std::uint32_t queued = 0;     // bytes from SND.UNA on, those in flight included
  std::uint32_t chunk_len = 0;  // bytes from SND.NXT to the end of the chunk there; 0 if none
  Piece lost;                   // the first that is to be sent again
  Piece tail;                   // the last in flight; looked for when tail_probe_due only
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
