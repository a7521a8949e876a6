// Segments that somebody else sends, or a peer that lies: RFC 5961, and vulnerabilities that other
// TCPs have had, by name.  What each of them may cost is bounded.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

std::string number(std::int64_t n) { return std::to_string(n); }

// --- RFC 5961 ------------------------------------------------------------------------------------

// [RFC 5961 3.2] In the window is not enough: a challenge, which the true peer would answer with
// the RST that counts.
TEST(BlindReset, InTheWindowIsChallengedAndElsewhereIgnored) {
  TcpScript script{{.receive_buffer = 20'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 20000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +1      < R 2:2(0)                       // one off
    +0      > . 1:1(0) ack 1
    +1      < R 20000:20000(0)               // the last byte of the window
    +0      > . 1:1(0) ack 1
    +1      < R 20002:20002(0)               // beyond
    +1      < R 0:0(0)                       // before
    +1      < R -1000000:-1000000(0)
    +0      = state ESTABLISHED
    +1      < R 1:1(0)
    +0      = state CLOSED
    +0      = reset yes
  )");
}

// [RFC 5961 4.2] Wherever it stands, a SYN is challenged.
TEST(BlindSyn, DoesNotEndAConnectionAndIsChallenged) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +1      < S 1:1(0) win 1000 <mss 1000>
    +0      > . 1:1(0) ack 1
    +1      < S 1000000:1000000(0) win 1000 <mss 1000>
    +0      > . 1:1(0) ack 1
    +1      < S. 1:1(0) ack 1 win 1000 <mss 1000>
    +0      > . 1:1(0) ack 1
    +0      = state ESTABLISHED
  )");
}

// [RFC 5961 4.2] A peer that has restarted answers the challenge with a RST at the number that the
// challenge acknowledges; so its next SYN finds the way free.
TEST(BlindSyn, APeerThatHasRestartedGetsRidOfTheOldConnection) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +1      < S 5000000:5000000(0) win 1000 <mss 1000>
    +0      > . 1:1(0) ack 1
    +0      < R 1:1(0)
    +0      = state CLOSED
    +1      < S 5000000:5000000(0) win 1000 <mss 1000>
    +0      > R. 0:0(0) ack 5000001            // nobody listens any more
  )");
}

// [RFC 5961 5.2] The acknowledgment number has to be believable: not above what was sent, not below
// by more than the largest window.
TEST(BlindData, WithAnAckThatCannotBeIsChallengedAndNotTaken) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 3000 <mss 1000>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 3000
    +0      write 3000
    +0      > P. 1:3001(3000/1000) ack 1
    +0.1    < . 1:1(0) ack 3001 win 3000
    +1      < P. 1:101(100) ack 3002 win 3000      // was never sent
    +0      > . 3001:3001(0) ack 1
    +1      < P. 1:101(100) ack 0 win 3000         // older than the window
    +0      > . 3001:3001(0) ack 1
    +0      = unread 0
    +1      < P. 1:101(100) ack 1 win 3000         // as old as it may be
    +0.040  > . 3001:3001(0) ack 101
    +0      read 100
  )");
}

// [RFC 5961 7] CVE-2016-5696: the limit of challenges belongs to this connection, so that counting
// them elsewhere says nothing about it; and there is one.
TEST(Challenge, CVE_2016_5696_IsLimitedByTheConnectionItself) {
  TcpScript script;
  script.run(kPlain);
  std::string flood = "+1 < R 2:2(0)\n+0 > . 1:1(0) ack 1\n";
  for (int i = 0; i < 1'000; ++i) flood += "+0.0001 < R 2:2(0)\n";
  script.run(flood);
  script.run(R"(
    +1      < R 2:2(0)
    +0      > . 1:1(0) ack 1
    +0      = state ESTABLISHED
  )");
}

// [RFC 9293 3.10.7.4] Two sides that both think the other is wrong do not send ACKs for ever: what
// carries nothing is answered seldom.
TEST(Challenge, AnAckLoopStops) {
  TcpScript script;
  script.run(kPlain);
  std::string loop = "+1 < . -100:-100(0) ack 1 win 65535\n+0 > . 1:1(0) ack 1\n";
  for (int i = 0; i < 100; ++i) loop += "+0.001 < . -100:-100(0) ack 1 win 65535\n";
  script.run(loop);
}

// --- A peer that lies about what it has received -------------------------------------------------

// [RFC 5681 3.1] ACK division: a window grows by the bytes that are acknowledged, not by ACKs.
TEST(Acknowledgments, SplitIntoManyDoNotGrowTheWindow) {
  TcpScript script;
  script.run(kPlain);
  script.run("+0 write 40000\n+0 > . 1:10001(10000/1000) ack 1");
  script.run("+0.1 silence");
  for (int i = 1; i <= 1'000; ++i) {
    script.run("+0 < . 1:1(0) ack " + number(1 + i) + " win 65535\n+0 > ...");
  }
  // One segment was acknowledged: two may follow, as if one ACK had said so.
  script.run("+0 = cwnd 11000\n+0 = data_segments 12");
}

// [RFC 5681 3.2] Duplicate ACKs that nothing has caused: one segment is repeated, once.
TEST(Acknowledgments, SpoofedDuplicatesRepeatOneSegment) {
  TcpScript script;
  script.run(kPlain);
  script.run("+0 write 10000\n+0 > . 1:10001(10000/1000) ack 1\n+0.1 silence");
  for (int i = 0; i < 1'000; ++i) script.run("+0 < . 1:1(0) ack 1 win 65535\n+0 > ...");
  script.run("+0 = retransmissions 1");
}

// [RFC 5961 5.2] Optimistic ACKs: of data that was never sent.
TEST(Acknowledgments, OfWhatWasNotSentMoveNothing) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 40000
    +0      > . 1:10001(10000/1000) ack 1
    +0.1    < . 1:1(0) ack 40001 win 65535
    +0      > . 10001:10001(0) ack 1
    +0      = cwnd 10000
  )");
}

// --- SACK and reassembly -------------------------------------------------------------------------

// CVE-2018-5390, "SegmentSmack": single bytes ahead of a gap, none next to another.  What is kept
// is bounded in number, and what is not kept is simply not acknowledged.
TEST(Reassembly, CVE_2018_5390_SingleBytesAheadOfAGapAreKeptInABoundedNumber) {
  TcpScript script{{.max_kept_nodes = 64}};
  script.run(kPlain);
  for (int i = 0; i < 1'000; ++i) {
    const int at = 3 + 2 * i;
    script.run("+0 < . " + number(at) + ":" + number(at + 1) + "(1) ack 1 win 65535\n" +
               "+0 > . 1:1(0) ack 1");
  }
  script.run(R"(
    +0      = kept 64
    +0      < . 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1001
    +0      = kept 0
    +0      read 1000
  )");
}

// CVE-2018-5390 in the other order: each byte before the last one.
TEST(Reassembly, CVE_2018_5390_BackwardsToo) {
  TcpScript script{{.max_kept_nodes = 64}};
  script.run(kSack);
  for (int i = 999; i > 0; --i) {
    const int at = 1 + 2 * i;
    script.run("+0 < . " + number(at) + ":" + number(at + 1) + "(1) ack 1 win 65535\n" +
               "+0 > . 1:1(0) ack 1 <...>");
  }
  script.run("+0 = kept 64");
}

// CVE-2019-11477, "SACK Panic", and CVE-2019-11479: a peer that wants segments of 8 bytes gets
// larger ones, and the number of segments stays in proportion to the bytes.
TEST(SegmentSize, CVE_2019_11479_IsNeverTiny) {
  constexpr const char* kTiny[] = {"<mss 48,sackOK>", "<mss 8,sackOK>", "<mss 1,sackOK>"};
  for (const char* options : kTiny) {
    TcpScript script;
    script.run(std::string{"0 listen\n+0 < S 0:0(0) win 65535 "} + options + R"(
      +0      > S. 0:0(0) ack 1 <mss 1460,sackOK>
      +0.1    < . 1:1(0) ack 1 win 65535
      +0      = mss 216
      +0      write 2160
      +0      > P. 1:2161(2160/216) ack 1
    )");
  }
}

// CVE-2019-11477 and CVE-2019-11478: blocks that cut what was sent into ever smaller pieces do not
// cut our queue.  A segment is received as a whole or it is not.
TEST(SelectiveAck, CVE_2019_11478_BlocksDoNotFragmentTheQueue) {
  TcpScript script;
  script.run(kSack);
  script.run("+0 write 10000\n+0 > P. 1:10001(10000/1000) ack 1\n+0.1 silence");
  for (int i = 0; i < 1'000; ++i) {
    const int at = 1 + 9 * i;
    script.run("+0 < . 1:1(0) ack 1 win 65535 <sack " + number(at) + ":" + number(at + 4) + ">");
  }
  // Nothing was taken for received, so nothing was taken for lost.
  script.run("+0 = retransmissions 0");
}

// CVE-2019-11478: the same with blocks of one segment each, every second one.  Each gap is repeated
// once, however often it is reported.
TEST(SelectiveAck, CVE_2019_11478_EachGapIsRepeatedOnce) {
  TcpScript script;
  script.run(kSack);
  script.run("+0 write 10000\n+0 > P. 1:10001(10000/1000) ack 1\n+0.1 silence");
  for (int round = 0; round < 100; ++round) {
    for (int i = 1; i < 10; i += 2) {
      const int at = 1 + 1'000 * i;
      script.run("+0 < . 1:1(0) ack 1 win 65535 <sack " + number(at) + ":" + number(at + 1'000) +
                 ">\n+0 > ...");
    }
  }
  script.run(R"(
    +0      = retransmissions 3                  // as many as have left the network since
    +0.1    < . 1:1(0) ack 6001 win 65535 <sack 7001:8001 9001:10001>
    +0      > . 6001:7001(1000) ack 1
    +0      > . 8001:9001(1000) ack 1
    +0.1    < . 1:1(0) ack 10001 win 65535
    +1      silence
  )");
}

// [RFC 2018 4] Blocks that nobody can mean: backwards, empty, below SND.UNA, of what was not sent.
TEST(SelectiveAck, BlocksThatCannotBeAreIgnored) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      write 4000
    +0      > P. 1:4001(4000/1000) ack 1
    +0.1    < . 1:1(0) ack 1 win 65535 <sack 4001:1001>
    +0      < . 1:1(0) ack 1 win 65535 <sack 2001:2001 1001:1001>
    +0      < . 1:1(0) ack 1 win 65535 <sack 4001:5001 100001:101001>
    +0      < . 1:1(0) ack 1 win 65535 <sack -5000:-4000>
    +0      = retransmissions 0
    +0      < . 1:1(0) ack 4001 win 65535
    +1      silence
  )");
}

}  // namespace
}  // namespace sallyport::testing
