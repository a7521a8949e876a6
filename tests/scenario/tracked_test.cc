// Handshakes that are remembered, and limits on who is let in.
#include <gtest/gtest.h>

#include "tests/scenario/actors.h"

namespace sallyport::testing {
namespace {

using stats::CookieRefusal;
using stats::DropReason;
using stats::Gauge;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

constexpr snapshot::TcpPolicy kTracked{.syn_mode = snapshot::SynMode::tracked};

tcp::Flags flags_of(ByteView frame) { return wire::parse_packet(frame, 0, {})->tcp.flags; }

SocketAddress stranger(std::uint32_t n) {
  return {
      IpAddress::v4({198, 19, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}),
      static_cast<std::uint16_t>(1'024 + n % 60'000)};
}

std::uint64_t syn_received(const Simulation& sim) {
  return sim.stats().gauges.value(Gauge::syn_received);
}

bool run_to_end(Simulation& sim, Echo& echo, Talk& talk, Nanos limit = seconds{60}) {
  return sim.run(
      [&] {
        echo.step();
        return talk.done();
      },
      limit);
}

TEST(Tracked, ATransferWorksAndLeavesNoRecord) {
  for (const bool ipv6 : {false, true}) {
    Simulation sim{{.ipv6 = ipv6, .tcp = kTracked}};
    Echo echo{sim};
    Talk talk{sim, 100'000};
    sim.run_for(milliseconds{1});
    EXPECT_EQ(syn_received(sim), 1U) << "no data has come yet, or it is gone already";
    EXPECT_TRUE(run_to_end(sim, echo, talk));
    EXPECT_TRUE(talk.correct());
    EXPECT_EQ(syn_received(sim), 0U);
    EXPECT_EQ(sim.stats().traffic.value(Traffic::syn_ack_repetitions), 0U);
    talk.close();
    expect_all_gone(sim, echo);
  }
}

TEST(Tracked, TheRoundTripOfTheHandshakeIsMeasured) {
  Simulation sim{{.delay_us = 20'000, .tcp = kTracked}};
  Echo echo{sim};
  Talk talk{sim, 1};
  ASSERT_TRUE(sim.run([&] {
    (void)talk.done();
    return sim.num_connections() == 1;
  }));
  sim.worker().for_each_connection(1, [](const worker::Connection& c) {
    EXPECT_GE(c.client.tcb.rtt.srtt, tcp::from_millis(40));
    EXPECT_LE(c.client.tcb.rtt.srtt, tcp::from_millis(45));
  });
}

// A client whose host does not repeat its SYN: the SYN-ACK has to come by itself.
TEST(Tracked, ALostSynAckIsRepeated) {
  Simulation sim{{.tcp = kTracked}};
  Echo echo{sim};
  unsigned syns = 0;
  unsigned syn_acks = 0;
  sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
    const tcp::Flags flags = flags_of(frame);
    if (!flags.syn()) return Nanos{0};
    if (to == Simulation::To::worker && !flags.ack() && syns++ > 0) return std::nullopt;
    if (to == Simulation::To::client && syn_acks++ < 2) return std::nullopt;
    return Nanos{0};
  });
  Talk talk{sim, 1'000};
  EXPECT_TRUE(run_to_end(sim, echo, talk, seconds{4}));
  EXPECT_TRUE(talk.correct());
  EXPECT_EQ(sim.stats().traffic.value(Traffic::syn_ack_repetitions), 2U);
}

TEST(Tracked, ASynThatNobodyFollowsUpIsForgotten) {
  Simulation sim{{.tcp = kTracked}};
  unsigned answers = 0;
  sim.set_tap([&](ByteView frame) { answers += flags_of(frame).syn() ? 1U : 0U; });
  sim.inject(frame_from(sim, stranger(1), tcp::kSyn, 77, 0));
  sim.run_for(milliseconds{10});
  EXPECT_EQ(syn_received(sim), 1U);
  sim.run_for(seconds{40});
  EXPECT_EQ(syn_received(sim), 0U);
  EXPECT_EQ(answers, 5U) << "after 0, 1, 3, 7 and 15 s";
}

TEST(Tracked, ASilentClientThatHasProvenItsAddressHoldsARecordAndNoConnection) {
  Simulation sim{{.tcp = kTracked}};
  Socket& silent = sim.connect();
  ASSERT_TRUE(sim.run([&] { return silent.is_established(); }));
  sim.run_for(milliseconds{10});
  EXPECT_EQ(sim.num_connections(), 0U);
  EXPECT_EQ(syn_received(sim), 1U);
  sim.run_for(seconds{12});
  EXPECT_EQ(syn_received(sim), 0U);
  // The record is gone; its cookie lives on.
  silent.send(pattern(10));
  sim.run_for(milliseconds{10});
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::cookie_accepted), 1U);
}

TEST(Tracked, AFloodOfSynsSwitchesToCookiesAndHonestClientsNoticeNothing) {
  Simulation sim{{.worker = {.max_syn_received = 64}, .tcp = kTracked}};
  Echo echo{sim};
  Talk before{sim, 200'000};
  std::uint32_t n = 0;
  const auto flood = [&] {
    for (int i = 0; i < 20; ++i, ++n) {
      sim.inject(frame_from(sim, stranger(n), tcp::kSyn, n * 7'919, 0));
    }
  };
  const auto run_under_flood = [&](Talk& talk) {
    return sim.run([&] {
      flood();
      EXPECT_LE(syn_received(sim), 48U);
      echo.step();
      return talk.done();
    });
  };
  EXPECT_TRUE(run_under_flood(before));
  EXPECT_TRUE(before.correct());
  Talk during{sim, 50'000};
  EXPECT_TRUE(run_under_flood(during));
  EXPECT_TRUE(during.correct());
  EXPECT_GE(sim.stats().traffic.value(Traffic::syn_tracking_suspended), 1U);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::syn_ack_sent), n + 2U) << "every one answered";
  // The flood is over: half a minute later records are kept again.
  sim.run_for(seconds{35});
  EXPECT_EQ(syn_received(sim), 0U);
  (void)sim.connect();
  sim.run_for(milliseconds{10});
  EXPECT_EQ(syn_received(sim), 1U);
}

TEST(Tracked, BlindSegmentsOnTheTupleOfAHandshakeDoNotEndIt) {
  Simulation sim{{.tcp = kTracked}};
  Echo echo{sim};
  Socket& s = sim.connect();
  ASSERT_TRUE(sim.run([&] { return s.is_established(); }));
  sim.run_for(milliseconds{1});
  const SocketAddress from = s.tuple().local;
  const std::uint32_t next = s.tcb().snd_nxt.raw;
  const std::uint32_t ack = s.tcb().rcv_nxt.raw;
  sim.inject(frame_from(sim, from, tcp::kRst, next + 5, 0));
  sim.inject(frame_from(sim, from, tcp::kAck, next, ack + 5));
  sim.inject(frame_from(sim, from, tcp::kSyn | tcp::kAck, next, ack));
  sim.inject(frame_from(sim, from, tcp::kAck | tcp::kPsh, next + 1'400, ack, pattern(100)));
  sim.run_for(milliseconds{1});
  EXPECT_EQ(sim.num_connections(), 0U);
  OpensslClient tls{s, {}};
  tls.write(pattern(100));
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    tls.step();
    return tls.received().size() == 100;
  }));
}

// Somebody else, or the client's host when it uses a port again, begins another handshake on the
// tuple.  The first one still has its cookie: whoever goes on has the connection, alone.
TEST(Tracked, AnotherSynOnTheTupleOfAHandshakeDoesNotEndIt) {
  for (std::uint32_t seed = 1; seed <= 16; ++seed) {
    Simulation sim{{.seed = seed, .tcp = kTracked}};
    Echo echo{sim};
    Socket& s = sim.connect();
    ASSERT_TRUE(sim.run([&] { return s.is_established(); }));
    sim.inject(frame_from(sim, s.tuple().local, tcp::kSyn, s.tcb().snd_nxt.raw + 77'777, 0));
    sim.run_for(milliseconds{1});
    OpensslClient tls{s, {}};
    tls.write(pattern(100));
    EXPECT_TRUE(sim.run(
        [&] {
          echo.step();
          tls.step();
          return tls.received().size() == 100;
        },
        seconds{10}))
        << "seed " << seed;
    EXPECT_EQ(syn_received(sim), 0U) << "its record would answer for the connection";
    EXPECT_EQ(sim.stats().traffic.value(Traffic::syn_ack_repetitions), 0U);
  }
}

TEST(Tracked, AResetOfTheHandshakeLeavesNothing) {
  Simulation sim{{.tcp = kTracked}};
  Socket& s = sim.connect();
  ASSERT_TRUE(sim.run([&] { return s.is_established(); }));
  s.abort();
  sim.run_for(milliseconds{10});
  EXPECT_EQ(syn_received(sim), 0U);
}

// --- Who is let in -----------------------------------------------------------------------------

TEST(Admission, AListenerWithAllItsConnectionsLetsTheNextOneInWhenOneEnds) {
  Simulation sim{{.max_connections = 2}};
  Echo echo{sim};
  Talk first{sim, 100};
  Talk second{sim, 100};
  EXPECT_TRUE(run_to_end(sim, echo, first));
  EXPECT_TRUE(run_to_end(sim, echo, second));
  Talk third{sim, 100};
  EXPECT_FALSE(run_to_end(sim, echo, third, milliseconds{500}));
  EXPECT_GT(sim.stats().cookie_refusals.value(CookieRefusal::listener_connections), 0U);
  EXPECT_EQ(sim.stats().cookie_refusals.value(CookieRefusal::listener_connections),
            sim.stats().drops.value(DropReason::admission_limit));
  first.close();
  EXPECT_TRUE(run_to_end(sim, echo, third, seconds{10}));
  EXPECT_TRUE(third.correct());
  second.close();
  third.close();
  expect_all_gone(sim, echo);
}

TEST(Admission, HandshakesThatAreNotOverCountByThemselves) {
  Simulation sim{{.max_handshakes = 3}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> established;
  for (int i = 0; i < 8; ++i) {
    established.push_back(std::make_unique<Talk>(sim, 10));
    EXPECT_TRUE(run_to_end(sim, echo, *established.back()));
  }
  for (int i = 0; i < 5; ++i) {
    Socket& s = sim.connect();
    ASSERT_TRUE(sim.run([&] { return s.is_established(); }));
    s.send(Bytes{22});
  }
  sim.run_for(milliseconds{50});
  EXPECT_EQ(sim.num_connections(), 8U + 3U);
  EXPECT_GT(sim.stats().cookie_refusals.value(CookieRefusal::listener_handshakes), 0U);
}

TEST(Admission, ANetworkThatHoldsUnfinishedHandshakesGetsItsShareAndNoMore) {
  Simulation sim{{.prefix_handshakes = 3}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> established;
  for (int i = 0; i < 8; ++i) {
    established.push_back(std::make_unique<Talk>(sim, 10));
    EXPECT_TRUE(run_to_end(sim, echo, *established.back()));
  }
  std::vector<Socket*> silent;
  for (int i = 0; i < 5; ++i) {
    silent.push_back(&sim.connect());
    ASSERT_TRUE(sim.run([&] { return silent.back()->is_established(); }));
    silent.back()->send(Bytes{22});
  }
  sim.run_for(milliseconds{50});
  EXPECT_EQ(sim.num_connections(), 8U + 3U);
  EXPECT_GT(sim.stats().cookie_refusals.value(CookieRefusal::prefix_handshakes), 0U);

  // A handshake that ended badly no longer counts.
  for (std::size_t i = 0; i < 3; ++i) silent[i]->abort();
  Talk next{sim, 10};
  EXPECT_TRUE(run_to_end(sim, echo, next));
}

TEST(Admission, ANetworkThatIsTooFastWaitsAndIsServed) {
  Simulation sim{{.prefix_connections_per_second = 5}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 12; ++i) talks.push_back(std::make_unique<Talk>(sim, 10));
  sim.run(
      [&] {
        for (const auto& talk : talks) (void)talk->done();
        return false;
      },
      milliseconds{100});
  EXPECT_EQ(sim.num_connections(), 5U);
  EXPECT_GT(sim.stats().cookie_refusals.value(CookieRefusal::prefix_rate), 0U);
  for (const auto& talk : talks) {
    EXPECT_TRUE(run_to_end(sim, echo, *talk, seconds{30}));
    EXPECT_TRUE(talk->correct());
  }
}

// As many silent clients as there are places used to keep everybody out for five seconds.
TEST(Admission, ClientsThatLetUsWaitGiveTheirPlaceToOthers) {
  Simulation sim{{.worker = {.max_connections = 64, .max_handshakes = 8}}};
  Echo echo{sim};
  for (int i = 0; i < 20; ++i) {
    Socket& s = sim.connect();
    ASSERT_TRUE(sim.run([&] { return s.is_established(); }));
    s.send(Bytes{22});
  }
  sim.run_for(milliseconds{1'100});
  EXPECT_EQ(sim.num_connections(), 8U);
  Talk honest{sim, 1'000};
  EXPECT_TRUE(run_to_end(sim, echo, honest, milliseconds{500}));
  EXPECT_TRUE(honest.correct());
  EXPECT_GE(sim.stats().failures.value(HandshakeFailure::gave_place), 1U);
}

}  // namespace
}  // namespace sallyport::testing
