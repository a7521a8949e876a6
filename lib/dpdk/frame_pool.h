// FramePool: a fixed number of packet buffers.  A Frame lives in the private area of its mbuf, so
// the two are one object seen from two sides and converting is pointer arithmetic.
//
// Frame::references is the mbuf's own reference count: a driver that still reads a transmitted
// buffer holds one.  Ports therefore never use the offload that frees mbufs without looking at it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/dpdk/eal.h"
#include "lib/frame/frame.h"

struct rte_mbuf;
struct rte_mempool;

namespace sallyport::dpdk {

struct FramePoolOptions {
  const char* name = "";           // unique in the process; at most 24 characters
  std::uint32_t num_frames = 0;    // free and in use together
  std::uint16_t frame_len = 1518;  // longest frame that must fit, Ethernet header included
};

class FramePool {
 public:
  // Bytes before a received frame, and before a frame that is being built: room for a VLAN tag.
  static constexpr std::uint16_t kHeadRoom = 128;
  static constexpr std::uint32_t kCachePerLcore = 256;

  FramePool() = default;
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  [[nodiscard]] Failure create(const FramePoolOptions& options);

  // allocate fills `frames` from the front and returns how many it could.  One reference each.
  [[nodiscard]] std::size_t allocate(std::span<frame::Frame*> frames) noexcept;
  // release gives one reference of each back; a frame returns to its own pool with the last one.
  static void release(std::span<frame::Frame* const> frames) noexcept;

  [[nodiscard]] std::uint32_t num_frames() const noexcept { return num_frames_; }
  // num_in_use is exact while no lcore runs.
  [[nodiscard]] std::uint32_t num_in_use() const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // bytes_for is what a pool of these options will need in ordinary pages; in huge ones it is less.
  [[nodiscard]] static std::size_t bytes_for(const FramePoolOptions& options) noexcept;
  [[nodiscard]] rte_mempool* native() const noexcept { return pool_; }

 private:
  rte_mempool* pool_ = nullptr;
  std::uint32_t num_frames_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace sallyport::dpdk
