// RFC 9293 section 3.10.7 by hand: each state against each kind of segment, then single rules.
#include "lib/tcp/input.h"

#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

using stats::DropReason;

// --- every state x every flag combination --------------------------------------------------------

enum class Outcome {
  ignored,   // no answer, no change
  answered,  // ACK, at once or challenged; no change of state
  rst,       // answered with RST
  taken,     // processed, state unchanged
  moved,     // processed, state changed
  ended,     // connection over
};

const State kSynchronized[] = {State::established, State::fin_wait_1, State::fin_wait_2,
                               State::close_wait,  State::closing,    State::last_ack};

Outcome outcome_of(const Conn& tcb, State was, const Arrival& a) {
  if (a.events.has(Event::reset) || a.events.has(Event::refused)) return Outcome::ended;
  if (a.reply == Reply::reset) return Outcome::rst;
  if (tcb.state != was) return Outcome::moved;
  if (a.drop == DropReason::none) return Outcome::taken;
  return a.reply == Reply::none ? Outcome::ignored : Outcome::answered;
}

// The segment stands exactly at RCV.NXT and acknowledges everything up to SND.UNA only.
Segment expected_segment(const Conn& tcb, Flags flags) {
  return segment_of(flags, tcb.rcv_nxt.raw, tcb.snd_una.raw);
}

TEST(States, EveryFlagCombinationInEverySynchronizedState) {
  // [RFC 9293 3.10.7.4] [RFC 5961 3] [RFC 5961 4]
  for (const State state : kSynchronized) {
    for (unsigned bits = 0; bits < 32; ++bits) {
      const Flags flags{static_cast<std::uint8_t>(bits)};
      Conn tcb = tcb_in(state);
      const Arrival a = segment_arrives(tcb, expected_segment(tcb, flags), kStart);
      const bool may_receive =
          state == State::established || state == State::fin_wait_1 || state == State::fin_wait_2;
      Outcome expected = Outcome::taken;
      if (flags.syn()) {
        expected = Outcome::answered;  // challenged, with RST or whatever beside it
      } else if (flags.rst()) {
        expected = Outcome::ended;
      } else if (!flags.ack()) {
        expected = Outcome::ignored;
      } else if (flags.fin() && may_receive) {
        expected = Outcome::moved;
      }
      EXPECT_EQ(outcome_of(tcb, state, a), expected) << name_of(state) << " flags " << bits;
      if (flags.syn()) {
        EXPECT_EQ(a.reply, Reply::challenge_ack);
        EXPECT_EQ(tcb.state, state);
      }
    }
  }
}

TEST(States, EveryFlagCombinationInSynSent) {  // [RFC 9293 3.10.7.3] [RFC 5961 3.2]
  for (unsigned bits = 0; bits < 32; ++bits) {
    for (const bool good_ack : {true, false}) {
      const Flags flags{static_cast<std::uint8_t>(bits)};
      Conn tcb = tcb_in(State::syn_sent);
      const Segment s = segment_of(flags, 7000, good_ack ? 1001 : 1002);
      const Arrival a = segment_arrives(tcb, s, kStart);
      Outcome expected = Outcome::ignored;
      if (flags.ack() && !good_ack) {
        expected = flags.rst() ? Outcome::ignored : Outcome::rst;
      } else if (flags.rst()) {
        expected = flags.ack() ? Outcome::ended : Outcome::ignored;
      } else if (flags.syn()) {
        expected = Outcome::moved;
      }
      EXPECT_EQ(outcome_of(tcb, State::syn_sent, a), expected) << bits << good_ack;
      if (expected == Outcome::rst) {
        EXPECT_EQ(a.rst.flags, kRst);
        EXPECT_EQ(a.rst.seq, SeqNum{1002});
      }
      if (expected == Outcome::moved && flags.ack()) {
        EXPECT_TRUE(a.events.has(Event::established));
      }
    }
  }
}

TEST(States, EveryFlagCombinationInSynReceived) {  // [RFC 9293 3.10.7.4]
  for (unsigned bits = 0; bits < 32; ++bits) {
    const Flags flags{static_cast<std::uint8_t>(bits)};
    Conn tcb = tcb_in(State::syn_received);
    const Arrival a = segment_arrives(tcb, segment_of(flags, 5001, 1001), kStart);
    Outcome expected = Outcome::ignored;
    if (flags.syn()) {
      expected = Outcome::answered;
    } else if (flags.rst()) {
      expected = Outcome::ended;
    } else if (flags.ack()) {
      expected = Outcome::moved;
    }
    EXPECT_EQ(outcome_of(tcb, State::syn_received, a), expected) << bits;
    if (expected == Outcome::moved) {
      EXPECT_EQ(tcb.state, flags.fin() ? State::close_wait : State::established);
    }
  }
}

TEST(States, OutOfWindowSegmentsAreAnsweredAndOutOfWindowResetsAreNot) {
  for (const State state : kSynchronized) {
    for (const std::uint32_t off : {0U - 100U, 100'000U}) {
      Conn tcb = tcb_in(state);
      Segment s = segment_of(kAck, tcb.rcv_nxt.raw + off, tcb.snd_una.raw, 10);
      EXPECT_EQ(segment_arrives(tcb, s, kStart).reply, Reply::ack) << name_of(state);
      s.payload_len = 0;
      EXPECT_EQ(segment_arrives(tcb, s, kStart).reply, Reply::challenge_ack) << name_of(state);
      s.flags = kRst;
      const Arrival a = segment_arrives(tcb, s, kStart);
      EXPECT_EQ(a.reply, Reply::none);
      EXPECT_EQ(a.drop, DropReason::tcp_out_of_window);
      EXPECT_EQ(tcb.state, state);
    }
  }
}

// --- resets
// ------------------------------------------------------------------------------------------

TEST(Reset, OnlyTheExactSequenceNumberResetsOthersInTheWindowAreChallenged) {  // [RFC 5961 3.2]
  for (const State state : kSynchronized) {
    Conn tcb = tcb_in(state);
    const Arrival near = segment_arrives(tcb, segment_of(kRst, tcb.rcv_nxt.raw + 1), kStart);
    EXPECT_EQ(near.reply, Reply::challenge_ack);
    EXPECT_EQ(near.drop, DropReason::tcp_blind_reset);
    EXPECT_EQ(tcb.state, state);
    const Arrival exact = segment_arrives(tcb, segment_of(kRst, tcb.rcv_nxt.raw), kStart);
    EXPECT_TRUE(exact.events.has(Event::reset));
    EXPECT_EQ(tcb.state, State::closed);
    EXPECT_FALSE(next_deadline(tcb, kStart));
    EXPECT_FALSE(wants_ack(tcb));
  }
}

TEST(Reset, IsHeardThroughAClosedWindow) {  // [RFC 9293 3.10.7.4]
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt;
  EXPECT_TRUE(segment_arrives(tcb, segment_of(kRst, 5001), kStart).events.has(Event::reset));
}

TEST(Reset, NeedsNoTimestamp) {  // [RFC 7323 3.2]
  Conn tcb = tcb_in(State::established);
  tcb.timestamps = tcb.ts_recent_valid = true;
  EXPECT_TRUE(segment_arrives(tcb, segment_of(kRst, 5001), kStart).events.has(Event::reset));
}

TEST(Reset, RefusesAnActiveOpenEvenAfterASimultaneousOne) {
  Conn tcb = tcb_in(State::syn_received);
  EXPECT_TRUE(segment_arrives(tcb, segment_of(kRst, 5001), kStart).events.has(Event::refused));
}

// --- acknowledgments
// -----------------------------------------------------------------------------------

TEST(Acknowledgment, CountsPayloadOnlyAndNeitherSynNorFin) {
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  EXPECT_EQ(send_all(tcb, 0, kStart).size(), 1U);
  Arrival a = segment_arrives(tcb, segment_of(kSyn | kAck, 5000, 1001), kStart);
  EXPECT_EQ(a.bytes_acked, 0U);
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(send_all(tcb, 300, kStart).size(), 1U);
  a = segment_arrives(tcb, segment_of(kAck, 5001, 1302), kStart);
  EXPECT_EQ(a.bytes_acked, 300U);
  EXPECT_TRUE(a.events.has(Event::fin_acked));
  EXPECT_EQ(tcb.state, State::fin_wait_2);
}

TEST(Acknowledgment, ASequenceNumberThatEqualsTheIssAgainAfterAWrapIsOrdinary) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_una = tcb.snd_nxt = tcb.snd_max = tcb.iss;
  (void)send_all(tcb, 100, kStart);
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5001, 1100), kStart).bytes_acked, 100U);
}

// [RFC 5961 7] CVE-2016-5696
TEST(Challenge, IsLimitedForEachConnectionByItself) {
  Conn ours = tcb_in(State::established);
  Conn attackers = tcb_in(State::established);
  const Segment blind = segment_of(kRst, 5001 + 100);
  EXPECT_EQ(segment_arrives(ours, blind, kStart).reply, Reply::challenge_ack);
  for (int i = 0; i < 200; ++i) {
    const Arrival a =
        segment_arrives(ours, blind, kStart + Micros{1000U * static_cast<unsigned>(i)});
    EXPECT_EQ(a.reply, Reply::none);
    EXPECT_EQ(a.drop, DropReason::tcp_blind_reset);
  }
  // Nothing of that can be seen on another connection.
  EXPECT_EQ(segment_arrives(attackers, blind, kStart).reply, Reply::challenge_ack);
  EXPECT_EQ(segment_arrives(ours, blind, kStart + from_millis(600)).reply, Reply::challenge_ack);
}

TEST(Acknowledgment, OfWhatWasNeverSentIsChallengedAndNothingElseIsUsed) {  // [RFC 5961 5.2]
  Conn tcb = tcb_in(State::established);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, 1002, 50), kStart);
  EXPECT_EQ(a.reply, Reply::challenge_ack);
  EXPECT_EQ(a.drop, DropReason::tcp_bad_ack);
  EXPECT_EQ(a.text.kind, Text::Kind::none);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5001});
}

TEST(Acknowledgment, OlderThanTheLargestWindowIsChallengedAndALittleOldIsFine) {
  Conn tcb = tcb_in(State::established);
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5001, 1001 - kWindow - 1, 10), kStart).drop,
            DropReason::tcp_bad_ack);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, 1001 - kWindow, 10), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::in_order);
}

TEST(Acknowledgment, InSynReceivedMustAcknowledgeOurSyn) {  // [RFC 9293 3.10.7.4]
  for (const std::uint32_t ack : {1000U, 1002U}) {
    Conn tcb = tcb_in(State::syn_received);
    const Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, ack), kStart);
    EXPECT_EQ(a.reply, Reply::reset);
    EXPECT_EQ(a.rst.seq, SeqNum{ack});
    EXPECT_EQ(tcb.state, State::syn_received);
  }
}

TEST(Acknowledgment, AnOlderSegmentDoesNotReplaceANewerWindow) {  // [RFC 9293 3.10.7.4]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 1000, kStart);
  (void)segment_arrives(tcb, segment_of(kAck, 5101, 1501, 0, 5000), kStart);
  EXPECT_EQ(tcb.snd_wnd, 5000U);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1501, 100, 9000), kStart);
  EXPECT_EQ(tcb.snd_wnd, 5000U);
  (void)segment_arrives(tcb, segment_of(kAck, 5101, 2001, 0, 7000), kStart);
  EXPECT_EQ(tcb.snd_wnd, 7000U);
}

TEST(Acknowledgment, WindowsAreScaledExceptInASyn) {  // [RFC 7323 2.3]
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  (void)send_all(tcb, 0, kStart);
  Segment reply = segment_of(kSyn | kAck, 5000, 1001, 0, 1000);
  reply.options.has_window_scale = true;
  reply.options.window_scale = 7;
  (void)segment_arrives(tcb, reply, kStart);
  EXPECT_EQ(tcb.snd_wnd, 1000U);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001, 0, 1000), kStart);
  EXPECT_EQ(tcb.snd_wnd, 128'000U);
}

// --- text
// ------------------------------------------------------------------------------------------------

TEST(Payload, InOrderIsTakenAndAcknowledgedAfterAWhileOrAtTheSecondSegment) {
  // [RFC 9293 3.8.6.3]
  Conn tcb = tcb_in(State::established);
  Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, 1001, 100), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::in_order);
  EXPECT_EQ(a.text.len, 100U);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5101});
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_EQ(next_deadline(tcb, kStart), kStart + kDelayedAck);
  a = segment_arrives(tcb, segment_of(kAck, 5101, 1001, 100), kStart);
  EXPECT_TRUE(wants_ack(tcb));
  const Segment ack = make_ack(tcb, kStart);
  EXPECT_EQ(ack.ack, SeqNum{5201});
  EXPECT_EQ(ack.seq, SeqNum{1001});
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_FALSE(next_deadline(tcb, kStart));
}

TEST(Payload, ASingleSegmentIsAcknowledgedWhenTheDelayEnds) {
  Conn tcb = tcb_in(State::established);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001, 100), kStart);
  EXPECT_FALSE(on_deadline(tcb, kStart + from_millis(39)).ack);
  EXPECT_TRUE(on_deadline(tcb, kStart + from_millis(40)).ack);
  EXPECT_TRUE(wants_ack(tcb));
}

TEST(Payload, IsTrimmedToWhatIsNewAndFits) {  // [RFC 9293 3.10.7.4]
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt + 100U;
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 4991, 1001, 500), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::in_order);
  EXPECT_EQ(a.text.offset, 10U);
  EXPECT_EQ(a.text.len, 100U);
  EXPECT_EQ(a.text.seq, SeqNum{5001});
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5101});
}

TEST(Payload, AheadOfAGapIsOfferedForKeepingAndAnsweredAtOnce) {  // [RFC 5681 4.2]
  Conn tcb = tcb_in(State::established);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5101, 1001, 100), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::out_of_order);
  EXPECT_EQ(a.text.seq, SeqNum{5101});
  EXPECT_EQ(a.reply, Reply::ack);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5001});
  EXPECT_EQ(make_ack(tcb, kStart).ack, SeqNum{5001});
}

TEST(Payload, RefusedForLackOfBuffersIsAsIfItHadNotCome) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 500, kStart);
  const Segment s = segment_of(kAck | kFin, 5001, 1501, 100);
  Arrival a = segment_arrives(tcb, s, kStart, TextPolicy::refuse);
  EXPECT_EQ(a.drop, DropReason::tcp_buffers_low);
  EXPECT_EQ(a.bytes_acked, 500U);  // the ACK counts all the same
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5001});
  EXPECT_EQ(tcb.state, State::established);
  a = segment_arrives(tcb, s, kStart);
  EXPECT_EQ(a.text.len, 100U);
  EXPECT_EQ(tcb.state, State::close_wait);
}

TEST(Payload, AProbeOfOurClosedWindowIsAnsweredAndItsAckIsUsed) {  // [RFC 9293 3.8.6.1]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 500, kStart);
  tcb.rcv_adv = tcb.rcv_nxt;
  tcb.rcv_room = 0;
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, 1501, 1), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::none);
  EXPECT_EQ(a.reply, Reply::ack);
  EXPECT_EQ(a.bytes_acked, 500U);
  EXPECT_EQ(make_ack(tcb, kStart).window, 0);
}

TEST(Payload, AKeepAliveProbeIsAnswered) {  // [RFC 9293 3.8.4]
  Conn tcb = tcb_in(State::established);
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5000, 1001, 1), kStart).reply, Reply::ack);
  EXPECT_EQ(segment_arrives(tcb, segment_of(kAck, 5000, 1001), kStart).reply, Reply::challenge_ack);
}

TEST(Payload, AnAckAtTheRightEdgeIsHeardAlthoughTheWindowWasFilledAndLost) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 500, kStart);
  const Segment s = segment_of(kAck, tcb.rcv_adv.raw, 1501);
  EXPECT_EQ(segment_arrives(tcb, s, kStart).bytes_acked, 500U);
}

TEST(Payload, WithASynAckIsTaken) {  // [RFC 9293 3.10.7.3]
  Conn tcb = tcb_in(State::syn_sent);
  const Arrival a = segment_arrives(tcb, segment_of(kSyn | kAck, 7000, 1001, 20), kStart);
  EXPECT_TRUE(a.events.has(Event::established));
  EXPECT_EQ(a.text.kind, Text::Kind::in_order);
  EXPECT_EQ(a.text.offset, 0U);
  EXPECT_EQ(a.text.len, 20U);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{7021});
}

TEST(Payload, SequenceNumbersWrapAround) {  // [RFC 9293 3.4]
  Conn tcb = tcb_in(State::established);
  tcb.rcv_nxt = tcb.last_ack_sent = {0xffff'fff0};
  tcb.rcv_adv = tcb.rcv_nxt + 1000U;
  tcb.snd_una = tcb.snd_nxt = tcb.snd_max = {0xffff'ff00};
  (void)send_all(tcb, 1000, kStart);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 0xffff'fff0, 0x2e8, 100), kStart);
  EXPECT_EQ(a.bytes_acked, 1000U);
  EXPECT_EQ(a.text.len, 100U);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{0x54});
}

// --- FIN
// ----------------------------------------------------------------------------------------------------

TEST(Fin, AheadOfAGapWaitsForTheDataBeforeIt) {
  Conn tcb = tcb_in(State::established);
  Arrival a = segment_arrives(tcb, segment_of(kAck | kFin, 5101, 1001, 100), kStart);
  EXPECT_EQ(a.text.kind, Text::Kind::out_of_order);
  EXPECT_EQ(tcb.state, State::established);
  a = segment_arrives(tcb, segment_of(kAck, 5001, 1001, 100), kStart);
  EXPECT_FALSE(a.events.has(Event::peer_closed));
  const Events events = buffered_text_delivered(tcb, 100);
  EXPECT_TRUE(events.has(Event::peer_closed));
  EXPECT_EQ(tcb.state, State::close_wait);
  EXPECT_EQ(make_ack(tcb, kStart).ack, SeqNum{5202});
}

TEST(Fin, NothingBehindItIsTaken) {
  Conn tcb = tcb_in(State::established);
  (void)segment_arrives(tcb, segment_of(kAck | kFin, 5011, 1001), kStart);
  const Arrival a = segment_arrives(tcb, segment_of(kAck, 5001, 1001, 100), kStart);
  EXPECT_EQ(a.text.len, 10U);
  EXPECT_TRUE(a.events.has(Event::peer_closed));
}

TEST(Fin, RepeatedIsAcknowledgedAgainAndCountsOnce) {
  Conn tcb = tcb_in(State::established);
  const Segment fin = segment_of(kAck | kFin, 5001, 1001);
  EXPECT_TRUE(segment_arrives(tcb, fin, kStart).events.has(Event::peer_closed));
  (void)make_ack(tcb, kStart);
  const Arrival again = segment_arrives(tcb, fin, kStart);
  EXPECT_FALSE(again.events.has(Event::peer_closed));
  EXPECT_EQ(again.reply, Reply::ack);
  EXPECT_EQ(tcb.rcv_nxt, SeqNum{5002});
}

TEST(Fin, IsTakenThroughAClosedWindow) {
  Conn tcb = tcb_in(State::established);
  tcb.rcv_adv = tcb.rcv_nxt;
  tcb.rcv_room = 0;
  (void)segment_arrives(tcb, segment_of(kAck | kFin, 5001, 1001), kStart);
  EXPECT_EQ(tcb.state, State::close_wait);
}

// --- PAWS
// ---------------------------------------------------------------------------------------------------

class Paws : public ::testing::Test {
 protected:
  Paws() {
    tcb_.timestamps = tcb_.ts_recent_valid = true;
    tcb_.ts_recent = 10'000;
    tcb_.ts_recent_at = AgeStamp{kStart};
  }
  static Segment stamped(std::uint32_t tsval, std::uint32_t seq = 5001, std::uint32_t len = 10) {
    Segment s = segment_of(kAck, seq, 1001, len);
    s.options.has_timestamps = true;
    s.options.tsval = tsval;
    return s;
  }
  Conn tcb_ = tcb_in(State::established);
};

TEST_F(Paws, AnOlderTimestampIsDroppedWithAnAck) {  // [RFC 7323 5.3]
  const Arrival a = segment_arrives(tcb_, stamped(9999), kStart);
  EXPECT_EQ(a.drop, DropReason::tcp_paws);
  EXPECT_EQ(a.reply, Reply::ack);
  EXPECT_EQ(tcb_.rcv_nxt, SeqNum{5001});
  EXPECT_EQ(segment_arrives(tcb_, stamped(10'000), kStart).text.len, 10U);
}

TEST_F(Paws, ComparesModuloTwoToTheThirtyTwo) {
  tcb_.ts_recent = 0xffff'fff0;
  EXPECT_EQ(segment_arrives(tcb_, stamped(5), kStart).drop, DropReason::none);
  EXPECT_EQ(tcb_.ts_recent, 5U);
}

TEST_F(Paws, AMissingTimestampIsDroppedSilently) {  // [RFC 7323 3.2]
  const Arrival a = segment_arrives(tcb_, segment_of(kAck, 5001, 1001, 10), kStart);
  EXPECT_EQ(a.drop, DropReason::tcp_paws);
  EXPECT_EQ(a.reply, Reply::none);
}

TEST_F(Paws, ATimestampBehindAGapIsNotEchoed) {  // [RFC 7323 4.3]
  (void)segment_arrives(tcb_, stamped(10'500, 5101), kStart);
  EXPECT_EQ(make_ack(tcb_, kStart).options.tsecr, 10'000U);
  (void)segment_arrives(tcb_, stamped(10'400), kStart);
  EXPECT_EQ(make_ack(tcb_, kStart).options.tsecr, 10'400U);
}

TEST_F(Paws, TheEarliestOfSeveralDelayedSegmentsIsEchoed) {  // [RFC 7323 4.3]
  (void)segment_arrives(tcb_, stamped(10'100, 5001), kStart);
  (void)segment_arrives(tcb_, stamped(10'200, 5011), kStart);
  EXPECT_EQ(make_ack(tcb_, kStart).options.tsecr, 10'100U);
}

TEST_F(Paws, IsSilentAfterTwentyFourDays) {  // [RFC 7323 5.5]
  const Instant long_after{kStart.us + 25ULL * 86'400 * 1'000'000};
  EXPECT_EQ(segment_arrives(tcb_, stamped(1), long_after).drop, DropReason::none);
  EXPECT_EQ(tcb_.ts_recent, 1U);
}

// --- simultaneous open
// ------------------------------------------------------------------------------------

TEST(SimultaneousOpen, FollowsFigureSevenOfTheRfc) {  // [RFC 9293 3.5]
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  ASSERT_EQ(send_all(tcb, 0, kStart).size(), 1U);
  (void)segment_arrives(tcb, segment_of(kSyn, 5000), kStart);
  EXPECT_EQ(tcb.state, State::syn_received);
  const auto sent = send_all(tcb, 0, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].flags, kSyn | kAck);
  EXPECT_EQ(sent[0].seq, kOurIss);
  EXPECT_EQ(sent[0].ack, SeqNum{5001});
  // A repeated SYN gets the SYN-ACK once more.
  (void)segment_arrives(tcb, segment_of(kSyn, 5000), kStart);
  EXPECT_EQ(send_all(tcb, 0, kStart).size(), 1U);
  const Arrival a = segment_arrives(tcb, segment_of(kSyn | kAck, 5000, 1001), kStart);
  EXPECT_TRUE(a.events.has(Event::established));
  EXPECT_EQ(tcb.state, State::established);
}

}  // namespace
}  // namespace sallyport::tcp::test
