// Simulation: one real Worker with its executor, a client host and a backend host, joined by links
// that lose, repeat and reorder frames; virtual time; one seed gives one run.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "lib/base/arena.h"
#include "lib/frame/outbox.h"
#include "lib/offload/executor.h"
#include "lib/snapshot/publication.h"
#include "lib/stats/worker_stats.h"
#include "lib/worker/worker.h"
#include "lib/x509/credential.h"
#include "tests/support/frame_pool.h"
#include "tests/support/tcp_host.h"

namespace sallyport::testing {

// Faults are probabilities per frame.
struct Faults {
  double loss = 0;
  double duplication = 0;
  double reordering = 0;
  double corruption = 0;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  Faults faults{};
  std::uint32_t delay_us = 100;  // of a link, one way
  std::uint16_t mtu = 1500;
  std::size_t num_backends = 2;
  bool ipv6 = false;
  bool backend_resolved = true;
  bool checksums_offloaded = false;  // received frames come with verified checksums
  bool nic_holds_frames = true;      // now and then the device is slow to let go of a sent frame
  crypto::KeyType key_type = crypto::KeyType::ecdsa_p256;
  std::vector<std::string> alpn{};
  worker::WorkerConfig worker{};
  std::uint32_t send_buffer = 262'144;
  std::uint32_t receive_buffer = 65'536;
};

class Simulation {
 public:
  static constexpr TscRate kRate{1'000'000'000};  // a tick is a nanosecond
  static constexpr std::uint16_t kPort = 443;
  static constexpr std::uint16_t kBackendPort = 8080;

  explicit Simulation(const SimulationOptions& options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // run advances virtual time until done() is true, at most for `limit`; it returns done().
  bool run(const std::function<bool()>& done, Nanos limit = seconds{60});
  void run_for(Nanos time) {
    run([] { return false; }, time);
  }

  // connect opens a TCP connection of the client host to the listener.
  Socket& connect();
  [[nodiscard]] SocketAddress listener() const;
  [[nodiscard]] SocketAddress backend(std::size_t i) const;
  // inject puts a frame before the worker, as if from the client's link, without faults.
  void inject(ByteView frame);
  // tap sees every frame that the worker sends.
  void set_tap(std::function<void(ByteView)> tap) { tap_ = std::move(tap); }
  void set_draining(bool draining);
  void set_faults(const Faults& faults) { options_.faults = faults; }

  TcpHost client;
  TcpHost backends;  // one host with the addresses of all backends

  [[nodiscard]] worker::Worker& worker() { return *worker_; }
  [[nodiscard]] const stats::WorkerStats& stats() const { return *stats_; }
  [[nodiscard]] Tsc now() const { return now_; }
  [[nodiscard]] tcp::Instant instant() const;
  // frames_in_use is zero when nothing leaks and no connection holds anything.
  [[nodiscard]] std::size_t frames_in_use() const;
  [[nodiscard]] const MacAddress& worker_mac() const { return worker_mac_; }
  [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
  // Ticks that process() and the executor took, by the real counter: for benchmarks.
  std::uint64_t worker_ticks = 0;

 private:
  enum class To : std::uint8_t { worker, client, backend };
  struct InFlight {
    Tsc at;
    std::uint64_t order = 0;
    To to{};
    Bytes frame;
    friend bool operator>(const InFlight& a, const InFlight& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  void build_snapshot();
  void give_back(frame::Frame& f);
  void put_on_link(To to, Bytes frame);
  void deliver_due();
  void call_worker(std::vector<frame::Frame*> rx);
  // The work that is measured, and nothing else: a function of its own, so that a profiler can be
  // told to count only what it does.
  [[gnu::noinline]] void process_and_execute(std::span<frame::Frame* const> rx);
  [[nodiscard]] bool chance(double p);

  SimulationOptions options_;
  std::mt19937_64 random_;
  Tsc now_{1'000'000'000'000};
  std::uint64_t order_ = 0;
  MacAddress worker_mac_{{0x02, 0, 0, 0, 0, 0x01}};
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> in_flight_;
  FramePool rx_pool_{8'192};
  FramePool tx_pool_{16'384};
  std::unique_ptr<frame::Outbox> out_;
  std::vector<frame::Frame*> in_nic_;  // sent frames that the device still reads
  std::vector<crypto::CryptoJob*> done_;
  offload::Executor executor_;
  x509::Credential credential_;
  std::string certificate_pem_;
  snapshot::Snapshot snapshot_;
  snapshot::Reader reader_;
  std::unique_ptr<stats::WorkerStats> stats_;
  Arena arena_;
  std::unique_ptr<worker::Worker> worker_;
  std::function<void(ByteView)> tap_;
  std::uint16_t next_port_ = 20'000;
  Tsc next_tick_;
};

}  // namespace sallyport::testing
