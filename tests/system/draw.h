// Draw: random numbers for test programs.  SplitMix64: small, fast, and the same everywhere for one
// seed.
#pragma once
#include <cstdint>

namespace sallyport::testing {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next() {
    state_ += 0x9e37'79b9'7f4a'7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d0'49bb'1331'11ebU;
    return z ^ (z >> 31U);
  }
  // below needs bound > 0; the bias of the remainder is of no interest here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool happens(double probability) {
    constexpr double kTwoTo53 = 9007199254740992.0;
    return static_cast<double>(next() >> 11U) / kTwoTo53 < probability;
  }

 private:
  std::uint64_t state_;
};

}  // namespace sallyport::testing
