// Two TCPs of ours over links of every kind: what a path does to a transfer, case by case.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/tcp_network.h"

namespace sallyport::testing {
namespace {

Bytes pattern(std::size_t len, std::uint32_t seed = 1) {
  Bytes bytes(len);
  std::uint32_t state = seed;
  for (auto& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  return bytes;
}

// exchange sends `len` bytes each way, closes both ends, and returns how long that took.
Nanos exchange(TcpNetwork& net, std::size_t len, Listening how = Listening::cookie) {
  const Bytes up = pattern(len, 1);
  const Bytes down = pattern(len, 2);
  net.set_pcap(PcapWriter::from_environment());
  net.server.listen(how);
  net.client.open(net.instant());
  net.client.write(up);
  net.server.write(down);
  net.client.close();
  net.server.close();
  Bytes at_server;
  Bytes at_client;
  const auto read = [&](TcpEndpoint& from, Bytes& to) {
    const Bytes bytes = from.read();
    to.insert(to.end(), bytes.begin(), bytes.end());
  };
  Nanos took{0};
  EXPECT_TRUE(net.run([&] {
    read(net.server, at_server);
    read(net.client, at_client);
    if (took.count() == 0 && at_server.size() == len && at_client.size() == len) took = net.now();
    return net.client.is_over() && net.server.is_over();
  })) << net.client.describe()
      << "\n"
      << net.server.describe();
  EXPECT_EQ(net.violation(), "");
  EXPECT_TRUE(at_server == up) << at_server.size();
  EXPECT_TRUE(at_client == down) << at_client.size();
  EXPECT_TRUE(net.client.peer_closed());
  EXPECT_TRUE(net.server.peer_closed());
  EXPECT_FALSE(net.client.was_reset() || net.client.timed_out());
  EXPECT_FALSE(net.server.was_reset() || net.server.timed_out());
  return took;
}

TEST(Network, APerfectPathRepeatsNothing) {
  TcpNetwork net{
      {.to_server = {.delay = milliseconds{10}}, .to_client = {.delay = milliseconds{10}}}};
  EXPECT_LT(exchange(net, 1'000'000), seconds{1});
  for (const TcpEndpoint* e : {&net.client, &net.server}) {
    EXPECT_EQ(e->counters().retransmissions, 0U);
    EXPECT_EQ(e->counters().duplicates_received, 0U);
    EXPECT_EQ(e->counters().timeouts, 0U);
  }
}

TEST(Network, ATrackedHandshakeWorksToo) {
  TcpNetwork net{
      {.to_server = {.delay = milliseconds{10}}, .to_client = {.delay = milliseconds{10}}}};
  EXPECT_LT(exchange(net, 100'000, Listening::tracked), seconds{1});
}

TEST(Network, ABottleneckIsFilled) {
  const LinkOptions path{.rate = 10'000'000, .delay = milliseconds{10}, .queue = 50'000};
  TcpNetwork net{{.to_server = path, .to_client = path}};
  EXPECT_LT(exchange(net, 2'000'000), milliseconds{2'200});
}

TEST(Network, ARouterThatMarksSlowsBothSidesDownWithoutALoss) {  // RFC 3168
  const LinkOptions path{
      .rate = 10'000'000, .delay = milliseconds{10}, .queue = 500'000, .ecn_threshold = 30'000};
  TcpNetwork net{{.to_server = path,
                  .to_client = path,
                  .client = {.ecn = true},
                  .server = {.iss = tcp::SeqNum{700'000}, .ecn = true}}};
  EXPECT_LT(exchange(net, 2'000'000), milliseconds{2'200});
  for (const TcpEndpoint* e : {&net.client, &net.server}) {
    EXPECT_EQ(e->counters().retransmissions, 0U);
    EXPECT_GT(e->counters().marks_received, 0U);
    EXPECT_GT(e->counters().ecn_reductions, 1U);
  }
  EXPECT_LT(net.to_server.counters().longest_queue, 200'000U)
      << "while four times as much had room";
}

TEST(Network, WithoutEcnTheSameRouterHasALongQueue) {
  const LinkOptions path{
      .rate = 10'000'000, .delay = milliseconds{10}, .queue = 500'000, .ecn_threshold = 30'000};
  TcpNetwork net{{.to_server = path, .to_client = path}};
  (void)exchange(net, 2'000'000);
  EXPECT_EQ(net.to_server.counters().marked, 0U);
  EXPECT_GT(net.to_server.counters().longest_queue, 200'000U);
}

// 100 Mbit/s over 100 ms hold 1.2 MB; the window begins with a twentieth of that.
TEST(Network, AReceiveWindowGrowsToWhatThePathHolds) {
  const LinkOptions path{.rate = 100'000'000, .delay = milliseconds{50}, .queue = 1'000'000};
  EndpointOptions server{.receive_buffer = 4'194'304, .iss = tcp::SeqNum{700'000}};
  server.tunes_window = true;
  EndpointOptions client = server;
  client.iss = tcp::SeqNum{1};
  TcpNetwork tuned{{.to_server = path, .to_client = path, .client = client, .server = server}};
  const Nanos with = exchange(tuned, 20'000'000);
  EXPECT_LT(with, seconds{4}) << "1.6 s at the rate of the path";
  client.receive_buffer = server.receive_buffer = 65'536;
  TcpNetwork fixed{{.to_server = path, .to_client = path, .client = client, .server = server}};
  EXPECT_GT(exchange(fixed, 20'000'000), 6 * with);
}

TEST(Network, LossInBothDirectionsCostsTimeAndNoByte) {
  const LinkOptions path{.delay = milliseconds{5}, .loss = 0.05};
  TcpNetwork net{{.seed = 3, .to_server = path, .to_client = path}};
  EXPECT_LT(exchange(net, 500'000), seconds{10});
  EXPECT_GT(net.client.counters().retransmissions, 0U);
}

TEST(Network, ATunnelThatReportsItsMtuCostsARoundTrip) {
  for (const bool ipv6 : {false, true}) {
    LinkOptions path{.delay = milliseconds{5}, .mtu = 1'400, .reports_mtu = true};
    TcpNetwork net{{.to_server = path, .to_client = path, .ipv6 = ipv6}};
    EXPECT_LT(exchange(net, 200'000), milliseconds{400}) << (ipv6 ? "IPv6" : "IPv4");
    EXPECT_GT(net.to_server.counters().too_big, 0U);
    EXPECT_EQ(net.client.counters().timeouts, 0U);
  }
}

TEST(Network, ABlackHoleIsNoticed) {
  LinkOptions path{.delay = milliseconds{5}, .mtu = 1'300};
  TcpNetwork net{{.to_server = path, .to_client = path}};
  EXPECT_LT(exchange(net, 200'000), seconds{20});
  EXPECT_GT(net.to_server.counters().too_big, 0U);
}

TEST(Network, OneSeedIsOneRun) {
  const auto run = [](std::uint64_t seed) {
    const LinkOptions path{
        .rate = 5'000'000, .delay = milliseconds{7}, .loss = 0.03, .reordering = 0.1};
    TcpNetwork net{{.seed = seed, .to_server = path, .to_client = path}};
    const Nanos took = exchange(net, 100'000);
    return std::pair{took, net.client.counters().segments_sent};
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(Network, AnAbortEndsBothSides) {
  TcpNetwork net{
      {.to_server = {.delay = milliseconds{5}}, .to_client = {.delay = milliseconds{5}}}};
  net.server.listen(Listening::cookie);
  net.client.open(net.instant());
  net.client.write(pattern(10'000));
  EXPECT_TRUE(net.run([&] { return net.server.unread() == 10'000; }));
  net.client.abort(net.instant());
  EXPECT_TRUE(net.run([&] { return net.server.is_over(); }, seconds{1}));
  EXPECT_TRUE(net.server.was_reset());
  EXPECT_TRUE(net.client.is_over());
}

TEST(Network, NobodyListensAndTheClientHearsOfIt) {
  TcpNetwork net{
      {.to_server = {.delay = milliseconds{5}}, .to_client = {.delay = milliseconds{5}}}};
  net.client.open(net.instant());
  EXPECT_TRUE(net.run([&] { return net.client.is_over(); }, seconds{1}));
  EXPECT_TRUE(net.client.was_reset());
}

}  // namespace
}  // namespace sallyport::testing
