// The same scripts against a whole worker: what a client sees of a listener, and what a backend
// sees of us.  Here lib/tcp has SYN cookies, TLS, limits and a relay around it.
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/tcp_script.h"
#include "tests/support/worker_host.h"

namespace sallyport::testing {
namespace {

// --- A client of a listener ----------------------------------------------------------------------

// Client says its ClientHello, 1:1001, and has a flight of 988 bytes in answer.
struct Client : TcpScript {
  explicit Client(const SimulationOptions& options = {}, std::uint16_t port = Simulation::kPort)
      : TcpScript{std::make_unique<ListenerHost>(options, port)} {
    set_peer_stream(ListenerHost::client_hello());
  }
};

// The flight is out and has not been acknowledged.
constexpr const char* kAnswered = R"(
    0       < S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>
    +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 8>
    +0.010  < P. 1:1001(1000) ack 1 win 512
    +0      > P. 1:989(988) ack 1001
)";

// [RFC 4987 3.6] Nothing is kept for a SYN, nor for a bare ACK, which anybody could make up as long
// as nothing is lost when it is: the first data proves the same and begins the connection.
TEST(Listener, KeepsNothingBeforeTheFirstData) {
  Client script;
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>
    +0      > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 8>
    +0.010  < . 1:1(0) ack 1 win 512
    +0      = connections 0
    +30     < P. 1:1001(1000) ack 1 win 512
    +0      = connections 1
    +0      > P. 1:989(988) ack 1001
  )");
}

// [RFC 7323 2.2] [RFC 7323 3.2] [RFC 2018 2] [RFC 3168 6.1.1] A cookie carries every option, and
// offers none that the client did not.  ECN needs a timestamp to be remembered in.
TEST(Listener, AnswersEachSynWithItsOwnOptions) {
  constexpr const char* kSyns[][2] = {
      {"S 0:0(0) win 65535", "S. 0:0(0) ack 1 win 65535 <mss 1460>"},
      {"S 0:0(0) win 65535 <mss 536,sackOK>", "S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>"},
      {"S 0:0(0) win 65535 <mss 1460,TS val 9 ecr 0>",
       "S. 0:0(0) ack 1 win 65535 <mss 1460,TS val 0 ecr 9>"},
      {"SEW 0:0(0) win 65535 <mss 1460,TS val 9 ecr 0>",
       "SE. 0:0(0) ack 1 win 65535 <mss 1460,TS val 0 ecr 9>"},
      {"SEW 0:0(0) win 65535 <mss 1460>", "S. 0:0(0) ack 1 win 65535 <mss 1460>"},
  };
  for (const bool ipv6 : {false, true}) {
    for (const auto& [syn, answer] : kSyns) {
      Client script{{.ipv6 = ipv6}};
      std::string expected = answer;
      if (ipv6) expected.replace(expected.find("mss 1460"), 8, "mss 1440");
      script.run(std::string{"0 < "} + syn + "\n+0 > [noecn] " + expected);
    }
  }
}

// [RFC 9293 3.10.7.1] [RFC 9293 3.10.7.2] A closed port, and what belongs to no connection.
TEST(Listener, AClosedPortIsReset) {
  Client script{{}, 444};
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 1460>
    +0      > R. 0:0(0) ack 1
    +0      < R 0:0(0)
    +0      < R. 0:0(0) ack 777
    +0.1    silence
  )");
}

TEST(Listener, AnAckThatIsNoCookieIsReset) {
  Client script;
  script.run(R"(
    0       < . 1:1(0) ack 777 win 512
    +0      > R 777:777(0)
    +0      < S. 1:1(0) ack 777 win 512
    +0      > R 777:777(0)
    +0      < F. 1:1(0) ack 777 win 512
    +0      > R 777:777(0)
    +0      < R 1:1(0)
    +0.1    silence
    +0      = connections 0
  )");
}

// A ClientHello of two segments whose second one overtakes the first: no RST, which would destroy
// the handshake; it comes again.
TEST(Listener, TheSecondHalfOfAHelloThatComesFirstIsDroppedQuietly) {
  Client script;
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>
    +0      > S. 0:0(0) ack 1 <...>
    +0.010  < P. 501:1001(500) ack 1 win 512
    +0.010  < . 1:501(500) ack 1 win 512
    +0.040  > . 1:1(0) ack 501
    +0.200  < P. 501:1001(500) ack 1 win 512
    +0      > P. 1:989(988) ack 1001
  )");
}

// [RFC 6298 2.1] [RFC 6298 5.5] A cookie remembers no time, so the first time-out is one second.
TEST(Listener, TheFlightIsRepeatedAfterOneSecond) {
  Client script;
  script.run(kAnswered);
  script.run(R"(
    +1      > P. 1:989(988) ack 1001
    +1      > P. 1:989(988) ack 1001
    +2      > P. 1:989(988) ack 1001
    +0.010  < . 1001:1001(0) ack 989 win 512
    +1      silence
  )");
}

// [RFC 2883 4] The client has not seen our ACK, and hears that it repeated without need.
TEST(Listener, ARepeatedHelloIsReportedAsADuplicate) {
  Client script;
  script.run(kAnswered);
  script.run(R"(
    +0.300  < P. 1:1001(1000) ack 1 win 512
    +0      > . 989:989(0) ack 1001 <sack 1:1001>
    +0.010  < . 1001:1001(0) ack 989 win 512
    +1      silence
  )");
}

// [RFC 9293 3.7.1] The client's segment size holds for the flight.  TLS fills segments.
TEST(Listener, TheFlightFitsTheClientsSegmentSize) {
  Client script;
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 536>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.010  < P. 1:1001(1000) ack 1 win 65535
    +0      > P. 1:1011(1010/536) ack 1001            // two records
  )");
}

// [RFC 9293 3.8.6.1] A client with a closed window is probed.
TEST(Listener, AClosedWindowIsProbed) {
  Client script;
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 1460>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.010  < P. 1:1001(1000) ack 1 win 0
    +0.040  > . 1:1(0) ack 1001
    +0.960  > . 1:2(1) ack 1001
    +0.010  < . 1001:1001(0) ack 1 win 0
    +1.9~+2 > . 1:2(1) ack 1001
    +0.010  < . 1001:1001(0) ack 1 win 65535
    +0      > P. 1:989(988) ack 1001
  )");
}

// [RFC 5961 3.2] [RFC 5961 4.2] [RFC 5961 5.2] Blind segments on the tuple of a handshake.
TEST(Listener, BlindSegmentsAreChallenged) {
  Client script;
  script.run(kAnswered);
  script.run(R"(
    +0.010  < . 1001:1001(0) ack 989 win 512
    +1      < R 1002:1002(0)
    +0      > . 989:989(0) ack 1001
    +1      < S 5000:5000(0) win 65535 <mss 1460>
    +0      > . 989:989(0) ack 1001
    +1      < P. 1001:1002(1) ack 5000 win 512
    +0      > . 989:989(0) ack 1001
    +1      < R 100000000:100000000(0)
    +0.1    = connections 1
    +0      < R 1001:1001(0)
    +0      = connections 0
    +5      silence
  )");
}

// A client that says nothing more has ten seconds for its handshake; then its slot is free.
TEST(Listener, AHandshakeThatIsNotContinuedEnds) {
  Client script;
  script.run(kAnswered);
  script.run(R"(
    +0.010    < . 1001:1001(0) ack 989 win 512
    +9.9~+10  > R. 989:989(0) ack 1001
    +20       silence
    +0        = connections 0
  )");
}

// [RFC 9293 3.10.7.4] Our own close, after an alert; then [RFC 6191 2] TIME_WAIT gives way to a new
// connection with a higher sequence number.
TEST(Listener, TimeWaitGivesWayToAHigherSequenceNumber) {
  Client script;
  script.set_peer_stream(Bytes(1'000, 'x'));
  script.run(R"(
    0       < S 0:0(0) win 65535 <mss 1460>
    +0      > S. 0:0(0) ack 1 <mss 1460>
    +0.010  < P. 1:101(100) ack 1 win 65535
    +0      > FP. 1:8(7) ack 101
    +0.010  < F. 101:101(0) ack 9 win 65535
    +0      > . 9:9(0) ack 102
    +1      < F. 101:101(0) ack 9 win 65535
    +0      > . 9:9(0) ack 102
    +1      < S 50:50(0) win 65535 <mss 1460>
    +0      > . 9:9(0) ack 102
    +1      < S 5000:5000(0) win 65535 <mss 1460>
    +0      > S. 0:0(0) ack 5001 win 65535 <mss 1460>
  )");
}

// --- A backend -----------------------------------------------------------------------------------

struct Backend : TcpScript {
  Backend() : TcpScript{std::make_unique<BackendHost>()} {}
};

constexpr const char* kConnected = R"(
    0       connect
    +0      > S 0:0(0) win 65535 <mss 1431,sackOK,TS val 1 ecr 0,wscale 8>
    +0.010  < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
    +0      > . 1:1(0) ack 1
)";

// [RFC 9293 3.5] An active open.  The segment size that we announce is that of a segment which, as
// a TLS record, just fits a segment towards the client.
TEST(BackendConnection, CarriesWhatTheClientSaysAndHears) {
  Backend script;
  script.run(kConnected);
  script.run(R"(
    +0      write 1000
    +0      > P. 1:1001(1000) ack 1
    +0.010  < . 1:1(0) ack 1001 win 65535
    +0      < P. 1:501(500) ack 1001 win 65535
    +0      read 500
    +0.040  > . 1001:1001(0) ack 501
  )");
}

// [RFC 6298 2.1] A backend has a second to answer.  A SYN that is lost goes again within it, and is
// not taken for a backend that is gone.
TEST(BackendConnection, ALostSynIsRepeated) {
  Backend script;
  script.run(R"(
    0       connect
    +0      > S 0:0(0) <...>
    +0.300  > S 0:0(0) <...>
    +0.600  > S 0:0(0) <...>
    +0.010  < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
    +0      > . 1:1(0) ack 1
    +0      write 1000
    +0      > P. 1:1001(1000) ack 1
  )");
}

// [RFC 9293 3.10.7.3] An answer to something else is reset, and the right one still taken.
TEST(BackendConnection, AWrongSynAckIsReset) {
  Backend script;
  script.run(R"(
    0       connect
    +0      > S 0:0(0) <...>
    +0.010  < S. 0:0(0) ack 5 win 65535 <mss 1460>
    +0      > R 5:5(0)
    +0.010  < R 0:0(0)
    +0.010  < S. 0:0(0) ack 1 win 65535 <mss 1460>
    +0      > . 1:1(0) ack 1
  )");
}

// [RFC 9293 3.6] The backend closes: everything was said to it, so our FIN follows.
TEST(BackendConnection, TheBackendCloses) {
  Backend script;
  script.run(kConnected);
  script.run(R"(
    +0      < FP. 1:1001(1000) ack 1 win 65535
    +0      > . 1:1(0) ack 1002
    +0      read 1000
    +0      close
    +0      > F. 1:1(0) ack 1002
    +0.010  < . 1002:1002(0) ack 2 win 65535
    +5      silence
    +0      = connections 0
  )");
}

// [RFC 9293 3.6] The client closes: close_notify becomes FIN, and the other direction stays open.
TEST(BackendConnection, TheClientCloses) {
  Backend script;
  script.run(kConnected);
  script.run(R"(
    +0      close
    +0      > F. 1:1(0) ack 1
    +0.010  < . 1:1(0) ack 2 win 65535
    +0.010  < P. 1:1001(1000) ack 2 win 65535
    +0      read 1000
    +0.040  > . 2:2(0) ack 1001
    +0      < F. 1001:1001(0) ack 2 win 65535
    +0      > . 2:2(0) ack 1002
    +1      < F. 1001:1001(0) ack 2 win 65535          // in TIME_WAIT
    +0      > . 2:2(0) ack 1002
  )");
}

// [RFC 8985 6.2] What the worker sends is repaired like any other.
TEST(BackendConnection, ALossIsRepairedAtOnce) {
  Backend script;
  script.run(kConnected);
  script.run(R"(
    +0      write 5724
    +0      > P. 1:5725(5724/1431) ack 1
    +0.010  < . 1:1(0) ack 1 win 65535 <sack 1432:5725>
    +0      > . 1:1432(1431) ack 1
    +0.010  < . 1:1(0) ack 5725 win 65535
    +5      silence
  )");
}

// [RFC 9293 3.8.6.1] A backend that takes nothing is probed, and the client waits.
TEST(BackendConnection, AClosedWindowIsProbed) {
  Backend script;
  script.run(kConnected);
  script.run(R"(
    +0      < . 1:1(0) ack 1 win 0
    +0      write 1000
    +0.2~+1 > . 1:2(1) ack 1
    +0.010  < . 1:1(0) ack 1 win 0
    +0.2~+1 > . 1:2(1) ack 1
    +0.010  < . 1:1(0) ack 1 win 65535
    +0      > P. 1:1001(1000) ack 1
  )");
}

}  // namespace
}  // namespace sallyport::testing
