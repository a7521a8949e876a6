// Clients with certificates through a whole worker: nobody reaches a backend before the verdict,
// and nothing stays behind when one of them gives up.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/scenario/actors.h"
#include "tests/support/authority.h"

namespace sallyport::testing {
namespace {

using stats::Gauge;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

// Certificates of the time that a Simulation begins at.
CertificateOptions of_then(CertificateOptions options) {
  options.not_before = 1'699'000'000;
  options.not_after = 1'701'000'000;
  return options;
}

class KnownClients : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] SimulationOptions asking(
      tls::ClientAuthMode mode = tls::ClientAuthMode::required) const {
    SimulationOptions options;
    options.client_auth = mode;
    options.client_ca = pem_of(root_.certificate.get());
    options.tickets = true;
    return options;
  }
  [[nodiscard]] OpensslClientOptions with_certificate(const Member& member) const {
    OpensslClientOptions options;
    options.version = GetParam();
    options.certificate = member.certificate.get();
    options.key = member.key.get();
    return options;
  }
  [[nodiscard]] OpensslClientOptions without_certificate() const {
    OpensslClientOptions options;
    options.version = GetParam();
    return options;
  }
  // echoes lets the client say something and hear it again.
  static bool echoes(Simulation& sim, Echo& echo, OpensslClient& client) {
    const Bytes said = pattern(2'000);
    client.write(said);
    return sim.run(
        [&] {
          client.step();
          echo.step();
          return client.received() == said;
        },
        seconds{5});
  }
  static std::uint64_t failures(Simulation& sim, HandshakeFailure why) {
    return sim.stats().failures.value(why);
  }
  static void expect_nothing_left(Simulation& sim) {
    sim.run([&] { return sim.num_connections() == 0; }, seconds{60});
    EXPECT_EQ(sim.num_connections(), 0U);
    EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 0U);
    EXPECT_EQ(sim.stats().gauges.value(Gauge::handshakes), 0U);
    EXPECT_EQ(sim.pins(), 0U);
    EXPECT_EQ(sim.stats().drops.value(stats::DropReason::internal_error), 0U);
  }
  // subject is the client that the worker knows, or nothing.
  static std::string subject(Simulation& sim) {
    std::string known;
    sim.worker().for_each_connection(1, [&](const worker::Connection& c) {
      if (const auto* client = sim.worker().client_of(c)) known = client->subject();
    });
    return known;
  }

  Member root_ = issue(nullptr, of_then(authority_named("Root")));
  Member client_ = issue(&root_, of_then(client_named("client 1")));
  Member stranger_ = issue(nullptr, of_then(client_named("stranger")));
};

std::string version_name(const ::testing::TestParamInfo<int>& info) {
  return info.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}
INSTANTIATE_TEST_SUITE_P(Both, KnownClients, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION),
                         version_name);

TEST_P(KnownClients, ReachTheirBackend) {
  Simulation sim{asking()};
  Echo echo{sim};
  OpensslClient client{sim.connect(), with_certificate(client_)};
  EXPECT_TRUE(echoes(sim, echo, client)) << client.error();
  EXPECT_EQ(sim.stats().traffic.value(Traffic::clients_judged), 1U);
  EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 0U) << "given back at once";
  EXPECT_EQ(subject(sim), "CN=client 1");

  const SslSession session = client.take_session();
  ASSERT_NE(session, nullptr);
  client.socket().abort();
  expect_nothing_left(sim);
  OpensslClientOptions again = with_certificate(client_);
  again.session = session.get();
  OpensslClient returning{sim.connect(), again};
  EXPECT_TRUE(echoes(sim, echo, returning)) << returning.error();
  EXPECT_TRUE(returning.is_resumed());
  EXPECT_EQ(sim.stats().resumptions.value(stats::Resumption::known_client), 2U);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::clients_judged), 1U) << "not judged again";
  EXPECT_EQ(subject(sim), "CN=client 1");
}

TEST_P(KnownClients, AndOthersAreServedWhereCertificatesAreOptional) {
  Simulation sim{asking(tls::ClientAuthMode::optional)};
  Echo echo{sim};
  OpensslClient client{sim.connect(), without_certificate()};
  EXPECT_TRUE(echoes(sim, echo, client)) << client.error();
  EXPECT_EQ(subject(sim), "");
}

TEST_P(KnownClients, AloneReachABackendWhereCertificatesAreRequired) {
  for (const bool has_certificate : {false, true}) {
    Simulation sim{asking()};
    Echo echo{sim};
    OpensslClient client{sim.connect(),
                         has_certificate ? with_certificate(stranger_) : without_certificate()};
    EXPECT_FALSE(echoes(sim, echo, client));
    EXPECT_FALSE(client.error().empty());
    EXPECT_EQ(failures(sim, has_certificate ? HandshakeFailure::client_authority_unknown
                                            : HandshakeFailure::certificate_required),
              1U);
    EXPECT_EQ(sim.stats().stages.value(HandshakeStage::tls_established), 0U);
    EXPECT_EQ(sim.stats().stages.value(HandshakeStage::backend_syn_sent), 0U);
    client.socket().abort();
    expect_nothing_left(sim);
  }
}

TEST_P(KnownClients, WaitForTheVerdictWithAllThatTheySay) {
  Simulation sim{asking()};
  Echo echo{sim};
  OpensslClient client{sim.connect(), with_certificate(client_)};
  sim.hold_verdicts(true);
  // A client of TLS 1.3 is done before we are, and says what it has to say.
  EXPECT_FALSE(echoes(sim, echo, client));
  EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 1U);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::backend_syn_sent), 0U);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::client_plaintext_bytes), 0U);
  EXPECT_EQ(subject(sim), "");
  sim.hold_verdicts(false);
  EXPECT_TRUE(sim.run(
      [&] {
        client.step();
        echo.step();
        return client.received() == pattern(2'000);
      },
      seconds{5}))
      << client.error();
}

TEST_P(KnownClients, AreNotWaitedForWhenTheyLeave) {
  Simulation sim{asking()};
  Echo echo{sim};
  OpensslClient client{sim.connect(), with_certificate(client_)};
  sim.hold_verdicts(true);
  EXPECT_FALSE(echoes(sim, echo, client));
  client.socket().abort();
  EXPECT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, seconds{5}));
  EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 1U) << "the verifier still has it";
  sim.hold_verdicts(false);
  sim.run_for(milliseconds{100});
  EXPECT_EQ(sim.stats().traffic.value(Traffic::stale_jobs), 1U);
  expect_nothing_left(sim);
  // And the place is good for the next.
  OpensslClient next{sim.connect(), with_certificate(client_)};
  EXPECT_TRUE(echoes(sim, echo, next)) << next.error();
}

TEST_P(KnownClients, DoNotWaitForEver) {
  Simulation sim{asking()};
  Echo echo{sim};
  OpensslClient client{sim.connect(), with_certificate(client_)};
  sim.hold_verdicts(true);
  sim.run(
      [&] {
        client.step();
        return failures(sim, HandshakeFailure::timed_out) == 1;
      },
      seconds{30});
  EXPECT_EQ(failures(sim, HandshakeFailure::timed_out), 1U);
  sim.hold_verdicts(false);
  sim.run_for(milliseconds{100});
  EXPECT_EQ(sim.stats().traffic.value(Traffic::stale_jobs), 1U);
  expect_nothing_left(sim);
}

TEST_P(KnownClients, AreRefusedWhenTooManyAreJudged) {
  SimulationOptions options = asking();
  options.worker.max_verify_jobs = 2;
  Simulation sim{options};
  Echo echo{sim};
  sim.hold_verdicts(true);
  std::vector<std::unique_ptr<OpensslClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<OpensslClient>(sim.connect(), with_certificate(client_)));
  }
  const auto step_all = [&] {
    for (const auto& client : clients) client->step();
    echo.step();
    return false;
  };
  sim.run(step_all, seconds{1});
  EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 2U);
  EXPECT_EQ(failures(sim, HandshakeFailure::verifier_busy), 3U);
  sim.hold_verdicts(false);
  sim.run(step_all, seconds{1});
  EXPECT_EQ(sim.stats().traffic.value(Traffic::clients_judged), 2U);
  // Without a certificate nobody needs such a place.
  EXPECT_EQ(failures(sim, HandshakeFailure::internal_error), 0U);
  for (const auto& client : clients) client->socket().abort();
  expect_nothing_left(sim);
}

TEST_P(KnownClients, WhoTrickleTheirCertificatesGiveTheirPlaceToOthers) {
  SimulationOptions options = asking();
  options.worker.max_verify_jobs = 2;
  Simulation sim{options};
  Echo echo{sim};
  // Their flight fills several records, of which they send no more than the first.
  OpensslClientOptions trickling = with_certificate(client_);
  trickling.fragment = 512;
  trickling.segment = 10;
  std::vector<std::unique_ptr<OpensslClient>> slow;
  for (int i = 0; i < 2; ++i) {
    slow.push_back(std::make_unique<OpensslClient>(sim.connect(), trickling));
  }
  const auto jobs = [&] { return sim.stats().gauges.value(Gauge::verify_jobs); };
  ASSERT_TRUE(sim.run(
      [&] {
        for (std::size_t i = jobs(); i < slow.size(); ++i) slow[i]->step();
        return jobs() == 2;
      },
      seconds{1}));
  OpensslClient early{sim.connect(), with_certificate(client_)};
  sim.run(
      [&] {
        early.step();
        return failures(sim, HandshakeFailure::verifier_busy) == 1;
      },
      milliseconds{300});
  EXPECT_EQ(failures(sim, HandshakeFailure::verifier_busy), 1U);
  sim.run_for(seconds{1});
  OpensslClient honest{sim.connect(), with_certificate(client_)};
  EXPECT_TRUE(echoes(sim, echo, honest)) << honest.error();
  EXPECT_EQ(failures(sim, HandshakeFailure::gave_place), 1U);
  for (const auto& client : slow) client->socket().abort();
  early.socket().abort();
  honest.socket().abort();
  expect_nothing_left(sim);
}

}  // namespace
}  // namespace sallyport::testing
