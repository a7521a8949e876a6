// Dataplane: DPDK, the ports, and one worker per I/O lcore: what the configuration asks for,
// brought up in order and taken down in the reverse one.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/sallyport/memory_plan.h"
#include "app/sallyport/verifier_thread.h"
#include "app/sallyport/worker_processor.h"
#include "lib/base/address.h"
#include "lib/config/config.h"
#include "lib/control/identities.h"
#include "lib/control/publisher.h"
#include "lib/dpdk/eal.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/dpdk/io_lcore.h"
#include "lib/dpdk/port.h"
#include "lib/dpdk/ring.h"
#include "lib/dpdk/steering.h"
#include "lib/tls/session_cache.h"

namespace sallyport {

class Dataplane {
 public:
  using Failure = dpdk::Failure;

  // `configuration_file` is where device profiles are looked for first.
  Dataplane(const config::Config& config, const MemoryPlan& plan, std::string configuration_file)
      : config_{config}, plan_{plan}, configuration_file_{std::move(configuration_file)} {}
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;

  // open starts DPDK and opens every port; nothing is received yet.
  [[nodiscard]] Failure open();
  // add_workers builds one worker per I/O lcore and gives its executor the private keys.
  // `verifier` judges peers' certificates; nullptr where nobody shows any.
  [[nodiscard]] Failure add_workers(control::Publisher& publisher,
                                    const std::vector<control::Identities::NamedKey>& keys,
                                    const offload::Verifier* verifier);
  // start lets ports receive and lcores run.  Precondition: a snapshot has been published.
  [[nodiscard]] Failure start();
  // stop returns when no lcore runs any more.
  void stop() noexcept;
  // close takes the ports down and returns how many frames nobody gave back.
  [[nodiscard]] std::uint32_t close() noexcept;

  // send hands a small frame to an lcore, which sends it; false: the ring is full.
  [[nodiscard]] bool send(const frame::ControlMessage& message) noexcept;
  // receive takes one message of any worker to the control thread.
  [[nodiscard]] bool receive(frame::ControlMessage& message) noexcept;

  struct IoWorker {
    std::uint16_t index = 0;
    dpdk::LcorePlace place;
    dpdk::IdleMode idle = dpdk::IdleMode::spin;
    dpdk::MessageRing to_control;
    dpdk::MessageRing from_control;
    std::unique_ptr<WorkerProcessor> processor;
    std::unique_ptr<dpdk::IoLcore<WorkerProcessor>> lcore;
  };
  [[nodiscard]] const std::vector<std::unique_ptr<IoWorker>>& workers() const noexcept {
    return workers_;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<dpdk::Port>>& ports() const noexcept {
    return ports_;
  }
  [[nodiscard]] const dpdk::Eal& eal() const noexcept { return eal_; }
  [[nodiscard]] const dpdk::FramePool& rx_pool() const noexcept { return rx_pool_; }
  [[nodiscard]] const dpdk::FramePool& tx_pool() const noexcept { return tx_pool_; }

  // forget_old_sessions ends those sessions of clients whose time is over.
  void forget_old_sessions(std::uint64_t unix_ms) noexcept {
    if (sessions_ != nullptr) sessions_->forget_expired(unix_ms);
  }

 private:
  static constexpr std::uint32_t kControlRing = 512;

  [[nodiscard]] Failure open_ports();
  [[nodiscard]] dpdk::IdleMode idle_mode(const dpdk::LcorePlace& place) const;
  [[nodiscard]] std::uint16_t num_workers() const noexcept {
    return static_cast<std::uint16_t>(config_.dataplane.io_lcores.size());
  }

  const config::Config& config_;
  const MemoryPlan& plan_;
  std::string configuration_file_;
  // Destroyed from the bottom up: DPDK last.
  dpdk::Eal eal_;
  dpdk::FramePool rx_pool_;
  dpdk::FramePool tx_pool_;
  dpdk::SteeringMesh mesh_;
  std::vector<std::unique_ptr<dpdk::Port>> ports_;
  std::vector<dpdk::Port*> port_list_;
  std::unique_ptr<tls::SessionCache> sessions_;  // of all workers; null: none are kept
  std::vector<std::unique_ptr<IoWorker>> workers_;
  std::unique_ptr<VerifierThread> verifier_;
  std::atomic<bool> stop_{false};
  bool running_ = false;
  std::size_t next_worker_ = 0;
};

}  // namespace sallyport
