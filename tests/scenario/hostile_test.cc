// What an attacker, a broken client or bad luck sends.  Nothing may crash, everything is counted,
// and who behaves is served.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "lib/base/internet_sum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/headers.h"
#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"
#include "tests/support/tcp_frame.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {
namespace {

using stats::DropReason;
using stats::Gauge;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

class Random32 {
 public:
  explicit Random32(std::uint32_t seed) : engine_{seed} {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

std::uint64_t num_drops(const Simulation& sim) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < stats::Counters<DropReason>::kSize; ++i) {
    sum += sim.stats().drops.value(DropReason{static_cast<std::uint8_t>(i)});
  }
  return sum;
}

// repair makes the checksums of an IPv4 frame right again, as far as its lengths make sense.
void repair(Bytes& frame) {
  if (frame.size() < 34 || frame[12] != 8 || frame[13] != 0) return;
  const MutableBytes l3 = MutableBytes{frame}.subspan(14);
  const std::size_t header = (l3[0] & 0xfU) * std::size_t{4};
  const std::size_t total = load<Be16>(l3.subspan(2)).host();
  if (header < 20 || total < header + 20 || total > l3.size()) return;
  store(l3.subspan(10), Be16{});
  store(l3.subspan(10), InternetSum{}.add(l3.first(header)).checksum());
  const MutableBytes l4 = l3.subspan(header, total - header);
  store(l4.subspan(16), Be16{});
  Bytes pseudo(l3.begin() + 12, l3.begin() + 20);
  pseudo.insert(pseudo.end(), {0, 6, static_cast<std::uint8_t>(l4.size() >> 8U),
                               static_cast<std::uint8_t>(l4.size())});
  store(l4.subspan(16), InternetSum{}.add(pseudo).add(l4).checksum());
}

// record_run returns every frame that an honest client sent, from SYN to FIN.
std::vector<Bytes> record_run(Simulation& sim, Echo& echo, int version) {
  std::vector<Bytes> frames;
  sim.set_filter([&](Simulation::To to, ByteView frame) {
    if (to == Simulation::To::worker) frames.emplace_back(frame.begin(), frame.end());
    return std::optional{Nanos{0}};
  });
  Talk talk{sim, 5'000, {.version = version}};
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    return talk.done();
  }));
  talk.close();
  sim.run_for(milliseconds{50});
  sim.set_filter(nullptr);
  return frames;
}

// --- Broken frames -----------------------------------------------------------------------------

TEST(Hostile, EachTruncatedOrFlippedFrameIsDroppedForOneReasonAndNobodyElseNotices) {
  for (const bool ipv6 : {false, true}) {
    Simulation sim{{.ipv6 = ipv6}};
    Echo echo{sim};
    const std::vector<Bytes> honest = record_run(sim, echo, TLS1_3_VERSION);
    ASSERT_GT(honest.size(), 10U);
    Talk talk{sim, 300'000};
    std::mt19937_64 random{7};
    std::uint64_t injected = 0;
    const std::uint64_t before = num_drops(sim);
    EXPECT_TRUE(sim.run([&] {
      for (int i = 0; i < 10; ++i) {
        Bytes frame = honest[random() % honest.size()];
        if (random() % 2 == 0) {
          frame.resize(random() % frame.size());
        } else {
          // The Ethernet header is under no checksum that we see.
          const std::size_t bit = 8 * 14 + random() % (8 * (frame.size() - 14));
          frame[bit / 8] = static_cast<std::uint8_t>(frame[bit / 8] ^ (1U << (bit % 8)));
        }
        // Of IPv6 the header itself is not protected either.
        if (ipv6 && frame.size() > 54) frame.resize(54);
        sim.inject(frame);
        ++injected;
      }
      echo.step();
      return talk.done();
    }));
    EXPECT_TRUE(talk.correct());
    EXPECT_GT(injected, 1'500U);
    EXPECT_EQ(num_drops(sim) - before, injected) << ipv6;
    EXPECT_EQ(sim.stats().drops.value(DropReason::internal_error), 0U);
    talk.close();
    expect_all_gone(sim, echo);
  }
}

TEST(Hostile, FramesThatLieUnderCorrectChecksumsHarmNobodyAndLeaveNothing) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Simulation sim{{.worker = {.max_connections = 64, .max_handshakes = 16}}};
    Echo echo{sim};
    const std::vector<Bytes> honest = record_run(sim, echo, version);
    Talk talk{sim, 400'000, {.version = version}};
    ASSERT_TRUE(sim.run([&] {
      echo.step();
      return !talk.done() && talk.tls().is_established();
    }));
    std::mt19937_64 random{11};
    EXPECT_TRUE(sim.run([&] {
      for (int i = 0; i < 10; ++i) {
        Bytes frame = honest[random() % honest.size()];
        // Changes of whole bytes behind the tuple, beside single bits.
        for (std::uint64_t n = random() % 4; n > 0; --n) {
          const std::size_t at = 38 + random() % (frame.size() - 38);
          frame[at] = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : frame[at] ^ 1U);
        }
        repair(frame);
        sim.inject(frame);
      }
      echo.step();
      return talk.done();
    }));
    EXPECT_TRUE(talk.correct());
    talk.close();
    // Replayed cookies may have made connections, which nobody continues.
    expect_all_gone(sim, echo, seconds{90});
  }
}

// --- Floods ------------------------------------------------------------------------------------

TEST(Hostile, AFloodOfAnyKindLeavesNoStateAndDisturbsNobody) {
  struct Flood {
    tcp::Flags flags;
    std::size_t payload;
  };
  for (const Flood& flood :
       {Flood{tcp::kSyn, 0}, Flood{tcp::kAck, 0}, Flood{tcp::kAck | tcp::kPsh, 100},
        Flood{tcp::kRst, 0}, Flood{tcp::kFin | tcp::kAck, 0}, Flood{tcp::kSyn | tcp::kAck, 0},
        Flood{tcp::kFin, 0}, Flood{tcp::Flags{0x3f}, 9}, Flood{tcp::Flags{0}, 1}}) {
    SCOPED_TRACE(int{flood.flags.bits});
    Simulation sim;
    Echo echo{sim};
    Talk talk{sim, 200'000};
    ASSERT_TRUE(sim.run([&] {
      echo.step();
      return !talk.done() && talk.tls().is_established();
    }));
    Random32 random{3};
    const Bytes payload(flood.payload, 0x16);
    std::uint32_t n = 0;
    EXPECT_TRUE(sim.run([&] {
      for (int i = 0; i < 20; ++i, ++n) {
        const SocketAddress from{IpAddress::v4({198, 19, static_cast<std::uint8_t>(n >> 8U),
                                                static_cast<std::uint8_t>(n)}),
                                 static_cast<std::uint16_t>(1'024 + n % 60'000)};
        sim.inject(frame_from(sim, from, flood.flags, random(), random(), payload));
        EXPECT_EQ(sim.num_connections(), 1U);
      }
      echo.step();
      return talk.done();
    }));
    EXPECT_TRUE(talk.correct());
    EXPECT_GT(n, 1'000U);
    talk.close();
    expect_all_gone(sim, echo);
  }
}

TEST(Hostile, SegmentsOfNothingAreResetOrHearNothingAsTheInterfaceSays) {
  for (const auto policy : {snapshot::StrayPolicy::reset, snapshot::StrayPolicy::silence}) {
    Simulation sim{{.strays = policy}};
    unsigned resets = 0;
    unsigned others = 0;
    sim.set_tap([&](ByteView frame) {
      const bool is_reset = wire::parse_packet(frame, 0, {})->tcp.flags.rst();
      ++(is_reset ? resets : others);
    });
    SocketAddress from{IpAddress::v4({198, 19, 0, 1}), 5'000};
    sim.inject(frame_from(sim, from, tcp::kAck, 1, 2));
    sim.inject(frame_from(sim, from, tcp::kSyn | tcp::kAck, 1, 2));
    sim.inject(frame_from(sim, from, tcp::kFin | tcp::kAck, 1, 2));
    sim.run_for(milliseconds{1});
    const bool resets_strays = policy == snapshot::StrayPolicy::reset;
    EXPECT_EQ(resets, resets_strays ? 3U : 0U);
    EXPECT_EQ(others, 0U);
    EXPECT_EQ(sim.stats().drops.value(DropReason::tcp_cookie_refused), 2U);
    EXPECT_EQ(sim.stats().drops.value(DropReason::tcp_no_connection), 1U);
    sim.inject(frame_from(sim, from, tcp::kSyn, 1, 0));
    sim.run_for(milliseconds{1});
    EXPECT_EQ(others, 1U) << "a listener answers";
  }
}

// A flood that names the tuple of a connection: RFC 5961 decides what is believed.
TEST(Hostile, BlindSegmentsOnTheTupleOfAConnectionDoNotEndIt) {
  Simulation sim;
  Echo echo{sim};
  Talk talk{sim, 300'000};
  ASSERT_TRUE(sim.run([&] {
    echo.step();
    return !talk.done() && talk.tls().is_established();
  }));
  const SocketAddress client = talk.tls().socket().tuple().local;
  Random32 random{5};
  std::uint64_t n = 0;
  EXPECT_TRUE(sim.run([&] {
    for (int i = 0; i < 5; ++i, ++n) {
      const auto flags =
          std::array{tcp::kRst, tcp::kSyn, tcp::kRst | tcp::kAck, tcp::kFin | tcp::kAck}[n % 4];
      // Half of them in the window, but not at its very start.
      const std::uint32_t near = talk.tls().socket().tcb().snd_nxt.raw + 2'000 + random() % 10'000;
      sim.inject(frame_from(sim, client, flags, n % 8 < 4 ? near : random(), random()));
    }
    echo.step();
    return talk.done();
  }));
  EXPECT_TRUE(talk.correct());
  EXPECT_GT(sim.stats().traffic.value(Traffic::challenge_acks), 0U);
  // The challenge ACKs went to the client, not to whoever forged the frames.
  talk.close();
  expect_all_gone(sim, echo);
}

// --- Clients that vanish -----------------------------------------------------------------------

class Vanishing : public ::testing::TestWithParam<int> {};

TEST_P(Vanishing, AClientThatFallsSilentAfterAnyFrameLeavesNothingBehind) {
  for (std::uint64_t last = 1;; ++last) {
    SCOPED_TRACE(last);
    ASSERT_LT(last, 60U);
    Simulation sim;
    Echo echo{sim};
    std::uint64_t seen = 0;
    sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
      const bool from_client = load<wire::EthernetHeader>(frame).source == sim.client.mac();
      if (to == Simulation::To::worker && from_client && ++seen > last) return std::nullopt;
      if (to == Simulation::To::client && seen > last) return std::nullopt;
      return Nanos{0};
    });
    Talk talk{sim, 2'000, {.version = GetParam()}};
    const bool done = sim.run(
        [&] {
          echo.step();
          return talk.done();
        },
        milliseconds{100});
    expect_all_gone(sim, echo, seconds{200});
    if (done) break;
  }
}

TEST_P(Vanishing, AClientThatResetsAfterAnyFrameLeavesNothingBehindAtOnce) {
  for (std::uint64_t last = 3;; ++last) {
    SCOPED_TRACE(last);
    ASSERT_LT(last, 60U);
    Simulation sim;
    Echo echo{sim};
    std::uint64_t seen = 0;
    sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
      const bool from_client = load<wire::EthernetHeader>(frame).source == sim.client.mac();
      if (to == Simulation::To::worker && from_client) ++seen;
      return Nanos{0};
    });
    Talk talk{sim, 2'000, {.version = GetParam()}};
    bool done = false;
    sim.run(
        [&] {
          echo.step();
          done = talk.done();
          return done || seen >= last;
        },
        milliseconds{100});
    talk.tls().socket().abort();
    expect_all_gone(sim, echo, milliseconds{10});
    if (done) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Hostile, Vanishing, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

TEST(Hostile, AResultForAConnectionThatWasResetIsCountedAndItsSlotReturns) {
  Simulation sim;
  Echo echo{sim};
  ASSERT_TRUE(sim.run([&] { return sim.stats().gauges.value(Gauge::key_shares) >= 64; }));
  sim.hold_jobs(true);
  OpensslClient tls{sim.connect()};
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    return sim.stats().stages.value(HandshakeStage::job_submitted) == 1;
  }));
  tls.socket().abort();
  ASSERT_TRUE(sim.run([&] { return sim.num_connections() == 0; }));
  EXPECT_GE(sim.stats().gauges.value(Gauge::jobs), 1U);
  EXPECT_EQ(sim.stats().gauges.value(Gauge::handshakes), 0U);
  // The slot of the connection belongs to somebody else when the answer comes.
  Talk next{sim, 100};
  sim.run([&] { return next.done(); }, milliseconds{10});
  EXPECT_EQ(sim.num_connections(), 1U);
  sim.hold_jobs(false);
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    return next.done();
  }));
  EXPECT_TRUE(next.correct());
  EXPECT_EQ(sim.stats().traffic.value(Traffic::stale_jobs), 1U);
  EXPECT_EQ(sim.stats().failures.value(HandshakeFailure::client_closed), 1U);
  next.close();
  expect_all_gone(sim, echo);
}

TEST(Hostile, ASignatureThatNeverComesBackEndsInATimeOutAndNoSlotIsLost) {
  Simulation sim;
  Echo echo{sim};
  ASSERT_TRUE(sim.run([&] { return sim.stats().gauges.value(Gauge::key_shares) >= 64; }));
  sim.hold_jobs(true);
  OpensslClient tls{sim.connect()};
  EXPECT_TRUE(sim.run(
      [&] {
        tls.step();
        return tls.socket().was_reset();
      },
      seconds{20}));
  EXPECT_EQ(sim.stats().failures.value(HandshakeFailure::timed_out), 1U);
  sim.hold_jobs(false);
  expect_all_gone(sim, echo);
  EXPECT_EQ(sim.stats().traffic.value(Traffic::stale_jobs), 1U);
}

// --- Exhaustion --------------------------------------------------------------------------------

struct Exhaustion {
  const char* name;
  worker::WorkerConfig config;
  Bytes first_words;  // of the clients that hold what is scarce
};

Bytes half_a_client_hello() {
  // A whole record with the first half of a message: it needs a buffer until the rest has come.
  const Bytes hello = HelloBuilder::tls13().message();
  return record(ContentType::handshake, ByteView{hello}.first(hello.size() / 2));
}

class Exhausted : public ::testing::TestWithParam<Exhaustion> {};

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
    Hostile, Exhausted,
    ::testing::Values(Exhaustion{"connections", {.max_connections = 8, .max_handshakes = 16}, {22}},
                      Exhaustion{"handshakes", {.max_connections = 64, .max_handshakes = 8}, {22}},
                      Exhaustion{
                          "message_buffers",
                          {.max_connections = 64, .max_handshakes = 32, .max_message_buffers = 3},
                          half_a_client_hello()}),
    [](const auto& p) { return p.param.name; });

TEST(Hostile, HandshakesWaitForAJobSlotAndAllGoOn) {
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

TEST(Hostile, DownloadsThatFillTheReceivePoolGoOnWithoutHelp) {
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

TEST(Hostile, UploadsThatFillTheReceivePoolGoOnWithoutHelp) {
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

TEST(Hostile, ClientsThatStopReadingDoNotStopTheOthers) {
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

TEST(Hostile, ClientsThatStopInTheMiddleOfARecordDoNotStopTheOthers) {
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
  EXPECT_GE(sim.stats().closes.value(stats::CloseCause::buffers_low), 1U);
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
TEST(Hostile, ClientsThatRepeatWhatLiesBehindAGapDoNotStopTheOthers) {
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
  EXPECT_GE(sim.stats().closes.value(stats::CloseCause::buffers_low), 1U);
}

// Frames are scarce, and not so scarce that anybody is reset: that state may last, so whoever is in
// the middle of a record must come to its end, also in many small segments.
TEST(Hostile, ARecordInSmallSegmentsIsLetInWhileFramesAreScarce) {
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

// --- ClientHellos in strange pieces --------------------------------------------------------------

TEST(Hostile, AClientThatSendsSingleBytesIsServed) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Simulation sim;
    Echo echo{sim};
    Talk talk{sim, 50, {.version = version, .segment = 1}};
    EXPECT_TRUE(sim.run([&] {
      echo.step();
      return talk.done();
    })) << talk.tls().error();
    EXPECT_TRUE(talk.correct());
    // close_notify in single bytes, too.
    talk.tls().shutdown();
    sim.run(
        [&] {
          echo.step();
          talk.tls().step();
          return talk.tls().got_close_notify();
        },
        seconds{1});
    talk.tls().socket().close();
    expect_all_gone(sim, echo);
  }
}

TEST(Hostile, ASecondHalfThatOvertakesTheFirstIsDroppedQuietlyAndComesAgain) {
  for (const bool ipv6 : {false, true}) {
    Simulation sim{{.ipv6 = ipv6}};
    Echo echo{sim};
    int data_frames = 0;
    sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
      const bool has_data = frame.size() > 200;
      if (to == Simulation::To::worker && has_data && ++data_frames == 1) return milliseconds{5};
      return Nanos{0};
    });
    // Segments so small that a ClientHello needs two.
    Talk talk{sim, 1'000, {.segment = 160}};
    EXPECT_TRUE(sim.run([&] {
      echo.step();
      return talk.done();
    })) << talk.tls().error();
    EXPECT_TRUE(talk.correct());
    EXPECT_GE(sim.stats().drops.value(DropReason::tcp_early_overtake), 1U);
    EXPECT_EQ(sim.stats().traffic.value(Traffic::rst_sent), 0U);
    talk.close();
    expect_all_gone(sim, echo);
  }
}

// Clients that stop reading may hold much, but never all.
TEST(Hostile, OthersAreServedAtOnceWhileManyClientsDoNotRead) {
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
  EXPECT_EQ(sim.stats().closes.value(stats::CloseCause::buffers_low), 0U);
}

// Slow readers, however many: each byte that one of them takes counts as progress, so nobody ends
// them.  What they hold must leave something for others, on new connections and on old ones.
TEST(Hostile, OthersAreServedWhileHundredsOfClientsReadSlowly) {
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

// [RFC 5681 4.2] Three duplicate ACKs are all that a peer without SACK has to notice a loss by, so
// segments that arrive together are not acknowledged together.
TEST(Hostile, EachSegmentBehindAGapIsAcknowledgedByItself) {
  Simulation sim;
  Echo echo{sim};
  Talk talk{sim, 12'000};
  bool lost = false;
  std::uint32_t expected = 0;
  unsigned behind = 0;
  unsigned duplicates = 0;
  sim.set_filter([&](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
    if (frame.size() < 54) return Nanos{0};
    if (to == Simulation::To::worker && frame.size() > 1'400) {
      if (lost) ++behind;
      if (!lost) {
        lost = true;
        expected = load<Be32>(frame.subspan(38)).host();
        return std::nullopt;
      }
    }
    if (to == Simulation::To::client && lost && frame.size() < 100 &&
        load<Be32>(frame.subspan(42)).host() == expected) {
      ++duplicates;
    }
    return Nanos{0};
  });
  EXPECT_TRUE(sim.run([&] {
    echo.step();
    return talk.done() || duplicates > 5;
  }));
  EXPECT_GE(behind, 5U);
  EXPECT_GE(duplicates, 5U);
}

// --- Ends --------------------------------------------------------------------------------------

// [RFC 9293 3.10.7.4] The FIN that follows our own is acknowledged at once: whoever sent it may
// forget the connection then, and does not have to repeat it.
TEST(Hostile, TheLastFinIsAcknowledgedWithoutBeingRepeated) {
  Simulation sim;
  Page page{sim, 1'000};
  OpensslClient tls{sim.connect()};
  tls.write(kRequest);
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    page.step();
    return tls.got_close_notify() && tls.socket().peer_closed();
  }));
  sim.run_for(milliseconds{50});  // our FIN is acknowledged: FIN_WAIT_2
  tls.socket().close();
  EXPECT_TRUE(sim.run([&] { return tls.socket().is_over(); }, milliseconds{10}));
  EXPECT_EQ(sim.stats().gauges.value(Gauge::time_wait), 1U);
  expect_all_gone(sim);
}

}  // namespace
}  // namespace sallyport::testing
