// The main job: a TLS client, the worker, a backend.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"
#include "tests/support/simulation.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {
namespace {

// fetch asks for the page and reads until close_notify.
void fetch(Simulation& sim, Page& page, OpensslClient& tls) {
  tls.write(kRequest);
  EXPECT_TRUE(sim.run([&] {
    tls.step();
    page.step();
    return tls.got_close_notify();
  })) << tls.error();
}

TEST(Relay, ARequestComesBackFromABackendOverTls13) {
  Simulation sim;
  Echo echo{sim};
  OpensslClient tls{sim.connect()};
  tls.write(kRequest);
  EXPECT_TRUE(sim.run([&] {
    tls.step();
    echo.step();
    return tls.text().size() >= 18;
  })) << tls.error();
  EXPECT_EQ(tls.text(), kRequest);
  EXPECT_EQ(sim.stats().stages.value(stats::HandshakeStage::tls_established), 1U);
  EXPECT_EQ(sim.stats().stages.value(stats::HandshakeStage::backend_established), 1U);
}

TEST(Relay, TheClientsFinishedIsAcknowledgedAtOnce) {
  Simulation sim;
  Echo echo{sim};
  OpensslClient tls{sim.connect()};
  const auto step = [&] {
    tls.step();
    echo.step();
  };
  EXPECT_TRUE(sim.run([&] {
    step();
    return sim.stats().stages.value(stats::HandshakeStage::tls_established) == 1;
  })) << tls.error();
  EXPECT_TRUE(sim.run(
      [&] {
        step();
        return tls.socket().unacked() == 0;
      },
      milliseconds{10}))
      << "a client with Nagle's algorithm would hold its request back";
}

struct Variant {
  int version;
  const char* cipher;
  const char* groups;
  crypto::KeyType key_type;
  bool ipv6;
};

class EveryVariant : public ::testing::TestWithParam<Variant> {};

TEST_P(EveryVariant, APageArrivesWholeAndBothSidesCloseCleanly) {
  const Variant& v = GetParam();
  Simulation sim{{.ipv6 = v.ipv6, .key_type = v.key_type}};
  Page page{sim, 300'000};
  OpensslClient tls{sim.connect(), {.version = v.version, .cipher = v.cipher, .groups = v.groups}};
  fetch(sim, page, tls);
  EXPECT_TRUE(tls.received() == page.page()) << tls.received().size() << tls.error();
  tls.shutdown();
  tls.step();
  tls.socket().close();
  sim.run([&] { return tls.socket().is_over(); }, seconds{2});
  EXPECT_TRUE(tls.socket().is_over());
  EXPECT_FALSE(tls.socket().was_reset());
  expect_all_gone(sim);
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::backend_fin), 1U);
}

INSTANTIATE_TEST_SUITE_P(Relay, EveryVariant,
                         ::testing::Values(Variant{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
                                                   "X25519", crypto::KeyType::ecdsa_p256, false},
                                           Variant{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384",
                                                   "P-256", crypto::KeyType::ecdsa_p256, true},
                                           Variant{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256",
                                                   "X25519", crypto::KeyType::rsa, false},
                                           Variant{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256",
                                                   "P-256", crypto::KeyType::ecdsa_p256, false},
                                           Variant{TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384",
                                                   "X25519", crypto::KeyType::rsa, true},
                                           Variant{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305",
                                                   "X25519:P-256", crypto::KeyType::ecdsa_p256,
                                                   false},
                                           // Groups of which no pairs lie ready.
                                           Variant{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256",
                                                   "P-384", crypto::KeyType::ecdsa_p256, false},
                                           Variant{TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256",
                                                   "X448", crypto::KeyType::rsa, false}));

// 512 and 4,096 bytes: shorter than a segment and longer.
class ShortRecords : public ::testing::TestWithParam<std::tuple<int, std::uint8_t>> {};

TEST_P(ShortRecords, AreAsLongAsTheClientAllowsAndShareSegments) {  // [RFC 6066 4]
  const auto [version, code] = GetParam();
  constexpr std::size_t kPage = 300'000;
  Simulation sim;
  Page page{sim, kPage};
  OpensslClient tls{sim.connect(), {.version = version, .max_fragment_length = code}};
  fetch(sim, page, tls);
  // OpenSSL refuses records that are longer.
  EXPECT_TRUE(tls.received() == page.page()) << tls.received().size() << tls.error();
  const std::size_t fragment = std::size_t{1} << (8U + code);
  const auto records = sim.stats().traffic.value(stats::Traffic::records_sealed);
  EXPECT_GE(records, kPage / fragment);
  // A segment carries 1,400 bytes of them at least, most of the time.
  EXPECT_LE(sim.stats().traffic.value(stats::Traffic::tx_frames), 2 * (kPage / 1'400) + 200);
}

INSTANTIATE_TEST_SUITE_P(Relay, ShortRecords,
                         ::testing::Combine(::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                                            ::testing::Values(1, 4)));

// With AES-CBC each segment is a record of its own, of which many are sealed side by side.
class BurstsOfRecords : public ::testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(BurstsOfRecords, FillASegmentEach) {
  constexpr std::size_t kPage = 300'000;
  const auto [cipher, encrypt_then_mac] = GetParam();
  Simulation sim{{.compatible_suites = true}};
  Page page{sim, kPage};
  OpensslClient tls{
      sim.connect(),
      {.version = TLS1_2_VERSION, .cipher = cipher, .encrypt_then_mac = encrypt_then_mac}};
  fetch(sim, page, tls);
  EXPECT_TRUE(tls.received() == page.page()) << tls.received().size() << tls.error();
  const auto records = sim.stats().traffic.value(stats::Traffic::records_sealed);
  EXPECT_GE(records, kPage / 1'440);
  EXPECT_LE(records, kPage / 1'300 + 20);
  EXPECT_LE(sim.stats().traffic.value(stats::Traffic::tx_frames), 2 * (kPage / 1'300) + 200);
}

INSTANTIATE_TEST_SUITE_P(Relay, BurstsOfRecords,
                         ::testing::Combine(::testing::Values("ECDHE-ECDSA-AES128-SHA",
                                                              "ECDHE-ECDSA-AES256-SHA",
                                                              "ECDHE-ECDSA-AES128-SHA256"),
                                            ::testing::Bool()));

// TLS 1.2 cannot change keys.  The burst in which one ends is sealed up to there, and what the
// client got is a front part of the page.
TEST(Relay, AKeyThatEndsWithinABurstEndsTheConnectionAndLosesNoFrame) {
  SimulationOptions options{.compatible_suites = true};
  options.worker.key_limits = {.tls13 = 30, .tls12 = 30};
  Simulation sim{options};
  Page page{sim, 300'000};
  OpensslClient tls{sim.connect(), {.version = TLS1_2_VERSION, .cipher = "ECDHE-ECDSA-AES128-SHA"}};
  fetch(sim, page, tls);
  const Bytes& got = tls.received();
  EXPECT_GE(got.size(), 28U * 1'300);
  ASSERT_LE(got.size(), 29U * 1'448);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), page.page().begin()));
  tls.shutdown();
  tls.step();
  tls.socket().close();
  sim.run([&] { return sim.num_connections() == 0; }, seconds{60});
  expect_all_gone(sim);
}

TEST(Relay, KeysOfTls13ChangeInTheMidstOfAPage) {
  SimulationOptions options;
  options.worker.key_limits = {.tls13 = 7, .tls12 = 7};
  Simulation sim{options};
  Page page{sim, 300'000};
  OpensslClient tls{sim.connect(), {.cipher = "TLS_AES_128_GCM_SHA256"}};
  fetch(sim, page, tls);
  EXPECT_TRUE(tls.received() == page.page()) << tls.received().size() << tls.error();
}

TEST(Relay, CloseNotifyOfTheClientBecomesFinWhileTheAnswerStillFlows) {
  Simulation sim;
  Socket* at_backend = nullptr;
  for (std::size_t i = 0; i < 2; ++i) {
    sim.backends.listen(sim.backend(i), [&](Socket& s) { at_backend = &s; });
  }
  OpensslClient tls{sim.connect()};
  tls.write("all I have to say");
  tls.shutdown();
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    return at_backend != nullptr && at_backend->peer_closed();
  })) << tls.error();
  const Bytes answer = pattern(50'000);
  at_backend->send(answer);
  at_backend->close();
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    return tls.got_close_notify();
  }));
  EXPECT_TRUE(tls.received() == answer);
  tls.socket().close();
  expect_all_gone(sim);
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::client_close_notify), 1U);
}

TEST(Relay, AClientThatEndsWithoutCloseNotifyIsReportedAsTruncationToTheBackend) {
  Simulation sim;
  Echo echo{sim};
  OpensslClient tls{sim.connect()};
  tls.write("half a request");
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    echo.step();
    return echo.received() == 14;
  }));
  tls.socket().close();
  ASSERT_TRUE(sim.run([&] { return echo.sockets()[0]->is_over(); }));
  EXPECT_TRUE(echo.sockets()[0]->was_reset());
  expect_all_gone(sim);
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::client_fin), 1U);
}

TEST(Relay, ResetOfOneSideResetsTheOther) {
  for (const bool by_client : {true, false}) {
    Simulation sim;
    Echo echo{sim};
    OpensslClient tls{sim.connect()};
    tls.write("hello");
    ASSERT_TRUE(sim.run([&] {
      tls.step();
      echo.step();
      return tls.text() == "hello";
    }));
    Socket& at_backend = *echo.sockets()[0];
    (by_client ? tls.socket() : at_backend).abort();
    Socket& other = by_client ? at_backend : tls.socket();
    EXPECT_TRUE(sim.run([&] { return other.is_over(); }));
    EXPECT_TRUE(other.was_reset());
    expect_all_gone(sim);
  }
}

TEST(Relay, ARefusedBackendIsReplacedByAnotherBeforeAnyByteWasRelayed) {
  Simulation sim;
  Echo echo{sim};
  sim.backends.stop_listening(sim.backend(0));
  for (int i = 0; i < 4; ++i) {
    OpensslClient tls{sim.connect()};
    tls.write("hello");
    EXPECT_TRUE(sim.run([&] {
      tls.step();
      echo.step();
      return tls.text() == "hello";
    })) << tls.error();
  }
  EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 2U);
  EXPECT_EQ(sim.stats().backends[0].value(stats::BackendCounter::refused), 2U);
  EXPECT_EQ(sim.stats().backends[1].value(stats::BackendCounter::established), 4U);
  EXPECT_EQ(sim.stats().backends[1].value(stats::BackendCounter::connections), 4U);
}

TEST(Relay, WithoutAnyBackendTheClientGetsCloseNotifyAndFin) {
  Simulation sim;
  OpensslClient tls{sim.connect()};
  tls.write("hello");
  EXPECT_TRUE(sim.run([&] {
    tls.step();
    return tls.got_close_notify() && tls.socket().peer_closed();
  })) << tls.error();
  tls.socket().close();
  expect_all_gone(sim);
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::backend_refused), 1U);
}

TEST(Relay, ASilentBackendIsReplacedAfterItsTimeAndThenTheClientIsTold) {
  Simulation sim;
  sim.backends.silence(true);
  OpensslClient tls{sim.connect()};
  tls.write("hello");
  EXPECT_TRUE(sim.run(
      [&] {
        tls.step();
        return tls.got_close_notify();
      },
      seconds{10}))
      << tls.error();
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::backend_timed_out), 1U);
  EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 1U);
  tls.socket().close();
  expect_all_gone(sim);
}

TEST(Relay, ASlowReaderClosesTheOtherSidesWindowAndNothingIsLost) {
  Simulation sim;
  Page page{sim, 3'000'000};
  OpensslClient tls{sim.connect()};
  tls.write(kRequest);
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    page.step();
    return tls.received().size() > 100'000;
  }));
  tls.socket().set_reading(false);
  sim.run_for(seconds{5});
  // Bounded: what the client has not acknowledged, one window of the backend, no more.
  EXPECT_LT(sim.worker().frames_held().tx_held, 400U);
  EXPECT_LT(sim.worker().frames_held().rx_held, 100U);
  tls.socket().set_reading(true);
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    return tls.got_close_notify();
  })) << tls.error();
  EXPECT_TRUE(tls.received() == page.page());
  tls.shutdown();
  tls.step();
  tls.socket().close();
  expect_all_gone(sim);
}

// The smallest receive buffer that the configuration allows: one record.
TEST(Relay, RecordsOfFullSizePassThroughTheSmallestReceiveBuffer) {
  Simulation sim{{.receive_buffer = 16'645}};
  Echo echo{sim};
  OpensslClient tls{sim.connect()};
  const Bytes sent = pattern(200'000);
  tls.write(sent);
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        tls.step();
        return tls.received().size() == sent.size();
      },
      seconds{10}))
      << tls.received().size();
  EXPECT_TRUE(tls.received() == sent);
}

TEST(Relay, AHandshakeThatStopsHalfWayTimesOutAndLeavesNothing) {
  Simulation sim;
  Socket& socket = sim.connect();
  ASSERT_TRUE(sim.run([&] { return socket.is_established(); }));
  socket.send(Bytes{0x16, 0x03, 0x01, 0x02, 0x00, 0x01});
  ASSERT_TRUE(sim.run([&] { return sim.worker().num_connections() == 1; }));
  ASSERT_TRUE(sim.run([&] { return sim.worker().num_connections() == 0; }, seconds{7}));
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::timed_out), 1U);
  expect_all_gone(sim);
}

TEST(Relay, ABareHandshakeAckMakesNoState) {
  Simulation sim;
  Socket& socket = sim.connect();
  ASSERT_TRUE(sim.run([&] { return socket.is_established(); }));
  sim.run_for(milliseconds{10});
  EXPECT_EQ(sim.worker().num_connections(), 0U);
  EXPECT_EQ(sim.stats().stages.value(stats::HandshakeStage::syn_ack_sent), 1U);
}

TEST(Relay, FaultsOfEveryKindLoseNoByteEitherWay) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Simulation sim{
        {.seed = seed,
         .faults = {.loss = 0.01, .duplication = 0.01, .reordering = 0.01, .corruption = 0.002},
         .ipv6 = seed % 2 == 0}};
    Echo echo{sim};
    OpensslClient tls{sim.connect(), {.version = seed % 3 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION}};
    const Bytes sent = pattern(400'000);
    tls.write(sent);
    tls.shutdown();
    EXPECT_TRUE(sim.run(
        [&] {
          tls.step();
          echo.step();
          return tls.got_close_notify() || !tls.error().empty() || tls.socket().is_over();
        },
        seconds{300}))
        << tls.error();
    EXPECT_TRUE(tls.received() == sent) << tls.received().size() << " " << tls.error();
    tls.socket().close();
    expect_all_gone(sim);
  }
}

// A round trip of 50 ms and 64 KiB per round trip would be 1.3 MB/s.
TEST(Relay, AnUploadOverALongPathMakesTheWindowGrow) {
  const auto upload = [](std::uint32_t receive_buffer) {
    Simulation sim{{.delay_us = 12'500, .receive_buffer = receive_buffer}};
    Echo echo{sim};
    Talk talk{sim, 4'000'000};
    const Tsc begun = sim.now();
    EXPECT_TRUE(sim.run([&] {
      echo.step();
      return talk.done();
    }));
    EXPECT_TRUE(talk.correct());
    talk.close();
    expect_all_gone(sim, echo);
    return Simulation::kRate.nanos(sim.now() - begun);
  };
  const Nanos tuned = upload(4'194'304);
  EXPECT_GT(upload(65'536), 2 * tuned);
}

TEST(Relay, KeepAliveTellsAQuietPeerFromOneThatIsGone) {
  Simulation sim{{.tcp = {.keep_alive_seconds = 2}}};
  Echo echo{sim};
  Talk talk{sim, 100};
  ASSERT_TRUE(sim.run([&] {
    echo.step();
    return talk.done();
  }));
  sim.run_for(seconds{30});
  EXPECT_EQ(sim.num_connections(), 1U) << "client and backend have answered every probe";
  EXPECT_GE(sim.stats().traffic.value(stats::Traffic::keep_alive_probes), 28U);
  sim.client.silence(true);
  EXPECT_TRUE(sim.run([&] { return sim.num_connections() == 0; }, seconds{15}));
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::client_timed_out), 1U);
}

// A client that also offers a hybrid of X25519 and ML-KEM-768 sends a share of 1,216 bytes, so that
// its hello spans segments.  We do not know the group, and take X25519, in whatever order they
// arrive.
TEST(Relay, AHelloOfSeveralSegmentsIsReadInAnyOrder) {
  HelloBuilder hello = HelloBuilder::tls13();
  const Bytes x25519(32, 9);
  const Bytes hybrid(1'216, 7);
  hello.set(wire::ExtensionType::supported_groups, u16_list({0x11ec, 0x001d}));
  hello.set(wire::ExtensionType::key_share, written([&](wire::Writer& w) {
              w.vec16([&] {
                w.u16(0x11ec);
                w.vec16(ByteView{hybrid});
                w.u16(0x001d);
                w.vec16(ByteView{x25519});
              });
            }));
  const Bytes record_bytes = record(wire::ContentType::handshake, hello.message(), 0x0301);
  ASSERT_GT(record_bytes.size(), 1'300U);
  int reordered = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation sim{{.seed = seed, .faults = {.reordering = 0.5}, .mtu = 576}};
    Socket& client = sim.connect();
    ASSERT_TRUE(sim.run([&] { return client.is_established(); }));
    client.send(record_bytes);
    Bytes answer;
    EXPECT_TRUE(sim.run(
        [&] {
          append(answer, client.take_received());
          return answer.size() > 6;
        },
        seconds{2}));
    ASSERT_GT(answer.size(), 6U);
    EXPECT_EQ(answer[0], static_cast<std::uint8_t>(wire::ContentType::handshake));
    EXPECT_EQ(answer[5], static_cast<std::uint8_t>(wire::HandshakeType::server_hello));
    EXPECT_EQ(sim.stats().resumptions.value(stats::Resumption::tls13_retried), 0U);
    reordered += sim.stats().traffic.value(stats::Traffic::out_of_order_segments) > 0 ? 1 : 0;
  }
  EXPECT_GT(reordered, 5);
}

}  // namespace
}  // namespace sallyport::testing
