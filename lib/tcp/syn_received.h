// SYN-RECEIVED of a passive open that is remembered: a record of one handshake, a fraction of a
// Tcb, for listeners that want more than a cookie can do.
//
// Its SYN-ACK is the very one that syn_cookie.h makes.  The record adds that it is repeated until
// it is acknowledged, that the round trip is measured, that every option is remembered exactly, and
// that segments which come too early or twice are recognised.  It may be forgotten at any time: the
// handshake then goes on with the cookie alone.
#pragma once
#include <cstdint>

#include "lib/stats/reasons.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/time.h"

namespace sallyport::tcp {

struct SynReceived {
  SeqNum iss;
  SeqNum irs;
  std::uint32_t tsval = 0;      // ours, in the SYN-ACK
  std::uint32_t ts_recent = 0;  // the peer's, in its SYN
  Stamp sent_at;                // the first SYN-ACK
  Micros rtt;                   // zero: not known
  std::uint16_t mss = 0;        // that the peer named; 0: none
  std::uint16_t window = 0;     // that our SYN-ACK offered
  std::uint16_t our_mss = 0;
  std::uint8_t window_scale : 4 = 0;  // the peer's
  std::uint8_t repetitions : 4 = 0;   // of the SYN-ACK
  bool has_window_scale : 1 = false;
  bool sack_permitted : 1 = false;
  bool has_timestamps : 1 = false;
  bool ecn : 1 = false;
  bool acknowledged : 1 = false;  // the SYN-ACK was: only data is missing
};
static_assert(sizeof(SynReceived) <= 40);

// remember makes the record of a SYN that was answered with `syn_ack` (make_syn_ack()).
[[nodiscard]] SynReceived remember(const Segment& syn, const Segment& syn_ack,
                                   Instant now) noexcept;

enum class SynReceivedStep : std::uint8_t {
  completes,       // the peer's first data: open_passive() with peer_options(), forget the record
  acknowledged,    // the handshake's last ACK, without data: nothing to answer
  repeat_syn_ack,  // the SYN came again: repeat() what was sent
  restart,         // another SYN: forget the record, the SYN is one to LISTEN
  forget,          // the peer has reset it
  closes,          // the peer closed without a byte: forget, and answer as if there was no record
  stray,           // acknowledges something else: answer as if there was no record
  drop,            // for SynReceivedArrival::why
};
struct SynReceivedArrival {
  SynReceivedStep step = SynReceivedStep::drop;
  stats::DropReason why = stats::DropReason::none;
};

// segment_arrives takes a segment of the tuple: RFC 9293 section 3.10.7.4 for SYN-RECEIVED.
[[nodiscard]] SynReceivedArrival segment_arrives(SynReceived& record, const Segment& segment,
                                                 Instant now) noexcept;

// [RFC 6298 5.7] repeat is the SYN-ACK once more, the same in every field; Karn's rule then forbids
// to measure the round trip by it.
[[nodiscard]] Segment repeat(SynReceived& record) noexcept;

// time_out is how long to wait for an answer: after the SYN-ACK and after each repetition twice as
// long, and for the first data after the ACK.  is_given_up: that was the last time.
[[nodiscard]] Micros time_out(const SynReceived& record) noexcept;
[[nodiscard]] bool is_given_up(const SynReceived& record) noexcept;

// peer_options is what the record knows of the SYN, for open_passive().
[[nodiscard]] PeerOptions peer_options(const SynReceived& record, Instant now) noexcept;

}  // namespace sallyport::tcp
