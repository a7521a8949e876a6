// Many connections: at once, one after the other, over several workers, and at the end of service.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"

namespace sallyport::testing {
namespace {

using stats::CloseCause;
using stats::DropReason;
using stats::HandshakeStage;

// Talk sends bytes of its own to an Echo, wants them back, and closes.
class Talk {
 public:
  Talk(Simulation& sim, std::uint32_t seed, std::size_t len, int version = TLS1_3_VERSION)
      : sent_{pattern(len, seed)}, tls_{sim.connect(), {.version = version}} {
    tls_.write(sent_);
    tls_.shutdown();
  }
  // step returns true when the server has said its last word, too.
  bool step() {
    if (over_) return true;
    tls_.step();
    over_ = tls_.got_close_notify() || !tls_.error().empty() || tls_.socket().is_over();
    if (over_) tls_.socket().close();
    return over_;
  }
  [[nodiscard]] bool correct() const { return tls_.received() == sent_; }
  [[nodiscard]] const OpensslClient& tls() const { return tls_; }

 private:
  Bytes sent_;
  OpensslClient tls_;
  bool over_ = false;
};

bool step_all(const std::vector<std::unique_ptr<Talk>>& talks) {
  bool all = true;
  for (const auto& talk : talks) all = talk->step() && all;
  return all;
}

TEST(Load, TwoHundredConnectionsAtOnceKeepTheirBytesApartOnABadLink) {
  // With about one seed in ten a connection loses its SYNs to two backends and is rightly refused.
  Simulation sim{
      {.seed = 7,
       .faults = {.loss = 0.01, .duplication = 0.01, .reordering = 0.02, .corruption = 0.002}}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (std::uint32_t i = 0; i < 200; ++i) {
    talks.push_back(std::make_unique<Talk>(sim, i + 1, 20'000 + 100 * i,
                                           i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION));
  }
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return step_all(talks);
      },
      seconds{120}));
  for (const auto& talk : talks) {
    EXPECT_TRUE(talk->correct()) << talk->tls().received().size() << talk->tls().error();
  }
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::tls_established), 200U);
  // The last FIN of a client may be lost, too, and come again.
  expect_all_gone(sim, echo, seconds{60});
}

TEST(Load, TwoThousandConnectionsOneAfterTheOtherLeaveNothing) {
  Simulation sim{{.delay_us = 10, .worker = {.max_connections = 8, .max_handshakes = 4}}};
  Echo echo{sim};
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    Talk talk{sim, i + 1, 200, i % 4 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION};
    ASSERT_TRUE(sim.run([&] {
      echo.step();
      return talk.step();
    })) << i;
    ASSERT_TRUE(talk.correct()) << i << talk.tls().error();
    // The slot is free when both sides have closed, so eight are enough for ever.
    ASSERT_TRUE(sim.run(
        [&] {
          echo.step();
          return sim.num_connections() == 0;
        },
        seconds{2}))
        << i;
    echo.forget_closed();
  }
  expect_all_gone(sim);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::backend_established), 2'000U);
  EXPECT_EQ(sim.stats().drops.value(DropReason::connection_limit), 0U);
}

class SeveralWorkers : public ::testing::TestWithParam<std::size_t> {};

TEST_P(SeveralWorkers, EachConnectionBelongsToOneWorkerOnBothOfItsSides) {
  const std::size_t num_workers = GetParam();
  for (const bool ipv6 : {false, true}) {
    Simulation sim{
        {.faults = {.loss = 0.005, .reordering = 0.01}, .ipv6 = ipv6, .num_workers = num_workers}};
    Echo echo{sim};
    std::vector<std::unique_ptr<Talk>> talks;
    for (std::uint32_t i = 0; i < 60; ++i) {
      talks.push_back(std::make_unique<Talk>(sim, i + 1, 30'000));
    }
    EXPECT_TRUE(sim.run(
        [&] {
          echo.step();
          return step_all(talks);
        },
        seconds{60}));
    for (const auto& talk : talks) EXPECT_TRUE(talk->correct()) << talk->tls().error();
    std::uint64_t established = 0;
    for (std::size_t i = 0; i < num_workers; ++i) {
      const auto& stages = sim.stats(i).stages;
      EXPECT_GT(stages.value(HandshakeStage::tls_established), 0U) << i;
      // The backend's SYN-ACK came back to the worker that had sent the SYN, or this would differ.
      EXPECT_EQ(stages.value(HandshakeStage::backend_established),
                stages.value(HandshakeStage::tls_established))
          << i;
      EXPECT_EQ(sim.stats(i).drops.value(DropReason::tcp_no_connection), 0U) << i;
      established += stages.value(HandshakeStage::tls_established);
    }
    EXPECT_EQ(established, 60U);
    expect_all_gone(sim, echo, seconds{60});
  }
}

INSTANTIATE_TEST_SUITE_P(Load, SeveralWorkers, ::testing::Values(2, 3, 4));

TEST(Load, NoTwoWorkersUseOneLocalPortTowardsABackend) {
  Simulation sim{{.num_backends = 1, .num_workers = 4}};
  std::set<SocketAddress> seen;
  std::vector<Socket*> accepted;
  sim.backends.listen(sim.backend(0), [&](Socket& s) {
    EXPECT_TRUE(seen.insert(s.tuple().remote).second);
    accepted.push_back(&s);
  });
  std::vector<std::unique_ptr<Talk>> talks;
  for (std::uint32_t i = 0; i < 100; ++i) talks.push_back(std::make_unique<Talk>(sim, i + 1, 10));
  EXPECT_TRUE(sim.run([&] {
    step_all(talks);
    return accepted.size() == 100;
  }));
  EXPECT_EQ(seen.size(), 100U);
}

// --- Links ---------------------------------------------------------------------------------------

TEST(Load, VlanInterfacesWorkWithAndWithoutHelpOfThePort) {
  for (const bool stripped : {false, true}) {
    Simulation sim{{.ipv6 = stripped, .vlan = 100, .vlan_stripped = stripped}};
    Echo echo{sim};
    std::size_t untagged = 0;
    sim.set_tap(
        [&](ByteView frame) { untagged += frame[12] == 0x81 && frame[15] == 100 ? 0U : 1U; });
    Talk talk{sim, 1, 100'000};
    EXPECT_TRUE(sim.run([&] {
      echo.step();
      return talk.step();
    }));
    EXPECT_TRUE(talk.correct());
    EXPECT_EQ(untagged, 0U);
    expect_all_gone(sim, echo);
    // The same frames without their tag, or with another one, are for nobody.
    const auto before = sim.stats().drops.value(DropReason::vlan_unknown);
    sim.client.set_vlan(101);
    sim.connect();
    sim.run_for(milliseconds{5});
    sim.client.set_vlan(0);
    sim.connect();
    sim.run_for(milliseconds{5});
    EXPECT_EQ(sim.stats().drops.value(DropReason::vlan_unknown), before + 2);
  }
}

TEST(Load, AnswersGoThroughTheGatewayWhenTheInterfaceSaysSo) {
  Simulation sim{{.reply = snapshot::ReplyMode::gateway, .gateway_resolved = false}};
  Echo echo{sim};
  std::size_t past_the_gateway = 0;
  sim.set_tap([&](ByteView frame) {
    past_the_gateway += std::ranges::equal(frame.first(6), sim.client.mac().bytes) ? 1U : 0U;
  });
  Talk talk{sim, 1, 50'000};
  const auto done = [&] {
    echo.step();
    return talk.step();
  };
  // Nobody knows the gateway's MAC yet: the answer is dropped and counted, and the client retries.
  EXPECT_FALSE(sim.run(done, milliseconds{500}));
  EXPECT_GT(sim.stats().drops.value(DropReason::no_next_hop), 0U);
  sim.set_gateway_resolved(true);
  EXPECT_TRUE(sim.run(done));
  EXPECT_TRUE(talk.correct());
  EXPECT_EQ(past_the_gateway, 0U);
  expect_all_gone(sim, echo);
}

TEST(Load, AGatewayThatIsLostForAWhileCostsTimeAndNoByte) {
  Simulation sim{{.reply = snapshot::ReplyMode::gateway}};
  Echo echo{sim};
  Talk talk{sim, 1, 500'000};
  const auto done = [&] {
    echo.step();
    return talk.step();
  };
  EXPECT_FALSE(sim.run(done, milliseconds{3}));
  sim.set_gateway_resolved(false);
  EXPECT_FALSE(sim.run(done, seconds{1}));
  sim.set_gateway_resolved(true);
  EXPECT_TRUE(sim.run(done, seconds{30}));
  EXPECT_TRUE(talk.correct());
  expect_all_gone(sim, echo);
}

// --- The end of service
// ----------------------------------------------------------------------------

TEST(Load, DrainingFinishesWhatExistsAndRefusesWhatIsNew) {
  Simulation sim;
  Echo echo{sim};
  Talk old{sim, 1, 300'000};
  Socket& late = sim.connect();
  ASSERT_TRUE(sim.run([&] {
    echo.step();
    old.step();
    return sim.stats().stages.value(HandshakeStage::backend_established) == 1;
  }));
  ASSERT_TRUE(late.is_established());  // SYN answered, cookie not used yet
  sim.set_draining(true);
  Socket& refused = sim.connect();
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    return old.step();
  }));
  EXPECT_TRUE(old.correct());
  EXPECT_FALSE(refused.is_established());
  EXPECT_GE(sim.stats().drops.value(DropReason::draining), 1U);
  late.send(Bytes{0x16, 3, 1});
  EXPECT_TRUE(sim.run([&] { return late.is_over(); }, seconds{1}));
  EXPECT_TRUE(late.was_reset());
  EXPECT_EQ(sim.stats().cookie_refusals.value(stats::CookieRefusal::draining), 1U);
  expect_all_gone(sim, echo);
}

TEST(Load, ResetAllTellsBothSidesOfEveryConnection) {
  Simulation sim{{.num_workers = 2}};
  Echo echo{sim};
  std::vector<std::unique_ptr<OpensslClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<OpensslClient>(sim.connect()));
    clients.back()->write("hello");
  }
  clients.push_back(std::make_unique<OpensslClient>(sim.connect()));  // in mid-handshake
  ASSERT_TRUE(sim.run([&] {
    echo.step();
    for (std::size_t i = 0; i < 100; ++i) clients[i]->step();
    return std::ranges::all_of(
        clients, [&](const auto& c) { return c == clients.back() || c->text() == "hello"; });
  }));
  sim.set_draining(true);
  // Two frames for each, so the outbox has to be carried away in between.
  EXPECT_TRUE(sim.run([&] { return sim.reset_all() == 0; }, seconds{1}));
  sim.run_for(milliseconds{10});
  for (std::size_t i = 0; i < 100; ++i) EXPECT_TRUE(clients[i]->socket().was_reset()) << i;
  for (const Socket* s : echo.sockets()) EXPECT_TRUE(s->was_reset());
  expect_all_gone(sim, echo);
  std::uint64_t drained = 0;
  for (std::size_t i = 0; i < 2; ++i) drained += sim.stats(i).closes.value(CloseCause::drained);
  EXPECT_EQ(drained, 100U);
}

}  // namespace
}  // namespace sallyport::testing
