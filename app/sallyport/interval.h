// Interval: when something is due that is done every so often.
#pragma once
#include <cstdint>

#include "lib/base/units.h"

namespace sallyport {

class Interval {
 public:
  // The first time is at once.
  explicit Interval(milliseconds length) : length_{static_cast<std::uint64_t>(length.count())} {}

  // is_due is true once, and then not before the interval is over.  `now_ms` is any time in
  // milliseconds, far above 0.
  [[nodiscard]] bool is_due(std::uint64_t now_ms) noexcept {
    if (now_ms - last_ms_ < length_) return false;
    last_ms_ = now_ms;
    return true;
  }

 private:
  std::uint64_t length_;
  std::uint64_t last_ms_ = 0;
};

}  // namespace sallyport
