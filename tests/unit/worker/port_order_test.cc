#include "lib/worker/port_order.h"

#include <gtest/gtest.h>

#include <vector>

namespace sallyport::worker {
namespace {

TEST(PortOrder, EachNumberComesOnce) {
  const PortOrder order{{1, 2}};
  for (const std::uint32_t n : {1U, 2U, 3U, 7U, 64U, 1'000U, 49'152U, 98'304U}) {
    std::vector<bool> seen(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t x = order.at(i, n);
      ASSERT_LT(x, n);
      ASSERT_FALSE(seen[x]) << n;
      seen[x] = true;
    }
  }
}

TEST(PortOrder, TheNextOneDoesNotFollowFromTheLast) {
  const PortOrder order{{1, 2}};
  constexpr std::uint32_t kN = 49'152;
  // Of random steps two in n are +-1; as many steps as there are ports are looked at.
  unsigned neighbours = 0;
  std::vector<unsigned> steps(kN);
  for (std::uint32_t i = 1; i < kN; ++i) {
    const std::uint32_t step = (order.at(i, kN) + kN - order.at(i - 1, kN)) % kN;
    if (step == 1 || step == kN - 1) ++neighbours;
    ++steps[step];
  }
  EXPECT_LT(neighbours, 12U);
  for (const unsigned count : steps) EXPECT_LT(count, 12U);
}

TEST(PortOrder, AnotherSecretIsAnotherOrder) {
  const PortOrder a{{1, 2}};
  const PortOrder b{{1, 3}};
  unsigned same = 0;
  for (std::uint32_t i = 0; i < 1'000; ++i) same += a.at(i, 50'000) == b.at(i, 50'000) ? 1U : 0U;
  EXPECT_LT(same, 4U);
}

}  // namespace
}  // namespace sallyport::worker
