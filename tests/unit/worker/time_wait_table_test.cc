#include "lib/worker/time_wait_table.h"

#include <gtest/gtest.h>

namespace sallyport::worker {
namespace {

class TimeWaitTableTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 4;

  static FourTuple tuple(std::uint16_t n) {
    return {{IpAddress::v4({198, 18, 0, 10}), 443}, {IpAddress::v4({198, 18, 0, 2}), n}};
  }
  static tcp::TimeWait until(std::uint64_t us) {
    tcp::TimeWait state;
    state.expires_at = tcp::Stamp{tcp::Instant{us}};
    return state;
  }
  // enter does what the worker does with connection `n`, whose record lasts until `us`.
  void enter(std::uint16_t n, std::uint64_t us) {
    const FlowRef from{FlowRef::Kind::client, n};
    ASSERT_TRUE(flows_.insert(flows_.hash(tuple(n)), from));
    table_.enter(until(us), tuple(n), flows_.hash(tuple(n)), from);
  }
  FlowRef find(std::uint16_t n) {
    return flows_.find(flows_.hash(tuple(n)), [&](FlowRef ref) {
      return ref.kind == FlowRef::Kind::time_wait && table_.at(ref.index).tuple == tuple(n);
    });
  }
  bool has(std::uint16_t n) { return find(n).kind != FlowRef::Kind::none; }

  Arena arena_;
  FlowTable flows_{arena_, 64, {1, 2}};
  TimeWaitTable table_{arena_, kCapacity, flows_};
};

TEST_F(TimeWaitTableTest, TakesOverTheFlowEntryOfTheConnection) {
  enter(1, 100);
  EXPECT_TRUE(has(1));
  EXPECT_EQ(flows_.size(), 1U);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(TimeWaitTableTest, RecordsGoInTheOrderInWhichTheyCameAndNotBeforeTheirTime) {
  enter(1, 100);
  enter(2, 200);
  table_.expire({99}, 64);
  EXPECT_TRUE(has(1));
  table_.expire({100}, 64);
  EXPECT_FALSE(has(1));
  EXPECT_TRUE(has(2));
  table_.expire({200}, 64);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
}

TEST_F(TimeWaitTableTest, AFullTableLetsItsOldestRecordGo) {
  for (std::uint16_t n = 1; n <= kCapacity + 1; ++n) enter(n, 100U * n);
  EXPECT_EQ(table_.size(), kCapacity);
  EXPECT_FALSE(has(1));
  for (std::uint16_t n = 2; n <= kCapacity + 1; ++n) EXPECT_TRUE(has(n)) << n;
  EXPECT_EQ(flows_.size(), kCapacity);
}

TEST_F(TimeWaitTableTest, AForgottenTupleIsFreeAtOnceAndItsSlotFollows) {
  enter(1, 100);
  enter(2, 200);
  table_.forget(find(2).index);
  EXPECT_FALSE(has(2));
  EXPECT_EQ(flows_.size(), 1U);
  EXPECT_EQ(table_.size(), 2U);
  // The same tuple may already be in TIME_WAIT again when the old slot comes to its end.
  enter(2, 300);
  table_.expire({200}, 64);
  EXPECT_TRUE(has(2));
  EXPECT_EQ(table_.size(), 1U);
  table_.expire({300}, 64);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
}

TEST_F(TimeWaitTableTest, ARecordThatBeginsAnewWaitsBehindTheOthers) {
  enter(1, 100);
  enter(2, 200);
  const std::uint32_t index = find(1).index;
  table_.at(index).state.expires_at = tcp::Stamp{tcp::Instant{300}};
  table_.begin_anew(index);
  EXPECT_TRUE(has(1));
  table_.expire({200}, 64);
  EXPECT_TRUE(has(1));
  EXPECT_FALSE(has(2));
  table_.expire({300}, 64);
  EXPECT_FALSE(has(1));
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
}

TEST_F(TimeWaitTableTest, BeginningAnewInAFullTableLosesNoSlotAndKeepsTheRecord) {
  for (std::uint16_t n = 1; n <= kCapacity; ++n) enter(n, 100);
  for (int round = 0; round < 100; ++round) {
    for (std::uint16_t n = 1; n <= kCapacity; ++n) {
      if (!has(n)) continue;
      table_.begin_anew(find(n).index);
      EXPECT_TRUE(has(n));
      EXPECT_LE(table_.size(), kCapacity);
    }
  }
  table_.expire({100}, 64);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
  for (std::uint16_t n = 1; n <= kCapacity; ++n) enter(n, 200);
  for (std::uint16_t n = 1; n <= kCapacity; ++n) EXPECT_TRUE(has(n)) << n;
}

TEST_F(TimeWaitTableTest, ExpiryDoesNoMoreThanItsBudget) {
  for (std::uint16_t n = 1; n <= kCapacity; ++n) enter(n, 100);
  table_.expire({1'000}, 3);
  EXPECT_EQ(table_.size(), 1U);
  table_.expire({1'000}, 3);
  EXPECT_EQ(table_.size(), 0U);
}

}  // namespace
}  // namespace sallyport::worker
