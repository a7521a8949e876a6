// MemoryPlan: how many frames and slots everything gets, from the configuration alone, so that what
// will be used can be told before it is taken.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/config/config.h"
#include "lib/worker/worker_config.h"

namespace sallyport {

struct MemoryPlan {
  std::uint16_t frame_len = 0;  // longest, Ethernet header included
  std::uint32_t rx_frames = 0;  // of the pool that all lcores share
  std::uint32_t tx_frames = 0;
  std::size_t rx_pool_bytes = 0;
  std::size_t tx_pool_bytes = 0;
  std::size_t dpdk_bytes = 0;  // everything that comes out of DPDK's heap
  // Sizes of one worker; seed, index and rates are still to be filled in.
  worker::WorkerConfig worker;
  std::size_t sessions = 0;  // in the session cache of all workers; 0: there is none
};

[[nodiscard]] MemoryPlan plan_memory(const config::Config& config);

}  // namespace sallyport
