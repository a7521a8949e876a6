// Loss and its repair: SACK in both directions (RFC 2018, RFC 2883), limited transmit (RFC 3042),
// RACK and TLP (RFC 8985), PRR (RFC 6937), and NewReno for peers without SACK (RFC 6582).
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

using tcp::CongestionAlgorithm;

constexpr EndpointOptions kReno{.congestion = CongestionAlgorithm::new_reno};

// --- What we report ------------------------------------------------------------------------------

// [RFC 2018 4] The first block holds the segment that caused the ACK; the others repeat those
// reported last, so that the loss of an ACK or two loses nothing.
TEST(SackReceiver, TheLatestBlockComesFirstAndTheOthersByAge) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0  < . 1001:2001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 1001:2001>
    +0  < . 3001:4001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 3001:4001 1001:2001>
    +0  < . 5001:6001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 5001:6001 3001:4001 1001:2001>
    +0  < . 7001:8001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 7001:8001 5001:6001 3001:4001 1001:2001>
    +0  < . 9001:10001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 9001:10001 7001:8001 5001:6001 3001:4001>
  )");
}

// [RFC 2018 3] Blocks are whole runs of bytes: neighbours become one, and a filled gap joins two.
TEST(SackReceiver, NeighboursAreOneBlock) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0  < . 1001:2001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 1001:2001>
    +0  < . 2001:3001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 1001:3001>
    +0  < . 4001:5001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 4001:5001 1001:3001>
    +0  < . 3001:4001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <sack 1001:5001>
    +0  < . 1:1001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 5001
  )");
}

// [RFC 2018 3] Three blocks beside timestamps: forty bytes of options hold no more.
TEST(SackReceiver, TimestampsLeaveRoomForThreeBlocks) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0  < . 1001:2001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0  > . 1:1(0) ack 1 <TS val 100 ecr 200,sack 1001:2001>
    +0  < . 3001:4001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0  > . 1:1(0) ack 1 <TS val 100 ecr 200,sack 3001:4001 1001:2001>
    +0  < . 5001:6001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0  > . 1:1(0) ack 1 <TS val 100 ecr 200,sack 5001:6001 3001:4001 1001:2001>
    +0  < . 7001:8001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0  > . 1:1(0) ack 1 <TS val 100 ecr 200,sack 7001:8001 5001:6001 3001:4001>
  )");
}

// [RFC 2883 4] Text that came twice is the first block, below SEG.ACK or in front of the block that
// holds it: so the peer learns that it repeated without need.
TEST(SackReceiver, TextThatCameTwiceIsReportedFirst) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      < . 1:1001(1000) ack 1 win 65535
    +0.040  > . 1:1(0) ack 1001
    +0      < . 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001 <sack 1:1001>
    +0      < . 2001:3001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001 <sack 2001:3001>
    +0      < . 4001:5001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001 <sack 4001:5001 2001:3001>
    +0      < . 2001:3001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001 <sack 2001:3001 2001:3001 4001:5001>
    +0      < . 501:1501(1000) ack 1 win 65535             // half of it is new
    +0      > . 1:1(0) ack 1501 <sack 501:1001 2001:3001 4001:5001>
    +0      < . 1501:2001(500) ack 1 win 65535
    +0      > . 1:1(0) ack 3001 <sack 4001:5001>
  )");
}

// [RFC 2018 2] Without the option in both SYNs there are no blocks, whatever arrives.
TEST(SackReceiver, IsSilentWhereItWasNotNegotiated) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0  < . 1001:2001(1000) ack 1 win 65535
    +0  > . 1:1(0) ack 1 <>
  )");
}

// --- When something counts as lost ---------------------------------------------------------------

// [RFC 3042 2] The first two duplicate ACKs each let out a segment that was not sent before, so
// that the third may come.  [RFC 8985 6.2] That one proves the loss.
TEST(LimitedTransmit, TheFirstTwoReportsReleaseNewData) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 20000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
    +0      > . 10001:11001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535 <sack 1001:3001>
    +0      > . 11001:12001(1000) ack 1
    +0      = cwnd 10000
    +0      < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
  )");
}

// [RFC 3042 2] The same for a peer without SACK.
TEST(LimitedTransmit, DuplicateAcksReleaseNewDataToo) {
  TcpScript script{kReno};
  script.run(kPlain);
  script.run(R"(
    +0      write 20000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      > . 10001:11001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535
    +0      > . 11001:12001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535
    +0      > . 1:1001(1000) ack 1
  )");
}

// [RFC 8985 6.2] One segment behind a gap: it may be reordering.  A quarter of the smallest round
// trip later it is a loss.
TEST(Rack, ASingleReportWaitsForTheReorderingWindow) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 2000
    +0      > P. 1:2001(2000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
    +0.025  > . 1:1001(1000) ack 1
    +0.100  < . 1:1(0) ack 2001 win 65535
    +1      silence
  )");
}

// [RFC 8985 6.2] What arrives within the window was not lost: nothing is repeated or reduced.
TEST(Rack, ReorderingWithinTheWindowCostsNothing) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
    +0      < . 1:1(0) ack 1 win 65535 <sack 1001:3001>
    +0.020  < . 1:1(0) ack 3001 win 65535
    +0      < . 1:1(0) ack 10001 win 65535
    +0      = retransmissions 0
    +0      = ssthresh none
  )");
}

// [RFC 8985 6.2] A path that was seen to reorder is not judged by three segments any more, but by
// time alone.
TEST(Rack, APathThatReordersIsJudgedByTimeAlone) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 5000
    +0      > P. 1:5001(5000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
    +0.010  < . 1:1(0) ack 2001 win 65535                  // late, so it was reordering
    +0      < . 1:1(0) ack 5001 win 65535
    +0      write 5000
    +0      > P. 5001:10001(5000/1000) ack 1
    +0.100  < . 1:1(0) ack 5001 win 65535 <sack 6001:10001>
    +0.025  > . 5001:6001(1000) ack 1
  )");
}

// [RFC 8985 3.1] A repetition that is lost, too, is noticed by what was sent after it.
TEST(Rack, ALostRepetitionIsRepeatedWithoutATimeout) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 20000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
    +0      > ...
    +0      < . 1:1(0) ack 1 win 65535 <sack 1001:10001>
    +0      > ...                                          // new data, behind the repetition
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:11001>
    +0      > . 1:1001(1000) ack 1
    +0      > ...
    +0      = timeouts 0
    +0      = retransmissions 2
  )");
}

// [RFC 2018 8] A peer may forget what it has reported.  After a time-out that is assumed of
// everything, so even then all of it arrives.
TEST(SackSender, APeerThatRenegesIsServed) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 4000
    +0      > P. 1:4001(4000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
    +0.100  < . 1:1(0) ack 1001 win 65535                  // and the others are gone
    +0.2~+1 > . 1001:2001(1000) ack 1
    +0.100  < . 1:1(0) ack 2001 win 65535
    +0      > . 2001:4001(2000/1000) ack 1
    +0.100  < . 1:1(0) ack 4001 win 65535
    +1      silence
  )");
}

// --- Tail loss probe -----------------------------------------------------------------------------

// [RFC 8985 7.2] After two round trips without a sign the last segment goes again; its report shows
// what else is missing, long before a time-out.
TEST(TailProbe, FindsOutThatTheWholeFlightIsLost) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 4000
    +0      > P. 1:4001(4000/1000) ack 1
    +0.200  > P. 3001:4001(1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 3001:4001>
    +0      > . 1:1001(1000) ack 1
    +0.100  < . 1:1(0) ack 1001 win 65535 <sack 3001:4001>
    +0      > . 1001:3001(2000/1000) ack 1
    +0.100  < . 1:1(0) ack 4001 win 65535
    +0      = timeouts 0
  )");
}

// [RFC 8985 7.3] New data serves better than old.
TEST(TailProbe, SendsNewDataWhereThereIsSome) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 12000
    +0      > . 1:10001(10000/1000) ack 1
    +0.200  > . 10001:11001(1000) ack 1
    +0.010  < . 1:1(0) ack 10001 win 65535
    +0      > P. 11001:12001(1000) ack 1
    +0      = retransmissions 0
  )");
}

// [RFC 8985 7.2] A single segment may wait for the peer's delayed ACK: 200 ms more.
TEST(TailProbe, OfASingleSegmentAllowsForADelayedAck) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000,sackOK>
    +0      > S. 0:0(0) ack 1 <...>
    +0.010  < . 1:1(0) ack 1 win 65535
    +0      = rto 210
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0.210  > P. 1:101(100) ack 1                          // 2 x 10 + 200, but not after the RTO
    +0      = timeouts 0
  )");
}

// [RFC 8985 7.4] The probe has repaired a loss: that is congestion, and costs as much as any loss.
TEST(TailProbe, ThatRepairsALossReducesTheWindow) {
  TcpScript script{kReno};
  script.run(kSack);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 9001 win 65535
    +0.2~+0.5 > P. 9001:10001(1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535                 // of the probe, or of both
    +0      = ssthresh none
    +0      write 10000
    +0      > P. 10001:20001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 11001 win 65535                 // no DSACK: of the probe alone
    +0      = ssthresh 5000
    +0      = cwnd 5000
    +0      = timeouts 0
  )");
}

// [RFC 8985 7.4] [RFC 2883 4] The peer had everything: its DSACK says so, and nothing is reduced.
TEST(TailProbe, ThatWasADuplicateCostsNothing) {
  TcpScript script{kReno};
  script.run(kSack);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.200  > P. 9001:10001(1000) ack 1
    +0.010  < . 1:1(0) ack 10001 win 65535
    +0.090  < . 1:1(0) ack 10001 win 65535 <sack 9001:10001>
    +0      = ssthresh none
    +0      = timeouts 0
  )");
}

// --- Recovery ------------------------------------------------------------------------------------

// [RFC 6675 5] [RFC 6937 3] All gaps of a flight are repaired within a round trip.
TEST(Recovery, AllGapsAreRepairedInOneRoundTrip) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:2001>
    +0      < . 1:1(0) ack 1 win 65535 <sack 3001:4001 1001:2001>
    +0      < . 1:1(0) ack 1 win 65535 <sack 5001:6001 3001:4001 1001:2001>
    +0      > . 1:1001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535 <sack 7001:8001 5001:6001 3001:4001 1001:2001>
    +0      > . 2001:3001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535 <sack 7001:9001 5001:6001 3001:4001 1001:2001>
    +0      > . 4001:5001(1000) ack 1
    +0      < . 1:1(0) ack 1 win 65535 <sack 7001:10001 5001:6001 3001:4001 1001:2001>
    +0      > . 6001:7001(1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      = timeouts 0
    +0      = retransmissions 4
  )");
}

// [RFC 6937 3] The reduction is spread over the round trip: half of it means that every second ACK
// lets one segment out, and the window ends at ssthresh.
TEST(Prr, HalvingSendsOneSegmentForEveryTwoAcks) {
  TcpScript script{kReno};
  script.run(kSack);
  script.run(R"(
    +0      write 60000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      > . 10001:28001(18000/1000) ack 1                // slow start, by eight segments
    +0.100  < . 1:1(0) ack 10001 win 65535 <sack 11001:14001>
    +0      > . 10001:11001(1000) ack 1
    +0      = ssthresh 9000
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:15001>
    +0      > . 28001:29001(1000) ack 1
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:16001>
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:17001>
    +0      > . 29001:30001(1000) ack 1
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:18001>
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:19001>
    +0      > . 30001:31001(1000) ack 1
    +0      < . 1:1(0) ack 10001 win 65535 <sack 11001:28001>
    +0      > ...
    +0.100  < . 1:1(0) ack 28001 win 65535 <sack 28001:31001>
    +0      > ...
    +0      = cwnd 9000
  )");
}

// [RFC 6582 3.2] Without SACK: three duplicates, then each partial ACK shows the next gap.
TEST(NewReno, PartialAcksRepeatOneSegmentPerRoundTrip) {
  TcpScript script{kReno};
  script.run(kPlain);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . 1:1(0) ack 1 win 65535
    +0      < . 1:1(0) ack 1 win 65535
    +0      > . 1:1001(1000) ack 1
    +0      = ssthresh 5000
    +0      < . 1:1(0) ack 1 win 65535
    +0.100  < . 1:1(0) ack 4001 win 65535                  // 4001 is missing, too
    +0      > . 4001:5001(1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      = cwnd 5000
    +0      = timeouts 0
  )");
}

// [RFC 5681 2] With another window, with text, or with nothing in flight, an ACK of the same number
// is no duplicate.
TEST(NewReno, WindowUpdatesAreNoDuplicates) {
  TcpScript script{kReno};
  script.run(kPlain);
  script.run(R"(
    +0      write 5000
    +0      > P. 1:5001(5000/1000) ack 1
    +0.010  < . 1:1(0) ack 1 win 60000
    +0      < . 1:1(0) ack 1 win 61000
    +0      < . 1:1(0) ack 1 win 62000
    +0      < . 1:1(0) ack 1 win 63000
    +0      < P. 1:11(10) ack 1 win 63000
    +0      < P. 11:21(10) ack 1 win 63000
    +0      > . 5001:5001(0) ack 21
    +0      read 20
    +0.090  < . 21:21(0) ack 5001 win 65535
    +0      = retransmissions 0
  )");
}

// [RFC 3522 3.2] [RFC 4015 3.2] A fast retransmit because of reordering is taken back when the echo
// says that the original had arrived.
TEST(Eifel, AnEchoOfTheOriginalUndoesAFastRetransmit) {
  TcpScript script{kReno};
  script.run(kTimestamps);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535 <TS val 300 ecr 100,sack 1001:4001>
    +0      > . 1:1001(1000) ack 1 <TS val 200 ecr 300>
    +0      = ssthresh 5000
    +0.010  < . 1:1(0) ack 4001 win 65535 <TS val 310 ecr 100>
    +0      = undone 1
    +0      = cwnd 10000
    +0      = ssthresh none
    +0      < . 1:1(0) ack 10001 win 65535 <TS val 310 ecr 100>
  )");
}

// [RFC 2883 4] [RFC 3708 2] Without timestamps the peer's DSACK takes it back.
TEST(Dsack, OfARepetitionUndoesAFastRetransmit) {
  TcpScript script{kReno};
  script.run(kSack);
  script.run(R"(
    +0      write 10000
    +0      > P. 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
    +0      = ssthresh 5000
    +0.010  < . 1:1(0) ack 4001 win 65535
    +0      < . 1:1(0) ack 10001 win 65535
    +0.090  < . 1:1(0) ack 10001 win 65535 <sack 1:1001>
    +0      = undone 1
    +0      = ssthresh none
    +0      = cwnd 10000
  )");
}

}  // namespace
}  // namespace sallyport::testing
