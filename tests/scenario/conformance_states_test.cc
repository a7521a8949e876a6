// RFC 9293 section 3.10.7, a segment arrives, state by state: what is answered and what is not.
// How connections end is in conformance_close_test.cc.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

// --- CLOSED and LISTEN ---------------------------------------------------------------------------

// [RFC 9293 3.10.7.1] Everything but a RST is answered with a RST that the sender will accept.
TEST(Closed, EverySegmentButARstIsReset) {
  TcpScript script;
  script.run(R"(
    0   < S 0:0(0) win 1000
    +0  > R. 0:0(0) ack 1
    +0  < S 0:100(100) win 1000
    +0  > R. 0:0(0) ack 101
    +0  < . 50:60(10) ack 777 win 1000
    +0  > R 777:777(0)
    +0  < F. 50:60(10) ack 777 win 1000
    +0  > R 777:777(0)
    +0  < S. 0:0(0) ack 777 win 1000
    +0  > R 777:777(0)
    +0  < R 50:50(0)
    +0  < R. 50:50(0) ack 777
    +1  silence
  )");
}

// [RFC 9293 3.5] No TCP sends these.  What does not say whether it opens, continues or ends a
// connection is dropped before anybody looks for its connection, so port scanners learn nothing.
TEST(Closed, FlagsThatNoTcpSendsAreNotAnswered) {
  for (const bool listening : {false, true}) {
    TcpScript script;
    if (listening) script.run("0 listen");
    script.run(R"(
      0   < SF 0:0(0) win 1000
      +0  < SF. 0:0(0) ack 777 win 1000
      +0  < SR 0:0(0) win 1000
      +0  < F 50:50(0) win 1000
      +0  < - 50:60(10) win 1000
      +0  < FPU 50:50(0) win 1000
      +1  silence
    )");
  }
}

// [RFC 9293 3.10.7.2] First RST, second ACK, third SYN.
TEST(Listen, AnswersAcksWithRstAndOpensForASynAlone) {
  TcpScript script;
  script.run(R"(
    0   listen
    +0  < R 50:50(0)
    +0  < R. 50:50(0) ack 777
    +0  < . 50:50(0) ack 777 win 1000
    +0  > R 777:777(0)
    +0  < S. 50:50(0) ack 777 win 1000
    +0  > R 777:777(0)
    +0  = state LISTEN
    +0  < S 0:0(0) win 1000 <mss 1000>
    +0  > S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0  = state SYN_RECEIVED
  )");
}

// [RFC 9293 3.7.1] [RFC 7323 2.2] [RFC 7323 3.2] [RFC 2018 2] A SYN-ACK offers nothing that the
// SYN did not, except the segment size, which is no negotiation.
TEST(Listen, TheSynAckRepeatsOnlyOptionsThatWereOffered) {
  constexpr const char* kOffers[][2] = {
      {"", "<mss 1460>"},
      {"<mss 536>", "<mss 1460>"},
      {"<mss 536,sackOK>", "<mss 1460,sackOK>"},
      {"<mss 536,wscale 2>", "<mss 1460,wscale 8>"},
      {"<mss 536,TS val 7 ecr 0>", "<mss 1460,TS val 0 ecr 7>"},
      {"<mss 1460,sackOK,TS val 7 ecr 0,wscale 7>", "<mss 1460,sackOK,TS val 0 ecr 7,wscale 8>"},
  };
  for (const auto& [offer, answer] : kOffers) {
    TcpScript script;
    script.run(std::string{"0 listen\n+0 < S 0:0(0) win 1000 "} + offer +
               "\n+0 > S. 0:0(0) ack 1 win 65535 " + answer);
  }
}

// [RFC 9293 3.10.7.2] Text on a SYN is legal.  We do not keep it, and so do not acknowledge it.
TEST(Listen, TextOnASynIsNotAcknowledged) {
  TcpScript script;
  script.run(R"(
    0      listen cookie
    +0     < S 0:100(100) win 1000 <mss 1000>
    +0     > S. 0:0(0) ack 1 <...>
    +0.1   < P. 1:101(100) ack 1 win 1000
    +0     read 100
    +0.040 > . 1:1(0) ack 101
  )");
}

// --- SYN_SENT ------------------------------------------------------------------------------------

// [RFC 9293 3.10.7.3] First: an ACK of something else is answered with RST, and the open goes on.
TEST(SynSent, AnAckOfAnotherConnectionIsResetAndNothingElseHappens) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) <...>
    +0    < . 50:50(0) ack 0 win 1000
    +0    > R 0:0(0)
    +0    < . 50:50(0) ack 2 win 1000
    +0    > R 2:2(0)
    +0    < S. 50:50(0) ack 777 win 1000 <mss 1000>
    +0    > R 777:777(0)
    +0    = state SYN_SENT
    +0    < S. 0:0(0) ack 1 win 1000 <mss 1000>
    +0    > . 1:1(0) ack 1
    +0    = state ESTABLISHED
  )");
}

// [RFC 9293 3.10.7.3] Second: [RFC 5961 3.2] a RST without the ACK of our SYN was sent by somebody
// who has not seen it.
TEST(SynSent, OnlyARstThatAcknowledgesOurSynRefuses) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) <...>
    +0    < R 0:0(0)
    +0    < R. 0:0(0) ack 0
    +0    < R. 0:0(0) ack 2
    +0    = state SYN_SENT
    +0    < R. 0:0(0) ack 1
    +0    = state CLOSED
    +0    = reset yes
    +10   silence
  )");
}

// [RFC 9293 3.10.7.3] Fifth: neither SYN nor RST.
TEST(SynSent, AnAckOfOurSynWithoutASynIsDropped) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) <...>
    +0    < . 1:1(0) ack 1 win 1000
    +0    < F. 1:1(0) ack 1 win 1000
    +0    < P. 1:101(100) ack 1 win 1000
    +0    = state SYN_SENT
    +1    > S 0:0(0) <...>
  )");
}

// [RFC 9293 3.10.7.3] Fourth: text and FIN on a SYN-ACK are processed.
TEST(SynSent, TextOnTheSynAckIsTaken) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) <...>
    +0    < S. 0:100(100) ack 1 win 1000 <mss 1000>
    +0    > . 1:1(0) ack 101
    +0    read 100
  )");
}

// [RFC 9293 3.5] Figure 7: both SYNs cross, both are repeated with an ACK, and each of these
// completes the handshake of the other side.
TEST(SynSent, SimultaneousOpen) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) <mss 1460,sackOK,TS val 0 ecr 0,wscale 8>
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0    = state SYN_RECEIVED
    +0    < S. 0:0(0) ack 1 win 1000 <mss 1000>
    +0    = state ESTABLISHED
    +0    write 100
    +0    > P. 1:101(100) ack 1
  )");
}

// [RFC 6298 2.1] [RFC 6298 5.5] [RFC 9293 3.8.3] One second, doubled each time, and then the peer
// is not there.
TEST(SynSent, ASynIsRepeatedAfterOneSecondAndThenEverMoreSlowly) {
  TcpScript script;
  script.run(R"(
    0     open
    +0    > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 0 ecr 0,wscale 8>
    1     > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1000 ecr 0,wscale 8>
    3     > S 0:0(0) <...>
    7     > S 0:0(0) <...>
    15    > S 0:0(0) <...>
    31    > S 0:0(0) <...>
    62.9  = timed_out no
    63.1  = timed_out yes
    +60   silence
  )");
}

// --- SYN_RECEIVED --------------------------------------------------------------------------------

// [RFC 6298 2.1] [RFC 6298 5.5] A SYN-ACK, too.  [RFC 6298 5.7] What follows starts carefully.
TEST(SynReceived, ASynAckIsRepeated) {
  TcpScript script;
  script.run(R"(
    0     listen
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    1     > S. 0:0(0) ack 1 <mss 1460>
    3     > S. 0:0(0) ack 1 <mss 1460>
    +1    < . 1:1(0) ack 1 win 65535
    +0    = state ESTABLISHED
    +0    = rto 3000
    +0    = cwnd 1000
  )");
}

// [RFC 9293 3.10.7.4] Fourth: a repeated SYN shows that our SYN-ACK was lost.
TEST(SynReceived, ARepeatedSynIsAnsweredWithTheSameSynAck) {
  TcpScript script;
  script.run(R"(
    0     listen
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0.5  < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0    < . 1:1(0) ack 1 win 1000
    +0    = state ESTABLISHED
  )");
}

// [RFC 9293 3.10.7.4] Fifth: only the ACK of our SYN completes the handshake.
TEST(SynReceived, AnAckOfAnythingElseIsReset) {
  TcpScript script;
  script.run(R"(
    0     listen
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0    < . 1:1(0) ack 0 win 1000
    +0    > R 0:0(0)
    +0    < . 1:1(0) ack 2 win 1000
    +0    > R 2:2(0)
    +0    = state SYN_RECEIVED
    +0    < P. 1:101(100) ack 1 win 1000
    +0    = state ESTABLISHED
    +0    read 100
    +0.040 > . 1:1(0) ack 101
  )");
}

// [RFC 9293 3.10.7.4] Second: [RFC 5961 3.2] the RST has to stand at RCV.NXT.
TEST(SynReceived, ARstInTheWindowIsChallengedAndTheRightOneIsBelieved) {
  TcpScript script;
  script.run(R"(
    0     listen
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0    < R 100000:100000(0)
    +0    = state SYN_RECEIVED
    +0    < R 2:2(0)
    +0    > . 1:1(0) ack 1
    +0    = state SYN_RECEIVED
    +0    < R 1:1(0)
    +0    = state CLOSED
  )");
}

// [RFC 9293 3.10.7.4] Eighth: a FIN that completes the handshake also ends the peer's stream.
TEST(SynReceived, AFinWithTheAckLeadsToCloseWait) {
  TcpScript script;
  script.run(R"(
    0     listen
    +0    < S 0:0(0) win 1000 <mss 1000>
    +0    > S. 0:0(0) ack 1 <mss 1460>
    +0    < F. 1:101(100) ack 1 win 1000
    +0    > . 1:1(0) ack 102
    +0    = state CLOSE_WAIT
    +0    read 100
    +0    = peer_closed yes
  )");
}

// --- Synchronized states -------------------------------------------------------------------------

// [RFC 9293 3.10.7.4] First: what lies outside of the window is answered with what is expected.
TEST(Established, SegmentsOutsideOfTheWindowAreAnsweredWithAnAck) {
  TcpScript script{{.receive_buffer = 20'000}};
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000>
    +0      > S. 0:0(0) ack 1 win 20000 <mss 1460>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      < . -999:1(1000) ack 1 win 65535      // old text
    +0      > . 1:1(0) ack 1
    +0      < . 20001:20101(100) ack 1 win 65535  // right behind the window
    +0      > . 1:1(0) ack 1
    +0      < . 20000:20001(1) ack 1 win 65535    // its last byte
    +0      > . 1:1(0) ack 1
    +0      = kept 1
  )");
}

// [RFC 9293 3.10.7.4] Fifth: in a synchronized state every segment has an ACK.
TEST(Established, ASegmentWithoutAckIsDropped) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0    < - 1:101(100) win 1000
    +0    < P 1:101(100) win 1000
    +0    < F 1:1(0) win 1000
    +1    silence
    +0    = unread 0
    +0    = state ESTABLISHED
  )");
}

// [RFC 9293 3.10.7.4] Fifth: an ACK of what was sent long ago changes nothing, but its text counts.
TEST(Established, ADuplicateAckIsIgnoredAndItsTextIsTaken) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 2000
    +0      > P. 1:2001(2000/1000) ack 1
    +0.1    < . 1:1(0) ack 2001 win 1000
    +0      < P. 1:101(100) ack 1001 win 5            // older than SND.UNA: so is its window
    +0      write 1000
    +0      > P. 2001:3001(1000) ack 101
    +0      read 100
  )");
}

// [RFC 6093 6] The urgent pointer means nothing to anybody; its text is ordinary text.
TEST(Established, UrgentTextIsText) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < U. 1:101(100) ack 1 win 65535
    +0      read 100
    +0.040  > . 1:1(0) ack 101
  )");
}

// [RFC 9293 3.4] Both sequence numbers pass 2^32 in the middle of the streams.
TEST(Established, SequenceNumbersWrapInBothDirections) {
  TcpScript script{{.iss = tcp::SeqNum{0xffff'fc00}}};
  script.set_peer_isn({0xffff'fe00});
  script.run(kSack);
  script.run(R"(
    +0      write 4000
    +0      > P. 1:4001(4000/1000) ack 1
    +0.1    < . 1:1(0) ack 1 win 65535 <sack 1001:4001>   // across the wrap
    +0      > . 1:1001(1000) ack 1
    +0.1    < . 1:1(0) ack 4001 win 65535
    +0      < . 1001:2001(1000) ack 4001 win 65535
    +0      > . 4001:4001(0) ack 1 <sack 1001:2001>
    +0      < . 1:1001(1000) ack 4001 win 65535
    +0      > . 4001:4001(0) ack 2001
    +0      read 2000
  )");
}

}  // namespace
}  // namespace sallyport::testing
