// RequestGate: one thread asks, an lcore copies what only it may look at, the thread reads the
// copy.
#pragma once
#include <atomic>
#include <cstdint>

namespace sallyport {

class RequestGate {
 public:
  // --- the lcore ---------------------------------------------------------------------------------
  // answer calls copy() if somebody asked since the last time.
  template <class Copy>
  void answer(Copy&& copy) noexcept {
    const std::uint32_t wanted = requested_.load(std::memory_order_acquire);
    if (wanted == answered_.load(std::memory_order_relaxed)) [[likely]]
      return;
    copy();
    answered_.store(wanted, std::memory_order_release);
  }

  // --- one other thread at a time ----------------------------------------------------------------
  void request() noexcept { requested_.fetch_add(1, std::memory_order_release); }
  // ready: what was copied is the answer to the last request, and stays as it is until the next.
  [[nodiscard]] bool ready() const noexcept {
    return answered_.load(std::memory_order_acquire) == requested_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> requested_{0};
  std::atomic<std::uint32_t> answered_{0};
};

}  // namespace sallyport
