// The links of the simulator do what their options say, and the same again for the same seed.
#include "tests/support/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "lib/wire/icmp.h"
#include "lib/wire/packet.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

const FourTuple kTuple4{{IpAddress::v4({198, 18, 0, 99}), 50'000},
                        {IpAddress::v4({198, 18, 0, 10}), 443}};
const FourTuple kTuple6{{*parse_ip("2001:db8::99"), 50'000}, {*parse_ip("2001:db8::10"), 443}};
constexpr MacAddress kHere{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kThere{{2, 0, 0, 0, 0, 2}};

Bytes segment_frame(const FourTuple& tuple, std::uint32_t payload_len,
                    wire::Ecn ecn = wire::Ecn::not_ect, std::uint16_t vlan = 0) {
  tcp::Segment segment;
  segment.flags = tcp::kAck;
  segment.seq = {0x1234'5678};
  segment.payload_len = payload_len;
  segment.ecn = ecn;
  return tcp_frame({kHere, kThere, vlan}, tuple, segment, Bytes(payload_len, 'x'));
}

std::vector<Nanos> arrivals(Link& link) {
  std::vector<Nanos> times;
  while (const auto at = link.next_arrival()) {
    times.push_back(*at);
    EXPECT_TRUE(link.receive(*at).has_value());
  }
  return times;
}

TEST(Link, DeliversAfterItsDelayAndNotBefore) {
  Link link{{.delay = milliseconds{5}}, 1};
  EXPECT_FALSE(link.next_arrival().has_value());
  EXPECT_FALSE(link.send(Bytes(100, 1), milliseconds{10}).has_value());
  EXPECT_EQ(link.next_arrival(), milliseconds{15});
  EXPECT_FALSE(link.receive(milliseconds{15} - Nanos{1}).has_value());
  EXPECT_EQ(link.receive(milliseconds{15}), Bytes(100, 1));
  EXPECT_EQ(link.num_under_way(), 0U);
  EXPECT_EQ(link.counters().arrived_bytes, 100U);
}

TEST(Link, SendsOneFrameAfterTheOtherAtItsRate) {
  Link link{{.rate = 8'000'000, .delay = milliseconds{1}}, 1};  // a byte per microsecond
  for (int i = 0; i < 3; ++i) (void)link.send(Bytes(1'000), Nanos{0});
  EXPECT_EQ(link.queued(Nanos{0}), 3'000U);
  EXPECT_EQ(link.queued(milliseconds{1}), 2'000U);
  EXPECT_EQ(arrivals(link),
            (std::vector<Nanos>{milliseconds{2}, milliseconds{3}, milliseconds{4}}));
  EXPECT_EQ(link.queued(milliseconds{4}), 0U);
  (void)link.send(Bytes(1'000), milliseconds{10});
  EXPECT_EQ(arrivals(link), std::vector<Nanos>{milliseconds{12}}) << "an idle link begins at once";
}

TEST(Link, DropsWhatItsQueueCannotHold) {
  Link link{{.rate = 8'000'000, .queue = 2'500}, 1};
  for (int i = 0; i < 5; ++i) (void)link.send(Bytes(1'000), Nanos{0});
  EXPECT_EQ(link.counters().overflowed, 3U);
  EXPECT_EQ(link.counters().longest_queue, 2'000U);
  (void)link.send(Bytes(1'000), milliseconds{1});
  EXPECT_EQ(link.counters().overflowed, 3U) << "there is room again";
  EXPECT_EQ(arrivals(link).size(), 3U);
}

TEST(Link, LosesAsManyAsItShouldWithoutPattern) {
  Link link{{.loss = 0.1}, 7};
  for (int i = 0; i < 10'000; ++i) (void)link.send(Bytes(60), Nanos{0});
  EXPECT_NEAR(static_cast<double>(link.counters().lost), 1'000, 100);
  EXPECT_EQ(link.num_under_way() + link.counters().lost, 10'000U);
}

TEST(Link, LosesInBursts) {
  Link link{{.burst = {.begin = 0.01, .end = 0.25}}, 7};
  std::size_t bursts = 0;
  bool was_lost = false;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t before = link.counters().lost;
    (void)link.send(Bytes(60), Nanos{0});
    const bool lost = link.counters().lost > before;
    if (lost && !was_lost) ++bursts;
    was_lost = lost;
  }
  const auto lost = static_cast<double>(link.counters().lost);
  EXPECT_NEAR(lost, 20'000 * 0.01 / (0.01 + 0.25), 150);
  EXPECT_NEAR(lost / static_cast<double>(bursts), 4.0, 0.6) << "frames per burst";
}

TEST(Link, Duplicates) {
  Link link{{.duplication = 0.5}, 3};
  for (int i = 0; i < 1'000; ++i) (void)link.send(Bytes(60), Nanos{0});
  EXPECT_NEAR(static_cast<double>(link.counters().duplicated), 500, 60);
  EXPECT_EQ(link.num_under_way(), 1'000 + link.counters().duplicated);
}

TEST(Link, LetsFramesOvertakeOnlyWhenItReorders) {
  for (const double reordering : {0.0, 0.2}) {
    Link link{{.delay = milliseconds{1}, .reordering = reordering}, 5};
    std::vector<std::uint8_t> order;
    for (int i = 0; i < 200; ++i) {
      (void)link.send(Bytes(60, static_cast<std::uint8_t>(i)), microseconds{i * 100});
    }
    while (const auto at = link.next_arrival()) order.push_back(link.receive(*at)->front());
    EXPECT_EQ(order.size(), 200U);
    EXPECT_EQ(std::ranges::is_sorted(order), reordering == 0);
    EXPECT_NEAR(static_cast<double>(link.counters().reordered), 200 * reordering, 20);
  }
}

TEST(Link, ACorruptedFrameDiffersInOneBitAndHostsDropIt) {
  Link link{{.corruption = 1}, 9};
  const Bytes sent = segment_frame(kTuple4, 500);
  unsigned read = 0;
  for (int i = 0; i < 200; ++i) {
    (void)link.send(sent, Nanos{0});
    const auto got = link.receive(Nanos{0});
    ASSERT_TRUE(got.has_value());
    int bits = 0;
    for (std::size_t k = 0; k < sent.size(); ++k) {
      bits += std::popcount(static_cast<unsigned>(sent[k] ^ (*got)[k]));
    }
    EXPECT_EQ(bits, 1);
    if (const auto segment = read_tcp_frame(*got)) {
      ++read;  // the Ethernet addresses are in no checksum
      EXPECT_EQ(segment->payload.size(), 500U);
      EXPECT_TRUE(std::equal(sent.begin() + 12, sent.end(), got->begin() + 12));
    }
  }
  EXPECT_LT(read, 20U);
  EXPECT_EQ(link.counters().corrupted, 200U);
}

TEST(Link, MarksOnlyEcnCapablePacketsAndOnlyBehindALongQueue) {
  for (const FourTuple& tuple : {kTuple4, kTuple6}) {
    Link link{{.rate = 8'000'000, .ecn_threshold = 1'000}, 1};
    (void)link.send(segment_frame(tuple, 1'000, wire::Ecn::ect0), Nanos{0});
    (void)link.send(segment_frame(tuple, 1'000, wire::Ecn::ect0), Nanos{0});
    (void)link.send(segment_frame(tuple, 1'000), Nanos{0});
    std::vector<wire::Ecn> got;
    while (const auto at = link.next_arrival()) {
      const auto segment = read_tcp_frame(*link.receive(*at));
      ASSERT_TRUE(segment.has_value()) << "checksums are right after the mark";
      got.push_back(segment->segment.ecn);
    }
    EXPECT_EQ(got, (std::vector<wire::Ecn>{wire::Ecn::ect0, wire::Ecn::ce, wire::Ecn::not_ect}));
    EXPECT_EQ(link.counters().marked, 1U);
  }
}

TEST(Link, DropsWhatDoesNotFitItsMtuAndTellsTheSenderWhereItShould) {
  for (const bool is_v4 : {true, false}) {
    for (const std::uint16_t tag : {std::uint16_t{0}, std::uint16_t{7}}) {
      const FourTuple& tuple = is_v4 ? kTuple4 : kTuple6;
      const std::uint32_t fits = 1'400 - (is_v4 ? 40 : 60);
      Link silent{{.mtu = 1'400}, 1};
      Link honest{{.mtu = 1'400, .reports_mtu = true}, 1};
      for (Link* link : {&silent, &honest}) {
        EXPECT_FALSE(
            link->send(segment_frame(tuple, fits, wire::Ecn::not_ect, tag), Nanos{0}).has_value());
        const auto answer =
            link->send(segment_frame(tuple, fits + 1, wire::Ecn::not_ect, tag), Nanos{0});
        EXPECT_EQ(link->counters().too_big, 1U);
        EXPECT_EQ(link->num_under_way(), 1U);
        EXPECT_EQ(answer.has_value(), link == &honest);
        if (!answer) continue;
        const auto packet = wire::parse_packet(*answer, 0, {});
        ASSERT_TRUE(packet.has_value());
        EXPECT_EQ(packet->ethernet.destination, kHere);
        EXPECT_EQ(packet->destination, tuple.local.ip);
        const auto error = wire::parse_icmp_error(*packet, *answer);
        ASSERT_TRUE(error.has_value());
        EXPECT_EQ(error->kind, wire::IcmpErrorKind::packet_too_big);
        EXPECT_EQ(error->mtu, 1'400U);
        EXPECT_EQ(error->source, tuple.local);
        EXPECT_EQ(error->destination, tuple.remote);
        EXPECT_EQ(error->sequence_number, 0x1234'5678U);
      }
    }
  }
}

TEST(Link, OneSeedIsOneRun) {
  const auto run = [](std::uint64_t seed) {
    Link link{{.rate = 10'000'000,
               .delay = milliseconds{3},
               .queue = 20'000,
               .loss = 0.05,
               .burst = {.begin = 0.02, .end = 0.3},
               .duplication = 0.1,
               .reordering = 0.2},
              seed};
    for (int i = 0; i < 500; ++i) (void)link.send(Bytes(1'000), microseconds{i * 700});
    return arrivals(link);
  };
  EXPECT_EQ(run(11), run(11));
  EXPECT_NE(run(11), run(12));
}

}  // namespace
}  // namespace sallyport::testing
