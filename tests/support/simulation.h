// Simulation: real Workers with their executor, a client host and a backend host, joined by links
// that lose, repeat and reorder frames; virtual time; one seed gives one run.  With several workers
// each frame goes to the owner of its tuple, as lib/dpdk steers it.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "lib/base/arena.h"
#include "lib/frame/outbox.h"
#include "lib/offload/executor.h"
#include "lib/offload/verifier.h"
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

// RxQueue is what stands between the link and a worker that cannot keep up.  It is modelled for a
// single worker.
struct RxQueue {
  std::uint64_t capacity = 0;       // frames per second that the worker takes; 0: all, at once
  std::size_t descriptors = 4'096;  // frames that wait; others are dropped, whoever sent them
};

// Flood sends frames to the worker beside what hosts send.
struct Flood {
  std::uint64_t rate = 0;  // frames per second
  std::function<Bytes()> make{};
};

struct RxCounters {
  std::uint64_t flood_offered = 0;
  std::uint64_t flood_dropped = 0;
  std::uint64_t others_offered = 0;
  std::uint64_t others_dropped = 0;
};

// BackendTls is how pools speak TLS with their backends.
struct BackendTls {
  std::string ca{};  // PEM; empty: anybody will do
  std::string server_name = "backend.test";
  std::string alpn{};
  bool tls12 = true;
  bool tls13 = true;
  std::vector<crypto::NamedGroup> groups{crypto::NamedGroup::x25519, crypto::NamedGroup::secp256r1};
  Nanos handshake = seconds{2};
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  Faults faults{};
  std::uint32_t delay_us = 100;  // of a link, one way
  std::uint16_t mtu = 1500;
  std::size_t num_backends = 2;       // of each pool
  std::uint16_t num_local_ports = 0;  // towards each backend; 0: what the product takes by default
  // Beyond the first, clients choose a pool by its place in `alpn`.
  std::size_t num_pools = 1;
  bool ipv6 = false;
  bool backend_resolved = true;
  bool checksums_offloaded = false;  // received frames come with verified checksums
  bool nic_holds_frames = true;      // now and then the device is slow to let go of a sent frame
  std::size_t num_workers = 1;
  std::uint16_t vlan = 0;
  bool vlan_stripped = false;  // by the port, as most can; else the worker finds the tag
  snapshot::ReplyMode reply = snapshot::ReplyMode::source_mac;
  bool gateway_resolved = true;
  // Results of asymmetric operations are constants that ScriptedClient and ScriptedServer know, and
  // certificates are none, but good: nothing then depends on a key that was drawn.
  bool fake_jobs = false;
  std::size_t rx_frames = 8'192;
  std::size_t tx_frames = 16'384;
  crypto::KeyType key_type = crypto::KeyType::ecdsa_p256;
  // worker_ticks counts the thread's CPU time in nanoseconds: a system call dearer than the TSC,
  // but right also on a machine that others keep busy.
  bool count_cpu_time = false;
  bool compatible_suites = false;  // AES-CBC and RSA key exchange too, after the others
  std::vector<std::string> alpn{};
  bool tickets = false;
  bool session_ids = false;  // kept for all workers
  bool fingerprints = false;
  bool proxy_protocol = false;  // backends are told first whose connection it is
  // Whether clients show certificates, and who vouches for them: PEM.
  tls::ClientAuthMode client_auth = tls::ClientAuthMode::off;
  std::string client_ca{};
  std::optional<BackendTls> backend_tls{};
  worker::WorkerConfig worker{};
  snapshot::TcpPolicy tcp{};
  snapshot::StrayPolicy strays = snapshot::StrayPolicy::reset;
  // Limits of the listener: connections, handshakes, new ones per second and network; 0: none.
  std::uint32_t max_connections = 0;
  std::uint32_t max_handshakes = 0;
  std::uint32_t prefix_handshakes = 0;
  std::uint32_t prefix_connections_per_second = 0;
  std::uint32_t send_buffer = 262'144;
  std::uint32_t receive_buffer = 65'536;
  RxQueue rx{};
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
  // jump lets time pass at once, as if the lcore had been held up, and then calls everybody.
  void jump(Nanos time);
  void run_for(Nanos time) {
    run([] { return false; }, time);
  }

  // connect opens a TCP connection of the client host to the listener.
  Socket& connect();
  [[nodiscard]] SocketAddress listener() const;
  // backend: those of the second pool come behind those of the first.
  [[nodiscard]] SocketAddress backend(std::size_t i) const;
  // inject puts a frame before the worker, as if from the client's link, without faults.
  void inject(ByteView frame);
  // tap sees every frame that a worker sends.
  void set_tap(std::function<void(ByteView)> tap) { tap_ = std::move(tap); }
  enum class To : std::uint8_t { worker, client, backend };
  // filter decides about every frame before the faults do: how much later than usual it arrives,
  // or nothing for a frame that never does.
  using Filter = std::function<std::optional<Nanos>(To, ByteView)>;
  void set_filter(Filter filter) { filter_ = std::move(filter); }
  // hold_jobs(true) lets the executor pause: what workers ask for stays away.
  void hold_jobs(bool hold) { hold_jobs_ = hold; }
  [[nodiscard]] std::size_t num_jobs_held() const;
  // hold_verdicts(true) lets the verifier pause.
  void hold_verdicts(bool hold) { hold_verdicts_ = hold; }
  // pretend_scheme has every peer name this scheme for its signature, whatever it named.
  void pretend_scheme(crypto::SignatureScheme scheme) { pretended_scheme_ = scheme; }
  // set_gateway_resolved and set_draining publish another snapshot.
  void set_gateway_resolved(bool resolved);
  void set_draining(bool draining);
  // set_ticket_key makes this another appliance, whose tickets bear the same names.
  void set_ticket_key(std::uint8_t byte);
  // reset_all is the end of draining; it returns how many connections are left.
  std::size_t reset_all();
  void set_faults(const Faults& faults) { options_.faults = faults; }
  // set_flood begins, replaces or, with a rate of 0, ends a flood.  It needs a capacity.
  void set_flood(Flood flood);
  [[nodiscard]] const RxCounters& rx_counters() const { return rx_counters_; }

  TcpHost client;
  TcpHost backends;  // one host with the addresses of all backends

  [[nodiscard]] worker::Worker& worker(std::size_t i = 0) { return *lcores_[i]->worker; }
  [[nodiscard]] const stats::WorkerStats& stats(std::size_t i = 0) const {
    return lcores_[i]->stats;
  }
  [[nodiscard]] std::size_t num_workers() const { return lcores_.size(); }
  // pins is how many handshakes of a worker hold on to the configuration.
  [[nodiscard]] std::uint64_t pins(std::size_t i = 0) const {
    return lcores_[i]->reader.pins(snapshot_.configuration);
  }
  // num_connections is the sum over all workers.
  [[nodiscard]] std::size_t num_connections() const;
  [[nodiscard]] Tsc now() const { return now_; }
  [[nodiscard]] tcp::Instant instant() const;
  // frames_in_use is zero when nothing leaks and no connection holds anything.
  [[nodiscard]] std::size_t frames_in_use() const;
  [[nodiscard]] const MacAddress& worker_mac() const { return worker_mac_; }
  [[nodiscard]] static const MacAddress& gateway_mac();
  [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
  // Ticks that process() and the executor took, by a real clock (the TSC unless `count_cpu_time`):
  // for benchmarks.
  std::uint64_t worker_ticks = 0;

 private:
  struct InFlight {
    Tsc at;
    std::uint64_t order = 0;
    To to{};
    Bytes frame;
    friend bool operator>(const InFlight& a, const InFlight& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  // Lcore is what lib/dpdk keeps around a worker.
  struct Lcore {
    explicit Lcore(Simulation& simulation);
    frame::Outbox out;
    std::vector<frame::Frame*> in_nic;  // sent frames that the device still reads
    std::vector<crypto::CryptoJob*> done;
    std::vector<crypto::CryptoJob*> held;
    std::vector<crypto::VerifyJob*> to_judge;
    std::vector<crypto::VerifyJob*> judged;
    snapshot::Reader reader;
    stats::WorkerStats stats;
    std::unique_ptr<worker::Worker> worker;
  };

  void build_snapshot();
  [[nodiscard]] snapshot::Pool make_pool(std::size_t index) const;
  // build_verifier says who vouches for whom.
  void build_verifier(tls::ServerConfig& listener);
  [[nodiscard]] std::shared_ptr<const snapshot::BackendTls> backend_tls() const;
  void give_back(frame::Frame& f);
  void put_on_link(To to, Bytes frame);
  void deliver_due();
  void deliver_due_to_queue();
  // advance_queue lets time pass at the queue: the worker takes frames, the flood brings others.
  void advance_queue(Tsc to);
  // enqueue returns false for a frame that finds no descriptor.
  [[nodiscard]] bool enqueue(Bytes frame);
  [[nodiscard]] TscSpan gap(std::uint64_t rate);
  // take_in makes a received frame of the bytes; nullptr when the pool is empty.
  [[nodiscard]] frame::Frame* take_in(Bytes bytes);
  [[nodiscard]] std::size_t owner_of(ByteView frame) const;
  void call_worker(Lcore& lcore, std::vector<frame::Frame*> rx);
  // The work that is measured, and nothing else: a function of its own, so that a profiler can be
  // told to count only what it does.
  [[gnu::noinline]] void process_and_execute(Lcore& lcore, std::span<frame::Frame* const> rx);
  void execute(std::span<crypto::CryptoJob* const> jobs);
  // judge does at once what the daemon's verifier does in a thread of its own.
  void judge(Lcore& lcore);
  void carry_away(Lcore& lcore);
  [[nodiscard]] bool chance(double p);
  [[nodiscard]] std::uint64_t real_ticks() const;

  SimulationOptions options_;
  std::mt19937_64 random_;
  Tsc now_{1'000'000'000'000};
  std::uint64_t order_ = 0;
  MacAddress worker_mac_{{0x02, 0, 0, 0, 0, 0x01}};
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> in_flight_;
  FramePool rx_pool_;
  FramePool tx_pool_;
  offload::Executor executor_;
  std::unique_ptr<offload::Verifier> verifier_;
  x509::Credential credential_;
  std::string certificate_pem_;
  snapshot::Snapshot snapshot_;
  Arena arena_;
  tls::SessionCache sessions_{256};
  std::vector<std::unique_ptr<Lcore>> lcores_;
  std::function<void(ByteView)> tap_;
  Filter filter_;
  bool hold_jobs_ = false;
  bool hold_verdicts_ = false;
  crypto::SignatureScheme pretended_scheme_{};  // none: what the peer named
  std::uint16_t next_port_ = 20'000;
  Tsc next_tick_;
  std::deque<Bytes> rx_queue_;
  RxCounters rx_counters_;
  Flood flood_;
  Tsc next_taken_ = now_;
  Tsc next_of_flood_;
};

}  // namespace sallyport::testing
