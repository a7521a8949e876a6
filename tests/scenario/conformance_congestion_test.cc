// Congestion control: RFC 5681 with RFC 6928 (initial window), RFC 9406 (its growth), and RFC 9438
// (CUBIC).
#include <gtest/gtest.h>

#include "tests/scenario/conformance.h"

namespace sallyport::testing {
namespace {

using tcp::CongestionAlgorithm;

constexpr EndpointOptions kReno{.congestion = CongestionAlgorithm::new_reno};
constexpr EndpointOptions kCubic{.congestion = CongestionAlgorithm::cubic};

// What 100,000 bytes make of a peer's segment size.
std::string first_flight(const std::string& mss, const std::string& flight) {
  return "0 listen\n+0 < S 0:0(0) win 65535 <mss " + mss + R"(>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      write 100000
    +0      > . )" +
         flight + R"( ack 1
    +0.100  silence)";
}

// [RFC 6928 2] min(10 x SMSS, max(2 x SMSS, 14600)).
TEST(InitialWindow, IsTenSegmentsOrFourteenThousandBytes) {
  constexpr const char* kFlights[][2] = {
      {"536", "1:5361(5360/536)"},     {"1000", "1:10001(10000/1000)"},
      {"1460", "1:14601(14600/1460)"}, {"4000", "1:12001(12000/4000)"},
      {"8960", "1:17921(17920/8960)"},
  };
  for (const auto& [mss, flight] : kFlights) {
    TcpScript script{{.mss = 8'960}};
    script.run(first_flight(mss, flight));
  }
}

// [RFC 5681 3.1] Slow start: one segment more for each that is acknowledged.
TEST(SlowStart, DoublesTheWindowEachRoundTrip) {
  TcpScript script;
  script.run(R"(
    0       listen
    +0      < S 0:0(0) win 65535 <mss 1000,wscale 4>
    +0      > S. 0:0(0) ack 1 <...>
    +0.100  < . 1:1(0) ack 1 win 65535
    +0      > . 1:1(0) ack 1
    +0      write 100000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 2001 win 65535
    +0      > . 10001:14001(4000/1000) ack 1
    +0      < . 1:1(0) ack 4001 win 65535
    +0      > . 14001:18001(4000/1000) ack 1
    +0      < . 1:1(0) ack 6001 win 65535
    +0      > . 18001:22001(4000/1000) ack 1
    +0      < . 1:1(0) ack 8001 win 65535
    +0      > . 22001:26001(4000/1000) ack 1
    +0      < . 1:1(0) ack 10001 win 65535
    +0      > . 26001:30001(4000/1000) ack 1
    +0      = cwnd 20000
  )");
}

// [RFC 9406 4.2] One ACK for a whole flight counts for eight segments.
TEST(SlowStart, AnAckOfManySegmentsCountsForEight) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 40000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      > . 10001:28001(18000/1000) ack 1
    +0      = cwnd 18000
  )");
}

// [RFC 7661 1] [RFC 9438 5.8] A window that the application does not fill says nothing about the
// path.
TEST(SlowStart, AnIdleApplicationDoesNotGrowTheWindow) {
  TcpScript script;
  script.run(kPlain);
  for (int i = 0; i < 50; ++i) {
    const int at = 1 + 100 * i;
    script.run("+0 write 100\n+0 > P. " + std::to_string(at) + ":" + std::to_string(at + 100) +
               "(100) ack 1\n+0.1 < . 1:1(0) ack " + std::to_string(at + 100) + " win 65535");
  }
  script.run("+0 = cwnd 10000");
}

// One loss in a flight of ten, repaired.
constexpr const char* kLoss = R"(
    +0      write 60000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 1 win 65535 <sack 1001:4001>
    +0      > . 1:1001(1000) ack 1
    +0      > ...
    +0.010  < . 1:1(0) ack 1 win 65535 <sack 1001:10001>
    +0      > ...
)";

// [RFC 5681 3.1] Equation 4: half of the flight.  [RFC 5681 3.1] Then one segment per round trip.
TEST(CongestionAvoidance, NewRenoHalvesAndAddsASegmentPerRoundTrip) {
  TcpScript script{kReno};
  script.run(kSack);
  script.run(kLoss);
  script.run(R"(
    +0      = ssthresh 5000
    +0.090  < . 1:1(0) ack 14001 win 65535
    +0      > ...
    +0      = cwnd 5000
    +0.100  < . 1:1(0) ack 19001 win 65535
    +0      > . 19001:25001(6000/1000) ack 1
    +0      = cwnd 6000
    +0.100  < . 1:1(0) ack 25001 win 65535
    +0      > . 25001:32001(7000/1000) ack 1
    +0      = cwnd 7000
  )");
}

// [RFC 9438 4.6] CUBIC keeps 0.7 of it.
TEST(CongestionAvoidance, CubicReducesToSevenTenths) {
  TcpScript script{kCubic};
  script.run(kSack);
  script.run(kLoss);
  script.run("+0 = ssthresh 7000");
}

// [RFC 9438 4.3] In the region of short round trips it grows as NewReno with that factor would: by
// 3 x 0.3 / 1.7 = 0.53 of a segment per round trip, until it is where it was.
TEST(CongestionAvoidance, CubicIsAsFastAsNewRenoOnShortPaths) {
  TcpScript script{kCubic};
  script.run(kSack);
  script.run(kLoss);
  script.run(R"(
    +0.090  < . 1:1(0) ack 16001 win 65535
    +0      > ...
    +0      = cwnd 7000
    +0.100  < . 1:1(0) ack 23001 win 65535
    +0      > ...
    +0      = cwnd 7529                                     // 7.53 segments
    +0.100  < . 1:1(0) ack 30001 win 65535
    +0      > ...
    +0      = cwnd 8021
  )");
}

// [RFC 5681 4.1] After more than one RTO without sending, the window of the past is forgotten.
TEST(RestartWindow, AfterIdlenessIsTheInitialWindow) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 28000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      > P. 10001:28001(18000/1000) ack 1
    +0.100  < . 1:1(0) ack 28001 win 65535
    +1      write 28000
    +0      > . 28001:38001(10000/1000) ack 1
    +0      = cwnd 10000
  )");
}

// ... and not before.
TEST(RestartWindow, AShortPauseKeepsTheWindow) {
  TcpScript script;
  script.run(kPlain);
  script.run(R"(
    +0      write 28000
    +0      > . 1:10001(10000/1000) ack 1
    +0.100  < . 1:1(0) ack 10001 win 65535
    +0      > P. 10001:28001(18000/1000) ack 1
    +0.100  < . 1:1(0) ack 28001 win 65535
    +0.1    write 18000
    +0      > P. 28001:46001(18000/1000) ack 1
  )");
}

}  // namespace
}  // namespace sallyport::testing
