#include "lib/tcp/reassembly.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/tcp/support.h"

namespace sallyport::tcp::test {
namespace {

using Insert = KeptQueue::Insert;
constexpr KeptQueue::Limits kLimits{.max_nodes = 16, .max_runs = 8};

// Held owns the nodes of a test; a byte's value is its position, so that what was cut shows.
class Reassembly : public ::testing::Test {
 protected:
  Insert put(std::uint32_t from, std::uint32_t to, char mark = 0) {
    auto node = std::make_unique<Kept>();
    node->seq = base_ + from;
    for (std::uint32_t i = from; i < to; ++i) {
      node->bytes += mark != 0 ? mark : static_cast<char>('A' + i % 26);
    }
    const Insert result = queue_.insert(*node, kLimits);
    nodes_.push_back(std::move(node));
    return result;
  }
  std::string read(std::uint32_t& position) {
    std::string all;
    while (Kept* k = queue_.pop(base_ + position)) {
      all += k->bytes;
      position += KeptAccess::len(*k);
    }
    return all;
  }
  std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks(std::size_t most = 4) {
    std::array<SackBlock, 4> out;
    const std::size_t n = queue_.sack_blocks(std::span{out}.first(most));
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
    for (const SackBlock& b : std::span{out}.first(n)) {
      pairs.emplace_back(distance(base_, b.left), distance(base_, b.right));
    }
    return pairs;
  }
  using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

  SeqNum base_{0xffff'ff80};  // positions from 128 on lie behind the wrap
  KeptQueue queue_;
  std::vector<std::unique_ptr<Kept>> nodes_;
};

TEST_F(Reassembly, HandsOutInOrderOnceTheGapIsFilled) {
  EXPECT_EQ(put(200, 210), Insert::kept);
  EXPECT_EQ(put(100, 110), Insert::kept);
  EXPECT_EQ(put(110, 200), Insert::kept);
  EXPECT_EQ(queue_.pop(base_ + 99), nullptr);
  std::uint32_t position = 100;
  EXPECT_EQ(read(position).size(), 110U);
  EXPECT_EQ(position, 210U);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.num_bytes(), 0U);
}

TEST_F(Reassembly, ExactAndContainedDuplicatesAreGivenBack) {
  EXPECT_EQ(put(100, 200), Insert::kept);
  EXPECT_EQ(put(100, 200), Insert::duplicate);
  EXPECT_EQ(put(120, 180), Insert::duplicate);
  EXPECT_EQ(put(200, 300), Insert::kept);
  EXPECT_EQ(put(150, 250), Insert::duplicate);  // covered by two together
  EXPECT_EQ(queue_.num_bytes(), 200U);
}

TEST_F(Reassembly, TheFirstDataWinsWhenSegmentsOverlap) {
  EXPECT_EQ(put(100, 110, 'a'), Insert::kept);
  EXPECT_EQ(put(105, 120, 'b'), Insert::kept);  // cut at the front
  EXPECT_EQ(put(90, 105, 'c'), Insert::kept);   // cut at the back
  std::uint32_t position = 90;
  EXPECT_EQ(read(position),
            "cccccccccc"
            "aaaaaaaaaa"
            "bbbbbbbbbb");
}

TEST_F(Reassembly, ASegmentAroundAnotherGivesItsFirstMissingPiece) {
  EXPECT_EQ(put(100, 110, 'a'), Insert::kept);
  EXPECT_EQ(put(95, 120, 'b'), Insert::kept);
  EXPECT_EQ(queue_.num_bytes(), 15U);
  EXPECT_EQ(put(95, 120, 'c'), Insert::kept);  // repeated: the rest
  std::uint32_t position = 95;
  EXPECT_EQ(read(position),
            "bbbbb"
            "aaaaaaaaaa"
            "cccccccccc");
}

TEST_F(Reassembly, WhatWasDeliveredOtherwiseIsCutWhenTaken) {
  EXPECT_EQ(put(100, 110, 'a'), Insert::kept);
  EXPECT_EQ(put(120, 125, 'b'), Insert::kept);
  Kept* k = queue_.pop(base_ + 104);
  ASSERT_NE(k, nullptr);
  EXPECT_EQ(k->bytes, "aaaaaa");
  k = queue_.pop(base_ + 200);  // wholly old
  ASSERT_NE(k, nullptr);
  EXPECT_EQ(k->bytes, "");
  EXPECT_EQ(queue_.num_bytes(), 0U);
}

TEST_F(Reassembly, NeverHoldsMoreGapsOrBuffersThanItsLimits) {  // CVE-2018-5390
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(put(100 + i * 4, 102 + i * 4), Insert::kept);
  EXPECT_EQ(put(300, 301), Insert::full) << "a ninth run";
  EXPECT_EQ(queue_.num_runs(), 8U);
  // What makes no further gap is taken until the buffers are used up.
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(put(130 + i, 131 + i), Insert::kept);
  EXPECT_EQ(queue_.num_runs(), 8U);
  EXPECT_EQ(queue_.num_nodes(), 16U);
  EXPECT_EQ(put(138, 139), Insert::full);
  EXPECT_EQ(put(102, 104), Insert::full);
}

TEST_F(Reassembly, RunsGrowAtBothEndsAndJoin) {
  (void)put(110, 120);
  (void)put(120, 130);  // behind
  (void)put(100, 110);  // in front
  EXPECT_EQ(queue_.num_runs(), 1U);
  (void)put(140, 150);
  EXPECT_EQ(queue_.num_runs(), 2U);
  (void)put(130, 140);  // between
  EXPECT_EQ(queue_.num_runs(), 1U);
  EXPECT_EQ(queue_.num_nodes(), 5U);
  EXPECT_EQ(blocks(), (Pairs{{100, 150}}));
  std::uint32_t position = 100;
  EXPECT_EQ(read(position).size(), 50U);
  EXPECT_EQ(queue_.num_runs() + queue_.num_nodes(), 0);
}

TEST_F(Reassembly, ARunThatIsTakenInPartsKeepsItsEnd) {
  (void)put(100, 110);
  (void)put(110, 120);
  (void)put(200, 210);
  ASSERT_NE(queue_.pop(base_ + 100), nullptr);
  EXPECT_EQ(blocks(), (Pairs{{200, 210}, {110, 120}}));
  EXPECT_EQ(put(120, 130), Insert::kept);
  EXPECT_EQ(blocks(), (Pairs{{110, 130}, {200, 210}}));
  EXPECT_EQ(queue_.num_runs(), 2U);
}

TEST_F(Reassembly, WhenBuffersRunOutTheLastRunGivesOneBack) {
  (void)put(100, 110);
  (void)put(200, 210);
  (void)put(210, 220);
  EXPECT_EQ(queue_.take_last()->seq, base_ + 200);
  EXPECT_EQ(blocks(), (Pairs{{210, 220}, {100, 110}}));
  EXPECT_EQ(queue_.take_last()->seq, base_ + 210);
  EXPECT_EQ(queue_.take_last()->seq, base_ + 100);
  EXPECT_EQ(queue_.take_last(), nullptr);
  EXPECT_EQ(queue_.num_runs() + queue_.num_nodes(), 0);
}

TEST_F(Reassembly, ReportsTheLatestBlockFirstAndJoinsNeighbours) {  // [RFC 2018 4]
  EXPECT_EQ(blocks(), Pairs{});
  (void)put(100, 110);
  (void)put(200, 210);
  (void)put(300, 310);
  EXPECT_EQ(blocks(), (Pairs{{300, 310}, {200, 210}, {100, 110}}));
  (void)put(210, 220);
  EXPECT_EQ(blocks(), (Pairs{{200, 220}, {300, 310}, {100, 110}}));
  (void)put(110, 200);
  EXPECT_EQ(blocks(), (Pairs{{100, 220}, {300, 310}}));
  EXPECT_EQ(blocks(1), (Pairs{{100, 220}}));
}

TEST_F(Reassembly, TheLatestBlockIsReportedEvenWhenItLiesBehindManyOthers) {
  for (std::uint32_t i = 0; i < 6; ++i) (void)put(100 + i * 10, 105 + i * 10);
  EXPECT_EQ(blocks(3), (Pairs{{150, 155}, {140, 145}, {130, 135}}));
}

TEST_F(Reassembly, AnyOrderOfOverlappingSegmentsYieldsTheStream) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random{seed};
    KeptQueue queue;
    std::string stream(400, '\0');
    for (std::size_t i = 0; i < stream.size(); ++i) stream[i] = static_cast<char>(i * 31 % 251);
    std::string received;
    for (unsigned step = 0; received.size() < stream.size(); ++step) {
      ASSERT_LT(step, 20'000U);
      const std::size_t from = received.size() + random() % 80;
      if (from >= stream.size()) continue;
      if (from == received.size()) {  // in order: never goes through the queue
        received += stream.substr(from, 1 + random() % 60);
      }
      auto* k = new Kept{nullptr, nullptr, base_ + static_cast<std::uint32_t>(from),
                         stream.substr(from, 1 + random() % 60)};
      if (queue.insert(*k, {.max_nodes = 6, .max_runs = 4}) != Insert::kept) delete k;
      ASSERT_LE(queue.num_nodes(), 6U);
      while (Kept* ready = queue.pop(base_ + static_cast<std::uint32_t>(received.size()))) {
        received += ready->bytes;
        delete ready;
      }
    }
    ASSERT_EQ(received, stream) << seed;
    while (Kept* k = queue.take_any()) delete k;
  }
}

}  // namespace
}  // namespace sallyport::tcp::test
