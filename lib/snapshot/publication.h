// Publication: how a snapshot reaches the workers and how the control thread learns that an old one
// is no longer in use.  Two things keep old data alive:
//
//   the iteration    an lcore uses one Snapshot from the start of an iteration to its end; entering
//                    the next iteration says that it has let go of every older one
//   the handshake    holds pointers into `listeners` (its ServerConfig) or `pools` (its
//                    ClientConfig, with a backend) over many iterations, so it pins the
//                    *configuration* it began under.  Neighbours and cookie keys change without
//                    changing the configuration, and wait for no handshake
//
// Readers never write a line that another reader writes, and nothing here locks.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

#include "lib/snapshot/snapshot.h"

namespace sallyport::snapshot {

// kMaxConfigurations is how many configurations can be pinned at once: the current one and three
// older ones whose handshakes have not ended.  A further reload waits.
constexpr std::size_t kMaxConfigurations = 4;

// Reader is one lcore's side.  The lcore is its only writer.
class alignas(64) Reader {
 public:
  static constexpr std::uint64_t kOffline = std::numeric_limits<std::uint64_t>::max();

  // enter starts an iteration with the newest snapshot.  What an earlier enter() returned must not
  // be used any more.  Precondition: something has been published; leave() was not called.
  [[nodiscard]] const Snapshot& enter(const std::atomic<const Snapshot*>& current) noexcept {
    const Snapshot& newest = *current.load(std::memory_order_acquire);
    passed_.store(newest.epoch, std::memory_order_release);
    return newest;
  }
  // leave: this lcore has stopped and reads nothing any more.
  void leave() noexcept { passed_.store(kOffline, std::memory_order_release); }

  // pin and unpin count the handshakes that began under a configuration.
  void pin(std::uint64_t configuration) noexcept { add(configuration, 1); }
  void unpin(std::uint64_t configuration) noexcept { add(configuration, -1); }

  [[nodiscard]] std::uint64_t passed() const noexcept {
    return passed_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t pins(std::uint64_t configuration) const noexcept {
    return pins_[configuration % kMaxConfigurations].load(std::memory_order_acquire);
  }

 private:
  void add(std::uint64_t configuration, std::int64_t n) noexcept {
    auto& count = pins_[configuration % kMaxConfigurations];
    count.store(count.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(n),
                std::memory_order_release);
  }

  std::atomic<std::uint64_t> passed_{0};
  std::array<std::atomic<std::uint64_t>, kMaxConfigurations> pins_{};
};

}  // namespace sallyport::snapshot
