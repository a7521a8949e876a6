#include "lib/dpdk/io_lcore.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/frame/toeplitz.h"
#include "tests/eal/eal_environment.h"

namespace sallyport::dpdk {
namespace {

using stats::DropReason;
using stats::LcoreRegime;
using stats::Traffic;

const SocketAddress kServer = *parse_socket_address("198.18.0.10:443");

SocketAddress client(unsigned i) {
  return {IpAddress::v4({198, 18, 1, static_cast<std::uint8_t>(i)}),
          static_cast<std::uint16_t>(1024 + 257 * i)};
}

// Prober sends `to_send` segments of as many connections in its first calls, and checks what comes
// back: over a port that loops back it meets its own.
struct Prober {
  std::uint16_t worker = 0;
  frame::Reta reta{1};
  unsigned to_send = 0;
  bool keep = false;
  int slices_left = 0;  // of a job that takes long
  bool backlog = false;
  std::vector<frame::Frame*> held;
  std::vector<crypto::CryptoJob*> to_submit;
  std::atomic<unsigned> num_sent{0};
  std::atomic<unsigned> num_received{0};
  std::atomic<unsigned> num_wrong{0};  // damaged, or another worker's
  std::atomic<unsigned> num_done{0};

  void process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> done,
               Tsc /*now*/, frame::Outbox& out) noexcept {
    for (const frame::Frame* f : rx) {
      const auto flow = flow_hash(f->bytes());
      const bool ours = flow && reta.owner(flow->hash) == worker;
      if (!ours || !checksums_hold(f->bytes())) ++num_wrong;
      ++num_received;
    }
    num_done += static_cast<unsigned>(done.size());
    for (crypto::CryptoJob* job : to_submit) out.put(*job);
    to_submit.clear();
    // Fewer at a time than are received, or a port that loops back would fill up.
    for (unsigned i = 0; i < 16 && num_sent < to_send; ++i) {
      frame::Frame& f = out.take(FramePool::kHeadRoom);
      write_tcp(f, client(num_sent % 250), kServer, static_cast<std::uint16_t>(num_sent % 1000));
      if (keep) {
        held.push_back(&f);
        out.send_and_keep(f);
      } else {
        out.send(f);
      }
      ++num_sent;
    }
  }

  std::size_t run_jobs(std::span<crypto::CryptoJob* const> jobs,
                       std::span<crypto::CryptoJob*> finished, Tsc /*now*/) noexcept {
    if (slices_left > 0) --slices_left;
    std::ranges::copy(jobs, finished.begin());
    return jobs.size();
  }
  bool is_working() const noexcept { return slices_left > 0; }
  bool has_backlog() const noexcept { return backlog; }

  void abandon(frame::Outbox& out) noexcept {
    for (frame::Frame* f : held) out.release(*f);
    held.clear();
  }
};

struct Loops {
  TestPort port;
  FramePool tx_pool;
  SteeringMesh mesh;
  std::array<Port*, 1> ports{&port.port};
  std::array<stats::WorkerStats, 2> stats;
  std::array<Prober, 2> probers;
  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<IoLcore<Prober>>> lcores;

  Loops(const std::string& device, std::uint16_t num_workers) : port{device, num_workers} {
    const std::string name = unique_name("tx");
    EXPECT_EQ(tx_pool.create({.name = name.c_str(), .num_frames = 8191}).value_or(""), "");
    static bool mesh_made = false;
    if (num_workers > 1) {
      EXPECT_FALSE(mesh_made) << "ring names are taken";
      mesh_made = true;
      EXPECT_EQ(mesh.create(num_workers).value_or(""), "");
    }
    for (std::uint16_t i = 0; i < num_workers; ++i) {
      probers[i].worker = i;
      probers[i].reta = frame::Reta{num_workers};
      probers[i].held.reserve(1024);
    }
  }

  IoLcoreOptions options(std::uint16_t worker) {
    IoLcoreOptions o;
    o.queues.worker = worker;
    o.queues.ports = ports;
    o.queues.mesh = port.port.report().num_queues > 1 ? &mesh : nullptr;
    o.queues.reta = probers[worker].reta;
    o.queues.stats = &stats[worker];
    o.queues.tsc_rate = Eal::tsc_rate();
    o.tx_pool = &tx_pool;
    o.idle = IdleMode::sleep;
    o.stop = &stop;
    return o;
  }

  void make(std::uint16_t worker) {
    lcores.push_back(std::make_unique<IoLcore<Prober>>(options(worker), probers[worker]));
  }

  // leaks is how many frames are still in use after everything was closed.
  std::uint32_t leaks() {
    mesh.drain();
    port.port.stop();
    port.port.close();
    return port.rx_pool.num_in_use() + tx_pool.num_in_use();
  }
};

template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return false;
}

TEST(IoLcore, CarriesFramesBothWaysWithoutLeaks) {
  Loops loops{unique_name("net_ring"), 1};
  loops.probers[0].to_send = 5000;
  loops.make(0);
  ASSERT_TRUE(eal().launch(kFirstLcore, IoLcore<Prober>::entry, loops.lcores[0].get()));
  EXPECT_TRUE(soon([&] { return loops.probers[0].num_received == 5000; }));
  loops.stop = true;
  Eal::wait(kFirstLcore);
  EXPECT_EQ(loops.probers[0].num_wrong, 0U);
  const auto& traffic = loops.stats[0].traffic;
  EXPECT_EQ(traffic.value(Traffic::rx_frames), 5000U);
  EXPECT_EQ(traffic.value(Traffic::tx_frames), 5000U);
  EXPECT_EQ(traffic.value(Traffic::rx_bytes), traffic.value(Traffic::tx_bytes));
  EXPECT_GT(loops.stats[0].regime_ticks.value(LcoreRegime::busy), 0U);
  EXPECT_GT(loops.stats[0].regime_ticks.value(LcoreRegime::idle), 0U);
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(IoLcore, HandsFramesToTheLcoreThatOwnsThem) {
  Loops loops{unique_name("net_ring"), 2};
  // All traffic enters at the first lcore's queue; about half of it is the second one's.
  loops.probers[0].to_send = 5000;
  loops.make(0);
  loops.make(1);
  ASSERT_TRUE(eal().launch(kFirstLcore, IoLcore<Prober>::entry, loops.lcores[0].get()));
  ASSERT_TRUE(eal().launch(kSecondLcore, IoLcore<Prober>::entry, loops.lcores[1].get()));
  const auto dropped = [&] { return loops.stats[0].drops.value(DropReason::steer_ring_full); };
  EXPECT_TRUE(soon([&] {
    return loops.probers[0].num_received + loops.probers[1].num_received + dropped() == 5000;
  }));
  loops.stop = true;
  Eal::wait(kFirstLcore);
  Eal::wait(kSecondLcore);
  EXPECT_EQ(loops.probers[0].num_wrong + loops.probers[1].num_wrong, 0U);
  EXPECT_GT(loops.probers[0].num_received, 1000U);
  EXPECT_GT(loops.probers[1].num_received, 0U);
  EXPECT_EQ(loops.stats[0].traffic.value(Traffic::steered_out),
            loops.stats[1].traffic.value(Traffic::steered_in));
  EXPECT_EQ(loops.stats[1].traffic.value(Traffic::rx_frames), 0U);
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(IoLcore, BringsJobsBackToTheirProcessor) {
  Loops loops{unique_name("net_null"), 1};
  auto jobs = std::make_unique<std::array<crypto::CryptoJob, frame::Outbox::kMaxJobs>>();
  for (auto& job : *jobs) loops.probers[0].to_submit.push_back(&job);
  loops.make(0);
  Tsc at = now();
  for (int i = 0; i < 4; ++i) {
    loops.lcores[0]->iterate(at);
    at = now();
  }
  EXPECT_EQ(loops.probers[0].num_done, jobs->size());
  EXPECT_GT(loops.stats[0].regime_ticks.value(LcoreRegime::crypto), 0U);
  loops.lcores[0]->finish();
}

// A job may take many calls: until then there is no rest, and the time is that of cryptography.
TEST(IoLcore, IsNotIdleWhileItsProcessorWorksOnAJob) {
  Loops loops{unique_name("net_ring"), 1};
  loops.probers[0].slices_left = 100;
  loops.make(0);
  const auto& regimes = loops.stats[0].regime_ticks;
  loops.lcores[0]->iterate(now());
  const std::uint64_t before = regimes.value(LcoreRegime::idle);  // the first one has no beginning
  for (int i = 1; i < 100; ++i) loops.lcores[0]->iterate(now());
  EXPECT_EQ(loops.probers[0].slices_left, 0);
  EXPECT_GT(regimes.value(LcoreRegime::crypto), 0U);
  EXPECT_EQ(regimes.value(LcoreRegime::idle), before);
  for (int i = 0; i < 3; ++i) loops.lcores[0]->iterate(now());
  EXPECT_GT(regimes.value(LcoreRegime::idle), before);
  loops.lcores[0]->finish();
  EXPECT_EQ(loops.leaks(), 0U);
}

// What a processor has put off to its next call is work as well, whether it sends anything or not.
TEST(IoLcore, IsNotIdleWhileItsProcessorHasWorkLeft) {
  Loops loops{unique_name("net_ring"), 1};
  loops.probers[0].backlog = true;
  loops.make(0);
  const auto& regimes = loops.stats[0].regime_ticks;
  loops.lcores[0]->iterate(now());
  const std::uint64_t before = regimes.value(LcoreRegime::idle);
  for (int i = 0; i < 3; ++i) loops.lcores[0]->iterate(now());
  EXPECT_EQ(regimes.value(LcoreRegime::idle), before);
  EXPECT_GT(regimes.value(LcoreRegime::busy), 0U);
  loops.probers[0].backlog = false;
  for (int i = 0; i < 3; ++i) loops.lcores[0]->iterate(now());
  EXPECT_GT(regimes.value(LcoreRegime::idle), before);
  loops.lcores[0]->finish();
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(IoLcore, AsksItsProcessorForTheFramesItHolds) {
  Loops loops{unique_name("net_ring"), 1};
  loops.probers[0].to_send = 100;
  loops.probers[0].keep = true;
  loops.make(0);
  for (int i = 0; i < 10; ++i) loops.lcores[0]->iterate(now());
  EXPECT_EQ(loops.probers[0].num_received, 100U);
  EXPECT_EQ(loops.probers[0].held.size(), 100U);
  loops.lcores[0]->finish();
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(IoLcore, SendsWhatTheControlThreadAsksFor) {
  Loops loops{unique_name("net_ring"), 1};
  MessageRing ring;
  ASSERT_EQ(ring.create(unique_name("control").c_str(), 8).value_or(""), "");
  frame::ControlMessage message;
  message.len = 60;
  message.bytes.fill(0x77);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(ring.put(message));
  EXPECT_FALSE(ring.put(message));
  IoLcoreOptions options = loops.options(0);
  options.from_control = &ring;
  IoLcore<Prober> lcore{options, loops.probers[0]};
  for (int i = 0; i < 4; ++i) lcore.iterate(now());
  EXPECT_EQ(loops.probers[0].num_received, 8U);
  EXPECT_EQ(loops.stats[0].traffic.value(Traffic::tx_bytes), 8U * 60);
  lcore.finish();
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(PortQueues, DropsOutputThatAPortDoesNotTakeForAMillisecond) {
  Loops loops{unique_name("net_ring"), 1};
  PortQueues queues{loops.options(0).queues};
  const auto drops = [&] { return loops.stats[0].drops.value(DropReason::tx_full); };
  const auto send = [&](Tsc at) {
    std::array<frame::Frame*, 256> frames{};
    ASSERT_EQ(loops.tx_pool.allocate(frames), frames.size());
    for (frame::Frame* f : frames) {
      f->port = {};
      f->vlan = 0;
      write_tcp(*f, client(1), kServer, 10);
    }
    queues.send(frames, at);
  };
  // Nobody receives, so the ring fills up.
  Tsc at{1'000'000};
  while (!queues.output_waits()) send(at);
  EXPECT_EQ(drops(), 0U);
  // Within its patience everything waits, and room is reported until one more call would not fit.
  at = at + Eal::tsc_rate().ticks(microseconds{900});
  bool room = queues.flush(at);
  while (room) {
    send(at);
    room = queues.flush(at);
  }
  EXPECT_EQ(drops(), 0U);
  // Afterwards it is lost, and new output does not wait again.
  at = at + Eal::tsc_rate().ticks(microseconds{200});
  EXPECT_TRUE(queues.flush(at));
  const std::uint64_t dropped = drops();
  EXPECT_GT(dropped, 0U);
  send(at);
  EXPECT_FALSE(queues.output_waits());
  EXPECT_EQ(drops(), dropped + 256);
  // Once the port moves again, so does output.
  std::array<frame::Frame*, 64> received{};
  std::size_t num = 0;
  while ((num = queues.receive(received)) != 0) FramePool::release(std::span{received}.first(num));
  send(at);
  EXPECT_EQ(drops(), dropped + 256);
  while ((num = queues.receive(received)) != 0) FramePool::release(std::span{received}.first(num));
  queues.release_all();
  EXPECT_EQ(loops.leaks(), 0U);
}

TEST(PortQueues, GivesBackFramesForAPortThatDoesNotExist) {
  Loops loops{unique_name("net_null"), 1};
  PortQueues queues{loops.options(0).queues};
  frame::Frame* f = nullptr;
  ASSERT_EQ(loops.tx_pool.allocate({&f, 1}), 1U);
  write_tcp(*f, client(1), kServer, 10);
  f->port = frame::PortIndex{9};
  queues.send({&f, 1}, Tsc{1});
  EXPECT_EQ(loops.stats[0].drops.value(DropReason::internal_error), 1U);
  EXPECT_EQ(loops.tx_pool.num_in_use(), 0U);
}

}  // namespace
}  // namespace sallyport::dpdk
