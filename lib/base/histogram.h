// Histogram: a log-linear histogram of unsigned values (four linear steps per power of two, so a
// reported quantile is at most 25 % above the true one).  One writer; readers on other threads see
// values that may be a few samples apart.
#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sallyport {

class Histogram {
 public:
  static constexpr unsigned kStepBits = 2;
  static constexpr std::size_t kNumBuckets = (64 - kStepBits + 1) << kStepBits;

  void record(std::uint64_t value) noexcept { bump(counts_[bucket_of(value)], 1); }
  // merge adds `other`'s samples: for reading all workers together.
  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < kNumBuckets; ++i) {
      bump(counts_[i], other.counts_[i].load(std::memory_order_relaxed));
    }
  }
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& c : counts_) sum += c.load(std::memory_order_relaxed);
    return sum;
  }
  // quantile returns the upper bound of the bucket that holds the sample of rank ceil(q * count);
  // 0 when there are no samples.  Precondition: 0 < q <= 1.
  [[nodiscard]] std::uint64_t quantile(double q) const noexcept;

  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < (1U << kStepBits)) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    const auto step = static_cast<std::size_t>(value >> exponent) - (1U << kStepBits);
    return ((std::size_t{exponent} + 1) << kStepBits) + step;
  }
  [[nodiscard]] static constexpr std::uint64_t upper_bound_of(std::size_t bucket) noexcept {
    if (bucket < (1U << kStepBits)) return bucket;
    const auto exponent = (bucket >> kStepBits) - 1;
    const auto step = (bucket & ((1U << kStepBits) - 1)) + (1U << kStepBits);
    return ((std::uint64_t{step} + 1) << exponent) - 1;
  }

 private:
  static void bump(std::atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::array<std::atomic<std::uint64_t>, kNumBuckets> counts_{};
};

}  // namespace sallyport
