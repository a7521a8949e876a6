// Publisher: gives snapshots to the workers and takes the old ones back.
//
// A snapshot is freed when every reader has entered a newer one; a configuration (the listeners
// that handshakes point into) when no reader pins it either.  At most kMaxRetired snapshots and
// snapshot::kMaxConfigurations configurations exist at once: a further one waits, so a reader that
// stands still costs a bounded amount of memory and nothing else.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "lib/snapshot/publication.h"

namespace sallyport::control {

class Publisher {
 public:
  static constexpr std::size_t kMaxRetired = 3;

  explicit Publisher(std::size_t num_readers);
  // All readers must have left.
  ~Publisher() = default;
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  [[nodiscard]] snapshot::Reader& reader(std::size_t index) noexcept { return readers_[index]; }
  [[nodiscard]] std::size_t num_readers() const noexcept { return readers_.size(); }
  // source is what Reader::enter() reads; null until the first publication.
  [[nodiscard]] const std::atomic<const snapshot::Snapshot*>& source() const noexcept {
    return current_;
  }

  // can_publish reclaims first, and is false while too many old ones are still in use.
  // `configuration` is the one that the next snapshot would carry.
  [[nodiscard]] bool can_publish(std::uint64_t configuration) noexcept;
  // publish numbers the snapshot (epoch) and makes it the current one.  Its configuration is that
  // of the one before, or the next higher number.  Precondition: can_publish().
  void publish(std::unique_ptr<snapshot::Snapshot> next);

  // reclaim frees what no reader can see any more, and returns how many snapshots still wait.
  std::size_t reclaim() noexcept;

  // current is for the control thread alone; nullptr until the first publication.
  [[nodiscard]] const snapshot::Snapshot* current() const noexcept { return live_.get(); }
  // num_configurations counts the current one and those that handshakes still pin.
  [[nodiscard]] std::size_t num_configurations() const noexcept { return configurations_.size(); }

 private:
  // The parts of a configuration that a handshake may point into.
  struct Configuration {
    std::uint64_t number = 0;
    std::uint64_t last_epoch = 0;  // of the newest snapshot that carries it
    std::shared_ptr<const std::vector<snapshot::Listener>> listeners;
    std::shared_ptr<const std::vector<snapshot::Pool>> pools;
  };

  [[nodiscard]] std::uint64_t slowest_reader() const noexcept;
  [[nodiscard]] bool is_pinned(std::uint64_t configuration) const noexcept;

  std::vector<snapshot::Reader> readers_;
  std::atomic<const snapshot::Snapshot*> current_{nullptr};
  std::unique_ptr<const snapshot::Snapshot> live_;
  std::deque<std::unique_ptr<const snapshot::Snapshot>> retired_;  // oldest first
  std::deque<Configuration> configurations_;                       // oldest first, current last
  std::uint64_t epoch_ = 0;
};

}  // namespace sallyport::control
