// What an attacker, a broken client or bad luck sends.  Nothing may crash, everything is counted,
// and who behaves is served.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "lib/base/internet_sum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/headers.h"
#include "lib/worker/turn.h"
#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"
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

// A record for every byte, as a program without a buffer writes them.  All are served, and nobody
// else waits for more than a few of them.
TEST(Hostile, AClientThatSendsTinyRecordsIsServedAFewAtATime) {
  constexpr std::size_t kBytes = 2'000;
  Simulation sim;
  Echo echo{sim};
  OpensslClient tls{sim.connect()};
  ASSERT_TRUE(sim.run([&] {
    tls.step();
    return tls.is_established();
  }));
  const Bytes sent = pattern(kBytes);
  for (const std::uint8_t byte : sent) {
    tls.write(Bytes{byte});
    tls.step();
  }
  std::uint64_t opened = sim.stats().traffic.value(stats::Traffic::records_opened);
  std::uint64_t most_at_once = 0;
  EXPECT_TRUE(sim.run([&] {
    const std::uint64_t now = sim.stats().traffic.value(stats::Traffic::records_opened);
    most_at_once = std::max(most_at_once, now - opened);
    opened = now;
    tls.step();
    echo.step();
    return tls.received().size() >= kBytes;
  })) << tls.error();
  EXPECT_EQ(tls.received(), sent);
  EXPECT_GE(opened, kBytes);
  EXPECT_LE(most_at_once, 64U) << "so many for one segment and one visit";
}

// Not even many of them have the worker for long.  A hello in single bytes asks for no answer until
// it is whole, so the room for those is no limit.
TEST(Hostile, ClientsThatSendTinyRecordsShareWhatABurstOpens) {
  constexpr std::size_t kClients = 60;
  SimulationOptions options;
  options.worker.max_handshakes = kClients;
  options.worker.max_message_buffers = kClients;
  Simulation sim{options};
  std::vector<Socket*> sockets;
  for (std::size_t i = 0; i < kClients; ++i) sockets.push_back(&sim.connect());
  ASSERT_TRUE(sim.run([&] {
    return std::ranges::all_of(sockets, [](const Socket* s) { return s->is_established(); });
  }));
  Bytes hello;  // in one segment, so that a burst has room for all of them
  for (const std::uint8_t byte : HelloBuilder::tls13().message()) {
    const Bytes one = record(wire::ContentType::handshake, Bytes{byte});
    hello.insert(hello.end(), one.begin(), one.end());
  }
  for (Socket* socket : sockets) socket->send(hello);
  // All that arrives in five milliseconds comes in one burst.
  std::uint64_t opened = 0;
  std::uint64_t most_at_once = 0;
  const auto all_said_hello = [&] {
    return sim.stats().stages.value(HandshakeStage::client_hello) == kClients;
  };
  for (int i = 0; i < 2'000 && !all_said_hello(); ++i) {
    sim.jump(milliseconds{5});
    const std::uint64_t now = sim.stats().traffic.value(Traffic::records_opened);
    most_at_once = std::max(most_at_once, now - opened);
    opened = now;
  }
  EXPECT_TRUE(all_said_hello());
  EXPECT_EQ(most_at_once, worker::Turn::kRecords);
  for (Socket* socket : sockets) socket->abort();
  expect_all_gone(sim);
}

// Each of its records is whole and in its place, and none gives it more time.
TEST(Hostile, AClientThatDripsItsAnswerTimesOut) {
  Simulation sim;
  Socket& socket = sim.connect();
  ASSERT_TRUE(sim.run([&] { return socket.is_established(); }));
  socket.send(record(wire::ContentType::handshake, HelloBuilder::tls12().message()));
  ASSERT_TRUE(sim.run([&] { return sim.stats().stages.value(HandshakeStage::flight_sent) == 1; }));
  const Bytes answer = message(wire::HandshakeType::client_key_exchange, Bytes(33, 32));
  for (std::size_t i = 0; i < 9; ++i) {
    socket.send(record(wire::ContentType::handshake, ByteView{answer}.subspan(i, 1)));
    sim.run_for(seconds{1});
    ASSERT_EQ(sim.worker().num_connections(), 1U) << i;
  }
  socket.send(record(wire::ContentType::handshake, ByteView{answer}.subspan(9, 1)));
  EXPECT_TRUE(sim.run([&] { return sim.worker().num_connections() == 0; }, seconds{2}));
  EXPECT_EQ(sim.stats().failures.value(HandshakeFailure::timed_out), 1U);
  expect_all_gone(sim);
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
