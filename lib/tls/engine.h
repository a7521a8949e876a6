// Engine: what all TLS connections of one worker share.  One per worker, used by its lcore alone.
#pragma once
#include "lib/base/random.h"
#include "lib/base/units.h"

namespace sallyport::tls {

class Engine {
 public:
  explicit Engine(Random& random) noexcept : random_{random} {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // begin_burst tells the time, once per Worker::process().
  void begin_burst(Tsc now, TscRate rate) noexcept {
    now_ = now;
    rate_ = rate;
  }

  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] Tsc now() const noexcept { return now_; }
  [[nodiscard]] TscRate rate() const noexcept { return rate_; }

 private:
  Random& random_;
  Tsc now_;
  TscRate rate_;
};

}  // namespace sallyport::tls
