#include "lib/dpdk/frame_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <array>
#include <new>

#include "lib/dpdk/mbuf.h"

namespace sallyport::dpdk {
namespace {

// A VLAN tag that the port did not strip makes a frame longer.
constexpr std::uint16_t kTagLength = 4;
// Drivers hand buffer sizes to the device in units of 1 KiB, rounded down, and would split a frame
// that does not fit: so the room for data is a whole number of them.
constexpr std::uint16_t kDataRoomUnit = 1024;
constexpr std::size_t kMaxBulk = 64;

std::uint16_t data_room(std::uint16_t frame_len) noexcept {
  const unsigned needed = frame_len + kTagLength;
  const unsigned rounded = (needed + kDataRoomUnit - 1) / kDataRoomUnit * kDataRoomUnit;
  return static_cast<std::uint16_t>(FramePool::kHeadRoom + rounded);
}

// Most of a Frame never changes once its buffer is known.
void initialise(rte_mempool* /*pool*/, void* /*context*/, void* object, unsigned /*index*/) {
  auto* m = static_cast<rte_mbuf*>(object);
  auto* f = new (frame_of(m)) frame::Frame{};
  f->buffer = static_cast<std::uint8_t*>(m->buf_addr);
  f->buffer_len = m->buf_len;
  f->references = &m->refcnt;
}

}  // namespace

FramePool::~FramePool() { rte_mempool_free(pool_); }

Failure FramePool::create(const FramePoolOptions& options) {
  const std::uint32_t cache = options.num_frames >= 16 * kCachePerLcore ? kCachePerLcore : 32;
  pool_ = rte_pktmbuf_pool_create(options.name, options.num_frames, cache, sizeof(frame::Frame),
                                  data_room(options.frame_len), SOCKET_ID_ANY);
  if (pool_ == nullptr) {
    return std::string{"cannot make "} + options.name + " of " +
           std::to_string(options.num_frames) + " frames (" +
           std::to_string(bytes_for(options) >> 20) + " MiB): " + rte_strerror(rte_errno) +
           "; provide more huge pages, or lower dataplane.max_connections";
  }
  rte_mempool_obj_iter(pool_, initialise, nullptr);
  num_frames_ = options.num_frames;
  bytes_ = 0;
  rte_mempool_mem_iter(
      pool_,
      [](rte_mempool*, void* bytes, rte_mempool_memhdr* chunk, unsigned) {
        *static_cast<std::size_t*>(bytes) += chunk->len;
      },
      &bytes_);
  return {};
}

std::size_t FramePool::allocate(std::span<frame::Frame*> frames) noexcept {
  std::array<rte_mbuf*, kMaxBulk> mbufs;
  std::size_t num = 0;
  std::size_t batch = kMaxBulk;
  while (num < frames.size()) {
    batch = std::min(batch, frames.size() - num);
    if (rte_pktmbuf_alloc_bulk(pool_, mbufs.data(), static_cast<unsigned>(batch)) != 0) {
      // All or nothing: near the end of the pool a smaller batch may still be had.
      if (batch == 1) break;
      batch /= 2;
      continue;
    }
    for (rte_mbuf* m : std::span{mbufs}.first(batch)) {
      frame::Frame* f = frame_of(m);
      f->kept = false;
      f->user = {};
      f->rss_hash = 0;
      f->checksum = frame::ChecksumState::unknown;
      frames[num++] = f;
    }
  }
  return num;
}

void FramePool::release(std::span<frame::Frame* const> frames) noexcept {
  std::array<rte_mbuf*, kMaxBulk> mbufs;
  while (!frames.empty()) {
    const std::size_t num = std::min(kMaxBulk, frames.size());
    for (std::size_t i = 0; i < num; ++i) mbufs[i] = mbuf_of(frames[i]);
    rte_pktmbuf_free_bulk(mbufs.data(), static_cast<unsigned>(num));
    frames = frames.subspan(num);
  }
}

std::uint32_t FramePool::num_in_use() const noexcept {
  return pool_ == nullptr ? 0 : rte_mempool_in_use_count(pool_);
}

std::size_t FramePool::bytes_for(const FramePoolOptions& options) noexcept {
  const auto object = static_cast<std::uint32_t>(sizeof(rte_mbuf) + sizeof(frame::Frame) +
                                                 data_room(options.frame_len));
  rte_mempool_objsz size{};
  const std::size_t stride = rte_mempool_calc_obj_size(object, 0, &size);
  // DPDK lets no object cross the border of an ordinary page, unless it is longer than one.
  constexpr std::size_t kPage = 4096;
  const std::size_t per_page = kPage / stride;
  if (per_page == 0) return (stride + kPage - 1) / kPage * kPage * options.num_frames;
  return (options.num_frames + per_page - 1) / per_page * kPage;
}

}  // namespace sallyport::dpdk
