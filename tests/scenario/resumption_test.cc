// Tickets through a whole worker: handed out, shown again, counted, and nothing left behind.
#include <gtest/gtest.h>

#include "tests/scenario/actors.h"

namespace sallyport::testing {
namespace {

using stats::HandshakeStage;
using stats::Resumption;
using stats::TicketRefusal;

// Visit is one connection that says something, hears it again, and is closed.
struct Visit {
  bool correct = false;
  bool resumed = false;
  SslSession session;
};

Visit visit(Simulation& sim, Echo& echo, const OpensslClientOptions& options) {
  OpensslClient client{sim.connect(), options};
  const Bytes said = pattern(3'000);
  client.write(said);
  Visit out;
  out.correct = sim.run(
      [&] {
        client.step();
        echo.step();
        return client.received() == said;
      },
      seconds{30});
  out.resumed = client.is_resumed();
  out.session = client.take_session();
  client.shutdown();
  const bool over = sim.run(
      [&] {
        client.step();
        echo.step();
        if (client.got_close_notify()) client.socket().close();
        return client.socket().is_over() && sim.num_connections() == 0;
      },
      seconds{60});
  EXPECT_TRUE(over) << client.error();
  return out;
}

Visit visit(Simulation& sim, Echo& echo, int version, SSL_SESSION* session) {
  return visit(sim, echo, {.version = version, .session = session});
}

class Tickets : public ::testing::TestWithParam<int> {
 protected:
  static Resumption full() {
    return GetParam() == TLS1_3_VERSION ? Resumption::tls13_full : Resumption::tls12_full;
  }
  static Resumption resumed() {
    return GetParam() == TLS1_3_VERSION ? Resumption::tls13_resumed : Resumption::tls12_resumed;
  }
};

TEST_P(Tickets, AreGoodForTheNextConnection) {
  Simulation sim{{.tickets = true}};
  Echo echo{sim};
  Visit first = visit(sim, echo, GetParam(), nullptr);
  ASSERT_TRUE(first.correct);
  EXPECT_FALSE(first.resumed);
  ASSERT_NE(first.session, nullptr);
  const std::uint64_t jobs = sim.stats().stages.value(HandshakeStage::job_submitted);
  const Visit second = visit(sim, echo, GetParam(), first.session.get());
  EXPECT_TRUE(second.correct);
  EXPECT_TRUE(second.resumed);
  EXPECT_EQ(sim.stats().resumptions.value(full()), 1U);
  EXPECT_EQ(sim.stats().resumptions.value(resumed()), 1U);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::job_submitted) - jobs,
            GetParam() == TLS1_3_VERSION ? 1U : 0U);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::flight_sent), 2U);
  EXPECT_EQ(sim.pins(), 0U);
}

TEST_P(Tickets, SurviveALinkThatLosesAndReorders) {
  Simulation sim{{.seed = 7,
                  .faults = {.loss = 0.05, .duplication = 0.05, .reordering = 0.1},
                  .tickets = true}};
  Echo echo{sim};
  SslSession session = visit(sim, echo, GetParam(), nullptr).session;
  ASSERT_NE(session, nullptr);
  for (int i = 0; i < 10; ++i) {
    Visit next = visit(sim, echo, GetParam(), session.get());
    EXPECT_TRUE(next.correct);
    EXPECT_TRUE(next.resumed);
    if (next.session != nullptr) session = std::move(next.session);
  }
  EXPECT_EQ(sim.stats().resumptions.value(resumed()), 10U);
  EXPECT_EQ(sim.pins(), 0U);
}

TEST_P(Tickets, OfAnotherApplianceAreCountedAndCostAFullHandshake) {
  SslSession session;
  {
    Simulation sim{{.tickets = true}};
    Echo echo{sim};
    session = visit(sim, echo, GetParam(), nullptr).session;
    ASSERT_NE(session, nullptr);
  }
  Simulation stranger{{.tickets = true}};
  stranger.set_ticket_key(0x99);
  Echo echo{stranger};
  const Visit again = visit(stranger, echo, GetParam(), session.get());
  EXPECT_TRUE(again.correct);
  EXPECT_FALSE(again.resumed);
  EXPECT_EQ(stranger.stats().resumptions.value(full()), 1U);
  EXPECT_EQ(stranger.stats().ticket_refusals.value(TicketRefusal::not_authentic), 1U);
}

TEST_P(Tickets, AreNotHandedOutUnlessAskedFor) {
  Simulation sim;
  Echo echo{sim};
  const Visit first = visit(sim, echo, GetParam(), nullptr);
  EXPECT_TRUE(first.correct);
  EXPECT_EQ(first.session, nullptr);
}

// A client without tickets comes back to any worker, and is known there.
TEST(SessionIds, AreGoodAtEveryWorker) {
  constexpr std::uint64_t kVisits = 12;
  Simulation sim{{.num_workers = 3, .tickets = true, .session_ids = true}};
  Echo echo{sim};
  const Visit first = visit(sim, echo, {.version = TLS1_2_VERSION, .tickets = false});
  ASSERT_TRUE(first.correct);
  EXPECT_FALSE(first.resumed);
  ASSERT_NE(first.session, nullptr);
  for (std::uint64_t i = 0; i < kVisits; ++i) {
    const Visit next = visit(
        sim, echo, {.version = TLS1_2_VERSION, .tickets = false, .session = first.session.get()});
    EXPECT_TRUE(next.correct);
    EXPECT_TRUE(next.resumed);
  }
  std::uint64_t resumed = 0;
  std::uint64_t known = 0;
  std::size_t workers = 0;
  for (std::size_t i = 0; i < sim.num_workers(); ++i) {
    const auto& counted = sim.stats(i).resumptions;
    resumed += counted.value(Resumption::tls12_resumed);
    known += counted.value(Resumption::known_session_id);
    if (counted.value(Resumption::tls12_resumed) > 0) ++workers;
  }
  EXPECT_EQ(resumed, kVisits);
  EXPECT_EQ(known, kVisits);
  EXPECT_GT(workers, 1U);
  EXPECT_EQ(sim.pins(), 0U);
}

TEST(SessionIds, AreNotGivenWhereNoneAreKept) {
  Simulation sim{{.tickets = true}};
  Echo echo{sim};
  const Visit first = visit(sim, echo, {.version = TLS1_2_VERSION, .tickets = false});
  EXPECT_TRUE(first.correct);
  EXPECT_EQ(first.session, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Versions, Tickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

}  // namespace
}  // namespace sallyport::testing
