#include "lib/worker/flow_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace sallyport::worker {
namespace {

FourTuple tuple(std::uint32_t n) {
  return {{IpAddress::v4({198, 18, 0, 10}), 443},
          {IpAddress::v4({198, 19, static_cast<std::uint8_t>(n >> 16U), 1}),
           static_cast<std::uint16_t>(n)}};
}

TEST(FlowTable, HoldsItsCapacityAndFindsEveryFlowUnderItsOwnTuple) {
  constexpr std::uint32_t kFlows = 100'000;
  Arena arena;
  FlowTable table{arena, kFlows, {1, 2}};
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    ASSERT_TRUE(table.insert(table.hash(tuple(i)), {FlowRef::Kind::client, i}));
  }
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    const FlowRef found =
        table.find(table.hash(tuple(i)), [&](FlowRef ref) { return ref.index == i; });
    EXPECT_EQ(found, (FlowRef{FlowRef::Kind::client, i}));
  }
  EXPECT_EQ(table.size(), kFlows);
}

TEST(FlowTable, ForgetsErasedFlowsAndTakesNewOnesInTheirPlace) {
  Arena arena;
  FlowTable table{arena, 8, {1, 2}};
  const auto any = [](FlowRef) { return true; };
  for (std::uint32_t round = 0; round < 1'000; ++round) {
    const FlowTable::Hash hash = table.hash(tuple(round));
    ASSERT_TRUE(table.insert(hash, {FlowRef::Kind::backend, round}));
    ASSERT_TRUE(table.erase(hash, {FlowRef::Kind::backend, round}));
    EXPECT_FALSE(table.erase(hash, {FlowRef::Kind::backend, round}));
    EXPECT_EQ(table.find(hash, any), FlowRef{});
  }
  EXPECT_EQ(table.size(), 0U);
}

TEST(FlowTable, SaysNoInsteadOfLosingAFlowWhenBothBucketsAreFull) {
  Arena arena;
  FlowTable table{arena, 2, {1, 2}};
  std::uint32_t taken = 0;
  while (taken < 1'000 && table.insert(table.hash(tuple(taken)), {FlowRef::Kind::client, taken})) {
    ++taken;
  }
  ASSERT_LT(taken, 1'000U);
  for (std::uint32_t i = 0; i < taken; ++i) {
    EXPECT_EQ(table.find(table.hash(tuple(i)), [&](FlowRef r) { return r.index == i; }).index, i);
  }
}

TEST(FlowTable, ReplaceKeepsTheTupleAndChangesTheOwner) {
  Arena arena;
  FlowTable table{arena, 8, {1, 2}};
  const FlowTable::Hash hash = table.hash(tuple(1));
  ASSERT_TRUE(table.insert(hash, {FlowRef::Kind::client, 3}));
  ASSERT_TRUE(table.replace(hash, {FlowRef::Kind::client, 3}, {FlowRef::Kind::time_wait, 9}));
  EXPECT_EQ(table.find(hash, [](FlowRef) { return true; }), (FlowRef{FlowRef::Kind::time_wait, 9}));
}

}  // namespace
}  // namespace sallyport::worker
