// TokenBucket: at most `rate` events per second on average and `burst` at once.  It bounds what a
// flooder can make us answer: without it every spoofed request would cost us a reply.
#pragma once
#include <algorithm>
#include <cstdint>

#include "lib/base/units.h"

namespace sallyport {

class TokenBucket {
 public:
  // Precondition: 0 < rate <= 10^9 per second, 0 < burst.
  TokenBucket(TscRate tsc, std::uint32_t rate, std::uint32_t burst) noexcept
      : per_token_{std::max<std::int64_t>(tsc.ticks(seconds{1}).ticks / rate, 1)},
        capacity_{per_token_ * burst},
        credit_{capacity_} {}

  // take answers whether one more event is within the limit.  `now` must not go backwards.
  [[nodiscard]] bool take(Tsc now) noexcept {
    if (!has(now)) return false;
    credit_ -= per_token_;
    return true;
  }
  // has answers whether take() would.
  [[nodiscard]] bool has(Tsc now) noexcept {
    credit_ = std::min(capacity_, credit_ + std::max<std::int64_t>((now - last_).ticks, 0));
    last_ = now;
    return credit_ >= per_token_;
  }

 private:
  std::int64_t per_token_;  // ticks
  std::int64_t capacity_;
  std::int64_t credit_;
  Tsc last_;
};

}  // namespace sallyport
