// Rings between two threads: one producer, one consumer, no locks.  Pointers travel in FrameRing
// and JobRing; small messages are copied through MessageRing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "lib/crypto/job.h"
#include "lib/dpdk/eal.h"
#include "lib/frame/frame.h"
#include "lib/frame/outbox.h"

struct rte_ring;

namespace sallyport::dpdk {

// RawRing is the untyped ring below; its element size is fixed by create().
class RawRing {
 public:
  RawRing() = default;
  ~RawRing();
  RawRing(const RawRing&) = delete;
  RawRing& operator=(const RawRing&) = delete;

  // create makes a ring that holds exactly `capacity` elements.  `name` is unique in the process
  // and has at most 26 characters; `element_size` is a multiple of four.
  [[nodiscard]] Failure create(const char* name, std::uint32_t capacity,
                               std::uint32_t element_size);
  [[nodiscard]] std::size_t put(const void* elements, std::size_t count) noexcept;
  [[nodiscard]] std::size_t take(void* elements, std::size_t count) noexcept;
  [[nodiscard]] bool empty() const noexcept;

 private:
  rte_ring* ring_ = nullptr;
  std::uint32_t element_size_ = 0;
};

template <class T>
class PointerRing {
 public:
  [[nodiscard]] Failure create(const char* name, std::uint32_t capacity) {
    return ring_.create(name, capacity, sizeof(T*));
  }
  // put takes elements from the front and returns how many found room.
  [[nodiscard]] std::size_t put(std::span<T* const> elements) noexcept {
    return ring_.put(elements.data(), elements.size());
  }
  [[nodiscard]] std::size_t take(std::span<T*> elements) noexcept {
    return ring_.take(elements.data(), elements.size());
  }
  [[nodiscard]] bool empty() const noexcept { return ring_.empty(); }

 private:
  RawRing ring_;
};

using FrameRing = PointerRing<frame::Frame>;  // a frame on its way to the lcore that owns it
using JobRing = PointerRing<crypto::CryptoJob>;

// MessageRing copies frame::ControlMessage: from a worker to the control thread (what it heard), or
// the other way (small frames that the lcore is to send, such as neighbour probes).
class MessageRing {
 public:
  [[nodiscard]] Failure create(const char* name, std::uint32_t capacity) {
    return ring_.create(name, capacity, sizeof(Element));
  }
  [[nodiscard]] bool put(const frame::ControlMessage& message) noexcept {
    const Element element{message};
    return ring_.put(&element, 1) == 1;
  }
  [[nodiscard]] bool take(frame::ControlMessage& message) noexcept {
    Element element;
    if (ring_.take(&element, 1) == 0) return false;
    message = element.message;
    return true;
  }

 private:
  struct alignas(8) Element {
    frame::ControlMessage message;
  };
  static_assert(std::is_trivially_copyable_v<Element>);
  RawRing ring_;
};

}  // namespace sallyport::dpdk
