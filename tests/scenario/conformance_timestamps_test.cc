// Timestamps and PAWS: RFC 7323 sections 3 to 5.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

// [RFC 7323 3.2] Once agreed on, they are in every segment, our RST included.
TEST(Timestamps, AreInEverySegment) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1 <TS val 100 ecr 200>
    +0.100  < . 1:1(0) ack 101 win 65535 <TS val 300 ecr 100>
    +0      < P. 1:101(100) ack 101 win 65535 <TS val 300 ecr 100>
    +0.040  > . 101:101(0) ack 101 <TS val 240 ecr 300>
    +0      read 100
    +1      abort
    +0      > R. 101:101(0) ack 101 <TS val 1240 ecr 300>
  )");
}

// [RFC 7323 3.2] A segment without them is not of this connection; a RST may be.
TEST(Timestamps, ASegmentWithoutThemIsDroppedButARst) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      < P. 1:101(100) ack 1 win 65535
    +0      < . 1:1(0) ack 1 win 0
    +0      < F. 1:1(0) ack 1 win 65535
    +1      silence
    +0      = unread 0
    +0      = state ESTABLISHED
    +0      < R 1:1(0)
    +0      = state CLOSED
  )");
}

// [RFC 6691 2] [RFC 9293 3.7.1] They are paid for out of the segment size.
TEST(Timestamps, TakeTwelveBytesOfEachSegment) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>
    +0      > S. 0:0(0) ack 1 <mss 1460,TS val 0 ecr 1>
    +0      < . 1:1(0) ack 1 win 65535 <TS val 1 ecr 0>
    +0      write 2896
    +0      > P. 1:2897(2896/1448) ack 1
  )");
}

// [RFC 7323 4.3] Of several segments under one delayed ACK the earliest is echoed: the peer's round
// trip then includes our delay.
TEST(Tsecr, EchoesTheEarliestOfDelayedSegments) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      < . 1:1001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0.010  < . 1001:2001(1000) ack 1 win 65535 <TS val 310 ecr 0>
    +0      > . 1:1(0) ack 2001 <TS val 110 ecr 300>
    +0      read 2000
  )");
}

// [RFC 7323 4.3] Ahead of a gap nothing new is echoed; the segment that fills it is.
TEST(Tsecr, IsThatOfTheSegmentThatMovesTheLeftEdge) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      < . 1:1001(1000) ack 1 win 65535 <TS val 300 ecr 0>
    +0.040  > . 1:1(0) ack 1001 <TS val 140 ecr 300>
    +0      < . 2001:3001(1000) ack 1 win 65535 <TS val 340 ecr 0>
    +0      > . 1:1(0) ack 1001 <TS val 140 ecr 300,sack 2001:3001>
    +0      < . 1001:2001(1000) ack 1 win 65535 <TS val 345 ecr 0>
    +0      > . 1:1(0) ack 3001 <TS val 140 ecr 345>
    +0      read 3000
  )");
}

// [RFC 7323 5.3] R1: older than the last one: an ACK, and nothing of the segment is used.
TEST(Paws, AnOldDuplicateIsAnsweredAndNotUsed) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      < P. 1:101(100) ack 1 win 65535 <TS val 300 ecr 0>
    +0.040  > . 1:1(0) ack 101 <TS val 140 ecr 300>
    +0      < P. 101:201(100) ack 1 win 65535 <TS val 299 ecr 0>
    +0      > . 1:1(0) ack 101 <TS val 140 ecr 300>
    +0      = unread 100
    +0      < P. 101:201(100) ack 1 win 65535 <TS val 300 ecr 0>   // the same one is new enough
    +0.040  > . 1:1(0) ack 201
    +0      read 200
  )");
}

// [RFC 7323 5.3] The peer's clock wraps around in the middle of the connection.
TEST(Paws, TimestampsCompareModuloTwoToTheThirtyTwo) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1012,TS val 4294967290 ecr 0>
    +0      > S. 0:0(0) ack 1 <mss 1460,TS val 0 ecr 4294967290>
    +0      < . 1:1(0) ack 1 win 65535 <TS val 4294967295 ecr 0>
    +0      < P. 1:101(100) ack 1 win 65535 <TS val 4 ecr 0>
    +0.040  > . 1:1(0) ack 101 <TS val 40 ecr 4>
    +0      < P. 101:201(100) ack 1 win 65535 <TS val 4294967295 ecr 0>
    +0      > . 1:1(0) ack 101 <TS val 40 ecr 4>
    +0      read 100
  )");
}

// [RFC 7323 5.5] After 24 days of silence a timestamp may have wrapped past its sign, so it is
// believed whatever it says.
TEST(Paws, SaysNothingAfterTwentyFourDays) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0        < P. 1:101(100) ack 1 win 65535 <TS val 300 ecr 0>
    +0.040    > . 1:1(0) ack 101
    +1728000  < P. 101:201(100) ack 1 win 65535 <TS val 200 ecr 0>   // 20 days
    +0        > . 1:1(0) ack 101
    +432000   < P. 101:201(100) ack 1 win 65535 <TS val 200 ecr 0>   // 25 days
    +0.040    > . 1:1(0) ack 201
    +0        read 200
  )");
}

// [RFC 7323 5.2] A RST has no part in PAWS.
TEST(Paws, DoesNotProtectAgainstARst) {
  TcpScript script;
  script.run(kTimestamps);
  script.run(R"(
    +0      < R 1:1(0) <TS val 1 ecr 0>
    +0      = state CLOSED
  )");
}

}  // namespace
}  // namespace sallyport::testing
