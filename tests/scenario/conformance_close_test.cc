// How connections end: RFC 9293 sections 3.6 and 3.10.7.4, in every role.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

// [RFC 9293 3.6] Case 1: the local user begins.
TEST(ActiveClose, FourSegmentsThenTimeWaitForTwoSegmentLifetimes) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0      = state FIN_WAIT_1
    +0.1    < . 1:1(0) ack 2 win 65535
    +0      = state FIN_WAIT_2
    +0.1    < F. 1:1(0) ack 2 win 65535
    +0      > . 2:2(0) ack 2
    +0      = state TIME_WAIT
    +59.9   = state TIME_WAIT
    +0.2    = over yes
  )");
}

// [RFC 9293 3.10.4] The FIN waits for what is queued, and goes with the last of it.
TEST(ActiveClose, TheFinFollowsAllQueuedData) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 12000 close
    +0      > . 1:10001(10000/1000) ack 1
    +0      = state FIN_WAIT_1
    +0.1    < . 1:1(0) ack 10001 win 65535
    +0      > FP. 10001:12001(2000/1000) ack 1
    +0.1    < . 1:1(0) ack 12001 win 65535
    +0      = state FIN_WAIT_1
    +0      < . 1:1(0) ack 12002 win 65535
    +0      = state FIN_WAIT_2
  )");
}

// [RFC 9293 3.6] The peer may go on sending, and is acknowledged as before.
TEST(ActiveClose, TheOtherDirectionStaysOpen) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.1    < . 1:1(0) ack 2 win 65535
    +30     < . 1:2001(2000/1000) ack 2 win 65535
    +0      > . 2:2(0) ack 2001
    +30     < . 2001:3001(1000) ack 2 win 65535
    +0.040  > . 2:2(0) ack 3001
    +0      read 3000
    +30     < FP. 3001:3501(500) ack 2 win 65535
    +0      > . 2:2(0) ack 3502
    +0      read 500
    +0      = state TIME_WAIT
  )");
}

// [RFC 9293 3.6] Case 2: the peer begins.  We go on sending, then close.
TEST(PassiveClose, DataAfterThePeersFinIsStillDelivered) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < F. 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 2
    +0      = state CLOSE_WAIT
    +0      = peer_closed yes
    +10     write 1000
    +0      > P. 1:1001(1000) ack 2
    +0.1    < . 2:2(0) ack 1001 win 65535
    +10     close
    +0      > F. 1001:1001(0) ack 2
    +0      = state LAST_ACK
    +0.1    < . 2:2(0) ack 1002 win 65535
    +0      = over yes
    +60     silence
  )");
}

// [RFC 9293 3.6] Case 3: the FINs cross.
TEST(SimultaneousClose, GoesThroughClosingToTimeWait) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0      < F. 1:1(0) ack 1 win 65535
    +0      > . 2:2(0) ack 2
    +0      = state CLOSING
    +0.1    < . 2:2(0) ack 2 win 65535
    +0      = state TIME_WAIT
  )");
}

// [RFC 9293 3.10.7.4] Eighth: a FIN that also acknowledges ours skips CLOSING.
TEST(SimultaneousClose, AFinWithTheAckOfOursGoesStraightToTimeWait) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.1    < F. 1:1(0) ack 2 win 65535
    +0      > . 2:2(0) ack 2
    +0      = state TIME_WAIT
  )");
}

// [RFC 9293 3.10.7.4] In CLOSING our FIN is still repeated until it is acknowledged.
TEST(SimultaneousClose, OurFinIsRepeatedInClosing) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0      < F. 1:1(0) ack 1 win 65535
    +0      > . 2:2(0) ack 2
    +0.300  > F. 1:1(0) ack 2
    +0.600  > F. 1:1(0) ack 2
    +0      = state CLOSING
    +0.1    < . 2:2(0) ack 2 win 65535
    +0      = state TIME_WAIT
  )");
}

// [RFC 6298 5.4] [RFC 6298 5.5] A FIN occupies a sequence number, so it is repeated like text.
TEST(Fin, IsRepeatedUntilItIsAcknowledged) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.300  > F. 1:1(0) ack 1
    +0.600  > F. 1:1(0) ack 1
    +1.200  > F. 1:1(0) ack 1
    +0.1    < . 1:1(0) ack 2 win 65535
    +0      = state FIN_WAIT_2
    +10     silence
  )");
}

// [RFC 6298 5.4] Text and FIN that were sent together are repeated together.
TEST(Fin, IsRepeatedWithTheTextBeforeIt) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 500 close
    +0      > FP. 1:501(500) ack 1
    +0.300  > FP. 1:501(500) ack 1
    +0.1    < . 1:1(0) ack 501 win 65535          // the peer took the text alone
    +0.600~+2 > F. 501:501(0) ack 1
    +0.1    < . 1:1(0) ack 502 win 65535
    +0      = state FIN_WAIT_2
  )");
}

// [RFC 9293 3.10.7.4] Eighth: a repeated FIN means that our ACK was lost.
TEST(Fin, OfThePeerIsAcknowledgedAsOftenAsItComes) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < F. 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 2
    +0.3    < F. 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 2
    +0.6    < F. 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 2
    +0      = state CLOSE_WAIT
  )");
}

// [RFC 9293 3.10.7.4] First: a FIN ahead of a gap is processed when the gap is filled.
TEST(Fin, AheadOfAGapWaits) {
  TcpScript script;
  script.run(kSack);
  script.run(R"(
    +0      < F. 1001:1001(0) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +0      = state ESTABLISHED
    +0      < . 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1002
    +0      = state CLOSE_WAIT
    +0      read 1000
    +0      = peer_closed yes
  )");
}

// [RFC 9293 3.10.7.4] Seventh: after a FIN there is no text, whatever the peer sends.
TEST(Fin, TextBehindItIsIgnored) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < FP. 1:101(100) ack 1 win 65535
    +0      > . 1:1(0) ack 102
    +0      < P. 102:202(100) ack 1 win 65535
    +0      > . 1:1(0) ack 102
    +0      read 100
    +0      = unread 0
    +0      = state CLOSE_WAIT
  )");
}

// [RFC 9293 3.8.6.1] A FIN alone needs no window, but it does not overtake text that does.
TEST(Fin, WaitsBehindTextThatWaitsForTheWindow) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < . 1:1(0) ack 1 win 0
    +0      close
    +0      > F. 1:1(0) ack 1
  )");
  TcpScript with_text;
  with_text.run(kPlain);
  with_text.run(R"(
    +0      < . 1:1(0) ack 1 win 0
    +0      write 1000 close
    +0.300  > . 1:2(1) ack 1                    // the probe of the window
    +0.1    < . 1:1(0) ack 1 win 5000
    +0      > FP. 1:1001(1000) ack 1
  )");
}

// [RFC 9293 3.10.7.4] Eighth, TIME-WAIT: a repeated FIN is acknowledged and starts the time anew.
TEST(TimeWait, ARepeatedFinBeginsTheWaitingAgain) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.1    < F. 1:1(0) ack 2 win 65535
    +0      > . 2:2(0) ack 2
    +50     < F. 1:1(0) ack 2 win 65535
    +0      > . 2:2(0) ack 2
    +59     = state TIME_WAIT
    +2      = over yes
  )");
}

// [RFC 1337 3] Nor does a RST end TIME_WAIT, nor is what carries nothing answered.
TEST(TimeWait, IsNotAssassinated) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.1    < F. 1:1(0) ack 2 win 65535
    +0      > . 2:2(0) ack 2
    +1      < R 2:2(0)
    +0      < . 2:2(0) ack 2 win 65535
    +0      = state TIME_WAIT
    +0      < P. 1:101(100) ack 2 win 65535       // old text
    +0      > . 2:2(0) ack 2
  )");
}

// [RFC 9293 3.10.5] ABORT in a synchronized state.
TEST(Abort, SendsARstThatThePeerBelieves) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 2000
    +0      > P. 1:2001(2000/1000) ack 1
    +0.01   abort
    +0      > R. 2001:2001(0) ack 1
    +0      = state CLOSED
    +0      < . 1:1(0) ack 2001 win 65535
    +0      > R 2001:2001(0)
  )");
}

// [RFC 9293 3.10.5] In SYN_SENT there is nobody to tell.
TEST(Abort, OfAnUnansweredOpenIsSilent) {
  TcpScript script;
  script.run(R"(
    0       open
    +0      > S 0:0(0) <...>
    +0.5    abort
    +0      = state CLOSED
    +60     silence
  )");
}

// [RFC 9293 3.10.7.4] Second: in every state a RST at RCV.NXT ends the connection at once.
TEST(Reset, EndsTheConnectionInEveryStateOfClosing) {
  constexpr const char* kWays[][2] = {
      {"FIN_WAIT_1", "+0 close\n+0 > F. 1:1(0) ack 1\n"},
      {"FIN_WAIT_2", "+0 close\n+0 > F. 1:1(0) ack 1\n+0.1 < . 1:1(0) ack 2 win 65535\n"},
  };
  for (const auto& [state, way] : kWays) {
    TcpScript script;
    script.run(kPlain);
    script.run(way);
    script.run(std::string{"+0 = state "} + state);
    script.run(R"(
      +0      < R 1:1(0)
      +0      = state CLOSED
      +0      = reset yes
      +60     silence
    )");
  }
  constexpr const char* kAfterFin[][2] = {
      {"CLOSE_WAIT", ""},
      {"LAST_ACK", "+0 close\n+0 > F. 1:1(0) ack 2\n"},
  };
  for (const auto& [state, way] : kAfterFin) {
    TcpScript script;
    script.run(kPlain);
    script.run("+0 < F. 1:1(0) ack 1 win 65535\n+0 > . 1:1(0) ack 2");
    script.run(way);
    script.run(std::string{"+0 = state "} + state);
    script.run(R"(
      +0      < R 2:2(0)
      +0      = state CLOSED
      +60     silence
    )");
  }
}

// [RFC 9293 3.8.3] R2: a peer that does not answer any more is given up after 100 s or more, and
// nothing is sent then.
TEST(GiveUp, ASilentPeerIsGivenUpAfterR2) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 100
    +0      > P. 1:101(100) ack 1
    0.4     > P. 1:101(100) ack 1
    1       > P. 1:101(100) ack 1
    2.2     > P. 1:101(100) ack 1
    4.6     > P. 1:101(100) ack 1
    9.4     > P. 1:101(100) ack 1
    19      > P. 1:101(100) ack 1
    38.2    > P. 1:101(100) ack 1
    76.6    > P. 1:101(100) ack 1
    100     = timed_out no
    200     = timed_out yes
    +600    silence
  )");
}

}  // namespace
}  // namespace sallyport::testing
