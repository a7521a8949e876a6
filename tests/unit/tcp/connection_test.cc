// Beginning and end of connections, our receive window, and segments without connection.
#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

// --- close
// ---------------------------------------------------------------------------------------------

TEST(Close, FourWayWhenWeBegin) {  // [RFC 9293 3.6]
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(tcb.state, State::fin_wait_1);
  EXPECT_EQ(send_all(tcb, 0, kStart).size(), 1U);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1002), kStart);
  EXPECT_EQ(tcb.state, State::fin_wait_2);
  // Half-closed: the peer still sends.
  const Arrival data = segment_arrives(tcb, segment_of(kAck, 5001, 1002, 100), kStart);
  EXPECT_EQ(data.text.len, 100U);
  const Arrival fin = segment_arrives(tcb, segment_of(kAck | kFin, 5101, 1002), kStart);
  EXPECT_TRUE(fin.events.has(Event::peer_closed));
  EXPECT_TRUE(fin.events.has(Event::time_wait));
  EXPECT_EQ(fin.reply, Reply::ack);
  EXPECT_EQ(make_ack(tcb, kStart).ack, SeqNum{5102});
}

TEST(Close, FourWayWhenThePeerBegins) {
  Conn tcb = tcb_in(State::established);
  (void)segment_arrives(tcb, segment_of(kAck | kFin, 5001, 1001), kStart);
  EXPECT_EQ(tcb.state, State::close_wait);
  EXPECT_EQ(send_all(tcb, 100, kStart).size(), 1U);  // half-closed the other way round
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(tcb.state, State::last_ack);
  EXPECT_EQ(send_all(tcb, 100, kStart).size(), 1U);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5002, 1102), kStart);
  EXPECT_TRUE(a.events.has(Event::fin_acked));
  EXPECT_TRUE(a.events.has(Event::closed));
  EXPECT_EQ(tcb.state, State::closed);
}

TEST(Close, Simultaneous) {  // [RFC 9293 3.6] figure 13
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  (void)send_all(tcb, 0, kStart);
  (void)segment_arrives(tcb, segment_of(kAck | kFin, 5001, 1001), kStart);
  EXPECT_EQ(tcb.state, State::closing);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5002, 1002), kStart);
  EXPECT_TRUE(a.events.has(Event::time_wait));
}

TEST(Close, AFinThatAcknowledgesOursGoesStraightToTimeWait) {
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  (void)send_all(tcb, 0, kStart);
  const Arrival a = segment_arrives(tcb, segment_of(kAck | kFin, 5001, 1002), kStart);
  EXPECT_TRUE(a.events.has(Event::fin_acked));
  EXPECT_TRUE(a.events.has(Event::time_wait));
}

TEST(Close, WaitsForTheHandshakeInSynReceived) {
  Conn tcb = tcb_in(State::syn_received);
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(tcb.state, State::syn_received);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001), kStart);
  EXPECT_EQ(tcb.state, State::fin_wait_1);
  const auto sent = send_all(tcb, 0, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].flags.fin());
}

TEST(Close, BeforeAnyAnswerLeavesNothing) {
  Conn tcb = tcb_in(State::syn_sent);
  EXPECT_FALSE(close(tcb));
  EXPECT_EQ(tcb.state, State::closed);
}

TEST(Close, TwiceIsHarmless) {
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(send_all(tcb, 0, kStart).size(), 1U);
}

TEST(Abort, ResetsWhereThePeerExpectsUs) {  // [RFC 9293 3.10.5]
  for (const State state :
       {State::syn_received, State::established, State::fin_wait_1, State::fin_wait_2,
        State::close_wait, State::closing, State::last_ack}) {
    Conn tcb = tcb_in(state);
    const SeqNum expected = tcb.snd_max;
    const auto rst = abort(tcb, kStart);
    ASSERT_TRUE(rst) << name_of(state);
    EXPECT_TRUE(rst->flags.rst());
    EXPECT_EQ(rst->seq, expected);
    EXPECT_EQ(tcb.state, State::closed);
    EXPECT_TRUE(send_all(tcb, 100, kStart).empty());
  }
  for (const State state : {State::closed, State::syn_sent, State::time_wait}) {
    Conn tcb = tcb_in(state);
    EXPECT_FALSE(abort(tcb, kStart)) << name_of(state);
  }
}

// --- segments without connection
// -------------------------------------------------------------------

TEST(Stray, IsResetWhereItsSenderExpectsUs) {  // [RFC 9293 3.10.7.1]
  const auto to_ack = reset_for(segment_of(kAck | kPsh, 5000, 1234, 10));
  ASSERT_TRUE(to_ack);
  EXPECT_EQ(to_ack->flags, kRst);
  EXPECT_EQ(to_ack->seq, SeqNum{1234});
  const auto to_syn = reset_for(segment_of(kSyn, 5000));
  ASSERT_TRUE(to_syn);
  EXPECT_EQ(to_syn->flags, kRst | kAck);
  EXPECT_EQ(to_syn->seq, SeqNum{0});
  EXPECT_EQ(to_syn->ack, SeqNum{5001});
  const auto to_fin = reset_for(segment_of(kFin, 5000, 0, 10));
  EXPECT_EQ(to_fin->ack, SeqNum{5011});
}

TEST(Stray, AResetIsNeverAnswered) {
  EXPECT_FALSE(reset_for(segment_of(kRst, 1)));
  EXPECT_FALSE(reset_for(segment_of(kRst | kAck | kSyn, 1, 2)));
}

// --- receive window
// -----------------------------------------------------------------------------------

TEST(ReceiveWindow, TheRightEdgeNeverMovesLeft) {  // [RFC 9293 3.8.6.2.2]
  Conn tcb = tcb_in(State::established);
  const SeqNum promised = tcb.rcv_adv;
  set_receive_room(tcb, 100);
  EXPECT_EQ(make_ack(tcb, kStart).window, kWindow);
  EXPECT_EQ(tcb.rcv_adv, promised);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001, 1000), kStart);
  set_receive_room(tcb, 0);
  EXPECT_EQ(make_ack(tcb, kStart).window, kWindow - 1000);
  EXPECT_EQ(tcb.rcv_adv, promised);
}

TEST(ReceiveWindow, OpensInStepsOfASegment) {  // [RFC 9293 3.8.6.2.2]
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt;
  set_receive_room(tcb, kMss - 1);
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_EQ(make_ack(tcb, kStart).window, 0);
  set_receive_room(tcb, kMss);
  EXPECT_TRUE(wants_ack(tcb));
  EXPECT_EQ(make_ack(tcb, kStart).window, kMss);
}

// Whatever is beyond it cannot be promised; asking for an ACK to do so would never end.
TEST(ReceiveWindow, WithoutScalingIsNeverLargerThanItsField) {
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt + 65'535U;
  set_receive_room(tcb, 4'000'000);
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_EQ(make_ack(tcb, kStart).window, 65'535);
}

TEST(ReceiveWindow, OfASmallBufferOpensInHalves) {
  Conn tcb = tcb_in(State::established);
  tcb.rcv_buffer = 1000;
  tcb.rcv_adv = tcb.rcv_nxt;
  set_receive_room(tcb, 499);
  EXPECT_FALSE(wants_ack(tcb));
  set_receive_room(tcb, 500);
  EXPECT_TRUE(wants_ack(tcb));
}

TEST(ReceiveWindow, AWideOneNeedsNoUpdateForEverySegmentRead) {
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt + 40'000U;
  set_receive_room(tcb, 42'000);
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_EQ(make_ack(tcb, kStart).window, 42'000);
}

TEST(ReceiveWindow, ScalingRoundsWithoutTakingBackWhatFits) {  // [RFC 7323 2.4]
  Conn tcb = tcb_in(State::established);
  tcb.rcv_wscale = 8;
  tcb.rcv_adv = tcb.rcv_nxt + 1000U;  // not a multiple of 256
  set_receive_room(tcb, 1100);
  EXPECT_EQ(make_ack(tcb, kStart).window, 4);  // 1024: up, for there is room
  set_receive_room(tcb, 1024);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001, 1), kStart);
  EXPECT_EQ(make_ack(tcb, kStart).window, 3);  // 768: down, for 1024 would be too much
  // ... and what had been promised is still accepted.
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5002, 1001, 1023), kStart).text.len, 1023U);
}

TEST(ReceiveWindow, NoUpdatesAfterThePeersFin) {
  Conn tcb = tcb_in(State::close_wait);
  tcb.rcv_adv = tcb.rcv_nxt;
  set_receive_room(tcb, 50'000);
  EXPECT_FALSE(wants_ack(tcb));
}

// --- opening
// -----------------------------------------------------------------------------------------------

TEST(Open, InitialSequenceNumbersIncreaseWithTimeAndDifferByTuple) {  // [RFC 6528 3]
  const SipKey secret{1, 2};
  const SeqNum now = initial_sequence(kTuple4, secret, kStart);
  EXPECT_EQ(initial_sequence(kTuple4, secret, kStart + from_millis(1000)) - now, 250'000);
  FourTuple other = kTuple4;
  other.local.port ^= 1;
  EXPECT_NE(initial_sequence(other, secret, kStart), now);
  EXPECT_NE(initial_sequence(kTuple4, {1, 3}, kStart), now);
  EXPECT_NE(initial_sequence(kTuple6, secret, kStart), now);
  EXPECT_EQ(timestamp_offset(kTuple4, secret), timestamp_offset(kTuple4, secret));
  EXPECT_NE(timestamp_offset(kTuple4, secret), timestamp_offset(other, secret));
}

TEST(Open, APassiveConnectionTakesItsFirstSegmentLikeAnyOther) {
  const SynAckParameters ours{.our_mss = 1440, .receive_buffer = 100'000};
  const CookieKeys keys{.epoch = 1, .current = {1, 2}, .adjacent = {3, 4}};
  Segment syn = segment_of(kSyn, 5000);
  syn.options.mss = 1440;
  syn.options.has_window_scale = true;
  syn.options.window_scale = 9;
  const Segment reply = make_syn_ack(kTuple6, syn, ours, keys, {1'700'000'000'000});
  const Segment data = segment_of(kAck | kPsh, 5001, reply.seq.raw + 1, 517, 100);
  const auto cookie = check_cookie(kTuple6, data, keys, {1'700'000'000'050});
  ASSERT_TRUE(cookie);
  Conn tcb{open_passive(kTuple6, data, *cookie, ours, kStart)};
  EXPECT_EQ(tcb.state, State::established);
  EXPECT_EQ(tcb.snd_wnd, 100U << 9);
  EXPECT_EQ(tcb.snd_mss, 1440);
  const Arrival a = segment_arrives(tcb, data, kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::in_order);
  EXPECT_EQ(a.text.len, 517U);
  EXPECT_EQ(a.bytes_acked, 0U);
  // The window in the first ACK is scaled and as wide as the buffer.
  EXPECT_EQ(make_ack(tcb, kStart).window, (kInitialReceiveWindow - 517U) >> kOurWindowScale);
}

// --- time
// -------------------------------------------------------------------------------------------------

TEST(Time, ConvertsBetweenTheCounterAndMicrosecondsWithoutEverBeingEarly) {
  for (const std::uint64_t hz : {1'000'000ULL, 1'900'000'123ULL, 3'700'000'000ULL}) {
    const Clock clock{TscRate{hz}};
    for (const std::uint64_t us : {0ULL, 1ULL, 999'999ULL, 1'000'000ULL, 86'400'000'000'001ULL}) {
      const Tsc at = clock.tsc({us});
      EXPECT_EQ(clock.instant(at).us, us);
      if (at.ticks > 0) {
        EXPECT_LT(clock.instant({at.ticks - 1}).us, us);
      }
    }
  }
}

TEST(Time, StampsCompareAcrossTheirWrap) {
  const Instant before_wrap{0xffff'fff0};
  const Stamp deadline{before_wrap + Micros{0x100}};
  EXPECT_FALSE(deadline.has_come(before_wrap));
  EXPECT_EQ(deadline.instant(before_wrap), Instant{0x1'0000'00f0});
  EXPECT_TRUE(deadline.has_come({0x1'0000'00f0}));
  EXPECT_EQ(Stamp{before_wrap}.elapsed({0x1'0000'0000}), Micros{0x10});
}

TEST(SeqNum, ComparesAcrossTheWrap) {  // [RFC 9293 3.4]
  static_assert(before(SeqNum{0xffff'ffff}, SeqNum{0}));
  static_assert(after(SeqNum{5}, SeqNum{0xffff'fff0}));
  static_assert(distance(SeqNum{0xffff'fff0}, SeqNum{0x10}) == 0x20);
  static_assert(later(SeqNum{0xffff'fff0}, SeqNum{3}) == SeqNum{3});
  static_assert(earlier(SeqNum{0xffff'fff0}, SeqNum{3}) == SeqNum{0xffff'fff0});
}

}  // namespace
}  // namespace sallyport::tcp::test
