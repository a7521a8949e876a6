// The two sides of one object: frame::Frame in the private area of rte_mbuf.  Only for the sources
// of this module.
#pragma once
#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "lib/dpdk/frame_pool.h"
#include "lib/frame/frame.h"

namespace sallyport::dpdk {

static_assert(sizeof(rte_mbuf) % alignof(frame::Frame) == 0,
              "the private area that follows an mbuf is aligned for a Frame");
static_assert(RTE_PKTMBUF_HEADROOM == FramePool::kHeadRoom);
static_assert(sizeof(rte_mbuf::refcnt) == sizeof(*frame::Frame::references));

[[nodiscard]] inline frame::Frame* frame_of(rte_mbuf* m) noexcept {
  return static_cast<frame::Frame*>(rte_mbuf_to_priv(m));
}

[[nodiscard]] inline rte_mbuf* mbuf_of(const frame::Frame* f) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(f) - sizeof(rte_mbuf);
  return reinterpret_cast<rte_mbuf*>(address);
}

}  // namespace sallyport::dpdk
