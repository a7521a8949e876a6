#include "lib/control/publisher.h"

#include <algorithm>
#include <utility>

#include "lib/base/check.h"

namespace sallyport::control {

Publisher::Publisher(std::size_t num_readers) : readers_(num_readers) {}

std::uint64_t Publisher::slowest_reader() const noexcept {
  std::uint64_t slowest = snapshot::Reader::kOffline;
  for (const snapshot::Reader& reader : readers_) slowest = std::min(slowest, reader.passed());
  return slowest;
}

bool Publisher::is_pinned(std::uint64_t configuration) const noexcept {
  return std::ranges::any_of(
      readers_, [&](const snapshot::Reader& reader) { return reader.pins(configuration) != 0; });
}

std::size_t Publisher::reclaim() noexcept {
  // A reader whose mark is e has let go of everything before e.
  const std::uint64_t slowest = slowest_reader();
  while (!retired_.empty() && retired_.front()->epoch < slowest) retired_.pop_front();
  // Pins are taken while the snapshot is in use, so they are looked at only when no reader can be
  // within an iteration that still sees the configuration; from then on they only fall.
  while (configurations_.size() > 1 && configurations_.front().last_epoch < slowest &&
         !is_pinned(configurations_.front().number)) {
    configurations_.pop_front();
  }
  return retired_.size();
}

bool Publisher::can_publish(std::uint64_t configuration) noexcept {
  reclaim();
  if (retired_.size() == kMaxRetired) return false;
  const bool is_new = configurations_.empty() || configurations_.back().number != configuration;
  return !is_new || configurations_.size() < snapshot::kMaxConfigurations;
}

void Publisher::publish(std::unique_ptr<snapshot::Snapshot> next) {
  SALLYPORT_CHECK(can_publish(next->configuration));
  SALLYPORT_CHECK(live_ == nullptr || next->configuration == live_->configuration ||
                  next->configuration == live_->configuration + 1);
  next->epoch = ++epoch_;
  if (configurations_.empty() || configurations_.back().number != next->configuration) {
    configurations_.push_back({.number = next->configuration,
                               .last_epoch = next->epoch,
                               .listeners = next->listeners,
                               .pools = next->pools});
  }
  configurations_.back().last_epoch = next->epoch;
  current_.store(next.get(), std::memory_order_release);
  if (live_ != nullptr) retired_.push_back(std::move(live_));
  live_ = std::move(next);
}

}  // namespace sallyport::control
