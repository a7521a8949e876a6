// What happens when something runs out: slots, jobs, frames.  Whoever behaves is served all the
// same, at once or as soon as there is room again.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"
#include "tests/support/tcp_frame.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {
namespace {

using stats::CloseCause;

struct Scarcity {
  const char* name;
  worker::WorkerConfig config;
  Bytes first_words;  // of the clients that hold what is scarce
};

Bytes half_a_client_hello() {
  // A whole record with the first half of a message: it needs a buffer until the rest has come.
  const Bytes hello = HelloBuilder::tls13().message();
  return record(ContentType::handshake, ByteView{hello}.first(hello.size() / 2));
}

// hello_to_retry has a share of a group that nobody here speaks.
Bytes hello_to_retry() {
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(wire::ExtensionType::supported_groups, u16_list({0x0200, 0x0017}));
  hello.share(0x0200, Bytes(56, 4));
  return record(wire::ContentType::handshake, hello.message(), 0x0301);
}

class Exhausted : public ::testing::TestWithParam<Scarcity> {};

TEST_P(Exhausted, LaterClientsAreServedWhenTheSlotsAreFreeAgain) {
  Simulation sim{{.worker = GetParam().config}};
  Echo echo{sim};
  std::vector<Socket*> greedy;
  for (int i = 0; i < 12; ++i) greedy.push_back(&sim.connect());
  ASSERT_TRUE(sim.run([&] {
    return std::ranges::all_of(greedy, [](const Socket* s) { return s->is_established(); });
  }));
  for (Socket* s : greedy) s->send(GetParam().first_words);
  sim.run_for(milliseconds{100});
  // Its ClientHello fills more than one record, so that it needs all the kinds of slots.
  Talk talk{
      sim, 10'000, {.groups = "P-256:X25519", .alpn = std::string(255, 'a'), .fragment = 512}};
  sim.run(
      [&] {
        echo.step();
        return talk.done();
      },
      seconds{1});
  EXPECT_FALSE(talk.tls().is_established()) << "nothing was scarce";
  EXPECT_TRUE(talk.tls().error().empty());
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return talk.done();
      },
      seconds{60}))
      << talk.tls().error() << talk.tls().socket().was_reset();
  EXPECT_TRUE(talk.correct());
  talk.close();
  for (Socket* s : greedy) s->abort();
  expect_all_gone(sim, echo, seconds{30});
}

INSTANTIATE_TEST_SUITE_P(
    Exhaustion, Exhausted,
    ::testing::Values(Scarcity{"connections", {.max_connections = 8, .max_handshakes = 16}, {22}},
                      Scarcity{"handshakes", {.max_connections = 64, .max_handshakes = 8}, {22}},
                      Scarcity{"connections_asked_to_retry",
                               {.max_connections = 8, .max_handshakes = 16},
                               hello_to_retry()},
                      Scarcity{
                          "message_buffers",
                          {.max_connections = 64, .max_handshakes = 32, .max_message_buffers = 3},
                          half_a_client_hello()}),
    [](const auto& p) { return p.param.name; });

// [RFC 8446 4.2.2] Four times as many as there are handshakes were asked for another share, and do
// not answer: what they would need is in their cookies.
TEST(Exhaustion, ClientsThatDoNotRetryHoldNoHandshake) {
  Simulation sim{{.worker = {.max_connections = 64, .max_handshakes = 8}}};
  Echo echo{sim};
  std::vector<Socket*> silent;
  for (int i = 0; i < 32; ++i) silent.push_back(&sim.connect());
  ASSERT_TRUE(sim.run([&] {
    return std::ranges::all_of(silent, [](const Socket* s) { return s->is_established(); });
  }));
  for (Socket* s : silent) {
    s->send(hello_to_retry());
    sim.run_for(milliseconds{5});
  }
  EXPECT_EQ(sim.stats().resumptions.value(stats::Resumption::tls13_retried), 32U);
  EXPECT_EQ(sim.stats().gauges.value(stats::Gauge::handshakes), 0U);
  EXPECT_EQ(sim.stats().gauges.value(stats::Gauge::connections), 32U);
  // One that retries is served at once.
  Talk talk{sim, 10'000, {.groups = "X448:P-256"}};
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return talk.done();
      },
      seconds{1}));
  EXPECT_TRUE(talk.correct());
  talk.close();
  for (Socket* s : silent) s->abort();
  expect_all_gone(sim, echo, seconds{30});
}

// What is kept of their ClientHellos is less than there are connections, and they give it back.
TEST(Exhaustion, ClientsThatDoNotRetryGiveWhatIsKeptOfTheirHellosToOthers) {
  SimulationOptions options;
  options.fingerprints = true;
  options.worker = {.max_connections = 64, .max_handshakes = 16, .max_hello_notes = 8};
  Simulation sim{options};
  Echo echo{sim};
  std::vector<Socket*> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(&sim.connect());
  ASSERT_TRUE(sim.run([&] {
    return std::ranges::all_of(silent, [](const Socket* s) { return s->is_established(); });
  }));
  for (Socket* s : silent) s->send(hello_to_retry());
  sim.run_for(milliseconds{100});
  EXPECT_EQ(sim.stats().resumptions.value(stats::Resumption::tls13_retried), 8U);
  EXPECT_EQ(sim.stats().gauges.value(stats::Gauge::handshakes), 0U);
  sim.run_for(seconds{1});
  // Long before their time for the second hello is over.
  Talk talk{sim, 10'000};
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return talk.done();
      },
      milliseconds{500}));
  EXPECT_TRUE(talk.correct());
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::gave_place), 1U);
  talk.close();
  for (Socket* s : silent) s->abort();
  expect_all_gone(sim, echo, seconds{30});
}

// The handshake of a client that retries was given back and lent again.  While its second hello,
// which comes in several records, waits for a buffer, it is not to be given back once more.
TEST(Exhaustion, ASecondHelloThatWaitsForABufferKeepsItsHandshake) {
  Simulation sim{{.worker = {.max_message_buffers = 1}}};
  Echo echo{sim};
  Talk talk{
      sim, 10'000, {.groups = "P-521:X25519", .alpn = std::string(255, 'a'), .fragment = 512}};
  const auto& retried = sim.stats().resumptions;
  ASSERT_TRUE(sim.run(
      [&] {
        if (!talk.tls().socket().is_established() || talk.tls().socket().unacked() == 0) {
          talk.tls().step();
        }
        return retried.value(stats::Resumption::tls13_retried) == 1;
      },
      milliseconds{200}));
  Socket& greedy = sim.connect();
  ASSERT_TRUE(sim.run([&] { return greedy.is_established(); }));
  greedy.send(half_a_client_hello());
  sim.run_for(milliseconds{5});
  const auto step = [&] {
    echo.step();
    return talk.done();
  };
  EXPECT_FALSE(sim.run(step, milliseconds{300})) << "nothing was scarce";
  EXPECT_TRUE(talk.tls().error().empty());
  EXPECT_EQ(sim.stats().gauges.value(stats::Gauge::handshakes), 2U);
  greedy.abort();
  EXPECT_TRUE(sim.run(step, seconds{1})) << talk.tls().error();
  EXPECT_TRUE(talk.correct());
  talk.close();
  expect_all_gone(sim, echo, seconds{5});
}

// expect_sent_away: the handshake comes about, and then there is nobody to talk to.
void expect_sent_away(Simulation& sim, const std::function<void()>& step) {
  OpensslClient tls{sim.connect()};
  tls.write("hello");
  EXPECT_TRUE(sim.run(
      [&] {
        step();
        tls.step();
        return tls.got_close_notify() && tls.socket().peer_closed();
      },
      seconds{1}))
      << tls.error();
  EXPECT_TRUE(tls.received().empty());
  tls.socket().close();
}

TEST(Exhaustion, APoolWithoutABackendSendsItsClientsAway) {
  Simulation sim{{.num_backends = 0}};
  expect_sent_away(sim, [] {});
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::no_backend), 1U);
  EXPECT_EQ(sim.stats().traffic.value(stats::Traffic::backend_retries), 0U);
  expect_all_gone(sim);
}

TEST(Exhaustion, WithoutALocalPortClientsAreSentAwayUntilThereIsOne) {
  Simulation sim{{.num_backends = 2, .num_local_ports = 1}};
  Echo echo{sim};
  const auto served = [&](Talk& talk) {
    return sim.run(
        [&] {
          echo.step();
          return talk.done();
        },
        seconds{1});
  };
  // One port is good for one connection to each of the two backends.
  Talk first{sim, 1'000};
  Talk second{sim, 1'000};
  ASSERT_TRUE(served(first) && served(second));
  expect_sent_away(sim, [&] { echo.step(); });
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::no_local_port), 1U);
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::no_backend), 0U);
  first.close();
  second.close();
  expect_all_gone(sim, echo);
  sim.run_for(seconds{61});  // TIME_WAIT
  Talk third{sim, 1'000};
  EXPECT_TRUE(served(third)) << third.tls().error();
  EXPECT_EQ(sim.stats().failures.value(stats::HandshakeFailure::no_local_port), 1U);
  third.close();
  expect_all_gone(sim, echo);
}

TEST(Exhaustion, HandshakesWaitForAJobSlotAndAllGoOn) {
  Simulation sim{{.worker = {.max_jobs = 4}}};
  Echo echo{sim};
  sim.run_for(milliseconds{50});
  sim.hold_jobs(true);
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 20; ++i) talks.push_back(std::make_unique<Talk>(sim, 1'000));
  const auto all_done = [&] {
    echo.step();
    return std::ranges::count_if(talks, [](const auto& talk) { return talk->done(); }) == 20;
  };
  EXPECT_FALSE(sim.run(all_done, seconds{1}));
  EXPECT_LE(sim.num_jobs_held(), 4U);
  sim.hold_jobs(false);
  EXPECT_TRUE(sim.run(all_done, seconds{5}));
  for (const auto& talk : talks) {
    EXPECT_TRUE(talk->correct());
    talk->close();
  }
  expect_all_gone(sim, echo);
}

TEST(Exhaustion, DownloadsThatFillTheReceivePoolGoOnWithoutHelp) {
  // Each backend may have a window of frames under way: together more than may be held.
  Simulation sim{{.worker = {.max_rx_frames_held = 64}}};
  Page page{sim, 500'000};
  std::vector<std::unique_ptr<OpensslClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<OpensslClient>(sim.connect()));
    clients.back()->write(kRequest);
  }
  EXPECT_TRUE(sim.run(
      [&] {
        page.step();
        for (const auto& c : clients) c->step();
        return std::ranges::all_of(clients, [](const auto& c) { return c->got_close_notify(); });
      },
      seconds{20}));
  for (const auto& c : clients) {
    EXPECT_TRUE(c->received() == page.page()) << c->received().size() << c->error();
    c->shutdown();
    c->step();
    c->socket().close();
  }
  expect_all_gone(sim, seconds{5});
}

TEST(Exhaustion, UploadsThatFillTheReceivePoolGoOnWithoutHelp) {
  // Enough for an unfinished record of each, not for all their windows.
  Simulation sim{{.worker = {.max_rx_frames_held = 192}}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 10; ++i) talks.push_back(std::make_unique<Talk>(sim, 200'000));
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return std::ranges::count_if(talks, [](const auto& talk) { return talk->done(); }) == 10;
      },
      seconds{30}));
  for (const auto& talk : talks) {
    EXPECT_TRUE(talk->correct());
    talk->close();
  }
  expect_all_gone(sim, echo, seconds{5});
}

TEST(Exhaustion, ClientsThatStopReadingDoNotStopTheOthers) {
  Simulation sim{{.worker = {.max_tx_frames_held = 256}}};
  Page page{sim, 1'000'000};
  std::vector<std::unique_ptr<OpensslClient>> lazy;
  for (int i = 0; i < 5; ++i) {
    lazy.push_back(std::make_unique<OpensslClient>(sim.connect()));
    lazy.back()->write(kRequest);
    lazy.back()->socket().set_reading(false);
  }
  sim.run(
      [&] {
        page.step();
        for (const auto& c : lazy) {
          // What follows the handshake stays in the window.
          if (!c->is_established()) c->step();
        }
        return false;
      },
      seconds{2});
  // However much they take, the next part of what is left is for somebody else.
  EXPECT_LT(sim.worker().frames_held().tx_held, 192U);
  sim.run_for(milliseconds{10});
  OpensslClient honest{sim.connect()};
  honest.write(kRequest);
  EXPECT_TRUE(sim.run(
      [&] {
        page.step();
        honest.step();
        return honest.got_close_notify();
      },
      seconds{2}));
  EXPECT_TRUE(honest.received() == page.page()) << honest.received().size() << honest.error();
}

TEST(Exhaustion, ClientsThatStopInTheMiddleOfARecordDoNotStopTheOthers) {
  Simulation sim{{.worker = {.max_rx_frames_held = 64}}};
  Echo echo{sim};
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 10; ++i) talks.push_back(std::make_unique<Talk>(sim, 100));
  ASSERT_TRUE(sim.run([&] {
    echo.step();
    return std::ranges::count_if(talks, [](const auto& talk) { return talk->done(); }) == 10;
  }));
  // The header of a full record, and all of it but the end.
  Bytes part(16'000, 0x55);
  std::ranges::copy(Bytes{23, 3, 3, 0x40, 0x11}, part.begin());
  for (const auto& talk : talks) talk->tls().socket().send(part);
  sim.run_for(milliseconds{100});
  EXPECT_GE(sim.worker().frames_held().rx_held, 48U);
  Talk honest{sim, 100'000};
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return honest.done();
      },
      seconds{20}));
  EXPECT_TRUE(honest.correct());
  EXPECT_GE(sim.stats().closes.value(CloseCause::buffers_low), 1U);
}

// send_behind_gaps leaves ten segments behind as many gaps of the connection.
void send_behind_gaps(Simulation& sim, Talk& talk) {
  const Socket& socket = talk.tls().socket();
  const tcp::Tcb& tcb = socket.tcb();
  for (std::uint32_t i = 1; i <= 10; ++i) {
    tcp::Segment segment;
    segment.seq = tcb.snd_nxt + i * 1'000;
    segment.ack = tcb.rcv_nxt;
    segment.flags = tcp::kAck;
    segment.window = 1'000;
    segment.payload_len = 300;
    segment.options.has_timestamps = true;
    segment.options.tsval = tcp::timestamp_clock(sim.instant()) + tcb.ts_offset;
    segment.options.tsecr = tcb.ts_recent;
    sim.inject(tcp_frame({kStrangerMac, sim.worker_mac()}, socket.tuple(), segment, pattern(300)));
  }
}

std::vector<std::unique_ptr<Talk>> established_talks(Simulation& sim, Echo& echo, std::size_t num) {
  std::vector<std::unique_ptr<Talk>> talks;
  for (std::size_t i = 0; i < num; ++i) talks.push_back(std::make_unique<Talk>(sim, 100));
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    return std::ranges::all_of(talks, [](const auto& talk) { return talk->done(); });
  }));
  return talks;
}

// What lies behind a gap moves nothing, however often it comes.
TEST(Exhaustion, ClientsThatRepeatWhatLiesBehindAGapDoNotStopTheOthers) {
  Simulation sim{{.worker = {.max_rx_frames_held = 64}}};
  Echo echo{sim};
  const auto talks = established_talks(sim, echo, 10);
  Tsc next = sim.now();
  const auto repeat = [&] {
    if (sim.now() < next) return;
    next = sim.now() + Simulation::kRate.ticks(seconds{1});
    for (const auto& talk : talks) send_behind_gaps(sim, *talk);
  };
  repeat();
  sim.run_for(milliseconds{10});
  EXPECT_EQ(sim.worker().frames_held().rx_held, 64U);
  Talk honest{sim, 100'000};
  EXPECT_TRUE(sim.run(
      [&] {
        repeat();
        echo.step();
        return honest.done();
      },
      seconds{20}));
  EXPECT_TRUE(honest.correct());
  EXPECT_GE(sim.stats().closes.value(CloseCause::buffers_low), 1U);
}

// Frames are scarce, and not so scarce that anybody is reset: that state may last, so whoever is in
// the middle of a record must come to its end, also in many small segments.
TEST(Exhaustion, ARecordInSmallSegmentsIsLetInWhileFramesAreScarce) {
  Simulation sim{{.mtu = 576, .worker = {.max_rx_frames_held = 128}}};
  Echo echo{sim};
  const auto talks = established_talks(sim, echo, 10);
  for (const auto& talk : talks) send_behind_gaps(sim, *talk);
  sim.run_for(milliseconds{10});
  EXPECT_GE(sim.worker().frames_held().rx_held, 128U / 4 * 3);
  EXPECT_LT(sim.worker().frames_held().rx_held, 128U / 16 * 15);
  Talk honest{sim, 100'000};
  EXPECT_TRUE(sim.run(
      [&] {
        echo.step();
        return honest.done();
      },
      seconds{20}));
  EXPECT_TRUE(honest.correct());
}

// Clients that stop reading may hold much, but never all.
TEST(Exhaustion, OthersAreServedAtOnceWhileManyClientsDoNotRead) {
  Simulation sim{{.worker = {.max_rx_frames_held = 1'024, .max_tx_frames_held = 1'024}}};
  Page page{sim, 600'000};
  std::vector<std::unique_ptr<OpensslClient>> greedy;
  for (int i = 0; i < 60; ++i) {
    greedy.push_back(std::make_unique<OpensslClient>(sim.connect()));
    greedy.back()->write(kRequest);
  }
  sim.run(
      [&] {
        for (auto& tls : greedy) {
          // The request leaves in the step that establishes TLS, or in the next.
          if (tls->socket().tcb().snd_una == tls->socket().tcb().snd_max && tls->is_established()) {
            tls->socket().set_reading(false);
          } else {
            tls->step();
          }
        }
        page.step();
        return false;
      },
      seconds{1});
  EXPECT_GE(sim.worker().frames_held().tx_held, 256U) << "nothing was scarce";
  OpensslClient honest{sim.connect()};
  honest.write(kRequest);
  EXPECT_TRUE(sim.run(
      [&] {
        honest.step();
        page.step();
        return honest.received().size() == page.page().size();
      },
      seconds{2}))
      << honest.received().size() << honest.error();
  EXPECT_TRUE(honest.received() == page.page());
  EXPECT_EQ(sim.stats().closes.value(CloseCause::buffers_low), 0U);
}

// Slow readers, however many: each byte that one of them takes counts as progress, so nobody ends
// them.  What they hold must leave something for others, on new connections and on old ones.
TEST(Exhaustion, OthersAreServedWhileHundredsOfClientsReadSlowly) {
  Simulation sim{{.worker = {.max_rx_frames_held = 4'096, .max_tx_frames_held = 512}}};
  Page page{sim, 2'000'000};
  std::vector<std::unique_ptr<OpensslClient>> slow;
  Tsc next_sip = sim.now();
  const auto step = [&] {
    const bool sip = sim.now() >= next_sip;
    if (sip) next_sip = sim.now() + Simulation::kRate.ticks(seconds{2});
    for (auto& tls : slow) {
      const Socket& socket = tls->socket();
      const bool asked = tls->is_established() && socket.tcb().snd_una == socket.tcb().snd_max;
      tls->socket().set_reading(!asked);
      if (!asked || sip) tls->step();
    }
    page.step();
  };
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<OpensslClient>(sim.connect()));
    slow.back()->write(kRequest);
    if (i % 10 == 0) sim.run_for(milliseconds{1});
  }
  sim.run(
      [&] {
        step();
        return false;
      },
      seconds{3});
  EXPECT_GE(sim.worker().frames_held().tx_held, 480U) << "nothing was scarce";
  OpensslClient honest{sim.connect()};
  honest.write(kRequest);
  EXPECT_TRUE(sim.run(
      [&] {
        step();
        honest.step();
        return honest.received().size() >= 20'000;
      },
      seconds{4}))
      << honest.received().size() << honest.error();
}

}  // namespace
}  // namespace sallyport::testing
