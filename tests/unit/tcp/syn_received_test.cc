// Tracked handshakes: SYN-RECEIVED of RFC 9293 section 3.10.7.4 in a record.
#include "lib/tcp/syn_received.h"

#include <gtest/gtest.h>

#include "lib/tcp/syn_cookie.h"
#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

using stats::DropReason;
using Step = SynReceivedStep;

const CookieKeys kKeys{.epoch = 2, .current = {1, 2}, .adjacent = {3, 4}};
constexpr WallTime kWall{1'700'000'000'000};

class SynReceivedTest : public ::testing::Test {
 protected:
  SynReceivedTest() {
    syn_.options = {.mss = 1237,
                    .window_scale = 9,
                    .has_window_scale = true,
                    .sack_permitted = true,
                    .has_timestamps = true,
                    .tsval = 4711};
    answer();
  }
  void answer() {
    syn_ack_ =
        make_syn_ack(kTuple4, syn_, {.our_mss = 1400, .receive_buffer = 50'000}, kKeys, kWall);
    record_ = remember(syn_, syn_ack_, now_);
  }
  // segment is one of the peer, `ahead` bytes behind its first.
  Segment segment(Flags flags, std::uint32_t len = 0, std::uint32_t ahead = 0) {
    Segment s = segment_of(flags, kPeerIss.raw + 1 + ahead, syn_ack_.seq.raw + 1, len);
    s.options.has_timestamps = record_.has_timestamps;
    s.options.tsval = 4800;
    s.options.tsecr = syn_ack_.options.tsval;
    return s;
  }
  Step arrives(const Segment& s) { return segment_arrives(record_, s, now_).step; }
  DropReason why(const Segment& s) { return segment_arrives(record_, s, now_).why; }

  Segment syn_ = segment_of(kSyn, kPeerIss.raw);
  Segment syn_ack_;
  Instant now_ = kStart;
  SynReceived record_;
};

TEST_F(SynReceivedTest, TheFirstDataCompletesTheHandshake) {
  EXPECT_EQ(arrives(segment(kAck, 100)), Step::completes);
  EXPECT_EQ(arrives(segment(kAck | kPsh | kFin, 100)), Step::completes);
}

TEST_F(SynReceivedTest, EveryOptionIsRememberedExactlyAndTheRoundTripMeasured) {
  now_ = now_ + from_millis(30);
  EXPECT_EQ(arrives(segment(kAck)), Step::acknowledged);
  now_ = now_ + from_millis(500);
  EXPECT_EQ(arrives(segment(kAck, 100)), Step::completes);
  const PeerOptions options = peer_options(record_, now_);
  EXPECT_EQ(options.mss, 1237) << "a cookie would say 1220 or so";
  EXPECT_EQ(options.window_scale, 9);
  EXPECT_TRUE(options.has_window_scale && options.sack_permitted && options.has_timestamps);
  EXPECT_EQ(options.tsval, syn_ack_.options.tsval + 530) << "our TSval never goes back";
  EXPECT_EQ(options.rtt, from_millis(30));
  const Tcb tcb = open_passive(kTuple4, segment(kAck, 100), options, {}, now_);
  EXPECT_EQ(tcb.rtt.srtt, from_millis(30));
  EXPECT_GT(tcb.congestion.cwnd, 4U * tcb.snd_mss);
}

TEST_F(SynReceivedTest, ASynAckThatWasRepeatedMeasuresNothingAndBeginsCarefully) {
  const Segment again = repeat(record_);
  now_ = now_ + from_millis(1'030);
  EXPECT_EQ(arrives(segment(kAck, 100)), Step::completes);
  const PeerOptions options = peer_options(record_, now_);
  EXPECT_EQ(options.rtt, Micros{}) << "Karn: of which one is this the ACK?";
  const Tcb tcb = open_passive(kTuple4, segment(kAck, 100), options, {}, now_);
  EXPECT_EQ(tcb.congestion.cwnd, tcb.snd_mss);  // [RFC 5681 3.1]
  // The same in every field, or a cookie in it would be another one.
  EXPECT_EQ(again.seq, syn_ack_.seq);
  EXPECT_EQ(again.ack, syn_ack_.ack);
  EXPECT_EQ(again.flags, syn_ack_.flags);
  EXPECT_EQ(again.window, syn_ack_.window);
  EXPECT_EQ(again.options.mss, syn_ack_.options.mss);
  EXPECT_EQ(again.options.window_scale, syn_ack_.options.window_scale);
  EXPECT_EQ(again.options.has_window_scale, syn_ack_.options.has_window_scale);
  EXPECT_EQ(again.options.sack_permitted, syn_ack_.options.sack_permitted);
  EXPECT_EQ(again.options.tsval, syn_ack_.options.tsval);
  EXPECT_EQ(again.options.tsecr, syn_ack_.options.tsecr);
  EXPECT_TRUE(check_cookie(kTuple4, segment(kAck, 100), kKeys, kWall));
}

TEST_F(SynReceivedTest, ARepetitionOffersNothingThatThePeerDidNot) {
  syn_.options = {};
  answer();
  const Segment again = repeat(record_);
  EXPECT_FALSE(again.options.has_window_scale || again.options.sack_permitted ||
               again.options.has_timestamps);
}

TEST_F(SynReceivedTest, EcnIsRememberedAndRepeated) {
  syn_.flags = kSyn | kEce | kCwr;
  answer();
  EXPECT_TRUE(repeat(record_).flags.ece());
  EXPECT_TRUE(peer_options(record_, now_).ecn);
}

TEST_F(SynReceivedTest, TimeOutsDoubleUntilTheHandshakeIsGivenUp) {
  std::uint32_t total = time_out(record_).count;
  EXPECT_EQ(time_out(record_), from_millis(1'000));  // [RFC 6298 2.1]
  while (!is_given_up(record_)) {
    const Micros before = time_out(record_);
    (void)repeat(record_);
    EXPECT_EQ(time_out(record_).count, 2 * before.count);
    total += time_out(record_).count;
  }
  EXPECT_EQ(total, 31'000'000U);
}

TEST_F(SynReceivedTest, NothingIsRepeatedOnceThePeerHasAnswered) {
  EXPECT_EQ(arrives(segment(kAck)), Step::acknowledged);
  EXPECT_TRUE(is_given_up(record_)) << "what remains is to wait for its data";
}

TEST_F(SynReceivedTest, TheSameSynIsAnsweredAgainAndAnotherOneBeginsAnew) {
  EXPECT_EQ(arrives(syn_), Step::repeat_syn_ack);
  Segment other = syn_;
  other.seq += 1;
  EXPECT_EQ(arrives(other), Step::restart);
}

TEST_F(SynReceivedTest, OnlyAResetAtTheExactNumberIsBelieved) {  // [RFC 5961 3.2]
  EXPECT_EQ(why(segment(kRst, 0, 1)), DropReason::tcp_blind_reset);
  EXPECT_EQ(arrives(segment(kRst)), Step::forget);
}

TEST_F(SynReceivedTest, WhatAcknowledgesSomethingElseIsNotOfThisHandshake) {
  for (const std::uint32_t off : {0xffff'ffffU, 1U, 0x8000'0000U}) {
    Segment s = segment(kAck, 100);
    s.ack += off;
    EXPECT_EQ(arrives(s), Step::stray);
  }
  EXPECT_EQ(arrives(segment(kSyn | kAck)), Step::stray);
  EXPECT_FALSE(record_.acknowledged);
}

TEST_F(SynReceivedTest, DataThatOvertakesTheFirstIsDroppedQuietly) {
  EXPECT_EQ(why(segment(kAck, 100, 1'400)), DropReason::tcp_early_overtake);
  EXPECT_TRUE(record_.acknowledged) << "it shows that the SYN-ACK has arrived";
  EXPECT_EQ(why(segment(kAck, 100, 60'000)), DropReason::tcp_out_of_window);
  EXPECT_EQ(why(segment(kAck, 1, 0xffff'ffff)), DropReason::tcp_out_of_window);
  EXPECT_EQ(arrives(segment(kAck, 1'400)), Step::completes);
}

TEST_F(SynReceivedTest, APeerThatClosesWithoutAByteIsLetGo) {
  EXPECT_EQ(arrives(segment(kAck | kFin)), Step::closes);
}

TEST_F(SynReceivedTest, SegmentsWithoutAckOrWithoutTheAgreedTimestampsAreDropped) {
  EXPECT_EQ(why(segment(kFin)), DropReason::tcp_bad_flags);
  EXPECT_EQ(why(segment({})), DropReason::tcp_bad_flags);
  Segment bare = segment(kAck, 100);
  bare.options.has_timestamps = false;
  EXPECT_EQ(why(bare), DropReason::tcp_paws);  // [RFC 7323 3.2]
}

}  // namespace
}  // namespace sallyport::tcp::test
