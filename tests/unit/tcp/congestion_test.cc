// The congestion window as a function of what happens: NewReno and CUBIC.
#include "lib/tcp/congestion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

constexpr Micros kRtt = from_millis(100);

// run acknowledges a whole window per round trip, in ACKs of two segments, for `rounds` of them.
void run(Congestion& c, CongestionAlgorithm algorithm, Instant& now, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    const unsigned acks = c.cwnd / (2U * kMss);
    for (unsigned k = 0; k < acks; ++k) {
      on_ack(c, algorithm,
             {.bytes = 2U * kMss, .mss = kMss, .was_limited = true, .srtt = kRtt, .now = now});
    }
    now = now + kRtt;
  }
}

Congestion in_avoidance(std::uint32_t segments, CongestionAlgorithm algorithm) {
  Congestion c;
  c.cwnd = segments * kMss;
  on_loss(c, algorithm, c.cwnd, kMss);
  on_recovered(c);
  return c;
}

TEST(NewRenoWindow, HalvesAndGrowsByOneSegmentPerRoundTrip) {  // [RFC 5681 3.1]
  Instant now = kStart;
  Congestion c = in_avoidance(100, CongestionAlgorithm::new_reno);
  EXPECT_EQ(c.cwnd, 50U * kMss);
  run(c, CongestionAlgorithm::new_reno, now, 10);
  EXPECT_NEAR(c.cwnd / kMss, 60, 1);
}

TEST(CubicWindow, IsReducedToSevenTenths) {  // [RFC 9438 4.6]
  const Congestion c = in_avoidance(100, CongestionAlgorithm::cubic);
  EXPECT_NEAR(c.cwnd, 70U * kMss, kMss);
  EXPECT_EQ(c.w_max, 100U * kMss);
}

// [RFC 9438 4.2] K = cbrt((W_max - cwnd) / C) seconds after the reduction the window is back, has
// risen fast at first and slowly near the end, and rises ever faster behind it.
TEST(CubicWindow, ComesBackAfterKAndLingersThere) {
  Instant now = kStart;
  Congestion c = in_avoidance(1000, CongestionAlgorithm::cubic);
  const auto k = static_cast<unsigned>(std::cbrt(300 / 0.4) * 10);  // round trips of 100 ms: 90
  run(c, CongestionAlgorithm::cubic, now, k / 2);
  const double half_way = c.cwnd / double{kMss};
  EXPECT_GT(half_way, 940);  // seven eighths of the gap of 300
  EXPECT_LT(half_way, 985);
  run(c, CongestionAlgorithm::cubic, now, k - k / 2);
  EXPECT_NEAR(c.cwnd / double{kMss}, 1000, 15);
  run(c, CongestionAlgorithm::cubic, now, 20);
  const double after_it = c.cwnd / double{kMss};
  EXPECT_LT(after_it, 1030);
  run(c, CongestionAlgorithm::cubic, now, 60);
  EXPECT_GT(c.cwnd / double{kMss}, 1150);
}

TEST(CubicWindow, IsNeverBelowWhatNewRenoWouldHaveOnShortPaths) {  // [RFC 9438 4.3]
  Instant now = kStart;
  Congestion c = in_avoidance(20, CongestionAlgorithm::cubic);
  for (int round = 0; round < 100; ++round) {
    const unsigned acks = std::max(1U, c.cwnd / (2U * kMss));
    for (unsigned i = 0; i < acks; ++i) {
      on_ack(c, CongestionAlgorithm::cubic,
             {.bytes = 2U * kMss, .mss = kMss, .was_limited = true, .srtt = {100}, .now = now});
    }
    now = now + Micros{100};
  }
  // 10 ms are nothing to the cubic function; NewReno's half a segment per round trip counts.
  EXPECT_GT(c.cwnd, 50U * kMss);
}

TEST(CubicWindow, WhoLosesAgainBelowTheOldMaximumGivesWay) {  // [RFC 9438 4.7]
  Instant now = kStart;
  Congestion c = in_avoidance(1000, CongestionAlgorithm::cubic);
  run(c, CongestionAlgorithm::cubic, now, 5);
  const std::uint32_t at = c.cwnd;
  on_loss(c, CongestionAlgorithm::cubic, at, kMss);
  EXPECT_LT(c.w_max, at);
}

TEST(CubicWindow, TimeWithoutUseIsNoTimeToGrow) {  // [RFC 9438 4.2]
  Instant now = kStart;
  Congestion c = in_avoidance(100, CongestionAlgorithm::cubic);
  run(c, CongestionAlgorithm::cubic, now, 2);
  const std::uint32_t before_it = c.cwnd;
  on_ack(c, CongestionAlgorithm::cubic, {.bytes = 100, .mss = kMss, .srtt = kRtt, .now = now});
  now = now + from_millis(60'000);
  on_ack(c, CongestionAlgorithm::cubic,
         {.bytes = 2U * kMss, .mss = kMss, .was_limited = true, .srtt = kRtt, .now = now});
  EXPECT_LE(c.cwnd, before_it + kMss);
}

TEST(CubicWindow, IsBoundedWhateverTheClockSays) {
  Congestion c = in_avoidance(100, CongestionAlgorithm::cubic);
  Instant now = kStart;
  for (int i = 0; i < 200; ++i) {
    now = now + from_millis(600'000);
    on_ack(c, CongestionAlgorithm::cubic,
           {.bytes = 1U << 30, .mss = kMss, .was_limited = true, .srtt = kMaxRto, .now = now});
    EXPECT_LE(c.cwnd, 1U << 30);
    EXPECT_GE(c.cwnd, kMss);
  }
}

TEST(AnyWindow, AnUndoneReductionIsForgotten) {
  for (const auto algorithm : {CongestionAlgorithm::new_reno, CongestionAlgorithm::cubic}) {
    Congestion c;
    c.cwnd = 100U * kMss;
    on_loss(c, algorithm, c.cwnd, kMss);
    c.cwnd = 30U * kMss;
    on_undo(c, 100U * kMss, true);
    EXPECT_EQ(c.cwnd, 100U * kMss);
    EXPECT_EQ(c.ssthresh, kNoThreshold);
  }
}

}  // namespace
}  // namespace sallyport::tcp::test
