// Losses, reordering and probes, as the sender sees them: RACK-TLP, PRR, SACK, undo.
#include "lib/tcp/recovery.h"

#include <gtest/gtest.h>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

constexpr Micros kRtt = from_millis(50);

// Recovery has a connection with SACK and a measured round trip, and a peer in a few words.
class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    tcb_.sack = true;
    measured(tcb_.rtt, kRtt);
    tcb_.rack.min_rtt = kRtt;
    tcb_.congestion.cwnd = 20 * kMss;
    tcb_.snd_wscale = 8;
    tcb_.snd_wnd = tcb_.max_snd_wnd = 10'000U << 8;
  }
  static std::uint32_t seq(unsigned segment) { return kOurIss.raw + 1 + segment * kMss; }
  std::vector<Segment> send() {
    const std::uint32_t left = distance(tcb_.snd_una, SeqNum{seq(num_queued_)});
    return send_all(tcb_, left, now_);
  }
  // ack says: all before segment `next` is here, and so are the segments of `blocks`.
  Arrival ack(unsigned next, std::vector<std::pair<unsigned, unsigned>> blocks = {},
              std::uint32_t tsecr = 0) {
    Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(next), 0, 60'000);
    s.window = static_cast<std::uint16_t>(tcb_.snd_wnd >> tcb_.snd_wscale);
    for (const auto& [first, last] : blocks) {
      s.options.sack_blocks[s.options.num_sack_blocks++] = {{seq(first)}, {seq(last)}};
    }
    s.options.has_timestamps = tcb_.timestamps;
    s.options.tsecr = tsecr;
    s.options.tsval = tcb_.ts_recent;
    return segment_arrives(tcb_, s, now_);
  }
  void wait(Micros time) { now_ = now_ + time; }
  // expire lets the next timer fire.
  Expired expire() {
    now_ = *next_deadline(tcb_, now_);
    return on_deadline(tcb_, now_);
  }
  static std::vector<unsigned> numbers(const std::vector<Segment>& sent) {
    std::vector<unsigned> n;
    for (const Segment& s : sent) n.push_back((s.seq.raw - kOurIss.raw - 1) / kMss);
    return n;
  }

  Conn tcb_ = tcb_in(State::established);
  unsigned num_queued_ = 10;
  Instant now_ = kStart;
};

using Numbers = std::vector<unsigned>;

TEST_F(RecoveryTest, ThreeSegmentsBehindAGapRepairItAtOnce) {  // [RFC 8985 6.2]
  EXPECT_EQ(send().size(), 10U);
  wait(kRtt);
  EXPECT_FALSE(ack(0, {{1, 3}}).events.has(Event::fast_retransmit));
  EXPECT_TRUE(send().empty());
  EXPECT_TRUE(ack(0, {{1, 4}}).events.has(Event::fast_retransmit));
  EXPECT_EQ(numbers(send()), Numbers{0});
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
}

TEST_F(RecoveryTest, AllGapsOfAFlightAreRepairedWithinOneRoundTrip) {
  num_queued_ = 20;
  EXPECT_EQ(send().size(), 20U);
  wait(kRtt);
  // 0, 5 and 12 are missing.
  (void)ack(0, {{1, 5}});
  Numbers repaired = numbers(send());
  for (const unsigned last : {7U, 9U, 11U, 12U}) {
    (void)ack(0, {{6, last}, {1, 5}});
    for (const unsigned n : numbers(send())) repaired.push_back(n);
  }
  for (const unsigned last : {15U, 17U, 19U, 20U}) {
    (void)ack(0, {{13, last}, {6, 12}, {1, 5}});
    for (const unsigned n : numbers(send())) repaired.push_back(n);
  }
  EXPECT_EQ(repaired, (Numbers{0, 5, 12}));
  wait(kRtt);
  EXPECT_EQ(ack(20).bytes_acked, 20U * kMss);
  EXPECT_EQ(tcb_.recovery, Recovery::open);
  EXPECT_EQ(tcb_.sacked + tcb_.lost, 0U);
}

TEST_F(RecoveryTest, ARetransmissionThatIsLostTooIsNoticedWithoutATimeout) {  // [RFC 8985 3.1]
  num_queued_ = 20;
  (void)send();
  wait(kRtt);
  (void)ack(0, {{1, 8}});
  ASSERT_EQ(numbers(send()), Numbers{0});
  // What was sent after the retransmission arrives: it cannot be under way any more.
  num_queued_ = 40;
  (void)ack(0, {{1, 14}});
  const auto later_ones = send();
  ASSERT_FALSE(later_ones.empty());
  wait(kRtt + kRtt);
  (void)ack(0, {{20, 20 + static_cast<unsigned>(later_ones.size())}, {1, 14}});
  const Numbers again = numbers(send());
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0], 0U);
}

TEST_F(RecoveryTest, TheFlightShrinksSmoothlyToTheThreshold) {  // [RFC 6937 3]
  num_queued_ = 60;
  EXPECT_EQ(send().size(), 20U);
  wait(kRtt);
  std::size_t sent = 0;
  for (unsigned last = 2; last <= 20; ++last) {
    (void)ack(0, {{1, last}});
    const std::size_t now = send().size();
    EXPECT_LE(now, 2U);
    sent += now;
  }
  // 19 segments left the network; about half as many took their place.
  EXPECT_GE(sent, 9U);
  EXPECT_LE(sent, 12U);
  wait(kRtt);
  (void)ack(20);
  EXPECT_EQ(tcb_.congestion.cwnd, 10U * kMss) << "half of 20, without limited transmit";
}

// A hole that may be a late segment stays open for a while, and what is reported behind it is
// replaced by new segments: most of the flight has left the network when the loss is certain.
TEST_F(RecoveryTest, WhatWasReportedDoesNotWeakenTheReduction) {  // [RFC 5681 3.2]
  tcb_.rack.reordering_seen = true;
  num_queued_ = 60;
  EXPECT_EQ(send().size(), 20U);
  wait(kRtt);
  (void)ack(0, {{1, 20}});
  EXPECT_EQ(send().size(), 19U);
  EXPECT_EQ(flight(tcb_), 39U * kMss);
  EXPECT_TRUE(expire().reordering);
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
  EXPECT_EQ(tcb_.congestion.ssthresh, 10U * kMss) << "half of 20, not of 39";
}

TEST_F(RecoveryTest, TextThatWaitedBehindAGapDoesNotMeasureTheRoundTrip) {  // [RFC 6298 3]
  tcb_.sack = false;
  (void)send();
  // The first segment is lost, and its repetition after a time-out fills the gap.
  while (!expire().retransmission_timeout) continue;
  ASSERT_EQ(numbers(send())[0], 0U);
  wait(kRtt);
  const Micros before = tcb_.rtt.srtt;
  (void)ack(10);
  EXPECT_EQ(tcb_.rtt.srtt, before) << "the others arrived long ago";
}

TEST_F(RecoveryTest, ReorderingThatWasSeenOnceCausesNoFurtherRepair) {  // [RFC 8985 6.2]
  num_queued_ = 10;
  (void)send();
  wait(kRtt);
  (void)ack(0, {{1, 3}});
  (void)ack(3);  // segment 0 was only late
  EXPECT_TRUE(tcb_.rack.reordering_seen);
  // Next time even five segments behind the gap wait for a part of the round trip.
  (void)ack(3, {{4, 9}});
  EXPECT_TRUE(send().empty());
  EXPECT_EQ(tcb_.timer, SendTimer::reordering);
  EXPECT_TRUE(expire().reordering);
  EXPECT_EQ(numbers(send()), Numbers{3});
}

TEST_F(RecoveryTest, ALostTailIsProbedAndThenRepairedWithoutATimeout) {  // [RFC 8985 7]
  num_queued_ = 4;
  (void)send();
  EXPECT_EQ(tcb_.timer, SendTimer::tail_probe);
  const Expired expired = expire();
  EXPECT_TRUE(expired.tail_probe);
  EXPECT_LE(now_ - kStart, Micros{2 * kRtt.count});
  EXPECT_EQ(numbers(send()), Numbers{3});
  EXPECT_EQ(tcb_.timer, SendTimer::retransmission);
  // The probe arrives, and shows that three are missing before it.
  wait(kRtt);
  (void)ack(0, {{3, 4}});
  if (tcb_.timer == SendTimer::reordering) (void)expire();
  EXPECT_EQ(numbers(send()), Numbers{0});
  wait(kRtt);
  (void)ack(1, {{3, 4}});
  EXPECT_EQ(numbers(send()), (Numbers{1, 2}));
}

TEST_F(RecoveryTest, AProbePrefersNewData) {  // [RFC 8985 7.3]
  tcb_.congestion.cwnd = 4 * kMss;
  (void)send();
  EXPECT_TRUE(expire().tail_probe);
  EXPECT_EQ(numbers(send()), Numbers{4});
}

TEST_F(RecoveryTest, AProbeThatRepairedALossReducesTheWindow) {  // [RFC 8985 7.4]
  num_queued_ = 2;
  (void)send();
  (void)expire();
  ASSERT_EQ(numbers(send()), Numbers{1});
  const std::uint32_t window = tcb_.congestion.cwnd;
  wait(kRtt);
  (void)ack(2);
  EXPECT_EQ(tcb_.congestion.cwnd, window) << "it may have been a duplicate";
  num_queued_ = 3;
  (void)send();
  wait(kRtt);
  (void)ack(3);
  EXPECT_LT(tcb_.congestion.cwnd, window);
}

TEST_F(RecoveryTest, AProbeThatWasADuplicateDoesNot) {
  num_queued_ = 2;
  (void)send();
  (void)expire();
  (void)send();
  const std::uint32_t window = tcb_.congestion.cwnd;
  (void)ack(2, {{1, 2}});  // DSACK
  num_queued_ = 3;
  (void)send();
  wait(kRtt);
  (void)ack(3);
  EXPECT_GE(tcb_.congestion.cwnd, window);
}

TEST_F(RecoveryTest, ATimeoutRepeatsOnlyWhatThePeerDidNotReport) {
  tcb_.rack.reordering_seen = true;
  (void)send();
  wait(kRtt);
  (void)ack(0, {{1, 3}, {5, 6}});
  while (!expire().retransmission_timeout) {
  }
  Numbers repaired = numbers(send());
  EXPECT_EQ(repaired, Numbers{0});
  wait(kRtt);
  (void)ack(3, {{5, 6}});
  repaired = numbers(send());
  ASSERT_GE(repaired.size(), 2U);
  EXPECT_EQ(repaired[0], 3U);
  EXPECT_EQ(repaired[1], 4U);
}

TEST_F(RecoveryTest, APeerThatDropsWhatItReportedIsServedAllTheSame) {  // [RFC 2018 8]
  num_queued_ = 3;
  (void)send();
  wait(kRtt);
  (void)ack(0, {{1, 3}});
  if (tcb_.timer == SendTimer::reordering) (void)expire();
  (void)send();
  (void)ack(1);  // the first only: 1 and 2 were reported, and are gone
  unsigned timeouts = 0;
  for (int i = 0; i < 4 && tcb_.snd_una != SeqNum{seq(3)}; ++i) {
    while (!expire().retransmission_timeout) (void)send();
    ++timeouts;
    const Numbers again = numbers(send());
    ASSERT_FALSE(again.empty());
    wait(kRtt);
    (void)ack(again[0] + 1);
    (void)send();
    (void)ack(3);
  }
  EXPECT_EQ(timeouts, 1U);
  EXPECT_EQ(tcb_.snd_una, SeqNum{seq(3)});
}

TEST_F(RecoveryTest, AReductionWithoutReasonIsTakenBackByTheEchoedTimestamp) {  // [RFC 3522 3.2]
  tcb_.timestamps = true;
  (void)send();
  const std::uint32_t before_it = tcb_.congestion.cwnd;
  const std::uint32_t first_tsval = timestamp_clock(now_);
  while (!expire().retransmission_timeout) (void)send();
  (void)send();
  EXPECT_EQ(tcb_.congestion.cwnd, kMss);
  wait(from_millis(5));
  const Arrival a = ack(1, {}, first_tsval);  // of the first transmission
  EXPECT_TRUE(a.events.has(Event::spurious_recovery));
  EXPECT_GE(tcb_.congestion.cwnd, before_it);
  EXPECT_EQ(tcb_.lost, 0U);
  EXPECT_EQ(tcb_.recovery, Recovery::open);
}

// One of two was only late.  The other was lost, so there was congestion.
TEST_F(RecoveryTest, AnEchoForOneOfSeveralRepetitionsTakesNothingBack) {  // [RFC 3522 3.2]
  tcb_.timestamps = true;
  const std::uint32_t first_tsval = timestamp_clock(now_);
  num_queued_ = 20;
  EXPECT_EQ(send().size(), 20U);
  wait(kRtt);
  (void)ack(0, {{6, 9}, {1, 5}}, first_tsval);
  Numbers repaired = numbers(send());
  (void)ack(0, {{6, 12}, {1, 5}}, first_tsval);
  for (const unsigned n : numbers(send())) repaired.push_back(n);
  ASSERT_EQ(repaired, (Numbers{0, 5}));
  const Arrival a = ack(5, {{6, 12}}, first_tsval);
  EXPECT_FALSE(a.events.has(Event::spurious_recovery));
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
  EXPECT_LT(tcb_.congestion.cwnd, 20U * kMss);
}

TEST_F(RecoveryTest, AReductionWithoutReasonIsTakenBackByDsack) {  // [RFC 3708 2]
  (void)send();
  wait(kRtt);
  const std::uint32_t before_it = tcb_.congestion.cwnd;
  (void)ack(0, {{1, 4}});
  ASSERT_EQ(numbers(send()), Numbers{0});
  (void)ack(4);  // it was only late
  const Arrival a = ack(4, {{0, 1}});
  EXPECT_TRUE(a.events.has(Event::spurious_recovery));
  EXPECT_GE(tcb_.congestion.cwnd, before_it);
}

// The network has doubled a segment long before: that is not our repetition.
TEST_F(RecoveryTest, ADsackOfWhatWasNotRepeatedTakesNothingBack) {  // [RFC 3708 2]
  (void)send();
  wait(kRtt);
  (void)ack(2);
  num_queued_ = 12;
  (void)send();
  (void)ack(2, {{3, 6}});
  ASSERT_EQ(tcb_.recovery, Recovery::fast_recovery);
  // Before anything was repeated ...
  EXPECT_FALSE(ack(2, {{0, 1}, {3, 6}}).events.has(Event::spurious_recovery));
  ASSERT_EQ(numbers(send())[0], 2U);
  // ... and afterwards.
  EXPECT_FALSE(ack(2, {{1, 2}, {3, 7}}).events.has(Event::spurious_recovery));
  EXPECT_EQ(tcb_.recovery, Recovery::fast_recovery);
  // The very segment, though, is a proof.
  EXPECT_TRUE(ack(7, {{2, 3}}).events.has(Event::spurious_recovery));
}

// After 36 minutes a stamp of before seems to lie ahead.
TEST_F(RecoveryTest, AnHourOfSilenceDoesNotMakeTheNextFlightLookLost) {
  num_queued_ = 4;
  (void)send();
  wait(kRtt);
  (void)ack(4);
  wait(from_millis(50 * 60'000));
  num_queued_ = 14;
  EXPECT_EQ(send().size(), 10U);
  // Each segment comes after a round trip and a half, and the first is missing.
  wait(kRtt + Micros{kRtt.count / 2});
  (void)ack(4, {{5, 6}});
  if (tcb_.timer == SendTimer::reordering) (void)expire();
  EXPECT_LE(tcb_.lost, kMss) << "those behind may still come";
  EXPECT_EQ(numbers(send()), Numbers{4});
}

// A peer without SACK repeats itself where no recovery may begin: what a time-out has repeated.
TEST_F(RecoveryTest, DuplicatesThatBeginNoRecoveryReleaseTwoSegments) {  // [RFC 3042 2]
  tcb_.sack = false;
  (void)send();
  while (!expire().retransmission_timeout) (void)send();
  (void)send();
  (void)ack(10);
  ASSERT_EQ(tcb_.recovery, Recovery::open);
  ASSERT_EQ(tcb_.snd_una, tcb_.recover);
  num_queued_ = 100;
  ASSERT_FALSE(send().empty());
  std::size_t released = 0;
  for (int i = 0; i < 20; ++i) {
    (void)ack(10);
    released += send().size();
  }
  EXPECT_EQ(released, 2U);
}

// CVE-2019-11477 and its kin: whatever blocks a peer names, the work is bounded and nothing is
// believed that cannot be true.
TEST_F(RecoveryTest, BlocksThatCannotBeTrueAreIgnored) {
  (void)send();
  Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(0));
  s.options.num_sack_blocks = 4;
  s.options.sack_blocks = {SackBlock{{seq(3)}, {seq(2)}},               // backwards
                           SackBlock{{seq(9)}, {seq(30)}},              // never sent
                           SackBlock{{seq(0) - 90'000'000}, {seq(5)}},  // far too old
                           SackBlock{{seq(1)}, {seq(1)}}};              // empty
  (void)segment_arrives(tcb_, s, now_);
  EXPECT_EQ(tcb_.sacked, 0U);
  EXPECT_EQ(tcb_.lost, 0U);
}

TEST_F(RecoveryTest, ABlockThatCoversPartOfASegmentCountsForNothing) {
  (void)send();
  Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(0));
  s.options.num_sack_blocks = 1;
  s.options.sack_blocks[0] = {{seq(1) + 1}, {seq(2) - 1}};
  (void)segment_arrives(tcb_, s, now_);
  EXPECT_EQ(tcb_.sacked, 0U);
}

TEST_F(RecoveryTest, AnAckLooksAtABoundedPartOfALargeFlight) {  // CVE-2019-11478
  tcb_.congestion.cwnd = 1U << 30;
  tcb_.snd_wnd = tcb_.max_snd_wnd = 1U << 30;
  tcb_.snd_wscale = 14;
  num_queued_ = 2 * kMaxWalk;
  EXPECT_EQ(send().size(), 2 * kMaxWalk);
  wait(kRtt);
  (void)ack(0, {{kMaxWalk + 100, kMaxWalk + 200}});
  EXPECT_EQ(tcb_.sacked, 0U) << "it lies too far behind to be found";
  (void)ack(0, {{kMaxWalk - 200, kMaxWalk - 100}});
  EXPECT_EQ(tcb_.sacked, 100U * kMss);
}

// CountingQueue counts how many marks are looked at: what a walk costs.
struct CountingQueue : testing::ChunkQueue {
  using ChunkQueue::ChunkQueue;
  static SentMark mark(const Node& c) noexcept {
    ++looks;
    return c.mark;
  }
  static inline std::uint64_t looks = 0;
};

// LargeFlight is a connection with thousands of segments in flight, and the cost of one ACK.
class LargeFlight {
 public:
  static constexpr unsigned kSegments = 4'000;
  LargeFlight() {
    tcb_.sack = true;
    measured(tcb_.rtt, kRtt);
    tcb_.rack.min_rtt = kRtt;
    tcb_.congestion.cwnd = kSegments * kMss;
    tcb_.snd_wscale = 14;
    tcb_.snd_wnd = tcb_.max_snd_wnd = 1U << 29;
    for (unsigned i = 0; i < kSegments; ++i) queue_.push(kMss);
    EXPECT_EQ(send(), kSegments);
    now_ = now_ + kRtt;
  }
  static SeqNum seq(unsigned segment) { return kOurIss + 1U + segment * kMss; }
  unsigned send() {
    unsigned num = 0;
    while (const Transmission t = next_transmission(tcb_, queue_, now_)) {
      (void)transmit(tcb_, queue_, t, now_);
      ++num;
    }
    return num;
  }
  // ack returns how many marks were looked at, all that follows from it included.
  std::uint64_t ack(unsigned next, std::vector<std::pair<unsigned, unsigned>> blocks) {
    Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(next).raw);
    s.window = static_cast<std::uint16_t>(tcb_.snd_wnd >> tcb_.snd_wscale);
    for (const auto& [first, last] : blocks) {
      s.options.sack_blocks[s.options.num_sack_blocks++] = {seq(first), seq(last)};
    }
    const std::uint64_t before = CountingQueue::looks;
    Arrival a = segment_arrives(static_cast<Tcb&>(tcb_), s, now_);
    process_ack(tcb_, queue_, s, a, now_);
    queue_.acknowledge(tcb_.snd_una);
    (void)send();
    return CountingQueue::looks - before;
  }
  [[nodiscard]] const Tcb& tcb() const { return tcb_; }

 private:
  Conn tcb_ = tcb_in(State::established);
  CountingQueue queue_{kOurIss + 1U};
  Instant now_ = kStart;
};

// A hole at the head of a large flight: each segment behind it is reported by an ACK of its own.
TEST(LargeFlight, AnAckCostsWhatIsMissingAndNotWhatIsInFlight) {  // CVE-2019-11478
  LargeFlight flight;
  for (unsigned last = 2; last <= LargeFlight::kSegments; ++last) {
    ASSERT_LE(flight.ack(0, {{1, last}}), 40U) << last;
  }
  EXPECT_EQ(flight.tcb().sacked, (LargeFlight::kSegments - 1) * kMss);
}

TEST(LargeFlight, RunsThatComeToTouchAreOne) {
  LargeFlight flight;
  // From behind, so that each block begins a run, and then the gaps between them.
  for (unsigned first = 3'000; first >= 100; first -= 100) {
    (void)flight.ack(0, {{first, first + 50}});
  }
  for (unsigned first = 100; first <= 3'000; first += 100) {
    (void)flight.ack(0, {{first, first + 100}});
  }
  (void)flight.ack(0, {{1, 100}});
  EXPECT_EQ(flight.tcb().sacked, 3'099U * kMss);
  EXPECT_LE(flight.ack(0, {{1, 3'101}}), 40U);
}

// What is left of a run, when its beginning is acknowledged, is still one.
TEST(LargeFlight, ARunThatIsAcknowledgedInPartsStaysOne) {
  LargeFlight flight;
  (void)flight.ack(0, {{1, 3'000}});
  for (unsigned next = 1; next < 3'000; ++next) {
    ASSERT_LE(flight.ack(next, {{next, 3'000}}), 40U) << next;
  }
  EXPECT_EQ(flight.tcb().sacked, kMss);
  (void)flight.ack(3'000, {});
  EXPECT_EQ(flight.tcb().sacked, 0U);
}

// Repetitions are found where the last one was found, not from the beginning.
TEST(LargeFlight, ARepetitionDoesNotLookAtThoseBefore) {
  LargeFlight flight;
  // Every second segment of the first 1,600 is missing.
  for (unsigned first = 1; first < 1'600; first += 8) {
    (void)flight.ack(0, {{first, first + 1},
                         {first + 2, first + 3},
                         {first + 4, first + 5},
                         {first + 6, first + 7}});
  }
  ASSERT_GT(flight.tcb().lost, 300U * kMss);
  const std::uint32_t lost = flight.tcb().lost;
  // 1,600 marks for each of two walks over holes and runs; repetitions add a few each.
  const std::uint64_t looks = flight.ack(0, {{1'601, 1'901}});
  const std::uint32_t repeated = (lost - flight.tcb().lost) / kMss;
  EXPECT_GE(repeated, 100U);
  EXPECT_LE(looks, 3 * 2 * 1'600U + 12 * repeated);
}

TEST_F(RecoveryTest, AnAckOfMoreThanOneWalkLeavesNothingOfItInTheAccount) {
  tcb_.congestion.cwnd = 1U << 30;
  tcb_.snd_wnd = tcb_.max_snd_wnd = 1U << 29;
  tcb_.snd_wscale = 14;
  num_queued_ = 2 * kMaxWalk;
  EXPECT_EQ(send().size(), 2 * kMaxWalk);
  wait(kRtt);
  while (!expire().retransmission_timeout) (void)send();
  EXPECT_GT(tcb_.lost, kMaxWalk * kMss);
  // Nothing was lost after all: one ACK for everything.
  (void)ack(2 * kMaxWalk);
  EXPECT_EQ(tcb_.lost, 0U);
  EXPECT_EQ(tcb_.sacked, 0U);
  num_queued_ += 5;
  EXPECT_FALSE(send().empty()) << "stuck";
}

// A peer with a small window: no probe and no time-out may send beyond it.
TEST_F(RecoveryTest, NothingIsRepeatedBeyondTheWindowOfThePeer) {
  tcb_.snd_wscale = 0;
  tcb_.snd_wnd = tcb_.max_snd_wnd = 100;
  const auto first = send();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].payload_len, 100U);
  for (int i = 0; i < 4; ++i) {
    (void)expire();
    for (const Segment& s : send()) {
      EXPECT_LE(s.payload_len, 100U) << "after time-out " << i;
    }
  }
}

// A peer that acknowledges byte by byte gets a lost segment again once, not once per byte.
TEST_F(RecoveryTest, PartialAcksOfOneSegmentRepeatItOncePerRoundTrip) {
  tcb_.sack = false;
  EXPECT_EQ(send().size(), 10U);
  wait(kRtt);
  for (int i = 0; i < 3; ++i) (void)ack(0);
  EXPECT_EQ(numbers(send()), Numbers{0});
  const auto ack_bytes = [&](std::uint32_t bytes) {
    Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(0) + bytes);
    s.window = static_cast<std::uint16_t>(tcb_.snd_wnd >> tcb_.snd_wscale);
    (void)segment_arrives(tcb_, s, now_);
  };
  std::size_t repeated = 0;
  for (std::uint32_t bytes = 1; bytes <= 200; ++bytes) {
    ack_bytes(bytes);
    for (const Segment& s : send()) repeated += before(s.seq, SeqNum{seq(1)});
  }
  EXPECT_EQ(repeated, 0U);
  wait(kRtt);
  ack_bytes(201);
  EXPECT_EQ(send().size(), 1U) << "the rest of it is missing after all";
}

// [RFC 9293 3.8.6.1] A peer that answers with a closed window is not gone, even when it closed the
// window over what was in flight.
TEST_F(RecoveryTest, APeerThatTakesItsWindowBackIsNotGivenUp) {
  EXPECT_EQ(send().size(), 10U);
  const Instant end = now_ + from_millis(600'000);
  while (now_ < end) {
    const Expired expired = expire();
    ASSERT_FALSE(expired.timed_out);
    ASSERT_NE(tcb_.state, State::closed);
    (void)send();
    Segment s = segment_of(kAck, tcb_.rcv_nxt.raw, seq(0), 0, 0);
    (void)segment_arrives(tcb_, s, now_);
    (void)send();
  }
}

}  // namespace
}  // namespace sallyport::tcp::test
