// Ending a connection from our side.
#pragma once
#include <optional>

#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// close ends our stream after what is queued (RFC 9293 section 3.10.4): next_transmission() will
// yield the FIN.  The peer's stream stays open; a limit for that half-open time is the caller's.
// Returns false when nothing has to be sent and the Tcb can be dropped (SYN_SENT).  Harmless when
// called again.
[[nodiscard]] bool close(Tcb& tcb) noexcept;

// abort ends both streams at once (RFC 9293 section 3.10.5).  The Tcb is closed; the answer is the
// RST to send, if the state has one.
[[nodiscard]] std::optional<Segment> abort(Tcb& tcb, Instant now) noexcept;

}  // namespace sallyport::tcp
