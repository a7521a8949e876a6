#include "lib/tcp/open.h"

#include <algorithm>

#include "lib/tcp/options.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/tuple_hash.h"

namespace sallyport::tcp {
namespace {

// Purpose keeps two values from one secret unrelated.
enum class Purpose : std::uint8_t { initial_sequence = 1, timestamp_offset = 2 };

std::uint32_t tuple_hash(const FourTuple& tuple, const SipKey& secret, Purpose purpose) noexcept {
  SipState hash{secret};
  const TupleWords words{tuple};
  words.absorb_addresses(hash);
  const auto tail = std::uint64_t{static_cast<std::uint8_t>(purpose)} << 32 | words.ports();
  return static_cast<std::uint32_t>(hash.finish(tail, 5));
}

void set_receive_buffer(Tcb& tcb, std::uint32_t bytes) noexcept {
  tcb.rcv_room = receive_window(tcb, bytes);
  tcb.rcv_buffer = static_cast<std::uint16_t>(std::min(bytes, 65'535U));
}

}  // namespace

Tcb open_passive(const FourTuple& tuple, const Segment& segment, const PeerOptions& options,
                 const SynAckParameters& ours, Instant now) noexcept {
  Tcb tcb;
  tcb.state = State::established;
  tcb.passive = true;
  tcb.syn_acked = true;
  tcb.is_v4 = tuple.local.ip.is_v4();
  tcb.iss = segment.ack - 1U;
  tcb.snd_una = tcb.snd_nxt = tcb.snd_max = segment.ack;
  tcb.recover = tcb.iss;
  tcb.irs = segment.seq - 1U;
  tcb.rcv_nxt = tcb.last_ack_sent = segment.seq;

  tcb.our_mss = ours.our_mss;
  tcb.timestamps = options.has_timestamps;
  tcb.sack = options.sack_permitted;
  tcb.ecn = options.ecn;
  tcb.window_scaling = options.has_window_scale;
  if (options.has_window_scale) {
    tcb.snd_wscale = options.window_scale & 15U;
    tcb.rcv_wscale = kOurWindowScale;
  }
  if (options.has_timestamps) {
    tcb.ts_offset = options.tsval - timestamp_clock(now);
    tcb.ts_recent = segment.options.tsval;
    tcb.ts_recent_at = AgeStamp{now};
    tcb.ts_recent_valid = true;
  }
  tcb.snd_mss = effective_mss(options.mss, ours.our_mss, tcb.is_v4, tcb.timestamps);
  on_start(tcb.congestion, tcb.snd_mss, options.lost_syn_ack);
  if (options.rtt.count > 0) measured(tcb.rtt, options.rtt);
  tcb.rtt_seq = tcb.snd_nxt;

  // [RFC 9293 3.10.7.4] Fifth, SYN-RECEIVED: the window comes from the segment that completes the
  // handshake.
  tcb.snd_wnd = std::uint32_t{segment.window} << tcb.snd_wscale;
  tcb.max_snd_wnd = tcb.snd_wnd;
  tcb.snd_wl1 = segment.seq;
  tcb.snd_wl2 = segment.ack;

  tcb.algorithm = ours.congestion;
  set_receive_buffer(tcb, ours.receive_buffer);
  tcb.rcv_adv = tcb.rcv_nxt + std::min(ours.receive_buffer, 65'535U);  // as the SYN-ACK promised
  tcb.tune_end = tcb.rcv_adv;
  tcb.tune_begun = Stamp{now};
  tcb.heard_at = TimerStamp{now};
  tcb.keep_alive = ours.keep_alive;
  return tcb;
}

Tcb open_active(const FourTuple& tuple, const ActiveOpen& ours, Instant now) noexcept {
  Tcb tcb;
  tcb.state = State::syn_sent;
  tcb.is_v4 = tuple.local.ip.is_v4();
  tcb.iss = ours.iss;
  tcb.snd_una = tcb.snd_nxt = tcb.snd_max = tcb.recover = ours.iss;
  tcb.our_mss = ours.our_mss;
  tcb.timestamps = tcb.sack = tcb.window_scaling = true;
  tcb.ecn = ours.ecn;
  tcb.ts_offset = ours.ts_offset;
  tcb.rcv_wscale = kOurWindowScale;
  tcb.snd_mss = effective_mss(0, ours.our_mss, tcb.is_v4, true);
  tcb.algorithm = ours.congestion;
  tcb.heard_at = TimerStamp{now};
  tcb.keep_alive = ours.keep_alive;
  tcb.rtt.rttvar = ours.initial_rto;
  set_receive_buffer(tcb, ours.receive_buffer);
  // Until the peer's ISN is known only the length of the window means something.
  tcb.rcv_adv = tcb.rcv_nxt + std::min(ours.receive_buffer, 65'535U);
  return tcb;
}

SeqNum initial_sequence(const FourTuple& tuple, const SipKey& secret, Instant now) noexcept {
  // [RFC 9293 3.4.1] A clock that ticks every four microseconds.
  const auto clock = static_cast<std::uint32_t>(now.us / 4);
  return {tuple_hash(tuple, secret, Purpose::initial_sequence) + clock};
}

std::uint32_t timestamp_offset(const FourTuple& tuple, const SipKey& secret) noexcept {
  return tuple_hash(tuple, secret, Purpose::timestamp_offset);
}

}  // namespace sallyport::tcp
