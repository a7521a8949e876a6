// Our side of flow control (RFC 9293 section 3.8.6): how much the peer may send.
#pragma once
#include <cstdint>

#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// A window begins with this much, if the caller allows it, and doubles as long as the peer fills it
// within a round trip or two, which says that it held the peer back.
inline constexpr std::uint32_t kInitialReceiveWindow = 65'536;

// receive_window is how many bytes to offer the peer in all, of the `most` that the caller has:
// what it was seen to need.
[[nodiscard]] std::uint32_t receive_window(const Tcb& tcb, std::uint32_t most) noexcept;
// tune_receive_window is called when text was delivered.
void tune_receive_window(Tcb& tcb, Instant now) noexcept;

// set_receive_room tells how many bytes beyond RCV.NXT the caller can take now: its limit minus
// what it holds undelivered; text kept out of order lies within the room and is not subtracted.
// Call it whenever that changed.  A smaller room than promised is legal: the promise stands, and
// the window closes as it is used up.  When the window can grow by enough to be worth a segment,
// wants_ack() becomes true.
void set_receive_room(Tcb& tcb, std::uint32_t bytes) noexcept;

// advertise is the window field for the next segment; it moves the promise (RCV.ADV).
// [RFC 9293 3.8.6.2.2] The right edge moves by a segment or half the buffer, or not at all.
// [RFC 7323 2.4] What the scale cannot express is rounded up while there is room for it; without
// room the field falls short of the promise by less than one unit, and what was promised is
// accepted all the same.
[[nodiscard]] std::uint16_t advertise(Tcb& tcb) noexcept;

}  // namespace sallyport::tcp
