// SYN cookies: a passive open that keeps nothing before the peer has shown that it receives what we
// send (RFC 4987 section 3.6).  Everything that the SYN told us travels in the sequence number, and
// with timestamps some of it in our TSval, and comes back with every segment of the peer.
//
//   ISN    31             11 10     8 7   6 5            2  1     0
//         | MAC, 21 bits    | time   | MSS | window scale | SACK | key epoch |
//   TSval  31                                         4 3        1  0
//         | wall clock in ms + offset of the tuple     | finer MSS |   ECN   |
//
// Time counts periods of 8.192 s.  A cookie is accepted from one period before its own (clocks of
// two appliances with one secret differ) to six periods after: it lives for 49 to 57 seconds.  The
// MAC covers tuple, client's ISN, full period number, the eleven bits beside it and whether there
// are timestamps.
//
// How many random segments pass.  Without timestamps one in 2^21: of 10 million about 4.8.  With
// timestamps TSecr must name the very period that the ISN names, which is one in 2^19 more: of 10
// million about 0.00001.  A forger chooses to have no timestamps; then what he gains is a
// connection that still has to complete a TLS handshake.
//
// A cookie makes a connection only together with data at the client's ISN + 1.  A bare ACK costs
// one MAC and leaves nothing behind, so it may be lost.  Without any Tcb, a segment that proves
// nothing can still be the honest second half of a ClientHello: see overtakes().
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/cookie_keys.h"
#include "lib/base/result.h"
#include "lib/stats/reasons.h"
#include "lib/tcp/congestion.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/time.h"

namespace sallyport::tcp {

// WallTime is Unix time in milliseconds.  Cookies use the calendar, not the TSC, so that another
// appliance with the same keys accepts them.
struct WallTime {
  std::uint64_t unix_ms = 0;
};

inline constexpr unsigned kCookiePeriodBits = 13;        // 8.192 s
inline constexpr std::int32_t kCookiePeriodsBehind = 6;  // accepted age
inline constexpr std::int32_t kCookiePeriodsAhead = 1;   // accepted clock difference

// PeerOptions: what the client's SYN had offered, as far as a cookie could carry it or a record
// (syn_received.h) remembers it.
struct PeerOptions {
  std::uint16_t mss = 0;  // at most what the client named; 0: it named none
  std::uint8_t window_scale = 0;
  bool has_window_scale = false;
  bool sack_permitted = false;
  bool has_timestamps = false;
  bool ecn = false;  // [RFC 3168 6.1.1] offered, and taken by our SYN-ACK; never without timestamps
  // Our TSval is timestamp_clock(now) plus an offset; this is the TSval to begin with.
  std::uint32_t tsval = 0;
  Micros rtt;                 // of the handshake; zero: not known, as always with a cookie
  bool lost_syn_ack = false;  // our SYN-ACK had to be repeated
};

// SynAckParameters is what a SYN-ACK needs to know about us.
struct SynAckParameters {
  std::uint16_t our_mss = 1460;           // from the MTU of the interface: mss_for_mtu()
  std::uint32_t receive_buffer = 65'535;  // Listener limit; the same goes to open_passive()
  CongestionAlgorithm congestion = CongestionAlgorithm::cubic;  // for open_passive()
  bool ecn = true;                                              // [RFC 3168 6.1.1] taken if offered
  std::uint16_t keep_alive = 0;  // seconds, for open_passive(); 0: off
};

// make_syn_ack answers a SYN: sequence numbers, window, and options, only those that the client
// offered and we understand.  `tuple.local` is us.  Precondition: syn.flags is SYN without ACK/RST.
[[nodiscard]] Segment make_syn_ack(const FourTuple& tuple, const Segment& syn,
                                   const SynAckParameters& ours, const CookieKeys& keys,
                                   WallTime now) noexcept;

// check_cookie takes a segment that says it completes the handshake: a bare ACK, or the first data
// segment; its SEG.SEQ is the client's ISN + 1 and SEG.ACK ours + 1.  Refusals: bad_mac, expired.
[[nodiscard]] Result<PeerOptions, stats::CookieRefusal> check_cookie(const FourTuple& tuple,
                                                                     const Segment& segment,
                                                                     const CookieKeys& keys,
                                                                     WallTime now) noexcept;

// overtakes tells whether a segment that check_cookie refused may belong to a handshake of which we
// have not seen the first data yet: then it is dropped without an answer, for a RST would destroy
// the handshake.  The peer sends it again.
//
// With timestamps this is a proof of freshness: TSecr is a TSval that we sent to this tuple within
// the life of a cookie (one random segment in 2^16 passes).  Without timestamps nothing can be
// proven, because the client's ISN is not in the segment: data is believed, and a bare ACK, FIN or
// RST is not.  The price: a peer whose connection we have lost hears nothing when it sends data
// without timestamps; its keep-alive or FIN does get a RST.
[[nodiscard]] bool overtakes(const FourTuple& tuple, const Segment& segment, const CookieKeys& keys,
                             WallTime now) noexcept;

}  // namespace sallyport::tcp
