// A million established connections in one process, and every one of them used again.
//
// They are made as all connections are: SYN, cookie, TLS 1.3 handshake, backend; every frame goes
// through Worker::process.  Only public-key operations are left out: their results are constants
// that the client knows (FakeJobs), or this would take minutes.  Client and backend are a few bytes
// per connection here, not sockets, and count as memory like everything else in the process.
#include <cstdio>
#include <memory>

#include "lib/base/check.h"
#include "lib/wire/headers.h"
#include "tests/bench/metric.h"
#include "tests/support/simulation.h"
#include "tests/support/tls_client.h"

namespace sallyport::bench {
namespace {

using testing::Bytes;
using testing::HelloBuilder;
using testing::ScriptedClient;
using testing::Simulation;

constexpr std::uint32_t kConnections = 1'000'000;
constexpr std::uint32_t kBurst = 32;
constexpr std::uint32_t kClientsPerAddress = 50'000;
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr wire::TcpFlags kSyn{0x02};
constexpr wire::TcpFlags kAck{0x10};
constexpr wire::TcpFlags kSynAck{0x12};
constexpr wire::TcpFlags kPshAck{0x18};

// Peer is all that client and backend of one connection remember.
struct Peer {
  tls::RecordKeys keys;
  std::uint32_t client_seq = 0;
  std::uint32_t client_ack = 0;
  std::uint32_t backend_seq = 0;
  std::uint32_t backend_ack = 0;
  FourTuple backend;  // seen from there
};

double resident_gib() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  SALLYPORT_CHECK(status != nullptr);
  std::array<char, 256> line;
  unsigned long kib = 0;
  while (std::fgets(line.data(), line.size(), status) != nullptr) {
    if (std::sscanf(line.data(), "VmHWM: %lu kB", &kib) == 1) break;
  }
  std::fclose(status);
  return static_cast<double>(kib) / (1U << 20U);
}

class Million {
 public:
  Million() : sim_{options()}, peers_(kConnections) {
    engine_.begin_burst(now_, Simulation::kRate);
  }

  void connect() {
    for (std::uint32_t i = 0; i < kConnections; ++i) connect(i);
    SALLYPORT_CHECK(sim_.worker().num_connections() == kConnections);
  }

  // touch sends a record on every connection and lets the backend acknowledge what it gets.  It
  // returns ticks of the worker per connection.
  double touch() {
    spent_ = 0;
    std::uint64_t arrived = 0;
    for (std::uint32_t first = 0; first < kConnections; first += kBurst) {
      const std::uint32_t end = std::min(first + kBurst, kConnections);
      for (std::uint32_t i = first; i < end; ++i) {
        Bytes record(128);
        const Bytes text(16, 0x61);
        const ByteView pieces[] = {text};
        Peer& peer = peers_[i];
        record.resize(tls::seal_record(engine_, peer.keys, wire::ContentType::application_data,
                                       pieces, record));
        from_client(i, kPshAck, record);
        peer.client_seq += static_cast<std::uint32_t>(record.size());
      }
      for (const wire::Packet& packet : exchange()) {
        if (packet.tcp.destination_port != Simulation::kBackendPort || packet.payload_len == 0) {
          continue;
        }
        arrived += packet.payload_len;
        const FourTuple tuple{{packet.destination, packet.tcp.destination_port},
                              {packet.source, packet.tcp.source_port}};
        const auto peer = std::find_if(peers_.begin() + first, peers_.begin() + end,
                                       [&](const Peer& p) { return p.backend == tuple; });
        SALLYPORT_CHECK(peer != peers_.begin() + end);
        peer->backend_ack = packet.tcp.sequence_number + packet.payload_len;
        from_backend(*peer, kAck);
      }
      (void)exchange();
    }
    SALLYPORT_CHECK(arrived == std::uint64_t{16} * kConnections);
    SALLYPORT_CHECK(sim_.worker().num_connections() == kConnections);
    SALLYPORT_CHECK(sim_.worker().frames_held().tx_held == 0);
    return static_cast<double>(spent_) / kConnections;
  }

 private:
  static testing::SimulationOptions options() {
    testing::SimulationOptions o;
    o.fake_jobs = true;
    // 25 backends: enough tuples with the local ports of one address, each with another backend.
    o.num_backends = 25;
    o.worker.max_connections = kConnections;
    return o;
  }

  void connect(std::uint32_t i) {
    Peer& peer = peers_[i];
    ScriptedClient tls{engine_};
    peer.client_seq = i * 7;
    from_client(i, kSyn, {});
    const auto answers = exchange();
    const auto syn_ack = std::ranges::find(answers, kSynAck, [](auto& p) { return p.tcp.flags; });
    SALLYPORT_CHECK(syn_ack != answers.end());
    peer.client_seq += 1;
    peer.client_ack = syn_ack->tcp.sequence_number + 1;
    const Bytes hello = tls.hello(hello_);
    from_client(i, kPshAck, hello);
    peer.client_seq += static_cast<std::uint32_t>(hello.size());
    // The job goes and comes back; then the flight, in several segments.
    for (int turn = 0; turn < 3; ++turn) {
      (void)exchange();
      for (const Bytes& text : texts_) {
        tls.hear(text);
        peer.client_ack += static_cast<std::uint32_t>(text.size());
      }
    }
    Bytes finished = testing::kChangeCipherSpec;
    const Bytes last = tls.finish();
    finished.insert(finished.end(), last.begin(), last.end());
    from_client(i, kPshAck, finished);
    peer.client_seq += static_cast<std::uint32_t>(finished.size());
    peer.keys = tls.take_write_keys();
    for (const wire::Packet& packet : exchange()) {
      // Others speak, too: their delayed ACKs are due.
      if (packet.tcp.destination_port != Simulation::kBackendPort || packet.tcp.flags != kSyn) {
        continue;
      }
      peer.backend = {{packet.destination, packet.tcp.destination_port},
                      {packet.source, packet.tcp.source_port}};
      peer.backend_ack = packet.tcp.sequence_number + 1;
      from_backend(peer, kSynAck);
      peer.backend_seq += 1;
    }
    (void)exchange();
  }

  void from_client(std::uint32_t i, wire::TcpFlags flags, ByteView payload) {
    const auto host = static_cast<std::uint8_t>(1 + i / kClientsPerAddress);
    const auto port = static_cast<std::uint16_t>(1'024 + i % kClientsPerAddress);
    put({sim_.listener(), {IpAddress::v4({198, 19, 0, host}), port}}, flags, peers_[i].client_seq,
        peers_[i].client_ack, payload);
  }
  void from_backend(const Peer& peer, wire::TcpFlags flags) {
    put({peer.backend.remote, peer.backend.local}, flags, peer.backend_seq, peer.backend_ack, {});
  }
  void put(const FourTuple& tuple, wire::TcpFlags flags, std::uint32_t seq, std::uint32_t ack,
           ByteView payload) {
    wire::TcpHeaders headers;
    headers.ethernet = {kPeerMac, sim_.worker_mac(), 0};
    headers.ip = {.source = tuple.remote.ip, .destination = tuple.local.ip};
    headers.tcp.source_port = tuple.remote.port;
    headers.tcp.destination_port = tuple.local.port;
    headers.tcp.sequence_number = seq;
    headers.tcp.acknowledgment_number = ack;
    headers.tcp.flags = flags;
    headers.tcp.window = 64'000;
    if ((flags.bits & kSyn.bits) != 0) headers.tcp.options.mss = 1'460;
    Bytes frame(wire::header_lengths(headers).total());
    wire::write_tcp_headers(frame, headers, payload, wire::Completion::port);
    frame.insert(frame.end(), payload.begin(), payload.end());
    rx_.push_back(rx_pool_.take_copy(frame));
    rx_.back()->checksum = frame::ChecksumState::good;
  }

  // exchange is one call of process() with what was put; it returns what came out, and keeps the
  // texts of it that are for clients in texts_.
  std::vector<wire::Packet> exchange() {
    tx_pool_.refill(out_);
    now_ = now_ + Simulation::kRate.ticks(microseconds{1});
    const std::uint64_t begin = ticks();
    sim_.worker().process(rx_, done_, now_, out_);
    spent_ += ticks() - begin;
    done_.clear();
    for (crypto::CryptoJob* job : out_.jobs()) {
      run(*job);
      done_.push_back(job);
    }
    texts_.clear();
    std::vector<wire::Packet> packets;
    for (frame::Frame* f : out_.tx()) {
      const auto packet =
          wire::parse_packet(f->bytes(), f->vlan, {.ip = false, .tcp = false, .icmp = false});
      SALLYPORT_CHECK(packet.has_value());
      packets.push_back(*packet);
      if (packet->tcp.source_port == Simulation::kPort && packet->payload_len > 0) {
        const ByteView text = packet->payload(f->bytes());
        texts_.emplace_back(text.begin(), text.end());
      }
      give_back(*f);
    }
    for (frame::Frame* f : rx_) {
      if (!f->kept) give_back(*f);
    }
    rx_.clear();
    for (frame::Frame* f : out_.releases()) give_back(*f);
    out_.clear();
    return packets;
  }
  void run(crypto::CryptoJob& job) {
    if (job.kind != crypto::JobKind::make_key_shares) {
      jobs_.run(job);
      return;
    }
    job.key_shares.fill(jobs_.make_key_share(job.group));
    for (crypto::KeyShare& share : job.key_shares) share.made = now_;
    job.num_key_shares = crypto::CryptoJob::kKeySharesPerJob;
    job.status = crypto::JobStatus::ok;
  }
  void give_back(frame::Frame& f) { (rx_pool_.owns(f) ? rx_pool_ : tx_pool_).give_back(f); }

  Simulation sim_;
  Random random_{Random::Seed{3}};
  tls::Engine engine_{random_};
  const HelloBuilder hello_ = HelloBuilder::tls13();
  testing::FakeJobs jobs_;
  testing::FramePool rx_pool_{1'024};
  testing::FramePool tx_pool_{4'096};
  frame::Outbox out_{[](void* self, std::span<frame::Frame* const> frames) {
                       for (frame::Frame* f : frames) static_cast<Million*>(self)->give_back(*f);
                     },
                     this};
  std::vector<frame::Frame*> rx_;
  std::vector<crypto::CryptoJob*> done_;
  std::vector<Bytes> texts_;
  std::vector<Peer> peers_;
  Tsc now_ = sim_.now();
  std::uint64_t spent_ = 0;
};

}  // namespace
}  // namespace sallyport::bench

int main() {
  using namespace sallyport::bench;
  const auto million = std::make_unique<Million>();
  million->connect();
  const double ticks = million->touch();
  std::printf("metric million_connections_gib %.3f GiB\n", resident_gib());
  std::printf("metric million_touch_ticks %.0f ticks\n", ticks);
  return 0;
}
