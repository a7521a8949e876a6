// VirtualRandom: the dice of the simulator.  The same seed gives the same run with every standard
// library, because no distribution of the library is used.
#pragma once
#include <cstdint>
#include <random>

namespace sallyport::testing {

class VirtualRandom {
 public:
  explicit VirtualRandom(std::uint64_t seed) : engine_{seed} {}

  [[nodiscard]] std::uint64_t u64() { return engine_(); }
  [[nodiscard]] std::uint32_t u32() { return static_cast<std::uint32_t>(engine_()); }
  // below is in [0, bound); 0 when the bound is.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    return bound == 0 ? 0 : engine_() % bound;
  }
  // between is in [least, most].
  [[nodiscard]] std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  // unit is in [0, 1).
  [[nodiscard]] double unit() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  // chance draws nothing for what never happens.
  [[nodiscard]] bool chance(double p) { return p > 0 && unit() < p; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sallyport::testing
