// What one core does through Worker::process: SYNs answered with cookies, bulk data relayed, and
// what a connection costs in memory.
#include <array>
#include <chrono>
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

// SYNs from ever new addresses with the options that Linux sends.  As on any NIC that can do 14.88
// Mpps, checksums were verified by the port and are completed by it.
double syn_cookie_mpps() {
  Simulation sim;
  testing::FramePool rx_pool{64};
  testing::FramePool tx_pool{512};
  frame::Outbox out{testing::FramePool::flush, &tx_pool};
  std::vector<frame::Frame*> burst;
  for (std::uint32_t i = 0; i < 64; ++i) {
    wire::TcpHeaders syn;
    syn.ethernet = {MacAddress{{0x02, 0, 0, 0, 0, 0x02}}, sim.worker_mac(), 0};
    syn.ip = {.source = IpAddress::v4({198, 19, 0, static_cast<std::uint8_t>(i + 1)}),
              .destination = sim.listener().ip};
    syn.tcp.source_port = static_cast<std::uint16_t>(1'024 + i);
    syn.tcp.destination_port = Simulation::kPort;
    syn.tcp.sequence_number = i * 7919;
    syn.tcp.flags = {0x02};
    syn.tcp.window = 64'240;
    syn.tcp.options.mss = 1'460;
    syn.tcp.options.has_window_scale = true;
    syn.tcp.options.window_scale = 7;
    syn.tcp.options.sack_permitted = true;
    syn.tcp.options.has_timestamps = true;
    syn.tcp.options.tsval = 1'000 + i;
    Bytes bytes(wire::header_lengths(syn).total());
    wire::write_tcp_headers(bytes, syn, {}, wire::Completion::software);
    burst.push_back(rx_pool.take_copy(bytes));
    burst.back()->checksum = frame::ChecksumState::good;
  }
  const double rate = tick_rate();
  std::vector<double> mpps;
  Tsc now = sim.now();
  for (int turn = 0; turn < kTurns; ++turn) {
    constexpr int kBursts = 5'000;
    std::uint64_t spent = 0;
    for (int i = 0; i < kBursts; ++i) {
      tx_pool.refill(out);
      now = now + Simulation::kRate.ticks(microseconds{4});
      const std::uint64_t begin = ticks();
      sim.worker().process(burst, {}, now, out);
      spent += ticks() - begin;
      SALLYPORT_CHECK(out.tx().size() == burst.size());
      for (frame::Frame* f : out.tx()) tx_pool.give_back(*f);
      out.clear();
    }
    mpps.push_back(kBursts * 64.0 / (static_cast<double>(spent) / rate) / 1e6);
  }
  for (frame::Frame* f : out.empties()) tx_pool.give_back(*f);
  return median(mpps);
}

// A download of 8 MB: plaintext bytes per tick of the worker, with everything that TCP does.
class Relay {
 public:
  Relay() : sim_{options()} {
    sim_.backends.listen(sim_.backend(0), [this](testing::Socket& s) { at_backend_ = &s; });
    client_ = std::make_unique<OpensslClient>(
        sim_.connect(), testing::OpensslClientOptions{.cipher = "TLS_AES_128_GCM_SHA256"});
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
    testing::SimulationOptions o{.delay_us = 10, .num_backends = 1};
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

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  return run(argc, argv,
             {{"syn_cookie_mpps", "Mpps", syn_cookie_mpps},
              {"relay_vs_ipsecmb", "ratio", relay_vs_ipsecmb},
              {"idle_connection_bytes", "bytes", idle_connection_bytes}});
}
