#include "lib/worker/syn_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace sallyport::worker {
namespace {

constexpr TscRate kRate{1'000'000'000};

FourTuple tuple(std::uint16_t n) {
  return {{IpAddress::v4({198, 18, 0, 10}), 443}, {IpAddress::v4({198, 18, 1, 1}), n}};
}

class SynTableTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kCapacity = 16;

  bool add(std::uint16_t n) {
    tcp::Segment syn;
    syn.seq = {n};
    return table_.add(tuple(n), flows_.hash(tuple(n)), {}, tcp::remember(syn, {}, {1'000'000}),
                      now_);
  }
  std::uint32_t index_of(std::uint16_t n) {
    const FlowRef found = flows_.find(flows_.hash(tuple(n)), [&](FlowRef ref) {
      return ref.kind == FlowRef::Kind::syn_received && table_.at(ref.index).tuple == tuple(n);
    });
    return found.kind == FlowRef::Kind::none ? kNone : found.index;
  }
  // pass lets time go by, and returns whose SYN-ACK was repeated.
  std::vector<std::uint16_t> pass(milliseconds time) {
    std::vector<std::uint16_t> repeated;
    const Tsc end = now_ + kRate.ticks(time);
    for (; now_ < end; now_ = now_ + kRate.ticks(milliseconds{10})) {
      table_.expire(now_, 64, [&](SynRecord& record) {
        (void)tcp::repeat(record.state);
        repeated.push_back(record.tuple.remote.port);
      });
    }
    return repeated;
  }
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  Tsc now_{1'000};
  Arena arena_;
  FlowTable flows_{arena_, 64, {1, 2}};
  SynTable table_{arena_, kCapacity, flows_, kRate, now_};
};

using Ports = std::vector<std::uint16_t>;

TEST_F(SynTableTest, ARecordIsFoundUntilItIsForgotten) {
  ASSERT_TRUE(add(1));
  ASSERT_NE(index_of(1), kNone);
  table_.forget(index_of(1));
  EXPECT_EQ(index_of(1), kNone);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
  EXPECT_TRUE(pass(seconds{40}).empty()) << "and its timer is gone, too";
}

TEST_F(SynTableTest, AnUnansweredSynAckIsRepeatedFourTimesAndThenForgotten) {
  ASSERT_TRUE(add(7));
  EXPECT_EQ(pass(milliseconds{990}), Ports{});
  EXPECT_EQ(pass(milliseconds{100}), Ports{7});
  EXPECT_EQ(pass(milliseconds{1'800}), Ports{});
  EXPECT_EQ(pass(milliseconds{300}), Ports{7});
  EXPECT_EQ(pass(seconds{13}), (Ports{7, 7}));
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(pass(seconds{17}), Ports{});
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(flows_.size(), 0U);
}

TEST_F(SynTableTest, AFloodEndsTrackingAndItsEndBringsItBack) {
  std::uint16_t n = 1;
  while (table_.is_tracking()) ASSERT_TRUE(add(n++));
  EXPECT_EQ(table_.size(), kCapacity * 3 / 4);
  // Above half there is no coming and going at the edge.
  while (table_.size() > kCapacity / 2 + 1) table_.forget(index_of(--n));
  EXPECT_FALSE(table_.is_tracking());
  table_.forget(index_of(--n));
  EXPECT_TRUE(table_.is_tracking());
}

}  // namespace
}  // namespace sallyport::worker
