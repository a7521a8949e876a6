// Tcb: the transmission control block, the whole state of one TCP connection except its bytes.
// Names are those of RFC 9293 section 3.3.1 where it has one.
//
// The bytes are the caller's: a send queue that begins at SND.UNA, and what arrived.  A Tcb is a
// plain value: the functions of this module are its only writers, it owns nothing, and dropping it
// closes nothing.
//
//   open.h        makes one            input.h    a segment arrived
//   output.h      what to send next    receive.h  our window, what arrived ahead of a gap
//   timers.h      its one deadline     close.h    our end of the stream, and the emergency exit
//   time_wait.h   what remains of it   stray.h    segments that belong to no Tcb
//   syn_cookie.h, syn_received.h       before it: the handshake of a passive open
#pragma once
#include <cstdint>

#include "lib/tcp/congestion.h"
#include "lib/tcp/rtt.h"
#include "lib/tcp/seq.h"
#include "lib/tcp/time.h"

namespace sallyport::tcp {

// State of RFC 9293 section 3.3.2.  LISTEN has no Tcb (lib/tcp/syn_cookie.h answers without state),
// and TIME_WAIT is a record of its own: a Tcb in it only waits for being turned into one.
enum class State : std::uint8_t {
  closed,
  syn_sent,
  syn_received,
  established,
  fin_wait_1,
  fin_wait_2,
  close_wait,
  closing,
  last_ack,
  time_wait,
};

enum class Recovery : std::uint8_t {
  open,           // no loss that we know of
  fast_recovery,  // [RFC 6675 5] from the first detected loss until `recover` is acknowledged
  timed_out,      // [RFC 5681 3.1] slow start again, until `recover` is acknowledged
};

// SendTimer: what retransmit_at stands for.  Never two of them at once (RFC 8985 section 8).
enum class SendTimer : std::uint8_t {
  none,
  retransmission,  // RTO (RFC 6298)
  reordering,      // [RFC 8985 6.3] what was sent before a delivered segment has had its time
  tail_probe,      // [RFC 8985 7] PTO: the end of a flight may be lost without a sign
  persist,         // [RFC 9293 3.8.6.1] the window is closed
};

// Rack: what RFC 8985 section 5.3 keeps per connection.
struct Rack {
  Stamp sent_at;        // RACK.xmit_ts: of the delivered segment that was sent last
  SeqNum end;           // RACK.end_seq: ... and its end
  Micros rtt;           // RACK.rtt: ... and its round trip
  Micros min_rtt;       // of the whole connection; 0: never measured
  SeqNum fack;          // end of the highest segment that was delivered
  TimerStamp dsack_at;  // when a DSACK last widened the window
  std::uint16_t segments_sacked = 0;
  std::uint8_t reo_wnd_mult = 1;          // quarters of min_rtt that a segment may be late
  std::uint8_t reo_wnd_persist : 5 = 16;  // recoveries until that is forgotten
  bool valid : 1 = false;                 // something was delivered: the first three mean something
  bool reordering_seen : 1 = false;
  bool dsack_seen : 1 = false;  // dsack_at means something
};

struct Tcb {
  // --- what every transmission and every ACK touches ---------------------------------------------
  SeqNum snd_una;             // oldest unacknowledged
  SeqNum snd_nxt;             // next to send; a time-out takes it back to snd_una
  SeqNum snd_max;             // one above the highest ever sent: SND.NXT of the RFC's checks
  std::uint32_t snd_wnd = 0;  // offered by the peer, in bytes
  SeqNum snd_wl1;             // SEG.SEQ of the last window update
  SeqNum snd_wl2;             // SEG.ACK of the last window update
  SeqNum rcv_nxt;             // next expected
  SeqNum rcv_adv;             // right edge promised so far: RCV.NXT + RCV.WND, never retreats
  Congestion congestion;
  SeqNum recover;             // [RFC 6582 3.2] highest sequence sent when loss was noticed
  std::uint32_t sacked = 0;   // bytes in flight that the peer has, as far as we know
  std::uint32_t lost = 0;     // bytes in flight that are lost and were not sent again since
  std::uint16_t snd_mss = 0;  // Eff.snd.MSS: payload per segment, our options subtracted
  State state : 4 = State::closed;
  Recovery recovery : 2 = Recovery::open;
  bool ecn : 1 = false;                    // negotiated (offered, while in SYN_SENT) (RFC 3168)
  bool ece_due : 1 = false;                // a mark arrived: say so until the peer's CWR
  std::uint8_t backoff : 5 = 0;            // expirations in a row
  std::uint8_t keep_alive_probes : 3 = 0;  // unanswered
  // --- second line -------------------------------------------------------------------------------
  std::uint32_t rcv_room = 0;     // bytes that the caller can take beyond RCV.NXT
  std::uint32_t max_snd_wnd = 0;  // largest window the peer ever offered
  SeqNum last_ack_sent;           // [RFC 7323 4.3]
  std::uint32_t ts_recent = 0;    // [RFC 7323 4.3] TSval to echo
  std::uint32_t ts_offset = 0;    // added to our timestamp clock
  RoundTrip rtt;
  SeqNum rtt_seq;       // the next sample is taken when this is acknowledged: one per round trip
  Stamp retransmit_at;  // when `timer` fires
  Stamp delayed_ack_at;
  SeqNum tune_end;   // right edge when the last measurement of the receive window began
  Stamp tune_begun;  // ... and when that was
  Stamp last_sent;   // of the SYN or of data; for the restart after idleness
  Rack rack;
  // --- while something is being repaired ---------------------------------------------------------
  SeqNum lost_from;             // no chunk before it is lost, while `lost`
  std::uint32_t undo_cwnd = 0;  // cwnd before the last reduction, while undo_possible
  union {
    SeqNum tail_end = {};      // [RFC 8985 7.2] TLP.end_seq, while tail_probe_out
    std::uint32_t undo_tsval;  // [RFC 3522 3.2] of the first retransmission, while undo_has_tsval
  };
  // --- cold --------------------------------------------------------------------------------------
  SeqNum iss;
  SeqNum irs;
  SeqNum fin_seq;                   // sequence number of the peer's FIN, once `fin_known`
  TimerStamp challenged_at;         // of the last challenge ACK
  TimerStamp stuck_since;           // first time-out without progress: measures R2
  TimerStamp heard_at;              // last segment of the peer that was acceptable
  std::uint16_t keep_alive = 0;     // seconds of silence before the peer is probed; 0: never
  AgeStamp ts_recent_at;            // when ts_recent was taken
  CoarseSeq undo_from;              // SND.UNA at the last reduction, while undo_possible
  std::uint16_t rcv_buffer = 0;     // largest room ever, up to 65,535: the measure of silly windows
  std::uint16_t our_mss = 0;        // what we announce in a SYN, and our limit for sending
  std::uint8_t snd_wscale : 4 = 0;  // shift of the windows that we read
  std::uint8_t rcv_wscale : 4 = 0;  // shift of the windows that we write
  std::uint8_t dup_acks : 4 = 0;    // up to 15
  std::uint8_t segments_unacked : 2 = 0;  // with data, since we last sent an ACK; up to 2
  bool cwr_due : 1 = false;               // cwnd was reduced: say so with the next new data
  bool ecn_reduced : 1 = false;           // ... because of a mark, in this window: until `recover`
                                          // is acknowledged, no other reduction
  // Since the last reduction, and not reported by a DSACK; 255: or more.
  std::uint8_t undo_retransmissions = 0;

  SendTimer timer : 3 = SendTimer::none;
  CongestionAlgorithm algorithm : 1 = CongestionAlgorithm::cubic;
  bool is_v4 : 1 = true;
  bool timestamps : 1 = false;      // negotiated (offered, while in SYN_SENT)
  bool sack : 1 = false;            // negotiated (offered, while in SYN_SENT)
  bool window_scaling : 1 = false;  // negotiated (offered, while in SYN_SENT)
  bool syn_acked : 1 = false;       // SND.UNA is above ISS
  bool passive : 1 = false;         // the peer opened it
  bool ts_recent_valid : 1 = false;
  bool fin_queued : 1 = false;  // our stream ends after what is queued
  bool fin_sent : 1 = false;    // our FIN was sent at least once; it is snd_max - 1
  bool fin_acked : 1 = false;
  bool fin_known : 1 = false;     // the peer's FIN arrived, perhaps ahead of data
  bool fin_received : 1 = false;  // ... and everything before it
  bool ack_now : 1 = false;
  bool ack_delayed : 1 = false;         // delayed_ack_at is armed
  bool probe_due : 1 = false;           // the persist timer fired: probe the window
  bool tail_probe_due : 1 = false;      // the tail_probe timer fired
  bool tail_probe_out : 1 = false;      // a tail probe was sent and not judged yet
  bool tail_probe_repeats : 1 = false;  // ... and was a retransmission (TLP.is_retrans)
  bool cwnd_limited : 1 = false;        // cwnd held us back since the last ACK
  bool syn_retransmitted : 1 = false;
  bool undo_possible : 1 = false;         // the last reduction may turn out to have had no reason
  bool undo_slow_start : 1 = false;       // before it ssthresh had never been set
  bool undo_has_tsval : 1 = false;        // undo_tsval means something
  bool challenged : 1 = false;            // challenged_at means something
  bool stuck : 1 = false;                 // stuck_since is valid
  bool has_sent_data : 1 = false;         // last_sent is that of data
  bool fin_lost : 1 = false;              // our FIN is to be sent again; counted in `lost`
  bool keep_alive_due : 1 = false;        // send another probe
  std::uint8_t window_doublings : 4 = 0;  // of the receive window, since the start
  std::uint8_t quick_acks : 4 = 0;        // full segments that were acknowledged at once
};
static_assert(sizeof(Tcb) <= 204, "two of them are part of the 1 KiB of an idle connection");

// flight is FlightSize: between SND.UNA and SND.NXT.
[[nodiscard]] constexpr std::uint32_t flight(const Tcb& tcb) noexcept {
  return distance(tcb.snd_una, tcb.snd_nxt);
}
// pipe is what we believe to be in the network (RFC 6675 section 4): neither delivered nor lost.
[[nodiscard]] constexpr std::uint32_t pipe(const Tcb& tcb) noexcept {
  const std::uint32_t out_of_it = tcb.sacked + tcb.lost;
  return flight(tcb) > out_of_it ? flight(tcb) - out_of_it : 0;
}
// rcv_wnd is RCV.WND: what the peer may still send.
[[nodiscard]] constexpr std::uint32_t rcv_wnd(const Tcb& tcb) noexcept {
  return after(tcb.rcv_adv, tcb.rcv_nxt) ? distance(tcb.rcv_nxt, tcb.rcv_adv) : 0;
}
// is_synchronized: both sides know the other's initial sequence number.
[[nodiscard]] constexpr bool is_synchronized(State s) noexcept {
  return s != State::closed && s != State::syn_sent && s != State::syn_received;
}
// may_send_data: our stream is open, so queued bytes may go out.
[[nodiscard]] constexpr bool may_send_data(const Tcb& tcb) noexcept {
  return is_synchronized(tcb.state) && tcb.state != State::fin_wait_2 &&
         tcb.state != State::time_wait;
}
// may_receive_data: the peer's stream has not ended.
[[nodiscard]] constexpr bool may_receive_data(const Tcb& tcb) noexcept {
  return tcb.state == State::established || tcb.state == State::fin_wait_1 ||
         tcb.state == State::fin_wait_2;
}
[[nodiscard]] const char* name_of(State state) noexcept;

}  // namespace sallyport::tcp
