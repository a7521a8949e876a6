// Explicit congestion notification: RFC 3168 section 6.1.
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

using tcp::CongestionAlgorithm;

constexpr EndpointOptions kWithEcn{.ecn = true, .congestion = CongestionAlgorithm::new_reno};

// Both sides have agreed.
constexpr const char* kEcn = R"(
  0       listen
  +0      < SEW 0:0(0) win 65535 <mss 1000,sackOK>
  +0      > [noecn] SE. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
  +0.100  < . 1:1(0) ack 1 win 65535
)";

// --- Agreement -----------------------------------------------------------------------------------

// [RFC 3168 6.1.1] A SYN with ECE and CWR offers, a SYN-ACK with ECE alone accepts.  Neither is
// ECN-capable itself.
TEST(EcnSetup, ASynWithBothFlagsIsAnsweredWithEce) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      write 1000
    +0      > [ect0] P. 1:1001(1000) ack 1
    +0.100  < . 1:1(0) ack 1001 win 65535
  )");
}

// [RFC 3168 6.1.1] One flag is no offer: some TCPs echo reserved bits.
TEST(EcnSetup, ASynWithOneFlagOffersNothing) {
  for (const char* syn : {"SE", "SW", "S"}) {
    TcpScript script{kWithEcn};
    script.run(std::string{"0 listen\n+0 < "} + syn + R"( 0:0(0) win 65535 <mss 1000>
      +0      > [noecn] S. 0:0(0) ack 1 <mss 1460>
      +0.100  < . 1:1(0) ack 1 win 65535
      +0      write 1000
      +0      > [noecn] P. 1:1001(1000) ack 1
    )");
  }
}

// [RFC 3168 6.1.1] The active side, and who does not agree: ECE and CWR both come back from hosts
// that mirror what they do not know.
TEST(EcnSetup, OnlyEceAloneInTheSynAckAgrees) {
  constexpr const char* kAnswers[][2] = {{"SE.", "[ect0]"}, {"S.", "[noecn]"}, {"SEW.", "[noecn]"}};
  for (const auto& [answer, code_point] : kAnswers) {
    TcpScript script{kWithEcn};
    script.run(std::string{R"(
      0       open
      +0      > [noecn] SEW 0:0(0) <...>
      +0.100  < )"} +
               answer + R"( 0:0(0) ack 1 win 65535 <mss 1000>
      +0      > [noecn] . 1:1(0) ack 1
      +0      write 1000
      +0      > )" +
               code_point + " P. 1:1001(1000) ack 1");
  }
}

// [RFC 3168 6.1.1.1] Some paths drop SYNs that offer it: the second one does not.
TEST(EcnSetup, ARepeatedSynDoesNotOffer) {
  TcpScript script{kWithEcn};
  script.run(R"(
    0       open
    +0      > SEW 0:0(0) <...>
    +1      > S 0:0(0) <...>
  )");
}

// --- The receiver --------------------------------------------------------------------------------

// [RFC 3168 6.1.3] From a mark on every ACK says so, until the peer's CWR.
TEST(EcnReceiver, EchoesAMarkUntilCwr) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      < [ect0] . 1:1001(1000) ack 1 win 65535
    +0      < [ce] . 1001:2001(1000) ack 1 win 65535
    +0      > [noecn] E. 1:1(0) ack 2001
    +0      < [ect0] . 2001:4001(2000/1000) ack 1 win 65535
    +0      > E. 1:1(0) ack 4001
    +0      < [ect0] W. 4001:5001(1000) ack 1 win 65535
    +0      < [ect0] . 5001:6001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 6001
    +0      read 6000
  )");
}

// [RFC 3168 6.1.3] A mark on the very segment that brings CWR is news.
TEST(EcnReceiver, AMarkTogetherWithCwrIsANewOne) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      < [ce] . 1:1001(1000) ack 1 win 65535
    +0      > E. 1:1(0) ack 1001
    +0      < [ce] W. 1001:2001(1000) ack 1 win 65535
    +0      > E. 1:1(0) ack 2001
    +0      read 2000
  )");
}

// [RFC 3168 6.1.3] Our own text carries the echo, too.
TEST(EcnReceiver, TextCarriesTheEcho) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      < [ce] . 1:1001(1000) ack 1 win 65535
    +0      > E. 1:1(0) ack 1001
    +0      write 500
    +0      > [ect0] PE. 1:501(500) ack 1001
    +0      read 1000
  )");
}

// [RFC 3168 6.1.1] Where nobody agreed to anything a mark is damage, or somebody else's business.
TEST(EcnReceiver, MarksMeanNothingWithoutAgreement) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      < [ce] . 1:2001(2000/1000) ack 1 win 65535
    +0      > . 1:1(0) ack 2001
    +0      read 2000
  )");
}

// --- The sender ----------------------------------------------------------------------------------

// [RFC 3168 6.1.2] An echo is congestion: the window is halved, nothing is repeated, and the next
// new text says CWR.
TEST(EcnSender, AnEchoHalvesTheWindowAndRepeatsNothing) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      write 20000
    +0      > [ect0] . 1:10001(10000/1000) ack 1
    +0.100  < E. 1:1(0) ack 2001 win 65535
    +0      = cwnd 5000
    +0      < E. 1:1(0) ack 6001 win 65535
    +0      > [ect0] W. 10001:11001(1000) ack 1
    +0      < E. 1:1(0) ack 8001 win 65535               // sent before our CWR arrived
    +0      > [ect0] . 11001:13001(2000/1000) ack 1
    +0      = cwnd 5000
    +0      = retransmissions 0
  )");
}

// [RFC 3168 6.1.2] Once per window of data; a mark of the next one counts again.
TEST(EcnSender, EachWindowIsReducedOnce) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      write 40000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < E. 1:1(0) ack 10001 win 65535
    +0      > W. 10001:11001(1000) ack 1
    +0      > . 11001:15001(4000/1000) ack 1
    +0      = cwnd 5000
    +0.100  < . 1:1(0) ack 11001 win 65535               // the peer has seen CWR
    +0      > ...
    +0      < E. 1:1(0) ack 13001 win 65535              // and another mark
    +0      = ssthresh 2500
  )");
}

// [RFC 3168 6.1.4] [RFC 3168 6.1.5] [RFC 3168 6.1.6] Pure ACKs, repetitions and probes of a window
// are not ECN-capable: a mark on them could not be answered, or would let an attacker reduce us.
TEST(EcnSender, OnlyNewTextIsEcnCapable) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      < [ect0] . 1:2001(2000/1000) ack 1 win 65535
    +0      > [noecn] . 1:1(0) ack 2001
    +0      write 3000
    +0      > [ect0] P. 1:3001(3000/1000) ack 2001
    +0.200  > [noecn] P. 2001:3001(1000) ack 2001        // a tail probe
    +0.300  > [noecn] . 1:1001(1000) ack 2001            // a time-out
    +0.100  < . 2001:2001(0) ack 3001 win 0
    +0      write 1000
    +0.2~+2 > [noecn] . 3001:3002(1) ack 2001            // a probe of the window
    +0      close
    +0.1    < . 2001:2001(0) ack 3001 win 65535
    +0      > [noecn] FP. 3001:4001(1000) ack 2001       // its first byte was in the probe
    +0      read 2000
  )");
}

// [RFC 3168 6.1.2] The window is reduced for a loss, too: the peer hears of it with new text.
TEST(EcnSender, ALossIsToldThePeer) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      write 2000
    +0      > [ect0] . 1:1001(1000) ack 1
    +0      > [ect0] P. 1001:2001(1000) ack 1
    +0.200  > [noecn] P. 1001:2001(1000) ack 1           // a tail probe
    +0.300  > [noecn] . 1:1001(1000) ack 1               // a time-out
    +0.100  < . 1:1(0) ack 2001 win 65535
    +0      write 2000
    +0      > [ect0] W. 2001:3001(1000) ack 1
    +0      > [ect0] P. 3001:4001(1000) ack 1
  )");
}

// [RFC 3168 6.1.2] A loss in the window that a mark has reduced already costs nothing more.
TEST(EcnSender, AMarkAndALossInOneWindowAreOneReduction) {
  TcpScript script{kWithEcn};
  script.run(kEcn);
  script.run(R"(
    +0      write 30000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < E. 1:1(0) ack 1001 win 65535
    +0      = ssthresh 5000
    +0      < E. 1:1(0) ack 1001 win 65535 <sack 2001:5001>
    +0      > [noecn] . 1001:2001(1000) ack 1
    +0      = ssthresh 5000
    +0      < E. 1:1(0) ack 1001 win 65535 <sack 2001:10001>
    +0      > ...
    +0      = ssthresh 5000
  )");
}

}  // namespace
}  // namespace sallyport::testing
