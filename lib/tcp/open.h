// The two ways in which a connection begins.
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/siphash.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// open_passive makes the connection that an accepted cookie, or a record of SYN-RECEIVED, stands
// for, in ESTABLISHED.  `segment` is the one that completes the handshake, and `ours` what
// make_syn_ack was given; afterwards the same segment goes through segment_arrives(), which takes
// its data and window.  [RFC 6298 2.1] After a cookie the round trip is unknown: nobody remembers
// when the SYN-ACK was sent.
[[nodiscard]] Tcb open_passive(const FourTuple& tuple, const Segment& segment,
                               const PeerOptions& options, const SynAckParameters& ours,
                               Instant now) noexcept;

struct ActiveOpen {
  SeqNum iss;
  std::uint32_t ts_offset = 0;
  std::uint16_t our_mss = 1460;           // announced, and the limit of what we send
  std::uint32_t receive_buffer = 65'535;  // bytes
  CongestionAlgorithm congestion = CongestionAlgorithm::cubic;
  bool ecn = false;              // [RFC 3168 6.1.1] offered
  std::uint16_t keep_alive = 0;  // seconds; 0: off
  // [RFC 6298 2.1] Until a round trip was measured; less for a peer that is known to be near.
  Micros initial_rto = kInitialRto;
};

// open_active makes a connection in SYN_SENT; next_transmission() yields its SYN, and again each
// time the retransmission timer fires, until on_deadline() says timed_out.
[[nodiscard]] Tcb open_active(const FourTuple& tuple, const ActiveOpen& ours, Instant now) noexcept;

// [RFC 6528 3] initial_sequence is a 4-us clock plus a keyed hash of the tuple: unpredictable from
// outside, increasing for one tuple, so a peer in TIME_WAIT accepts it.
[[nodiscard]] SeqNum initial_sequence(const FourTuple& tuple, const SipKey& secret,
                                      Instant now) noexcept;
// timestamp_offset belongs to a tuple for as long as the secret lives, so that TSvals of one tuple
// increase from connection to connection (RFC 6191) and say nothing about our uptime (RFC
// 7323 5.4).
[[nodiscard]] std::uint32_t timestamp_offset(const FourTuple& tuple, const SipKey& secret) noexcept;

}  // namespace sallyport::tcp
