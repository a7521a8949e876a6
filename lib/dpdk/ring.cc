#include "lib/dpdk/ring.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

namespace sallyport::dpdk {

RawRing::~RawRing() { rte_ring_free(ring_); }

Failure RawRing::create(const char* name, std::uint32_t capacity, std::uint32_t element_size) {
  constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;
  ring_ = rte_ring_create_elem(name, element_size, capacity, SOCKET_ID_ANY, kFlags);
  if (ring_ == nullptr) {
    return std::string{"cannot make ring "} + name + ": " + rte_strerror(rte_errno) +
           "; give DPDK more memory";
  }
  element_size_ = element_size;
  return {};
}

std::size_t RawRing::put(const void* elements, std::size_t count) noexcept {
  return rte_ring_sp_enqueue_burst_elem(ring_, elements, element_size_,
                                        static_cast<unsigned>(count), nullptr);
}

std::size_t RawRing::take(void* elements, std::size_t count) noexcept {
  return rte_ring_sc_dequeue_burst_elem(ring_, elements, element_size_,
                                        static_cast<unsigned>(count), nullptr);
}

bool RawRing::empty() const noexcept { return rte_ring_empty(ring_) != 0; }

}  // namespace sallyport::dpdk
