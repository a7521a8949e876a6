// What one core does through Worker::process: SYNs answered with cookies, bulk data relayed, and
// what a connection costs in memory.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "lib/base/check.h"
#include "lib/wire/headers.h"
#include "tests/bench/ipsec_mb_speed.h"
#include "tests/bench/metric.h"
#include "tests/support/openssl_client.h"
#include "tests/support/simulation.h"

namespace sallyport::bench {
namespace {

using testing::Bytes;
using testing::OpensslClient;
using testing::Simulation;

constexpr int kTurns = 15;

// tick_rate finds the counter's frequency against the system clock.
double tick_rate() {
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t first = ticks();
  while (std::chrono::steady_clock::now() - begin < milliseconds{50}) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(ticks() - first) / took.count();
}

// Flood is one kind of frame from ever new tuples, in bursts.  As on any NIC that can do 14.88
// Mpps, checksums were verified by the port and are completed by it; and frames were not touched
// since the port wrote them, as far as caches remember.
class Flood {
 public:
  Flood(bool ipv6, std::uint8_t flags) : sim_{options(ipv6)}, ipv6_{ipv6} {
    wire::TcpHeaders headers;
    headers.ethernet = {MacAddress{{0x02, 0, 0, 0, 0, 0x02}}, sim_.worker_mac(), 0};
    headers.ip = {.source = ipv6 ? IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 1})
                                 : IpAddress::v4({198, 19, 0, 1}),
                  .destination = sim_.listener().ip};
    headers.tcp.destination_port = Simulation::kPort;
    headers.tcp.flags = {flags};
    headers.tcp.window = 64'240;
    if ((flags & 0x02U) != 0) {  // as Linux sends
      headers.tcp.options.mss = 1'460;
      headers.tcp.options.has_window_scale = true;
      headers.tcp.options.window_scale = 7;
      headers.tcp.options.sack_permitted = true;
    }
    headers.tcp.options.has_timestamps = true;
    headers.tcp.options.tsval = 1'000;
    headers.tcp.options.tsecr = (flags & 0x10U) != 0 ? 77'777 : 0;
    frame_.resize(wire::header_lengths(headers).total());
    wire::write_tcp_headers(frame_, headers, {}, wire::Completion::software);
  }

  // mpps is the rate of the median call of process(): on a shared machine some calls contain the
  // time slice of somebody else.  It checks that every frame brings `answers` others.
  double mpps(std::size_t answers) {
    constexpr int kBursts = 50'000;
    std::vector<double> spent;
    spent.reserve(kBursts);
    for (int i = 0; i < kBursts; ++i) spent.push_back(static_cast<double>(burst(answers)));
    for (frame::Frame* f : out_.empties()) give_back(*f);
    return static_cast<double>(kBurst) / (median(std::move(spent)) / tick_rate()) / 1e6;
  }

 private:
  static constexpr std::size_t kBurst = 64;
  static testing::SimulationOptions options(bool ipv6) {
    testing::SimulationOptions o;
    o.ipv6 = ipv6;
    o.worker.max_connections = 1U << 16U;  // so that the flow table is no guest of the L1 cache
    o.worker.resets_per_second = 1;
    return o;
  }

  std::uint64_t burst(std::size_t answers) {
    std::array<frame::Frame*, kBurst> rx;
    for (frame::Frame*& f : rx) {
      f = next();
      const std::uint64_t random = random_.u64();
      std::uint8_t* ip = f->bytes().data() + sizeof(wire::EthernetHeader);
      const std::size_t l3 = ipv6_ ? sizeof(wire::Ipv6Header) : sizeof(wire::Ipv4Header);
      std::memcpy(ip + (ipv6_ ? 16 : 14), &random, 2);  // the end of the source address
      std::memcpy(ip + l3, &random, 8);                 // source port, and the sequence number
      store(MutableBytes{ip + l3 + 2, 2}, Be16::of(Simulation::kPort));
    }
    tx_pool_.refill(out_);
    now_ = now_ + Simulation::kRate.ticks(microseconds{4});
    const std::uint64_t begin = ticks();
    sim_.worker().process(rx, {}, now_, out_);
    const std::uint64_t spent = ticks() - begin;
    // A token for a RST may be there.
    SALLYPORT_CHECK(answers > 0 ? out_.tx().size() == answers * kBurst : out_.tx().size() <= 1);
    for (frame::Frame* f : out_.tx()) give_back(*f);
    for (frame::Frame* f : rx) {
      if (!f->kept) give_back(*f);
    }
    out_.clear();
    return spent;
  }
  frame::Frame* next() {
    frame::Frame* f = rx_pool_.take_copy(frame_);
    f->checksum = frame::ChecksumState::good;
    return f;
  }
  void give_back(frame::Frame& f) { (rx_pool_.owns(f) ? rx_pool_ : tx_pool_).give_back(f); }

  Simulation sim_;
  bool ipv6_;
  Bytes frame_;
  Random random_{Random::Seed{1}};
  testing::FramePool rx_pool_{64};
  testing::FramePool tx_pool_{512};
  frame::Outbox out_{testing::FramePool::flush, &tx_pool_};
  Tsc now_ = sim_.now();
};

constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kAck = 0x10;

// ACKs of nobody with timestamps, as a flood of them looks; nearly all are refused in silence,
// because RSTs have a rate.
double bad_ack_mpps() { return Flood{false, kAck}.mpps(0); }
double syn_ack_v4_mpps() { return Flood{false, kSyn}.mpps(1); }
double syn_ack_v6_mpps() { return Flood{true, kSyn}.mpps(1); }

// A download of 8 MB: plaintext bytes per tick of the worker, with everything that TCP does.
class Relay {
 public:
  explicit Relay(testing::OpensslClientOptions client = {.cipher = "TLS_AES_128_GCM_SHA256"})
      : sim_{options()} {
    sim_.backends.listen(sim_.backend(0), [this](testing::Socket& s) { at_backend_ = &s; });
    client_ = std::make_unique<OpensslClient>(sim_.connect(), std::move(client));
    client_->write("x");
    const bool up = sim_.run([&] {
      client_->step();
      return at_backend_ != nullptr;
    });
    SALLYPORT_CHECK(up);
  }
  double speed() {
    const Bytes page(8'000'000, 0x5a);
    const std::size_t goal = client_->received().size() + page.size();
    at_backend_->send(page);
    const std::uint64_t before = sim_.worker_ticks;
    const bool all = sim_.run([&] {
      client_->step();
      return client_->received().size() == goal;
    });
    SALLYPORT_CHECK(all);
    return static_cast<double>(page.size()) / static_cast<double>(sim_.worker_ticks - before);
  }

 private:
  static testing::SimulationOptions options() {
    testing::SimulationOptions o{.delay_us = 10, .num_backends = 1, .compatible_suites = true};
    o.nic_holds_frames = false;
    o.checksums_offloaded = true;
    return o;
  }
  Simulation sim_;
  testing::Socket* at_backend_ = nullptr;
  std::unique_ptr<OpensslClient> client_;
};

double relay_vs_ipsecmb() {
  Relay relay;
  (void)relay.speed();
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) ratios.push_back(relay.speed() / ipsec_mb_speed());
  return median(ratios);
}

double relay_cbc_vs_gcm() {
  Relay gcm;
  Relay cbc{{.version = TLS1_2_VERSION, .cipher = "ECDHE-ECDSA-AES128-SHA"}};
  (void)gcm.speed();
  (void)cbc.speed();
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) ratios.push_back(cbc.speed() / gcm.speed());
  return median(ratios);
}

// CbcSealing seals records of a segment's size, so many at a time.
class CbcSealing {
 public:
  CbcSealing() {
    const std::array<std::uint8_t, 16> key{};
    keys_.set_cbc(tls::RecordKeys::Format::tls12_cbc, crypto::CbcAlgorithm::aes_128_sha1, key);
  }
  double ticks_for(std::size_t at_a_time) {
    constexpr int kRounds = 500;
    const std::array<std::uint8_t, 20> mac_key{};
    std::array<tls::InPlaceRecord, tls::kMaxBurst> records;
    for (std::size_t i = 0; i < records.size(); ++i) records[i] = {buffers_[i], kPlaintext};
    const std::uint64_t begin = ticks();
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < records.size(); i += at_a_time) {
        const std::size_t sealed = tls::seal_each_in_place(
            engine_, keys_, wire::ContentType::application_data,
            std::span<const tls::InPlaceRecord>{records}.subspan(i, at_a_time), mac_key);
        SALLYPORT_CHECK(sealed != 0);
      }
    }
    return static_cast<double>(ticks() - begin);
  }

 private:
  static constexpr std::size_t kPlaintext = 1'380;
  Random random_{Random::Seed{3}};
  tls::Engine engine_{random_};
  tls::RecordKeys keys_;
  std::array<std::array<std::uint8_t, 1'460>, tls::kMaxBurst> buffers_{};
};

double cbc_burst_vs_single() {
  CbcSealing sealing;
  (void)sealing.ticks_for(1);
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) {
    ratios.push_back(sealing.ticks_for(1) / sealing.ticks_for(tls::kMaxBurst));
  }
  return median(ratios);
}

// Everything that grows with the number of connections, two flow entries included; idle
// connections hold no frames, no handshake and no expanded keys.
double idle_connection_bytes() {
  const auto bytes_for = [](std::size_t connections) {
    Arena arena;
    snapshot::Reader pins;
    auto stats = std::make_unique<stats::WorkerStats>();
    worker::WorkerConfig config;
    config.tsc_rate = Simulation::kRate;
    config.max_connections = connections;
    const worker::Worker worker{config, arena, pins, *stats, Tsc{1}};
    return static_cast<double>(arena.bytes());
  };
  // Powers of two apart, so that rounding of the flow table is the same in both.
  constexpr std::size_t kFew = 1U << 16U;
  constexpr std::size_t kMany = 1U << 17U;
  return (bytes_for(kMany) - bytes_for(kFew)) / (kMany - kFew);
}

// The most that one client holds before it has shown a Finished: its connection, its handshake, and
// the larger of what it is lent for a while.
double handshake_state_bytes() {
  return idle_connection_bytes() + sizeof(worker::HandshakeState) +
         std::max(sizeof(tls::MessageBuffer), sizeof(crypto::CryptoJob));
}

// The same where clients show certificates, in TLS 1.2, which derives while the VerifyJob is held,
// and backends are told of the client.
double handshake_state_mtls_bytes() {
  return idle_connection_bytes() + sizeof(worker::HandshakeState) +
         std::max(sizeof(tls::MessageBuffer),
                  sizeof(crypto::VerifyJob) + sizeof(crypto::CryptoJob)) +
         sizeof(crypto::ClientIdentity) + sizeof(tls::HelloNotes);
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  return run(argc, argv,
             {{"syn_cookie_mpps", "Mpps", syn_ack_v4_mpps},
              {"bad_ack_mpps", "Mpps", bad_ack_mpps},
              {"syn_ack_v4_mpps", "Mpps", syn_ack_v4_mpps},
              {"syn_ack_v6_mpps", "Mpps", syn_ack_v6_mpps},
              {"relay_vs_ipsecmb", "ratio", relay_vs_ipsecmb},
              {"relay_cbc_vs_gcm", "ratio", relay_cbc_vs_gcm},
              {"cbc_burst_vs_single", "ratio", cbc_burst_vs_single},
              {"idle_connection_bytes", "bytes", idle_connection_bytes},
              {"handshake_state_bytes", "bytes", handshake_state_bytes},
              {"handshake_state_mtls_bytes", "bytes", handshake_state_mtls_bytes}});
}
