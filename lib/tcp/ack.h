// The fifth step of RFC 9293 section 3.10.7.4 for an ACK that may be believed: SND.UNA and the send
// window.  Internal to lib/tcp.
#pragma once
#include "lib/tcp/input.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// take_ack fills ack, bytes_acked and the events acked, fin_acked and window_opened.
// Precondition: SEG.ACK is not above SND.MAX.
void take_ack(Tcb& tcb, const Segment& segment, Instant now, Arrival& arrival) noexcept;

}  // namespace sallyport::tcp
