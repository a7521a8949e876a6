// What is sent, when, and again: windows, loss recovery, probes.
#include "lib/tcp/output.h"

#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

Arrival ack(Conn& tcb, std::uint32_t number, Instant now, std::uint16_t window = 60'000) {
  return segment_arrives(tcb, segment_of(kAck, tcb.rcv_nxt.raw, number, 0, window), now);
}

// --- new data
// ----------------------------------------------------------------------------------------

// [RFC 6928 2] [RFC 9406 4.2]
TEST(Sending, StartsWithTenSegmentsAndGrowsByWhatIsAcknowledged) {
  Conn tcb = tcb_in(State::established);
  EXPECT_EQ(send_all(tcb, 100'000, kStart).size(), 10U);
  const Arrival a = ack(tcb, 1001 + 2 * kMss, kStart + from_millis(10));
  EXPECT_EQ(a.bytes_acked, 2U * kMss);
  EXPECT_EQ(send_all(tcb, 100'000 - 2 * kMss, kStart).size(), 4U);
}

TEST(Sending, TheInitialWindowOfLargeSegmentsIsSmaller) {  // [RFC 6928 2]
  EXPECT_EQ(initial_window(1460), 14'600U);
  EXPECT_EQ(initial_window(536), 5360U);
  EXPECT_EQ(initial_window(8960), 17'920U);
}

TEST(Sending, AnApplicationThatIsSlowDoesNotGrowTheWindow) {  // [RFC 7661 1]
  Conn tcb = tcb_in(State::established);
  const std::uint32_t before_it = tcb.congestion.cwnd;
  std::uint32_t acked = 1001;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(send_all(tcb, 100, kStart).size(), 1U);
    acked += 100;
    (void)ack(tcb, acked, kStart + from_millis(1));
  }
  EXPECT_EQ(tcb.congestion.cwnd, before_it);
}

TEST(Sending, StaysWithinThePeersWindowAndResumesWhenItOpens) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = tcb.max_snd_wnd = 5000;
  EXPECT_EQ(send_all(tcb, 20'000, kStart).size(), 3U);
  const Arrival a = ack(tcb, 1001 + 2 * kMss, kStart, 5000);
  EXPECT_TRUE(a.events.has(Event::window_opened));
  EXPECT_EQ(send_all(tcb, 20'000 - 2 * kMss, kStart).size(), 2U);
}

TEST(Sending, PushesAndFinishesWhereTheQueueEnds) {  // [RFC 9293 3.9.1.2]
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  const auto sent = send_all(tcb, 2 * kMss, kStart);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].flags, kAck);
  EXPECT_EQ(sent[1].flags, kAck | kPsh | kFin);
  EXPECT_EQ(tcb.snd_max, SeqNum{1001} + 2U * kMss + 1U);
  EXPECT_TRUE(send_all(tcb, 2 * kMss, kStart).empty());
}

TEST(Sending, CutsAChunkThatIsLongerThanASegment) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_mss = 1000;
  const auto sent = send_all(tcb, 2500, kStart, 2500);
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].payload_len, 1000U);
  EXPECT_EQ(sent[2].payload_len, 500U);
}

TEST(Sending, CarriesTheAckThatWasDue) {
  Conn tcb = tcb_in(State::established);
  (void)segment_arrives(tcb, segment_of(kAck, 5001, 1001, 100), kStart);
  const auto sent = send_all(tcb, 10, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].ack, SeqNum{5101});
  EXPECT_FALSE(wants_ack(tcb));
  EXPECT_FALSE(tcb.ack_delayed);
}

TEST(Sending, AfterIdlenessBeginsAgainWithTheRestartWindow) {  // [RFC 5681 4.1]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 100, kStart);
  (void)ack(tcb, 1101, kStart + from_millis(10));
  tcb.congestion.cwnd = 500'000;
  EXPECT_EQ(send_all(tcb, 100'000, kStart + from_millis(5000)).size(), 10U);
}

TEST(Sending, NothingBeforeTheHandshakeIsComplete) {
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  const auto sent = send_all(tcb, 5000, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].flags, kSyn);
  EXPECT_EQ(sent[0].payload_len, 0U);
}

// --- silly windows and probes
// --------------------------------------------------------------------------

TEST(SenderSws, NoPartOfAChunkWhileAnythingIsInFlight) {  // [RFC 9293 3.8.6.2.1]
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = tcb.max_snd_wnd = kMss + 500U;
  EXPECT_EQ(send_all(tcb, 10'000, kStart).size(), 1U);
}

TEST(SenderSws, HalfOfTheLargestWindowIsEnoughWhenNothingIsInFlight) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = tcb.max_snd_wnd = 800;
  const auto sent = send_all(tcb, 10'000, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].payload_len, 800U);
}

TEST(WindowProbe, IsSentAfterOneTimeoutAndThenEverMoreSlowly) {  // [RFC 9293 3.8.6.1]
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  EXPECT_TRUE(send_all(tcb, 5000, kStart).empty());
  ASSERT_EQ(next_deadline(tcb, kStart), kStart + kInitialRto);
  Instant now = kStart;
  std::uint32_t expected_ms = 1000;
  for (int i = 0; i < 6; ++i) {
    const Instant at = *next_deadline(tcb, now);
    EXPECT_EQ((at - now), from_millis(expected_ms));
    now = at;
    const Expired e = on_deadline(tcb, now);
    EXPECT_TRUE(e.window_probe);
    EXPECT_FALSE(e.retransmission_timeout);
    const auto sent = send_all(tcb, 5000, now);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].payload_len, 1U);
    EXPECT_EQ(sent[0].seq, SeqNum{1001});
    (void)ack(tcb, 1001, now, 0);
    expected_ms = std::min(expected_ms * 2, 60'000U);
  }
}

TEST(WindowProbe, NeverGivesUpWhileThePeerAnswersAndDoesWhenItIsSilent) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  Instant now = kStart;
  (void)send_all(tcb, 5000, now);
  for (int i = 0; i < 50; ++i) {
    now = *next_deadline(tcb, now);
    ASSERT_FALSE(on_deadline(tcb, now).timed_out);
    (void)send_all(tcb, 5000, now);
    (void)ack(tcb, 1001, now, 0);
  }
  bool timed_out = false;
  const Instant silent_from = now;
  for (int i = 0; i < 50 && !timed_out; ++i) {
    now = *next_deadline(tcb, now);
    timed_out = on_deadline(tcb, now).timed_out;
    (void)send_all(tcb, 5000, now);
  }
  EXPECT_TRUE(timed_out);
  EXPECT_GE(now - silent_from, kGiveUp);
  EXPECT_EQ(tcb.state, State::closed);
}

TEST(WindowProbe, AnOpenedWindowSendsTheProbedByteAgainWithItsChunk) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  (void)send_all(tcb, 5000, kStart);
  const Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  (void)send_all(tcb, 5000, now);
  (void)ack(tcb, 1001, now, 20'000);
  const auto sent = send_all(tcb, 5000, now);
  ASSERT_EQ(sent.size(), 4U);
  EXPECT_EQ(sent[0].seq, SeqNum{1001});
  EXPECT_EQ(sent[0].payload_len, kMss);
}

TEST(WindowProbe, AByteThatThePeerTookIsAcknowledged) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  (void)send_all(tcb, 5000, kStart);
  const Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  (void)send_all(tcb, 5000, now);
  EXPECT_EQ(ack(tcb, 1002, now, 0).bytes_acked, 1U);
  EXPECT_EQ(flight(tcb), 0U);
  (void)send_all(tcb, 4999, now);
  EXPECT_TRUE(tcb.timer == SendTimer::persist);
}

TEST(WindowProbe, ThatThePeerTookInPartIsNoLoss) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 10;  // too little for a chunk, so the probe carries ten bytes
  (void)send_all(tcb, 5000, kStart);
  Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  const auto sent = send_all(tcb, 5000, now);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].payload_len, 10U);
  EXPECT_EQ(ack(tcb, 1005, now, 0).bytes_acked, 4U);
  (void)send_all(tcb, 4996, now);
  EXPECT_TRUE(tcb.timer == SendTimer::persist);
  now = *next_deadline(tcb, now);
  EXPECT_FALSE(on_deadline(tcb, now).retransmission_timeout);
}

TEST(WindowProbe, OurAcksStayAcceptableToAPeerWithAClosedWindow) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  (void)send_all(tcb, 5000, kStart);
  const Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  (void)send_all(tcb, 5000, now);
  EXPECT_EQ(make_ack(tcb, now).seq, SeqNum{1001});
}

TEST(WindowProbe, AFinNeedsNoWindow) {
  Conn tcb = tcb_in(State::established);
  tcb.snd_wnd = 0;
  EXPECT_TRUE(close(tcb));
  const auto sent = send_all(tcb, 0, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].flags.fin());
}

// --- time-outs
// ----------------------------------------------------------------------------------------------

TEST(Timeout, RepeatsTheOldestSegmentAloneAndThenInSlowStart) {  // [RFC 6298 5.4] [RFC 5681 3.1]
  Conn tcb = tcb_in(State::established);
  EXPECT_EQ(send_all(tcb, 10 * kMss, kStart).size(), 10U);
  const Instant at = *next_deadline(tcb, kStart);
  EXPECT_EQ(at, kStart + kInitialRto);
  EXPECT_TRUE(on_deadline(tcb, at).retransmission_timeout);
  EXPECT_EQ(tcb.congestion.cwnd, kMss);
  EXPECT_EQ(tcb.congestion.ssthresh, 5U * kMss);
  auto sent = send_all(tcb, 10 * kMss, at);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].seq, SeqNum{1001});
  (void)ack(tcb, 1001 + kMss, at + from_millis(50));
  sent = send_all(tcb, 9 * kMss, at + from_millis(50));
  EXPECT_EQ(sent.size(), 2U);
}

TEST(Timeout, AnAckOfWhatWasNotLostAfterAllSkipsIt) {
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 10 * kMss, kStart);
  const Instant at = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, at);
  (void)send_all(tcb, 10 * kMss, at);
  EXPECT_EQ(ack(tcb, 1001 + 10 * kMss, at).bytes_acked, 10U * kMss);
  EXPECT_TRUE(send_all(tcb, 0, at).empty());
  EXPECT_FALSE(next_deadline(tcb, at));
}

TEST(Timeout, DoublesUpToAMinuteAndGivesUpAfterR2) {  // [RFC 6298 5.5] [RFC 9293 3.8.3]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  Instant now = kStart;
  std::uint32_t expected_ms = 1000;
  Expired expired;
  while (!expired.timed_out) {
    const Instant at = *next_deadline(tcb, now);
    EXPECT_EQ(at - now, from_millis(expected_ms));
    expected_ms = std::min(2 * expected_ms, 60'000U);
    now = at;
    expired = on_deadline(tcb, now);
    if (!expired.timed_out) {
      EXPECT_EQ(send_all(tcb, kMss, now).size(), 1U);
    }
  }
  EXPECT_GE(now - kStart, kGiveUp);
  EXPECT_EQ(tcb.state, State::closed);
  EXPECT_FALSE(next_deadline(tcb, now));
}

TEST(Timeout, HoldsTheThresholdWhenTheSameDataTimesOutAgain) {  // [RFC 5681 3.1]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 10 * kMss, kStart);
  Instant now = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, now);
  (void)send_all(tcb, 10 * kMss, now);
  now = *next_deadline(tcb, now);
  (void)on_deadline(tcb, now);
  EXPECT_EQ(tcb.congestion.ssthresh, 5U * kMss);
}

TEST(Timeout, RepeatsAFin) {
  Conn tcb = tcb_in(State::established);
  EXPECT_TRUE(close(tcb));
  EXPECT_EQ(send_all(tcb, 0, kStart).size(), 1U);
  const Instant at = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, at);
  const auto sent = send_all(tcb, 0, at);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].flags.fin());
  EXPECT_EQ(sent[0].seq, SeqNum{1001});
}

TEST(Timeout, RepeatsEvenIntoAWindowThatHasShrunk) {  // [RFC 9293 3.8.6]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, 5 * kMss, kStart);
  (void)ack(tcb, 1001, kStart, 0);
  const Instant at = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, at);
  EXPECT_EQ(send_all(tcb, 5 * kMss, at).size(), 1U);
}

TEST(Timeout, OfASynIsBackedOffAndLimited) {
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  Instant now = kStart;
  std::vector<std::uint32_t> waits;
  for (;;) {
    EXPECT_EQ(send_all(tcb, 0, now).size(), 1U);
    const Instant at = *next_deadline(tcb, now);
    waits.push_back((at - now).count / 1000);
    now = at;
    if (on_deadline(tcb, now).timed_out) break;
  }
  EXPECT_EQ(waits, (std::vector<std::uint32_t>{1000, 2000, 4000, 8000, 16'000, 32'000}));
  EXPECT_EQ(tcb.state, State::closed);
}

TEST(Timeout, ALostSynMakesTheStartCareful) {  // [RFC 6298 5.7] [RFC 5681 3.1]
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  (void)send_all(tcb, 0, kStart);
  (void)on_deadline(tcb, kStart + kInitialRto);
  (void)send_all(tcb, 0, kStart + kInitialRto);
  (void)segment_arrives(tcb, segment_of(kSyn | kAck, 5000, 1001), kStart + from_millis(1050));
  EXPECT_EQ(tcb.rtt.rto(), kRtoAfterLostSyn);
  EXPECT_EQ(tcb.congestion.cwnd, tcb.snd_mss);
}

// --- round trips
// -----------------------------------------------------------------------------------------

TEST(RoundTripTime, FirstSampleAndSmoothingFollowTheRfc) {  // [RFC 6298 2.2] [RFC 6298 2.3]
  RoundTrip r;
  measured(r, from_millis(800));
  EXPECT_EQ(r.srtt, from_millis(800));
  EXPECT_EQ(r.rttvar, from_millis(400));
  EXPECT_EQ(r.rto(), from_millis(2400));
  measured(r, from_millis(400));
  EXPECT_EQ(r.srtt, from_millis(750));
  EXPECT_EQ(r.rttvar, from_millis(400));
  for (int i = 0; i < 100; ++i) measured(r, from_millis(10));
  EXPECT_LT(r.rto(), from_millis(215));
  EXPECT_GE(r.rto(), from_millis(209));
}

TEST(RoundTripTime, IsMeasuredInTheHandshakeOfAnActiveOpen) {
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  (void)send_all(tcb, 0, kStart);
  (void)segment_arrives(tcb, segment_of(kSyn | kAck, 5000, 1001), kStart + from_millis(30));
  EXPECT_EQ(tcb.rtt.srtt, from_millis(30));
}

TEST(RoundTripTime, WhatWasSentTwiceGivesNoSampleWithoutTimestamps) {  // [RFC 6298 3]
  Conn tcb = tcb_in(State::established);
  (void)send_all(tcb, kMss, kStart);
  const Instant at = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, at);
  (void)send_all(tcb, kMss, at);
  (void)ack(tcb, 1001 + kMss, at + from_millis(20));
  EXPECT_EQ(tcb.rtt.srtt.count, 0U);
}

TEST(RoundTripTime, AnEchoedTimestampTellsWhichTransmissionWasAcknowledged) {  // [RFC 7323 4.1]
  Conn tcb = tcb_in(State::established);
  tcb.timestamps = true;
  tcb.ts_offset = 0xffff'0000;
  (void)send_all(tcb, kMss, kStart);
  const Instant at = *next_deadline(tcb, kStart);
  (void)on_deadline(tcb, at);
  const auto sent = send_all(tcb, kMss, at);
  Segment s = segment_of(kAck, 5001, 1001 + kMss);
  s.options.has_timestamps = true;
  s.options.tsecr = sent.at(0).options.tsval;
  (void)segment_arrives(tcb, s, at + from_millis(20));
  EXPECT_EQ(tcb.rtt.srtt, from_millis(20));
}

// --- NewReno
// -------------------------------------------------------------------------------------------------

class NewReno : public ::testing::Test {
 protected:
  NewReno() { tcb_.congestion.cwnd = 10 * kMss; }
  std::vector<Segment> send(Instant now) { return send_all(tcb_, kQueued - acked_, now); }
  Arrival acknowledge(unsigned segments, Instant now) {
    const Arrival a = ack(tcb_, 1001 + segments * kMss, now);
    acked_ += a.bytes_acked;
    return a;
  }
  static constexpr std::uint32_t kQueued = 100 * kMss;
  Conn tcb_ = tcb_in(State::established);
  std::uint32_t acked_ = 0;
  Instant now_ = kStart;
};

TEST_F(NewReno, ThreeDuplicateAcksRepeatTheMissingSegmentAtOnce) {  // [RFC 5681 3.2]
  (void)send(now_);
  EXPECT_FALSE(acknowledge(0, now_).events.has(Event::fast_retransmit));
  EXPECT_EQ(send(now_).size(), 1U);  // [RFC 3042 2] limited transmit
  EXPECT_FALSE(acknowledge(0, now_).events.has(Event::fast_retransmit));
  EXPECT_EQ(send(now_).size(), 1U);
  EXPECT_TRUE(acknowledge(0, now_).events.has(Event::fast_retransmit));
  const auto sent = send(now_);
  ASSERT_GE(sent.size(), 1U);
  EXPECT_EQ(sent[0].seq, SeqNum{1001});
  EXPECT_EQ(sent[0].payload_len, kMss);
  EXPECT_EQ(tcb_.congestion.ssthresh, 5U * kMss) << "limited transmit does not count";
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
}

TEST_F(NewReno, APartialAckRepeatsTheNextHoleWithoutWaiting) {  // [RFC 6582 3.2]
  (void)send(now_);
  for (int i = 0; i < 3; ++i) (void)acknowledge(0, now_);
  (void)send(now_);
  const Arrival a = acknowledge(4, now_ + from_millis(50));  // segments 1 to 4, not 5
  EXPECT_EQ(a.bytes_acked, 4U * kMss);
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
  const auto sent = send(now_ + from_millis(50));
  ASSERT_GE(sent.size(), 1U);
  EXPECT_EQ(sent[0].seq, SeqNum{1001 + 4 * kMss});
}

TEST_F(NewReno, AFullAckEndsRecoveryAtHalfTheFlight) {  // [RFC 6582 3.2]
  (void)send(now_);
  for (int i = 0; i < 3; ++i) (void)acknowledge(0, now_);
  (void)send(now_);
  (void)acknowledge(10, now_ + from_millis(50));
  EXPECT_EQ(tcb_.recovery, Recovery::open);
  EXPECT_EQ(tcb_.congestion.cwnd, 5U * kMss);
  EXPECT_EQ(tcb_.dup_acks, 0);
}

TEST_F(NewReno, DuplicateAcksAfterATimeoutDoNotStartFastRetransmit) {  // [RFC 6582 4]
  (void)send(now_);
  const Instant at = *next_deadline(tcb_, now_);
  (void)on_deadline(tcb_, at);
  (void)send(at);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(acknowledge(0, at).events.has(Event::fast_retransmit));
  }
}

TEST_F(NewReno, WhatIsNoDuplicateAckIsNotCounted) {  // [RFC 5681 2]
  (void)send(now_);
  for (int i = 0; i < 5; ++i) {
    // With data, with another window, or a FIN: not duplicates.
    (void)segment_arrives(tcb_, segment_of(kAck, tcb_.rcv_nxt.raw, 1001, 10), now_);
    (void)ack(tcb_, 1001, now_, static_cast<std::uint16_t>(50'000 + i));
  }
  EXPECT_EQ(tcb_.dup_acks, 0);
}

TEST_F(NewReno, NothingInFlightMeansNoDuplicates) {
  for (int i = 0; i < 5; ++i) (void)ack(tcb_, 1001, now_);
  EXPECT_EQ(tcb_.dup_acks, 0);
}

TEST_F(NewReno, ALongTimeWithoutLossDoesNotDisableFastRetransmit) {
  // More than 2^31 bytes later `recover` would compare as if it were ahead.
  tcb_.recover = tcb_.snd_una + 0x7fff'0000;
  tcb_.recover = tcb_.snd_una - 5U;
  for (int i = 0; i < 70'000; ++i) {
    tcb_.snd_nxt = tcb_.snd_max = tcb_.snd_una + 50'000U;
    (void)ack(tcb_, tcb_.snd_max.raw, now_);
  }
  (void)send_all(tcb_, 20 * kMss, now_);
  for (int i = 0; i < 2; ++i) (void)ack(tcb_, tcb_.snd_una.raw, now_);
  EXPECT_TRUE(ack(tcb_, tcb_.snd_una.raw, now_).events.has(Event::fast_retransmit));
}

// --- headers
// ---------------------------------------------------------------------------------------------

TEST(Header, ASynOffersEverythingWeUnderstand) {
  Conn tcb{
      open_active(kTuple4, {.iss = kOurIss, .ts_offset = 5, .receive_buffer = 100'000}, kStart)};
  const auto sent = send_all(tcb, 0, kStart);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].options.mss, 1460);
  EXPECT_EQ(sent[0].options.window_scale, kOurWindowScale);
  EXPECT_TRUE(sent[0].options.sack_permitted);
  EXPECT_TRUE(sent[0].options.has_timestamps);
  EXPECT_EQ(sent[0].options.tsval, timestamp_clock(kStart) + 5);
  EXPECT_EQ(sent[0].window, 65'535);
}

TEST(Header, OnlyNegotiatedOptionsAreUsedAfterwards) {
  Conn tcb{open_active(kTuple4, {.iss = kOurIss}, kStart)};
  (void)send_all(tcb, 0, kStart);
  (void)segment_arrives(tcb, segment_of(kSyn | kAck, 5000, 1001), kStart);
  const std::array blocks{SackBlock{{6000}, {6100}}};
  const Segment s = make_ack(tcb, kStart, blocks);
  EXPECT_FALSE(s.options.has_timestamps);
  EXPECT_EQ(s.options.num_sack_blocks, 0);
  EXPECT_EQ(s.options.mss, 0);
  EXPECT_EQ(tcb.rcv_wscale, 0);
  EXPECT_EQ(tcb.snd_mss, kDefaultMssV4);  // [RFC 9293 3.7.1]
}

TEST(Header, ThreeSackBlocksFitBesideTimestamps) {  // [RFC 2018 3]
  Conn tcb = tcb_in(State::established);
  tcb.sack = true;
  const std::array<SackBlock, 4> blocks{};
  EXPECT_EQ(make_ack(tcb, kStart, blocks).options.num_sack_blocks, 4);
  tcb.timestamps = true;
  EXPECT_EQ(make_ack(tcb, kStart, blocks).options.num_sack_blocks, 3);
}

TEST(Header, TheSegmentSizePaysForTimestamps) {  // [RFC 6691 2]
  EXPECT_EQ(effective_mss(1460, 1460, true, true), 1448);
  EXPECT_EQ(effective_mss(9000, 1460, true, false), 1460);
  EXPECT_EQ(effective_mss(0, 1460, true, false), 536);
  EXPECT_EQ(effective_mss(0, 1440, false, false), 1220);
  EXPECT_EQ(effective_mss(1, 1460, true, false), kSmallestMss);  // CVE-2019-11479
}

}  // namespace
}  // namespace sallyport::tcp::test
