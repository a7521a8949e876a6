#include "lib/base/histogram.h"

#include <cmath>

namespace sallyport {

std::uint64_t Histogram::quantile(double q) const noexcept {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kNumBuckets; ++i) {
    seen += counts_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return upper_bound_of(i);
  }
  return upper_bound_of(kNumBuckets - 1);
}

}  // namespace sallyport
