// The retransmission timer: RFC 6298, and time-outs that turn out to have had no reason (RFC 3522,
// RFC 4015, RFC 3708).
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

using tcp::CongestionAlgorithm;

// --- The time-out --------------------------------------------------------------------------------

// [RFC 6298 2.1] Nobody knows when a SYN cookie was sent, so nothing was measured: one second.
TEST(Rto, IsOneSecondBeforeAnythingWasMeasured) {
  TcpScript script;
  script.run(R"(
    0       listen cookie
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      = rto 1000
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +1      > P. 1:101(100) ack 1
    +2      > P. 1:101(100) ack 1
    +4      > P. 1:101(100) ack 1
    +0.1    < . 1:1(0) ack 101 win 65535
  )");
}

// [RFC 6298 2.2] [RFC 6298 2.3] SRTT = 100 ms and RTTVAR = 50 ms come from the handshake.  With a
// round trip of 500 ms they become 150 and 137.5.
TEST(Rto, FollowsTheRoundTripAndItsVariance) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      = rto 300                            // 100 + 4 x 50
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0.100  < . 1:1(0) ack 101 win 65535
    +0      = rto 300                            // 100 + 4 x 37.5, but not below 200 of variance
    +0      write 1900
    +0      > . 101:1101(1000) ack 1
    +0      > P. 1101:2001(900) ack 1
    +0.250  < . 1:1(0) ack 1101 win 65535
    +0      = rto 381                            // 118.75 + 4 x (28.125 + 37.5)
    +0.1    < . 1:1(0) ack 2001 win 65535
  )");
}

// [RFC 6298 2.4] The floor: a local path does not time out while the peer delays its ACK.
TEST(Rto, AFastPathStillLeavesTimeForADelayedAck) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 <...>
    +0.001  < . 1:1(0) ack 1 win 65535
    +0      = rto 201
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0.199  < . 1:1(0) ack 101 win 65535
    +1      silence
  )");
}

// [RFC 6298 5.2] [RFC 6298 5.3] An ACK of new data starts the timer anew; that of all stops it.
TEST(Rto, StartsAnewWithEachAckOfNewData) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 3000
    +0      > P. 1:3001(3000/1000) ack 1
    +0.100  < . 1:1(0) ack 1001 win 65535
    +0.299  < . 1:1(0) ack 2001 win 65535        // 399 ms after its transmission
    +0.299  < . 1:1(0) ack 3001 win 65535
    +10     silence
  )");
}

// [RFC 6298 5.4] [RFC 5681 3.1] Only the oldest segment is repeated; the rest in slow start.
TEST(Rto, RepeatsTheOldestSegmentAndThenInSlowStart) {
  TcpScript script{{.congestion = CongestionAlgorithm::new_reno}};
  script.run(kPlain);
  script.run(R"(
    +0      write 8000
    +0      > P. 1:8001(8000/1000) ack 1
    +0.300  > . 1:1001(1000) ack 1
    +0      = cwnd 1000
    +0      = ssthresh 4000                      // half of the flight
    +0.100  < . 1:1(0) ack 1001 win 65535
    +0      > . 1001:3001(2000/1000) ack 1
    +0.100  < . 1:1(0) ack 2001 win 65535
    +0      > . 3001:5001(2000/1000) ack 1
    +0      < . 1:1(0) ack 3001 win 65535
    +0      > . 5001:7001(2000/1000) ack 1
    +0      = cwnd 4000
    +0      < . 1:1(0) ack 8001 win 65535
    +1      silence
  )");
}

// [RFC 3465 2.3] The repeated segment was the only one missing: its ACK covers seven others, which
// say nothing about what the path carries now.
TEST(Rto, TheAckThatCoversMuchOpensTheWindowByOneSegment) {
  TcpScript script{{.congestion = CongestionAlgorithm::new_reno}};
  script.run(kPlain);
  script.run(R"(
    +0      write 8000
    +0      > P. 1:8001(8000/1000) ack 1
    +0.300  > . 1:1001(1000) ack 1
    +0.100  < . 1:1(0) ack 8001 win 65535
    +0      = cwnd 2000
    +0      write 8000
    +0      > . 8001:10001(2000/1000) ack 1
  )");
}

// The same with SACK: what was reported before does not count again, what is new does.
TEST(Rto, TheAckThatCoversWhatWasReportedOpensTheWindowByWhatIsNew) {
  TcpScript script{{.congestion = CongestionAlgorithm::new_reno}};
  script.run(kSack);
  script.run(R"(
    +0      write 4000
    +0      > P. 1:4001(4000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
    +0.200~+0.400 > . 1:1001(1000) ack 1         // lost again, and nothing else tells
    +0      = cwnd 1000
    +0.100  < . 1:1(0) ack 4001 win 65535
    +0      = cwnd 2000
  )");
}

// [RFC 6298 5.5] [RFC 6298 5.7] Karn: what was repeated gives no sample, and the back-off stays
// until there is one.
TEST(Karn, AnAckOfARepetitionIsNoSampleAndKeepsTheBackOff) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1
    +0.300  > P. 1:101(100) ack 1
    +0.001  < . 1:1(0) ack 101 win 65535         // of which of the two?
    +0      = rto 300
    +0      write 100
    +0      > P. 101:201(100) ack 1
    +0.600  > P. 101:201(100) ack 1              // still doubled
    +0.100  < . 1:1(0) ack 201 win 65535
    +0      write 100
    +0      > P. 201:301(100) ack 1
    +0.400  < . 1:1(0) ack 301 win 65535         // at last a sample
    +0      = rto 587                            // 137.5 + 4 x 112.5
    +0      write 100
    +0      > P. 301:401(100) ack 1
    +0.587  > P. 301:401(100) ack 1
  )");
}

// [RFC 7323 4.1] Timestamps resolve the ambiguity.
TEST(Karn, AnEchoedTimestampTellsWhichTransmissionWasAcknowledged) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1 <TS val 100 ecr 200>
    +0.300  > P. 1:101(100) ack 1 <TS val 400 ecr 200>      // a tail probe
    +0.300  > P. 1:101(100) ack 1 <TS val 700 ecr 200>      // the time-out
    +0.600  > P. 1:101(100) ack 1 <TS val 1300 ecr 200>
    +0.200  < . 1:1(0) ack 101 win 65535 <TS val 1600 ecr 1300>
    +0      = rto 362                            // a sample of 200 ms
  )");
}

// [RFC 9293 3.8.3] The time without an answer counts, not the number of repetitions: a peer that
// was away for a minute is served.
TEST(Rto, APeerThatReturnsAfterAMinuteGoesOn) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 200
    +0      > P. 1:201(200) ack 1
    0.4     > P. 1:201(200) ack 1
    1.0     > P. 1:201(200) ack 1
    2.2     > P. 1:201(200) ack 1
    4.6     > P. 1:201(200) ack 1
    9.4     > P. 1:201(200) ack 1
    19.0    > P. 1:201(200) ack 1
    38.2    > P. 1:201(200) ack 1
    60      < . 1:1(0) ack 201 win 65535
    +0      write 100
    +0      > P. 201:301(100) ack 1
    +1.2    > P. 201:301(100) ack 1              // two doublings outlive the silence
    +0.1    < . 1:1(0) ack 301 win 65535
    +0      = state ESTABLISHED
  )");
}

// --- Spurious time-outs --------------------------------------------------------------------------

// [RFC 3522 3.2] [RFC 4015 3.2] Eifel: the first ACK after the repetition echoes the original, so
// nothing was lost.  The window comes back and nothing else is repeated.
TEST(Eifel, AnEchoOfTheOriginalUndoesATimeout) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      write 5000
    +0      > P. 1:5001(5000/1000) ack 1 <...>
    +0.200  > P. 4001:5001(1000) ack 1 <...>                // a tail probe
    +0.300  > . 1:1001(1000) ack 1 <TS val 600 ecr 200>     // the time-out
    +0      = cwnd 1000
    +0.010  < . 1:1(0) ack 1001 win 65535 <TS val 710 ecr 100>
    +0      = undone 1
    +0      = cwnd 10000
    +0      = ssthresh none
    +0      < . 1:1(0) ack 5001 win 65535 <TS val 710 ecr 100>
    +0      = retransmissions 2
    +2      silence
  )");
}

// [RFC 3522 3.2] An echo of the repetition says that the time-out was right.
TEST(Eifel, AnEchoOfTheRepetitionConfirmsATimeout) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      write 5000
    +0      > P. 1:5001(5000/1000) ack 1 <...>
    +0.200  > P. 4001:5001(1000) ack 1 <...>
    +0.300  > . 1:1001(1000) ack 1 <TS val 600 ecr 200>
    +0.100  < . 1:1(0) ack 1001 win 65535 <TS val 800 ecr 600>
    +0      > . 1001:3001(2000/1000) ack 1 <...>
    +0      = undone 0
    +0.100  < . 1:1(0) ack 5001 win 65535 <TS val 900 ecr 700>
    +0      = ssthresh 3500
  )");
}

// [RFC 3708 2] Without timestamps the peer's DSACK says later that each repetition was a duplicate.
TEST(Dsack, OfEveryRepetitionUndoesATimeout) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 2000
    +0      > P. 1:2001(2000/1000) ack 1
    +0.200  > P. 1001:2001(1000) ack 1                      // a tail probe
    +0.300  > . 1:1001(1000) ack 1                          // the time-out
    +0.010  < . 1:1(0) ack 2001 win 65535
    +0      = undone 0
    +0.090  < . 1:1(0) ack 2001 win 65535 <sack 1001:2001>  // the probe had been one
    +0.300  < . 1:1(0) ack 2001 win 65535 <sack 1:1001>     // and so was this
    +0      = undone 1
    +0      = cwnd 10000
  )");
}

}  // namespace
}  // namespace sallyport::testing
