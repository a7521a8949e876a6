// TLS with backends through a whole worker: OpenSSL at both ends, and the worker between them.
// Nothing that a client says reaches a backend whose certificate is no good, and what fails before
// the first byte is tried with another backend.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/worker/turn.h"
#include "tests/scenario/actors.h"
#include "tests/support/openssl_backend.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {
namespace {

using stats::BackendCounter;
using stats::BackendTlsFailure;
using stats::CloseCause;
using stats::Gauge;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;
using End = OpensslBackendOptions::End;

// Certificates of the time that a Simulation begins at.
CertificateOptions server_named(const std::string& name) {
  CertificateOptions options;
  options.common_name = name;
  options.alternatives = "DNS:" + name;
  options.not_before = 1'699'000'000;
  options.not_after = 1'701'000'000;
  return options;
}
CertificateOptions root_named(const std::string& name) {
  CertificateOptions options = server_named(name);
  options.alternatives.clear();
  options.authority = true;
  return options;
}

CertificateOptions client_of_then(const std::string& name) {
  CertificateOptions options = client_named(name);
  options.not_before = 1'699'000'000;
  options.not_after = 1'701'000'000;
  return options;
}

class TlsBackends : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] SimulationOptions secured() const {
    SimulationOptions options;
    options.backend_tls = BackendTls{};
    options.backend_tls->ca = pem_of(root_.certificate.get());
    return options;
  }
  [[nodiscard]] static OpensslBackendOptions speaking() {
    OpensslBackendOptions options;
    options.version = GetParam();
    return options;
  }
  // exchange lets a client send `len` bytes to an echoing backend and hear them again.
  static bool exchange(Simulation& sim, OpensslBackend& backend, Talk& talk,
                       Nanos limit = seconds{20}) {
    return sim.run(
        [&] {
          backend.step();
          return talk.done();
        },
        limit);
  }
  static bool finish(Simulation& sim, OpensslBackend& backend, Talk& talk) {
    talk.close();
    return sim.run(
        [&] {
          talk.tls().step();
          backend.step();
          return sim.num_connections() == 0;
        },
        seconds{5});
  }
  static void expect_nothing_left(Simulation& sim) {
    expect_all_gone(sim, seconds{30});
    EXPECT_EQ(sim.stats().gauges.value(Gauge::backend_handshakes), 0U);
    EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 0U);
    EXPECT_EQ(sim.stats().backend_tls_failures.value(BackendTlsFailure::internal_error), 0U);
  }
  static std::uint64_t of_backends(const Simulation& sim, BackendCounter which) {
    std::uint64_t sum = 0;
    for (const auto& backend : sim.stats().backends) sum += backend.value(which);
    return sum;
  }
  // expect_resumed: of six connections to a backend like this all but the first are resumed.
  void expect_resumed(const OpensslBackendOptions& options) {
    Simulation sim{secured()};
    OpensslBackend backend{sim, server_, options, {0}};
    sim.backends.stop_listening(sim.backend(1));
    for (int round = 0; round < 6; ++round) {
      Talk talk{sim, 500};
      ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
      EXPECT_TRUE(talk.correct());
      ASSERT_TRUE(finish(sim, backend, talk));
    }
    EXPECT_EQ(backend.num_resumed(), 5U);
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_resumed), 5U);
    EXPECT_EQ(sim.stats().traffic.value(Traffic::backends_judged), 1U) << "not judged again";
    expect_nothing_left(sim);
  }
  // expect_refused: a backend that shows `member` gets no byte of the client, for this reason.
  void expect_refused(const Member& member, BackendTlsFailure why,
                      const SimulationOptions& options) {
    Simulation sim{options};
    OpensslBackend backend{sim, member, speaking()};
    Talk talk{sim, 1'000};
    EXPECT_FALSE(exchange(sim, backend, talk, seconds{5}));
    EXPECT_EQ(backend.received(), 0U);
    EXPECT_EQ(sim.stats().backend_tls_failures.value(why), 2U) << "one for each backend";
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 2U);
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_established), 0U);
    EXPECT_EQ(sim.stats().failures.value(HandshakeFailure::backend_tls), 1U);
    EXPECT_EQ(sim.stats().traffic.value(Traffic::client_plaintext_bytes), 0U);
    EXPECT_EQ(sim.stats().traffic.value(Traffic::backend_records_sealed), 0U);
    EXPECT_TRUE(talk.tls().got_close_notify());
    for (const auto& session : backend.sessions()) {
      EXPECT_NE(session->error.find("alert"), std::string::npos) << session->error;
    }
    talk.tls().socket().close();
    expect_nothing_left(sim);
  }

  Member root_ = issue(nullptr, root_named("Root"));
  Member server_ = issue(&root_, server_named("backend.test"));
};

std::string version_name(const ::testing::TestParamInfo<int>& info) {
  return info.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}
INSTANTIATE_TEST_SUITE_P(Both, TlsBackends, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION),
                         version_name);

TEST_P(TlsBackends, HearWhatClientsSayAndAnswer) {
  Simulation sim{secured()};
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 2'000};
  ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
  EXPECT_EQ(backend.received(), 2'000U);
  EXPECT_EQ(backend.server_name(), "backend.test");
  EXPECT_EQ(sim.stats().traffic.value(Traffic::backends_judged), 1U);
  EXPECT_EQ(sim.stats().stages.value(HandshakeStage::backend_tls_established), 1U);
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_established), 1U);
  EXPECT_EQ(sim.stats().gauges.value(Gauge::backend_handshakes), 0U) << "given back at once";
  sim.worker().for_each_connection(1, [&](const worker::Connection& c) {
    ASSERT_NE(sim.worker().leg_of(c), nullptr);
    EXPECT_EQ(sim.worker().leg_of(c)->tls.version(), GetParam() == TLS1_3_VERSION
                                                         ? wire::ProtocolVersion::tls13
                                                         : wire::ProtocolVersion::tls12);
  });
  EXPECT_TRUE(finish(sim, backend, talk));
  expect_nothing_left(sim);
  EXPECT_EQ(sim.stats().closes.value(CloseCause::client_close_notify), 1U);
  EXPECT_NE(SSL_get_shutdown(backend.sessions()[0]->ssl) & SSL_RECEIVED_SHUTDOWN, 0)
      << "the backend heard the client's close_notify";
}

TEST_P(TlsBackends, AreNotToldAnythingBeforeTheirCertificateWasJudged) {
  Simulation sim{secured()};
  sim.hold_verdicts(true);
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 2'000};
  EXPECT_FALSE(exchange(sim, backend, talk, seconds{1}));
  EXPECT_EQ(sim.stats().traffic.value(Traffic::client_plaintext_bytes), 0U);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::backend_records_sealed), 0U);
  EXPECT_EQ(sim.stats().gauges.value(Gauge::verify_jobs), 1U);
  sim.hold_verdicts(false);
  EXPECT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
}

TEST_P(TlsBackends, AreRefusedForABadCertificate) {
  const Member stranger = issue(nullptr, server_named("backend.test"));
  expect_refused(stranger, BackendTlsFailure::unknown_authority, secured());
  const Member other = issue(&root_, server_named("other.test"));
  expect_refused(other, BackendTlsFailure::wrong_name, secured());
  CertificateOptions old = server_named("backend.test");
  old.not_after = 1'699'500'000;
  const Member expired = issue(&root_, old);
  expect_refused(expired, BackendTlsFailure::certificate_expired, secured());
}

// [RFC 8446 4.4.3 and 6.2]
TEST_P(TlsBackends, ThatNameASchemeOfAnotherKeyBreakTheProtocol) {
  Simulation sim{secured()};
  sim.pretend_scheme(crypto::SignatureScheme::rsa_pss_rsae_sha256);
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 1'000};
  EXPECT_FALSE(exchange(sim, backend, talk, seconds{5}));
  EXPECT_EQ(sim.stats().backend_tls_failures.value(BackendTlsFailure::protocol_error), 2U)
      << "one for each backend";
  for (const auto& session : backend.sessions()) {
    EXPECT_NE(session->error.find("illegal parameter"), std::string::npos) << session->error;
  }
}

TEST_P(TlsBackends, AreTakenAsTheyAreWhereNobodyVerifies) {
  SimulationOptions options = secured();
  options.backend_tls->ca.clear();
  Simulation sim{options};
  const Member stranger = issue(nullptr, server_named("other.test"));
  OpensslBackend backend{sim, stranger, speaking()};
  Talk talk{sim, 2'000};
  EXPECT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
}

TEST_P(TlsBackends, ResumeWithTheTicketsOfBefore) { expect_resumed(speaking()); }

TEST_P(TlsBackends, DoWithoutTickets) {
  Simulation sim{secured()};
  OpensslBackendOptions options = speaking();
  options.tickets = false;
  OpensslBackend backend{sim, server_, options};
  for (int round = 0; round < 3; ++round) {
    Talk talk{sim, 500};
    ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
    ASSERT_TRUE(finish(sim, backend, talk));
  }
  EXPECT_EQ(backend.num_resumed(), 0U);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::backends_judged), 3U);
}

TEST_P(TlsBackends, ResumeTheSessionsThatTheyKeepThemselves) {
  if (speaking().version != TLS1_2_VERSION) GTEST_SKIP() << "TLS 1.3 has tickets alone";
  OpensslBackendOptions options = speaking();
  options.tickets = false;
  options.session_ids = true;
  expect_resumed(options);
}

TEST_P(TlsBackends, MayAskForAnotherGroup) {
  Simulation sim{secured()};
  OpensslBackendOptions options = speaking();
  options.groups = "P-256";
  OpensslBackend backend{sim, server_, options};
  Talk talk{sim, 500};
  EXPECT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
}

TEST_P(TlsBackends, HaveToAgreeToTheProtocolThatIsAskedFor) {
  for (const std::string theirs : {"http/1.1", ""}) {
    SimulationOptions asks = secured();
    asks.backend_tls->alpn = "http/1.1";
    Simulation sim{asks};
    OpensslBackendOptions options = speaking();
    options.alpn = theirs;
    OpensslBackend backend{sim, server_, options};
    Talk talk{sim, 500};
    EXPECT_EQ(exchange(sim, backend, talk, seconds{5}), !theirs.empty());
    const std::uint64_t refused = theirs.empty() ? 2 : 0;
    EXPECT_EQ(sim.stats().backend_tls_failures.value(BackendTlsFailure::no_application_protocol),
              refused);
    EXPECT_EQ(backend.received(), theirs.empty() ? 0U : 500U);
    // [RFC 5246 7.2.2] what was refused is not resumed; what was not, is.
    Talk next{sim, 500};
    EXPECT_EQ(exchange(sim, backend, next, seconds{5}), !theirs.empty());
    Talk third{sim, 500};
    EXPECT_EQ(exchange(sim, backend, third, seconds{5}), !theirs.empty());
    EXPECT_EQ(backend.num_resumed() > 0, !theirs.empty());
  }
}

TEST_P(TlsBackends, ThatFailAreReplacedByOthers) {
  // The first backend cannot, in one way or another; the second one is as it should be.
  const Member stranger = issue(nullptr, server_named("backend.test"));
  enum class Fault : std::uint8_t { wrong_certificate, mute, rude, not_listening };
  for (const Fault fault :
       {Fault::wrong_certificate, Fault::mute, Fault::rude, Fault::not_listening}) {
    Simulation sim{secured()};
    OpensslBackendOptions bad = speaking();
    bad.mute = fault == Fault::mute;
    bad.rude = fault == Fault::rude;
    OpensslBackend first{sim, fault == Fault::wrong_certificate ? stranger : server_, bad, {0}};
    if (fault == Fault::not_listening) sim.backends.stop_listening(sim.backend(0));
    OpensslBackend second{sim, server_, speaking(), {1}};
    for (int round = 0; round < 2; ++round) {
      Talk talk{sim, 3'000};
      EXPECT_TRUE(sim.run(
          [&] {
            first.step();
            second.step();
            return talk.done();
          },
          seconds{10}))
          << talk.tls().error();
      EXPECT_TRUE(talk.correct());
      talk.close();
      EXPECT_TRUE(sim.run(
          [&] {
            talk.tls().step();
            first.step();
            second.step();
            return sim.num_connections() == 0;
          },
          seconds{10}));
    }
    EXPECT_EQ(first.received(), 0U);
    EXPECT_GE(sim.stats().traffic.value(Traffic::backend_retries), 1U);
    const auto& failures = sim.stats().backend_tls_failures;
    EXPECT_EQ(failures.value(BackendTlsFailure::unknown_authority) > 0,
              fault == Fault::wrong_certificate);
    EXPECT_EQ(failures.value(BackendTlsFailure::timed_out) > 0, fault == Fault::mute);
    EXPECT_EQ(failures.value(BackendTlsFailure::closed) > 0, fault == Fault::rude);
    expect_nothing_left(sim);
  }
}

TEST_P(TlsBackends, CarryMuchBothWays) {
  for (const double loss : {0.0, 0.02}) {
    SimulationOptions options = secured();
    options.faults.loss = loss;
    options.faults.reordering = loss;
    options.backend_tls->handshake = seconds{20};
    Simulation sim{options};
    OpensslBackend backend{sim, server_, speaking()};
    Talk talk{sim, 1'000'000};
    ASSERT_TRUE(exchange(sim, backend, talk, seconds{300})) << talk.tls().error();
    EXPECT_TRUE(talk.correct());
    sim.set_faults({});
    EXPECT_TRUE(finish(sim, backend, talk));
    expect_nothing_left(sim);
  }
}

TEST_P(TlsBackends, EndPagesProperlyOrTheClientNotices) {
  for (const End end : {End::properly, End::close_notify, End::fin, End::reset}) {
    Simulation sim{secured()};
    OpensslBackendOptions options = speaking();
    options.page = 200'000;
    options.end = end;
    OpensslBackend backend{sim, server_, options};
    OpensslClient client{sim.connect()};
    client.write(kRequest);
    sim.run(
        [&] {
          client.step();
          backend.step();
          return client.got_close_notify() || client.socket().peer_closed() ||
                 client.socket().was_reset();
        },
        seconds{10});
    sim.run_for(milliseconds{20});
    client.step();
    const bool is_whole = end == End::properly || end == End::close_notify;
    EXPECT_EQ(client.got_close_notify(), is_whole);
    if (end != End::reset) {
      EXPECT_EQ(client.received(), backend.page()) << static_cast<int>(end);
      EXPECT_FALSE(client.socket().was_reset());
    } else {
      EXPECT_TRUE(client.socket().was_reset());
    }
    const auto& closes = sim.stats().closes;
    EXPECT_EQ(closes.value(CloseCause::backend_fin), is_whole ? 1U : 0U);
    EXPECT_EQ(closes.value(CloseCause::backend_truncated), end == End::fin ? 1U : 0U);
    EXPECT_EQ(closes.value(CloseCause::backend_reset), end == End::reset ? 1U : 0U);
    client.shutdown();
    client.step();
    client.socket().close();
    sim.run(
        [&] {
          client.step();
          backend.step();
          return sim.num_connections() == 0;
        },
        seconds{30});
    expect_nothing_left(sim);
  }
}

TEST_P(TlsBackends, MayAnswerCloseNotifyInAnyWay) {
  for (const End end : {End::properly, End::close_notify, End::fin, End::reset}) {
    Simulation sim{secured()};
    OpensslBackendOptions options = speaking();
    options.end = end;
    OpensslBackend backend{sim, server_, options};
    Talk talk{sim, 1'000};
    ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
    EXPECT_TRUE(finish(sim, backend, talk)) << static_cast<int>(end);
    expect_nothing_left(sim);
    EXPECT_EQ(sim.stats().closes.value(CloseCause::client_close_notify), 1U);
  }
}

TEST_P(TlsBackends, AnswerAcrossAHalfClosedConnection) {
  Simulation sim{secured()};
  OpensslBackendOptions options = speaking();
  options.page = 50'000;
  options.answers_late = true;
  OpensslBackend backend{sim, server_, options};
  OpensslClient client{sim.connect()};
  client.write(kRequest);
  client.shutdown();
  EXPECT_TRUE(sim.run(
      [&] {
        client.step();
        backend.step();
        return client.got_close_notify();
      },
      seconds{5}));
  EXPECT_EQ(client.received(), backend.page());
  EXPECT_EQ(sim.stats().closes.value(CloseCause::client_close_notify), 1U);
  client.socket().close();
  expect_nothing_left(sim);
}

TEST_P(TlsBackends, WaitForSlowClientsWithoutHoldingMore) {
  Simulation sim{secured()};
  OpensslBackendOptions options = speaking();
  options.page = 2'000'000;
  OpensslBackend backend{sim, server_, options};
  OpensslClient client{sim.connect()};
  client.write(kRequest);
  const auto step = [&] {
    client.step();
    backend.step();
    return client.got_close_notify();
  };
  ASSERT_TRUE(sim.run([&] { return step() || client.received().size() > 100'000; }));
  client.socket().set_reading(false);
  sim.run_for(seconds{2});
  const std::size_t held = sim.frames_in_use();
  for (int i = 0; i < 100; ++i) {
    step();
    sim.run_for(milliseconds{10});
  }
  EXPECT_LE(sim.frames_in_use(), held + 16) << "a slow client stops its backend";
  client.socket().set_reading(true);
  EXPECT_TRUE(sim.run(step, seconds{60}));
  EXPECT_EQ(client.received(), backend.page());
}

TEST_P(TlsBackends, ChangeKeysWithoutAnybodyNoticing) {
  if (GetParam() != TLS1_3_VERSION) GTEST_SKIP() << "a word of TLS 1.3";
  Simulation sim{secured()};
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 100'000};
  bool has_updated = false;
  ASSERT_TRUE(sim.run(
      [&] {
        if (!has_updated && backend.received() > 20'000) {
          has_updated = SSL_key_update(backend.sessions()[0]->ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
        }
        backend.step();
        return talk.done();
      },
      seconds{10}))
      << talk.tls().error();
  EXPECT_TRUE(has_updated);
  EXPECT_TRUE(talk.correct());
  EXPECT_TRUE(backend.sessions()[0]->error.empty()) << backend.sessions()[0]->error;
  EXPECT_TRUE(finish(sim, backend, talk));
  expect_nothing_left(sim);
}

TEST_P(TlsBackends, TinyRecordsOfABackendAreOpenedAFewAtATime) {
  constexpr int kTickets = 300;
  if (GetParam() != TLS1_3_VERSION) GTEST_SKIP() << "tickets of TLS 1.3";
  Simulation sim{secured()};
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 1'000};
  ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  SSL* const ssl = backend.sessions().front()->ssl;
  const auto opened = [&] { return sim.stats().traffic.value(Traffic::backend_records_opened); };
  const std::uint64_t before = opened();
  for (int i = 0; i < kTickets; ++i) {
    ASSERT_EQ(SSL_new_session_ticket(ssl), 1);
    ASSERT_EQ(SSL_do_handshake(ssl), 1);
  }
  std::uint64_t last = before;
  std::uint64_t most_at_once = 0;
  EXPECT_TRUE(sim.run([&] {
    most_at_once = std::max(most_at_once, opened() - last);
    last = opened();
    backend.step();
    return opened() >= before + kTickets;
  }));
  EXPECT_LE(most_at_once, 2 * worker::RecordBudget::kPerVisit);
  EXPECT_TRUE(finish(sim, backend, talk));
  expect_nothing_left(sim);
}

TEST_P(TlsBackends, AreManyAtOnceWithFewPlaces) {
  SimulationOptions options = secured();
  options.worker.max_backend_handshakes = 4;
  options.worker.max_verify_jobs = 4;
  options.worker.max_jobs = 16;
  Simulation sim{options};
  OpensslBackend backend{sim, server_, speaking()};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 40; ++i) talks.push_back(std::make_unique<Talk>(sim, 1'000));
  const auto all_done = [&] {
    backend.step();
    bool done = true;
    for (const auto& talk : talks) done = talk->done() && done;
    return done;
  };
  EXPECT_TRUE(sim.run(all_done, seconds{20}));
  for (const auto& talk : talks) {
    EXPECT_TRUE(talk->correct());
    talk->close();
  }
  sim.run(
      [&] {
        for (const auto& talk : talks) talk->tls().step();
        backend.step();
        return sim.num_connections() == 0;
      },
      seconds{10});
  expect_nothing_left(sim);
}

// Clients reach a pool by the name of its protocol.  One pool accepts connections and leaves its
// handshakes unfinished, at the first word or just before the proof of its certificate.
TEST_P(TlsBackends, ThatStallHoldUpNoOtherPool) {
  constexpr std::uint64_t kClients = 24;
  const Member known = issue(&root_, client_of_then("client"));
  for (const bool is_mute : {true, false}) {
    SimulationOptions options = secured();
    options.num_pools = 2;
    options.alpn = {"web", "stalled"};
    options.client_auth = tls::ClientAuthMode::optional;
    options.client_ca = pem_of(root_.certificate.get());
    options.worker.max_backend_handshakes = 8;
    options.worker.max_verify_jobs = 4;
    Simulation sim{options};
    OpensslBackend web{sim, server_, speaking(), {0, 1}};
    OpensslBackendOptions stalling = speaking();
    stalling.mute = is_mute;
    stalling.keeps_back = is_mute ? 0 : 100;
    OpensslBackend stalled{sim, server_, stalling, {2, 3}};
    std::vector<std::unique_ptr<Talk>> stuck;
    std::vector<std::unique_ptr<Talk>> served;
    OpensslClientOptions chooses;
    const auto step = [&] {
      web.step();
      stalled.step();
      std::size_t done = 0;
      for (const auto& talk : stuck) talk->tls().step();
      for (const auto& talk : served) done += talk->done() ? 1U : 0U;
      return done;
    };
    chooses.alpn = "stalled";
    for (std::uint64_t i = 0; i < kClients; ++i) {
      stuck.push_back(std::make_unique<Talk>(sim, 1'000, chooses));
    }
    sim.run([&] { return step() > 0; }, milliseconds{300});
    const auto& gauges = sim.stats().gauges;
    EXPECT_EQ(gauges.value(Gauge::backend_handshakes), 4U) << "half of them, and no more";
    EXPECT_EQ(gauges.value(Gauge::verify_jobs), is_mute ? 0U : 2U);

    chooses.alpn = "web";
    for (std::uint64_t i = 0; i < kClients; ++i) {
      served.push_back(std::make_unique<Talk>(sim, 1'000, chooses));
    }
    EXPECT_TRUE(sim.run([&] { return step() == kClients; }, milliseconds{500}));
    chooses.certificate = known.certificate.get();
    chooses.key = known.key.get();
    served.push_back(std::make_unique<Talk>(sim, 1'000, chooses));
    EXPECT_TRUE(sim.run([&] { return step() == kClients + 1; }, milliseconds{500}))
        << "nor a client that shows a certificate: " << served.back()->tls().error();
    for (const auto& talk : served) EXPECT_TRUE(talk->correct());
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 0U) << "the others still wait";

    const auto& failures = sim.stats().backend_tls_failures;
    EXPECT_TRUE(sim.run(
        [&] {
          step();
          return sim.stats().failures.value(HandshakeFailure::backend_tls) == kClients;
        },
        seconds{10}));
    const std::uint64_t timed_out = failures.value(BackendTlsFailure::timed_out);
    EXPECT_GE(timed_out, is_mute ? 8U : 4U) << "who had a place, at either backend";
    EXPECT_EQ(failures.value(BackendTlsFailure::no_place), 2 * kClients - timed_out);
    EXPECT_LE(timed_out, kClients);
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 2 * kClients);
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_established), kClients + 1);
    for (const auto& talk : stuck) talk->tls().socket().abort();
    for (const auto& talk : served) talk->tls().socket().abort();
    expect_nothing_left(sim);
  }
}

// Whoever is judged keeps the place until the verdict, also when nobody waits for it any more.
TEST_P(TlsBackends, WhoseVerdictIsAwayCountAsHolders) {
  SimulationOptions options = secured();
  options.worker.max_verify_jobs = 4;
  Simulation sim{options};
  sim.hold_verdicts(true);
  OpensslBackendOptions each_in_full = speaking();
  each_in_full.tickets = false;
  OpensslBackend backend{sim, server_, each_in_full};
  std::vector<std::unique_ptr<Talk>> talks;
  const auto open = [&](std::size_t num) {
    for (std::size_t i = 0; i < num; ++i) talks.push_back(std::make_unique<Talk>(sim, 500));
    sim.run(
        [&] {
          backend.step();
          for (const auto& talk : talks) talk->tls().step();
          return false;
        },
        milliseconds{300});
  };
  const auto judged = [&] { return sim.stats().gauges.value(Gauge::verify_jobs); };
  open(3);
  EXPECT_EQ(judged(), 2U);
  for (const auto& talk : talks) talk->tls().socket().abort();
  EXPECT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, seconds{1}));
  talks.clear();
  open(1);
  EXPECT_EQ(judged(), 2U) << "of connections that are gone";
  sim.hold_verdicts(false);
  EXPECT_TRUE(exchange(sim, backend, *talks.back(), seconds{1}));
  // All places are there again: with one that is not given back nobody would get a second one.
  sim.hold_verdicts(true);
  open(3);
  EXPECT_EQ(judged(), 2U);
  sim.hold_verdicts(false);
  for (const auto& talk : talks) EXPECT_TRUE(exchange(sim, backend, *talk, seconds{1}));
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 0U);
}

TEST_P(TlsBackends, AreNotWaitedForWhenTheClientLeaves) {
  for (const bool holds_jobs : {true, false}) {
    Simulation sim{secured()};
    OpensslBackend backend{sim, server_, speaking()};
    Talk talk{sim, 1'000};
    if (!holds_jobs) sim.hold_verdicts(true);
    sim.run(
        [&] {
          talk.tls().step();
          if (holds_jobs && talk.tls().is_established()) sim.hold_jobs(true);
          backend.step();
          return holds_jobs ? sim.num_jobs_held() > 0
                            : sim.stats().gauges.value(Gauge::verify_jobs) == 1 &&
                                  sim.stats().gauges.value(Gauge::backend_handshakes) == 1;
        },
        seconds{1});
    sim.run_for(milliseconds{5});
    talk.tls().socket().abort();
    EXPECT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, seconds{5}));
    sim.hold_jobs(false);
    sim.hold_verdicts(false);
    sim.run_for(milliseconds{100});
    EXPECT_EQ(backend.received(), 0U);
    expect_nothing_left(sim);
  }
}

TEST_P(TlsBackends, EndTheConnectionWhenARecordIsForged) {
  Simulation sim{secured()};
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 1'000};
  ASSERT_TRUE(exchange(sim, backend, talk));
  Bytes forged(60, 0x61);
  forged[0] = 23;
  forged[1] = 3;
  forged[2] = 3;
  forged[3] = 0;
  forged[4] = 55;
  backend.sessions()[0]->socket->send(forged);
  EXPECT_TRUE(sim.run([&] { return talk.tls().socket().was_reset(); }, seconds{2}));
  EXPECT_EQ(sim.stats().closes.value(CloseCause::backend_protocol_error), 1U);
  EXPECT_EQ(sim.stats().backend_tls_failures.value(BackendTlsFailure::bad_record_mac), 1U);
  sim.run_for(milliseconds{10});
  backend.step();
  EXPECT_NE(backend.sessions()[0]->error.find("bad record mac"), std::string::npos)
      << backend.sessions()[0]->error;
  expect_nothing_left(sim);
}

TEST_P(TlsBackends, AreNotResumedAfterAConnectionThatFailed) {  // [RFC 8446 6.2, RFC 5246 7.2.2]
  Simulation sim{secured()};
  OpensslBackend backend{sim, server_, speaking(), {0}};
  sim.backends.stop_listening(sim.backend(1));
  for (const bool is_forged : {false, true, false}) {
    Talk talk{sim, 1'000};
    ASSERT_TRUE(exchange(sim, backend, talk));
    if (!is_forged) {
      ASSERT_TRUE(finish(sim, backend, talk));
      continue;
    }
    EXPECT_EQ(of_backends(sim, BackendCounter::tls_resumed), 1U);
    backend.sessions().back()->socket->send(
        record(wire::ContentType::application_data, Bytes(55, 0x61)));
    EXPECT_TRUE(sim.run([&] { return talk.tls().socket().was_reset(); }, seconds{2}));
  }
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_established), 3U);
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_resumed), 1U) << "not the third one";
  expect_nothing_left(sim);
}

// A record as long as the version allows is waited for and then refused, also with the smallest
// queue that may be configured: it must not stay unopened because, sealed anew, it would not fit.
TEST_P(TlsBackends, AreNotWaitedForByARecordThatNeverFits) {
  SimulationOptions options = secured();
  options.send_buffer = tls::kMaxRecord + tls::kMaxRecordOverhead;
  Simulation sim{options};
  OpensslBackend backend{sim, server_, speaking()};
  Talk talk{sim, 1'000};
  ASSERT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  Bytes forged(tls::kRecordHeader + tls::kMaxCiphertext13, 0x61);
  std::ranges::copy(Bytes{23, 3, 3, 0x41, 0x00}, forged.begin());
  talk.tls().socket().send(forged);
  EXPECT_TRUE(sim.run(
      [&] {
        backend.step();
        return sim.stats().closes.value(CloseCause::client_protocol_error) == 1;
      },
      seconds{1}));
}

// The backend's reset is noted for the next turn of its connection, and the client's, which comes
// with it, leaves nobody to have that turn.
TEST_P(TlsBackends, DoNotInheritTheFailureOfAnotherConnection) {
  Simulation sim{secured()};
  OpensslBackendOptions says_nothing = speaking();
  says_nothing.mute = true;
  OpensslBackend first{sim, server_, says_nothing, {0}};
  OpensslBackend second{sim, server_, speaking(), {1}};
  Talk ends{sim, 1'000};
  ASSERT_TRUE(sim.run(
      [&] {
        ends.tls().step();
        return !first.sessions().empty();
      },
      seconds{1}));
  sim.run_for(milliseconds{5});
  first.sessions()[0]->socket->abort();
  ends.tls().socket().abort();
  ASSERT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, milliseconds{50}));
  EXPECT_EQ(sim.stats().backend_tls_failures.value(BackendTlsFailure::closed), 1U);
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 0U) << "nobody had that turn";
  Talk talk{sim, 1'000};  // in the same place
  EXPECT_TRUE(exchange(sim, second, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
  EXPECT_EQ(of_backends(sim, BackendCounter::tls_failed), 0U);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::backend_retries), 0U);
  EXPECT_TRUE(finish(sim, second, talk));
  expect_nothing_left(sim);
}

TEST_P(TlsBackends, AreReachedOverIpv6AndByClientsOfTheOtherVersion) {
  SimulationOptions options = secured();
  options.ipv6 = true;
  Simulation sim{options};
  OpensslBackend backend{sim, server_, speaking()};
  OpensslClientOptions other;
  other.version = GetParam() == TLS1_3_VERSION ? TLS1_2_VERSION : TLS1_3_VERSION;
  Talk talk{sim, 50'000, other};
  EXPECT_TRUE(exchange(sim, backend, talk)) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
}

}  // namespace
}  // namespace sallyport::testing
