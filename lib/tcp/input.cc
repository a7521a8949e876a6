#include "lib/tcp/input.h"

#include <algorithm>

#include "lib/tcp/ack.h"
#include "lib/tcp/options.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/stray.h"
#include "lib/tcp/timers.h"

namespace sallyport::tcp {
namespace {

using stats::DropReason;

constexpr std::uint8_t kQuickAcks = 10;  // as many as an initial window has (RFC 6928)
constexpr Micros kChallengeInterval = from_millis(500);
// [RFC 7323 5.5] After 24 days a TSval may have wrapped past the sign: TS.Recent says nothing then.
constexpr std::uint64_t kTimestampLife = 24ULL * 86'400U * 1'000'000U;  // us

Arrival& dropped(Arrival& arrival, DropReason why, Reply reply) noexcept {
  arrival.drop = why;
  arrival.reply = reply;
  return arrival;
}

Arrival& reset_by_us(Arrival& arrival, const Segment& segment, DropReason why) noexcept {
  arrival.drop = why;
  if (const auto rst = reset_for(segment)) {
    arrival.reply = Reply::reset;
    arrival.rst = *rst;
  }
  return arrival;
}

// A segment that is answered although nothing of it is used.  One with text or FIN is sent by a
// timer of the peer and is answered always; one without could be part of an exchange of ACKs that
// never ends, so its answer falls under the rate limit.
Reply reply_to_unacceptable(Tcb& tcb, const Segment& segment) noexcept {
  if (segment.length() == 0) return Reply::challenge_ack;
  tcb.ack_now = true;
  return Reply::ack;
}

// [RFC 3168 6.1.3] The receiver's half of ECN: ECE in every ACK, from a mark until the peer's CWR.
// A mark that comes together with CWR is a new one.
void take_marks(Tcb& tcb, const Segment& segment, Arrival& arrival) noexcept {
  if (!tcb.ecn) return;
  if (segment.flags.cwr()) tcb.ece_due = false;
  // [RFC 3168 6.1.4] An ACK without text is never sent as ECN-capable.
  if (segment.ecn != wire::Ecn::ce || segment.payload_len == 0) return;
  if (!tcb.ece_due) tcb.ack_now = true;
  tcb.ece_due = true;
  arrival.events.add(Event::ce_received);
}

void remember_timestamp(Tcb& tcb, const Segment& segment, Instant now) noexcept {
  tcb.ts_recent = segment.options.tsval;
  tcb.ts_recent_at = AgeStamp{now};
  tcb.ts_recent_valid = true;
}

// [RFC 7323 5.3] R1: a timestamp older than the last one marks an old duplicate.
bool fails_paws(const Tcb& tcb, const Segment& segment, Instant now) noexcept {
  if (!tcb.timestamps || !tcb.ts_recent_valid || !segment.options.has_timestamps) return false;
  if (static_cast<std::int32_t>(segment.options.tsval - tcb.ts_recent) >= 0) return false;
  return tcb.ts_recent_at.elapsed_us(now) < kTimestampLife;
}

// [RFC 9293 3.4] The four cases of the acceptability test, with two reliefs.  A segment at RCV.NXT
// passes a closed window, so that its ACK and RST are heard (3.10.7.4, first).  One without length
// may stand at the very right edge: there it stands when a peer has filled the window and the last
// of it was lost.
bool is_acceptable(const Tcb& tcb, SeqNum seq, std::uint32_t len) noexcept {
  if (seq == tcb.rcv_nxt) return true;
  if (len == 0) return at_or_before(tcb.rcv_nxt, seq) && at_or_before(seq, tcb.rcv_adv);
  return before(seq, tcb.rcv_adv) && after(seq + len, tcb.rcv_nxt);
}

// take_fin consumes the peer's FIN once everything before it was delivered.
void take_fin(Tcb& tcb, Events& events) noexcept {
  if (!tcb.fin_known || tcb.fin_received || tcb.rcv_nxt != tcb.fin_seq) return;
  tcb.fin_received = true;
  tcb.rcv_nxt += 1;
  tcb.rcv_adv = later(tcb.rcv_adv, tcb.rcv_nxt);
  tcb.ack_now = true;
  events.add(Event::peer_closed);
  // [RFC 9293 3.10.7.4] Eighth: where the FIN leads from each state.
  switch (tcb.state) {
    case State::syn_received:
    case State::established:
      tcb.state = State::close_wait;
      return;
    case State::fin_wait_1:
      tcb.state = State::closing;  // had our FIN been acknowledged, this were FIN_WAIT_2
      return;
    case State::fin_wait_2:
      tcb.state = State::time_wait;
      events.add(Event::time_wait);
      return;
    case State::closed:
    case State::syn_sent:
    case State::close_wait:
    case State::closing:
    case State::last_ack:
    case State::time_wait:
      return;
  }
}

// all_duplicate: every byte of the payload had arrived before.
void all_duplicate(Arrival& arrival, SeqNum seq, std::uint32_t len) noexcept {
  arrival.duplicate = {seq, seq + len};
  arrival.events.add(Event::duplicate_text);
}

// Seventh: the segment text.  `seq` is the first byte of the payload.
void take_text(Tcb& tcb, const Segment& segment, SeqNum seq, Instant now, TextPolicy policy,
               Arrival& arrival) noexcept {
  if (segment.payload_len == 0) return;
  if (!may_receive_data(tcb)) {
    // The peer's FIN has been here: this can only be repeated, or nonsense.
    tcb.ack_now = true;
    arrival.reply = Reply::ack;
    arrival.events.add(Event::duplicate_text);
    return;
  }
  if (policy == TextPolicy::refuse) {
    arrival.drop = DropReason::tcp_buffers_low;
    return;
  }
  const SeqNum left = later(seq, tcb.rcv_nxt);
  SeqNum right = earlier(seq + segment.payload_len, tcb.rcv_adv);
  if (tcb.fin_known) right = earlier(right, tcb.fin_seq);  // nothing follows a FIN
  if (at_or_after(left, right)) {
    // [RFC 9293 3.10.7.4] First: nothing new, so say again what is expected.  Answers the probes of
    // a closed window, and senders whose ACK was lost.
    tcb.ack_now = true;
    arrival.reply = Reply::ack;
    if (at_or_before(seq + segment.payload_len, tcb.rcv_nxt)) {
      all_duplicate(arrival, seq, segment.payload_len);
    } else {
      arrival.drop = DropReason::tcp_out_of_window;
    }
    return;
  }
  arrival.text = {.kind = Text::Kind::in_order,
                  .offset = distance(seq, left),
                  .len = distance(left, right),
                  .seq = left};
  if (left != tcb.rcv_nxt) {
    // [RFC 5681 4.2] A gap is reported at once, by one ACK per segment: the peer counts them.
    arrival.text.kind = Text::Kind::out_of_order;
    tcb.ack_now = true;
    arrival.reply = Reply::ack;
    return;
  }
  if (before(seq, left)) {
    arrival.duplicate = {seq, left};
    tcb.ack_now = true;
    arrival.reply = Reply::ack;
  }
  tcb.rcv_nxt = right;
  tcb.rcv_room -= std::min(tcb.rcv_room, arrival.text.len);
  tune_receive_window(tcb, now);
  // A sender that has just begun counts our ACKs: each of its first full segments has one.
  if (tcb.quick_acks < kQuickAcks && segment.payload_len + kTimestampsLength >= tcb.our_mss) {
    ++tcb.quick_acks;
    tcb.ack_now = true;
  }
  // [RFC 9293 3.8.6.3] Every second segment is acknowledged at once, a single one after a while.
  if (tcb.segments_unacked < 2) ++tcb.segments_unacked;
  if (tcb.segments_unacked == 2) {
    tcb.ack_now = true;
  } else if (!tcb.ack_delayed) {
    tcb.ack_delayed = true;
    tcb.delayed_ack_at = Stamp{now + kDelayedAck};
  }
}

// Sixth to eighth: URG (treated as ordinary text, RFC 6093 section 6), text, FIN.
void take_text_and_fin(Tcb& tcb, const Segment& segment, SeqNum seq, Instant now, TextPolicy policy,
                       Arrival& arrival) noexcept {
  take_text(tcb, segment, seq, now, policy, arrival);
  if (segment.flags.fin() && !tcb.fin_known && policy == TextPolicy::accept) {
    // A FIN at the right edge needs no room; beyond it, it will come again.
    const SeqNum fin_seq = seq + segment.payload_len;
    if (at_or_before(tcb.rcv_nxt, fin_seq) && at_or_before(fin_seq, tcb.rcv_adv)) {
      tcb.fin_known = true;
      tcb.fin_seq = fin_seq;
    }
  }
  take_fin(tcb, arrival.events);
  if (arrival.events.has(Event::time_wait)) arrival.reply = Reply::ack;
  if (segment.flags.fin() && !tcb.fin_received) tcb.ack_now = true;
}

// negotiate settles the options once both SYNs are known.
void negotiate(Tcb& tcb, const Segment& syn, Instant now) noexcept {
  const Options& theirs = syn.options;
  // [RFC 7323 2.2] [RFC 7323 3.2] In use only when both SYNs had them.
  tcb.window_scaling = tcb.window_scaling && theirs.has_window_scale;
  tcb.snd_wscale = 0;
  if (tcb.window_scaling) tcb.snd_wscale = std::min(theirs.window_scale, kMaxWindowScale) & 15U;
  if (!tcb.window_scaling) tcb.rcv_wscale = 0;
  tcb.sack = tcb.sack && theirs.sack_permitted;
  tcb.timestamps = tcb.timestamps && theirs.has_timestamps;
  tcb.ecn = tcb.ecn && syn.is_ecn_setup();
  if (tcb.timestamps) remember_timestamp(tcb, syn, now);
  tcb.snd_mss = effective_mss(theirs.mss, tcb.our_mss, tcb.is_v4, tcb.timestamps);
}

// [RFC 9293 3.10.7.3] SYN-SENT
Arrival arrives_in_syn_sent(Tcb& tcb, const Segment& segment, Instant now,
                            TextPolicy policy) noexcept {
  Arrival arrival;
  const Flags flags = segment.flags;
  // First, the ACK.
  const bool acks_syn =
      flags.ack() && after(segment.ack, tcb.iss) && at_or_before(segment.ack, tcb.snd_max);
  if (flags.ack() && !acks_syn) return reset_by_us(arrival, segment, DropReason::tcp_bad_ack);
  // Second, RST: [RFC 5961 3.2] believed only when it acknowledges our SYN.
  if (flags.rst()) {
    if (!acks_syn) return dropped(arrival, DropReason::tcp_blind_reset, Reply::none);
    tcb.state = State::closed;
    tcb.timer = SendTimer::none;
    arrival.events.add(Event::refused);
    return arrival;
  }
  // Fourth, SYN.
  if (!flags.syn()) return dropped(arrival, DropReason::tcp_bad_flags, Reply::none);
  const std::uint32_t promised = rcv_wnd(tcb);
  tcb.irs = segment.seq;
  tcb.rcv_nxt = segment.seq + 1;
  tcb.rcv_adv = tcb.rcv_nxt + promised;
  tcb.tune_end = tcb.rcv_adv;
  tcb.tune_begun = Stamp{now};
  tcb.last_ack_sent = tcb.rcv_nxt;
  negotiate(tcb, segment, now);
  // [RFC 7323 2.2] The window of a SYN is never scaled.
  tcb.snd_wnd = tcb.max_snd_wnd = segment.window;
  tcb.snd_wl1 = segment.seq;
  tcb.snd_wl2 = segment.ack;
  if (!acks_syn) {
    // Simultaneous open: our SYN is repeated as SYN-ACK.
    tcb.state = State::syn_received;
    tcb.snd_nxt = tcb.iss;
    return arrival;
  }
  take_ack(tcb, segment, now, arrival);
  on_start(tcb.congestion, tcb.snd_mss, tcb.syn_retransmitted);
  tcb.state = State::established;
  tcb.ack_now = true;
  arrival.events.add(Event::established);
  arrival.events.add(Event::window_opened);
  take_text_and_fin(tcb, segment, segment.seq + 1, now, policy, arrival);
  return arrival;
}

// Fourth: SYN in SYN_RECEIVED or later.  Returns true when the segment ends here.
bool handle_syn(Tcb& tcb, const Segment& segment, Arrival& arrival) noexcept {
  if (tcb.state == State::syn_received && segment.seq == tcb.irs) {
    // [RFC 9293 3.5] Simultaneous open, figure 7: the SYN-ACK repeats a SYN that we have, and is
    // taken for its ACK.  Without ACK our SYN-ACK was lost: send it again.
    if (segment.flags.ack()) return false;
    tcb.snd_nxt = tcb.iss;
    arrival.drop = DropReason::tcp_syn_in_connection;
    return true;
  }
  // [RFC 5961 4.2] Wherever its sequence number lies, a SYN in a connection is challenged: a peer
  // that has restarted answers the ACK with the RST that ends this connection.
  (void)dropped(arrival, DropReason::tcp_syn_in_connection, Reply::challenge_ack);
  return true;
}

// Second: RST, of an acceptable segment.
void handle_rst(Tcb& tcb, const Segment& segment, Arrival& arrival) noexcept {
  // [RFC 5961 3.2] Only the exact next sequence number resets; a guess that merely hits the window
  // is challenged.
  if (segment.seq != tcb.rcv_nxt) {
    (void)dropped(arrival, DropReason::tcp_blind_reset, Reply::challenge_ack);
    return;
  }
  // [RFC 9293 3.10.7.4] Second, SYN-RECEIVED: after an active open the RST is a refusal.
  const bool was_refused = tcb.state == State::syn_received && !tcb.passive;
  arrival.events.add(was_refused ? Event::refused : Event::reset);
  tcb.state = State::closed;
  tcb.timer = SendTimer::none;
  tcb.ack_delayed = false;
  tcb.ack_now = false;
}

// Fifth: what the ACK of our FIN leads to.  Returns false when the connection is over.
bool follow_fin_ack(Tcb& tcb, Arrival& arrival) noexcept {
  if (!arrival.events.has(Event::fin_acked)) return true;
  switch (tcb.state) {
    case State::fin_wait_1:
      tcb.state = State::fin_wait_2;
      return true;
    case State::closing:
      tcb.state = State::time_wait;
      arrival.events.add(Event::time_wait);
      return false;
    case State::last_ack:
      tcb.state = State::closed;
      arrival.events.add(Event::closed);
      return false;
    case State::closed:
    case State::syn_sent:
    case State::syn_received:
    case State::established:
    case State::fin_wait_2:
    case State::close_wait:
    case State::time_wait:
      return true;
  }
  return true;
}

}  // namespace

namespace {

Arrival take_segment(Tcb& tcb, const Segment& segment, Instant now, TextPolicy policy) noexcept {
  if (tcb.state == State::syn_sent) return arrives_in_syn_sent(tcb, segment, now, policy);

  // [RFC 9293 3.10.7.4] SYN-RECEIVED and later.
  Arrival arrival;
  const Flags flags = segment.flags;
  if (flags.syn() && handle_syn(tcb, segment, arrival)) return arrival;
  // SEG.SEQ and SEG.LEN without a SYN that we have already.
  const SeqNum seq = flags.syn() ? segment.seq + 1 : segment.seq;
  const std::uint32_t len = segment.payload_len + (flags.fin() ? 1U : 0U);

  if (!flags.rst()) {
    // [RFC 7323 3.2] Once negotiated, timestamps are in every segment; without them it is not of
    // this connection.
    if (tcb.timestamps && !segment.options.has_timestamps) {
      return dropped(arrival, DropReason::tcp_paws, Reply::none);
    }
    if (fails_paws(tcb, segment, now)) {
      return dropped(arrival, DropReason::tcp_paws, reply_to_unacceptable(tcb, segment));
    }
  }

  // First: the sequence number.
  if (!is_acceptable(tcb, seq, len)) {
    if (flags.rst()) return dropped(arrival, DropReason::tcp_out_of_window, Reply::none);
    if (at_or_before(seq + len, tcb.rcv_nxt) && segment.payload_len > 0) {
      all_duplicate(arrival, seq, segment.payload_len);
    }
    return dropped(arrival, DropReason::tcp_out_of_window, reply_to_unacceptable(tcb, segment));
  }

  // Second: RST.
  if (flags.rst()) {
    handle_rst(tcb, segment, arrival);
    return arrival;
  }

  // Third: security and precedence are obsolete.  Fourth: SYN was looked at above.

  // Fifth: ACK.
  if (!flags.ack()) return dropped(arrival, DropReason::tcp_bad_flags, Reply::none);
  if (tcb.state == State::syn_received) {
    if (!after(segment.ack, tcb.snd_una) || after(segment.ack, tcb.snd_max)) {
      return reset_by_us(arrival, segment, DropReason::tcp_bad_ack);
    }
    tcb.state = tcb.fin_queued ? State::fin_wait_1 : State::established;
    tcb.snd_wnd = std::uint32_t{segment.window} << (flags.syn() ? 0U : tcb.snd_wscale);
    tcb.max_snd_wnd = std::max(tcb.max_snd_wnd, tcb.snd_wnd);
    tcb.snd_wl1 = segment.seq;
    tcb.snd_wl2 = segment.ack;
    on_start(tcb.congestion, tcb.snd_mss, tcb.syn_retransmitted);
    arrival.events.add(Event::established);
    arrival.events.add(Event::window_opened);
  } else if (const SeqNum lowest = tcb.snd_una - tcb.max_snd_wnd;
             before(segment.ack, lowest) || after(segment.ack, tcb.snd_max)) {
    // [RFC 5961 5.2] An ACK outside of what can be in flight marks injected data.
    return dropped(arrival, DropReason::tcp_bad_ack, Reply::challenge_ack);
  }
  // [RFC 7323 4.3] The timestamp to echo is the one of the segment that moves, or repeats, the left
  // edge: neither a late one nor one behind a gap.
  if (tcb.timestamps && at_or_before(seq, tcb.last_ack_sent)) {
    remember_timestamp(tcb, segment, now);
  }
  take_marks(tcb, segment, arrival);
  take_ack(tcb, segment, now, arrival);
  if (!follow_fin_ack(tcb, arrival)) return arrival;

  take_text_and_fin(tcb, segment, seq, now, policy, arrival);
  return arrival;
}

// [RFC 5961 7] The limit belongs to the connection alone: one that all shared would let an attacker
// count, on a connection of its own, what it provokes on another (CVE-2016-5696).
bool may_challenge(Tcb& tcb, Instant now) noexcept {
  if (tcb.challenged && tcb.challenged_at.elapsed_us(now) < kChallengeInterval.count) return false;
  tcb.challenged = true;
  tcb.challenged_at = TimerStamp{now};
  return true;
}

}  // namespace

Arrival segment_arrives(Tcb& tcb, const Segment& segment, Instant now, TextPolicy policy) noexcept {
  Arrival arrival = take_segment(tcb, segment, now, policy);
  if (arrival.drop == DropReason::none) {
    tcb.heard_at = TimerStamp{now};
    tcb.keep_alive_probes = 0;
    tcb.keep_alive_due = false;
  }
  if (arrival.reply == Reply::challenge_ack && !may_challenge(tcb, now)) {
    arrival.reply = Reply::none;
  }
  return arrival;
}

Events buffered_text_delivered(Tcb& tcb, std::uint32_t len) noexcept {
  Events events;
  tcb.rcv_nxt += len;
  tcb.rcv_adv = later(tcb.rcv_adv, tcb.rcv_nxt);
  tcb.rcv_room -= std::min(tcb.rcv_room, len);
  tcb.ack_now = true;  // [RFC 5681 4.2] a filled gap is reported at once
  take_fin(tcb, events);
  return events;
}

}  // namespace sallyport::tcp
