#include "lib/base/token_bucket.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(TokenBucket, AllowsTheBurstAtOnceAndTheRateAfterwards) {
  constexpr TscRate kRate{1'000'000'000};
  TokenBucket bucket{kRate, 100, 10};
  Tsc now{123};
  int allowed = 0;
  for (int i = 0; i < 1'000; ++i) allowed += bucket.take(now) ? 1 : 0;
  EXPECT_EQ(allowed, 10);
  for (int i = 0; i < 1'000; ++i) {
    now = now + kRate.ticks(milliseconds{1});
    allowed += bucket.take(now) ? 1 : 0;
  }
  EXPECT_EQ(allowed, 10 + 100);
}

}  // namespace
}  // namespace sallyport
