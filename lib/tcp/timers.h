// The timers of a connection, seen as one deadline.
#pragma once
#include <cstdint>
#include <optional>

#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// [RFC 9293 3.8.6.3] An ACK is not delayed by half a second or more; less helps request-response
// traffic, where our answer carries it.
inline constexpr Micros kDelayedAck = from_millis(40);
// [RFC 9293 3.8.3] R2: without progress for this long, the peer is gone.  At least 100 s.
inline constexpr Micros kGiveUp = from_millis(100'000);
// [RFC 9293 3.8.3 except] For a SYN the RFC wants three minutes; a proxy has other backends, and a
// client that waits.  The caller's own connect limit is normally far shorter.
inline constexpr std::uint8_t kMaxSynRetransmissions = 5;

// [RFC 9293 3.8.4] Keep-alive (Tcb::keep_alive): so many probes, so far apart, before a silent peer
// is given up.
inline constexpr Micros kKeepAliveInterval = from_millis(15'000);
inline constexpr unsigned kMaxKeepAliveProbes = 5;

// next_deadline is the earliest instant at which on_deadline() has something to do.
[[nodiscard]] std::optional<Instant> next_deadline(const Tcb& tcb, Instant now) noexcept;

struct Expired {
  bool retransmission_timeout = false;  // everything in flight counts as lost
  bool reordering = false;              // what was late may be lost now
  bool tail_probe = false;              // next_transmission() will probe the end of the flight
  bool window_probe = false;            // next_transmission() will probe
  bool ack = false;                     // wants_ack() is true now
  bool keep_alive = false;              // likewise: the peer has been silent for long
  bool timed_out = false;               // the peer is gone; Tcb is closed, nothing to be sent
};

// on_deadline handles every timer that is due, except for the marks of the send queue: callers use
// that of sender.h.
[[nodiscard]] Expired on_deadline(Tcb& tcb, Instant now) noexcept;

}  // namespace sallyport::tcp
