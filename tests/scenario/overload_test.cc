// Floods of ten times what the worker can take, in virtual time.  Its RX queue overflows, and nine
// of ten frames are lost before anybody has looked at them, honest ones like the others:
// connections come to a near stop, and must live on when it is over.  The table is that of
// docs/performance.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/base/internet_sum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ip.h"
#include "tests/scenario/actors.h"
#include "tests/support/openssl_client.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

using stats::CloseCause;
using stats::Gauge;
using stats::HandshakeStage;

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kConnections = 50;
constexpr Nanos kDuration = seconds{3};
#else
constexpr std::size_t kConnections = 200;
constexpr Nanos kDuration = seconds{6};
#endif
constexpr std::uint64_t kCapacity = 100'000;  // frames per second
constexpr Nanos kPause = milliseconds{100};   // between two messages of a connection
constexpr std::size_t kMessage = 1'000;
constexpr Nanos kBetweenHandshakes = milliseconds{20};
constexpr MacAddress kStrangerMac{{2, 0, 0, 0, 0, 0x66}};

enum class Kind : std::uint8_t { nothing, syn, ack, rst, fin, fragment, client_hello };
constexpr std::array kKinds{Kind::nothing, Kind::syn,      Kind::ack,         Kind::rst,
                            Kind::fin,     Kind::fragment, Kind::client_hello};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::nothing:
      return "none";
    case Kind::syn:
      return "SYN";
    case Kind::ack:
      return "ACK";
    case Kind::rst:
      return "RST";
    case Kind::fin:
      return "FIN";
    case Kind::fragment:
      return "IP fragment";
    case Kind::client_hello:
      return "ClientHello";
  }
  return "";
}

// Exchange is a connection that sends a message now and then and wants it back from an Echo.
class Exchange {
 public:
  Exchange(Simulation& sim, std::uint32_t seed)
      : sim_{sim}, stream_{pattern(64 * kMessage, seed)}, tls_{sim.connect()} {}

  void step() {
    tls_.step();
    const Bytes& got = tls_.received();
    for (; num_checked_ < got.size(); ++num_checked_) {
      if (got[num_checked_] != stream_[num_checked_ % stream_.size()]) garbled_ = true;
    }
    if (closing_ || num_checked_ < num_written_ || sim_.now() < next_) return;
    tls_.write(ByteView{stream_}.subspan(num_written_ % stream_.size(), kMessage));
    num_written_ += kMessage;
    next_ = sim_.now() + Simulation::kRate.ticks(kPause);
  }
  void close() {
    closing_ = true;
    tls_.shutdown();
    tls_.step();
    tls_.socket().close();
  }
  [[nodiscard]] bool is_idle() const { return num_checked_ == num_written_; }
  [[nodiscard]] bool is_sound() {
    return !garbled_ && tls_.error().empty() && !tls_.socket().was_reset() &&
           !tls_.got_close_notify() && !tls_.socket().peer_closed();
  }
  [[nodiscard]] std::size_t num_checked() const { return num_checked_; }
  [[nodiscard]] OpensslClient& tls() { return tls_; }

 private:
  Simulation& sim_;
  Bytes stream_;
  OpensslClient tls_;
  std::size_t num_written_ = 0;
  std::size_t num_checked_ = 0;
  Tsc next_{};
  bool closing_ = false;
  bool garbled_ = false;
};

// Stranger makes the frames of a flood.  Sources are spoofed; of RST and FIN every second one names
// an established connection and guesses a sequence number.
class Stranger {
 public:
  Stranger(const Simulation& sim, Kind kind, std::vector<FourTuple> victims, Bytes client_hello)
      : sim_{sim}, kind_{kind}, victims_{std::move(victims)}, hello_{std::move(client_hello)} {}

  Bytes make() {
    tcp::Segment segment;
    segment.seq = {static_cast<std::uint32_t>(random_())};
    segment.ack = {static_cast<std::uint32_t>(random_())};
    segment.window = 64'240;
    switch (kind_) {
      case Kind::nothing:
        return {};
      case Kind::syn:
        segment.flags = tcp::kSyn;
        segment.options = {
            .mss = 1460, .window_scale = 7, .has_window_scale = true, .sack_permitted = true};
        return frame(stranger(), segment);
      case Kind::ack:
        segment.flags = tcp::kAck;
        return frame(stranger(), segment);
      case Kind::rst:
        segment.flags = tcp::kRst;
        return frame(somebody(), segment);
      case Kind::fin:
        segment.flags = tcp::kFin | tcp::kAck;
        return frame(somebody(), segment);
      case Kind::fragment: {
        segment.flags = tcp::kAck;
        Bytes bytes = frame(stranger(), segment, hello_);
        return into_fragment(std::move(bytes));
      }
      case Kind::client_hello:
        segment.flags = tcp::kAck | tcp::kPsh;
        return frame(stranger(), segment, hello_);
    }
    return {};
  }

 private:
  FourTuple stranger() {
    const auto low = static_cast<std::uint32_t>(random_());
    const auto byte = [&](unsigned shift) { return static_cast<std::uint8_t>(low >> shift); };
    return {{IpAddress::v4({198, 19, byte(0), byte(8)}),
             static_cast<std::uint16_t>(1'024 + (low >> 16U) % 60'000)},
            sim_.listener()};
  }
  FourTuple somebody() {
    return random_() % 2 == 0 ? stranger() : victims_[random_() % victims_.size()];
  }
  Bytes frame(const FourTuple& tuple, tcp::Segment segment, ByteView payload = {}) {
    segment.payload_len = static_cast<std::uint32_t>(payload.size());
    return tcp_frame({kStrangerMac, sim_.worker_mac()}, tuple, segment, payload);
  }
  // Every second one is the first of its datagram, the others lie behind it.
  Bytes into_fragment(Bytes bytes) {
    constexpr std::size_t kL3 = sizeof(wire::EthernetHeader);
    const MutableBytes l3 = MutableBytes{bytes}.subspan(kL3, sizeof(wire::Ipv4Header));
    store(l3.subspan(6), Be16::of(random_() % 2 == 0 ? 0x2000 : 0x0040));
    store(l3.subspan(10), Be16{});
    store(l3.subspan(10), InternetSum{}.add(l3).checksum());
    return bytes;
  }

  const Simulation& sim_;
  Kind kind_;
  std::vector<FourTuple> victims_;
  Bytes hello_;
  std::mt19937_64 random_{42};
};

// Row is what a flood did.
struct Row {
  RxCounters rx;
  std::uint64_t answered = 0;    // frames that went to strangers
  std::uint64_t newcomers = 0;   // honest ones that tried to connect
  std::uint64_t handshakes = 0;  // ... whose TLS handshake was complete while the flood lasted
  std::uint64_t echoed = 0;  // bytes of established connections, sent, relayed, back and checked
};

class Overload {
 public:
  Overload() : sim_{{.seed = 3, .num_backends = 2, .rx = {.capacity = kCapacity}}}, echo_{sim_} {
    sim_.set_tap([this](ByteView frame) {
      answered_ += std::ranges::equal(frame.first(6), kStrangerMac.bytes) ? 1U : 0U;
    });
    sim_.set_filter([this](Simulation::To to, ByteView frame) {
      if (to == Simulation::To::worker && hello_.empty()) keep_client_hello(frame);
      return std::optional{Nanos{0}};
    });
  }

  void establish() {
    for (std::uint32_t i = 0; i < kConnections; ++i) {
      established_.push_back(std::make_unique<Exchange>(sim_, i + 1));
      run_for(milliseconds{1});
    }
    EXPECT_TRUE(run([&] {
      return std::ranges::all_of(established_, [](const auto& e) { return e->num_checked() > 0; });
    }));
    ASSERT_FALSE(hello_.empty());
  }

  Row flood(Kind kind) {
    std::vector<FourTuple> victims;
    for (const auto& e : established_) victims.push_back(e->tls().socket().tuple());
    Stranger stranger{sim_, kind, victims, hello_};
    const RxCounters before = sim_.rx_counters();
    const std::uint64_t echoed = num_echoed();
    const auto tls_established = [&] {
      return sim_.stats().stages.value(HandshakeStage::tls_established);
    };
    const std::uint64_t handshakes = tls_established();
    if (kind != Kind::nothing) {
      sim_.set_flood({.rate = 10 * kCapacity, .make = [&] { return stranger.make(); }});
    }
    const Tsc end = sim_.now() + Simulation::kRate.ticks(kDuration);
    run([&] {
      invite();
      most_handshakes_ = std::max(most_handshakes_, sim_.stats().gauges.value(Gauge::handshakes));
      most_frames_ = std::max(most_frames_, sim_.frames_in_use());
      return sim_.now() >= end;
    });
    sim_.set_flood({});
    const RxCounters& after = sim_.rx_counters();
    return {.rx = {.flood_offered = after.flood_offered - before.flood_offered,
                   .flood_dropped = after.flood_dropped - before.flood_dropped,
                   .others_offered = after.others_offered - before.others_offered,
                   .others_dropped = after.others_dropped - before.others_dropped},
            .answered = answered_,
            .newcomers = newcomers_.size(),
            .handshakes = tls_established() - handshakes,
            .echoed = num_echoed() - echoed};
  }

  // What must hold when it is over.
  void expect_recovery() {
    // Nobody waits longer for the next repetition than the flood has lasted, about.
    EXPECT_TRUE(run(
        [&] {
          return std::ranges::all_of(established_, [](const auto& e) { return e->is_idle(); });
        },
        kDuration * 2 + seconds{5}));
    for (const auto& e : established_) EXPECT_TRUE(e->is_sound()) << e->tls().error();
    // Who comes now is served as if nothing had happened.
    const std::size_t first = newcomers_.size();
    const Tsc end = sim_.now() + Simulation::kRate.ticks(seconds{1});
    run([&] {
      if (newcomers_.size() < first + 20) invite();
      return sim_.now() >= end;
    });
    ASSERT_EQ(newcomers_.size(), first + 20);
    EXPECT_TRUE(std::all_of(newcomers_.begin() + static_cast<std::ptrdiff_t>(first),
                            newcomers_.end(), [](const auto& c) { return c->is_established(); }));
    // What was held at any time belonged to those who had proven their address.
    EXPECT_LE(most_handshakes_, newcomers_.size());
    EXPECT_LE(most_frames_, 4 * (kConnections + newcomers_.size()));
    for (const auto& e : established_) e->close();
    for (const auto& c : newcomers_) c->socket().abort();
    run([&] { return sim_.num_connections() == 0; }, seconds{90});
    expect_all_gone(sim_, echo_, seconds{30});
  }

 private:
  bool run(const std::function<bool()>& done, Nanos limit = seconds{60}) {
    // Applications look at their sockets every millisecond.
    Tsc next{};
    return sim_.run(
        [&] {
          if (sim_.now() < next) return false;
          next = sim_.now() + Simulation::kRate.ticks(milliseconds{1});
          echo_.step();
          for (const auto& e : established_) e->step();
          for (const auto& c : newcomers_) {
            if (!c->is_established() && !c->socket().is_over()) c->step();
          }
          return done();
        },
        limit);
  }
  // invite lets a new client connect when it is time.
  void invite() {
    if (sim_.now() < next_newcomer_) return;
    newcomers_.push_back(std::make_unique<OpensslClient>(sim_.connect()));
    next_newcomer_ = sim_.now() + Simulation::kRate.ticks(kBetweenHandshakes);
  }
  void run_for(Nanos time) {
    run([] { return false; }, time);
  }
  [[nodiscard]] std::uint64_t num_echoed() const {
    std::uint64_t sum = 0;
    for (const auto& e : established_) sum += e->num_checked();
    return sum;
  }
  void keep_client_hello(ByteView frame) {
    const auto received = read_tcp_frame(frame);
    if (!received || received->payload.empty() || received->payload[0] != 0x16) return;
    hello_.assign(received->payload.begin(), received->payload.end());
  }

  Simulation sim_;
  Echo echo_;
  std::vector<std::unique_ptr<Exchange>> established_;
  std::vector<std::unique_ptr<OpensslClient>> newcomers_;
  Tsc next_newcomer_{};
  Bytes hello_;
  std::uint64_t answered_ = 0;
  std::uint64_t most_handshakes_ = 0;
  std::size_t most_frames_ = 0;
};

void print(Kind kind, const Row& row) {
  const auto duration = static_cast<double>(kDuration.count()) / 1e9;
  const auto percent = [](std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  std::printf("| %s | %.2f | %.1f %% | %.1f %% | %llu | %.1f | %.2f |\n", name_of(kind),
              static_cast<double>(row.rx.flood_offered) / duration / 1e6,
              percent(row.rx.flood_dropped, row.rx.flood_offered),
              percent(row.rx.others_dropped, row.rx.others_offered),
              static_cast<unsigned long long>(row.answered),
              static_cast<double>(row.handshakes) / duration,
              static_cast<double>(row.echoed) * 8 / duration / 1e6);
}

class OverloadTest : public ::testing::TestWithParam<Kind> {};

TEST_P(OverloadTest, ConnectionsLiveThroughTenTimesTheCapacity) {
  const Kind kind = GetParam();
  Overload overload;
  overload.establish();
  const Row row = overload.flood(kind);
  print(kind, row);
  if (kind == Kind::nothing) {
    EXPECT_EQ(row.rx.others_dropped, 0U);
    EXPECT_GE(row.handshakes + 2, row.newcomers);
  } else {
    EXPECT_GE(row.rx.flood_offered,
              9 * kCapacity * static_cast<std::uint64_t>(kDuration.count()) / 1'000'000'000);
    // The queue does not ask who has sent a frame.
    EXPECT_GE(row.rx.flood_dropped * 10, row.rx.flood_offered * 8);
    EXPECT_GE(row.rx.others_dropped * 10, row.rx.others_offered * 8);
    EXPECT_GT(row.handshakes, 0U);
    EXPECT_GT(row.echoed, 0U);
  }
  overload.expect_recovery();
}

INSTANTIATE_TEST_SUITE_P(Floods, OverloadTest, ::testing::ValuesIn(kKinds), [](const auto& kind) {
  std::string name = name_of(kind.param);
  std::erase(name, ' ');
  return name;
});

}  // namespace
}  // namespace sallyport::testing
