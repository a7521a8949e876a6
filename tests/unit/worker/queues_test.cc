#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "lib/worker/input_queue.h"
#include "lib/worker/send_queue.h"
#include "tests/support/frame_pool.h"

namespace sallyport::worker {
namespace {

using tcp::SeqNum;
using testing::FramePool;

class Queues : public ::testing::Test {
 protected:
  frame::Frame& frame_of(std::size_t len, std::uint8_t first) {
    std::vector<std::uint8_t> bytes(len);
    std::iota(bytes.begin(), bytes.end(), first);
    return *pool_.take_copy(bytes);
  }
  void settle() {
    FramePool::flush(&pool_, out_.releases());
    out_.clear();
  }

  FramePool pool_{256};
  frame::Outbox out_{FramePool::flush, &pool_};
  FrameAccount held_;
  Turn turn_{Tsc{1}, out_, held_};
};

using SendQueueTest = Queues;
using InputQueueTest = Queues;

TEST_F(SendQueueTest, KeepsAFrameUntilItsLastByteIsAcknowledged) {
  SendQueue queue;
  queue.restart(SeqNum{0xffff'fff0});
  queue.push_back(frame_of(20, 0), turn_);  // crosses the wrap of sequence space
  queue.push_back(frame_of(10, 100), turn_);
  EXPECT_EQ(queue.end(), SeqNum{14});
  queue.acknowledge(SeqNum{3}, turn_);
  EXPECT_EQ(queue.num_frames(), 2U);
  queue.acknowledge(SeqNum{4}, turn_);
  EXPECT_EQ(queue.num_frames(), 1U);
  queue.acknowledge(SeqNum{14}, turn_);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(held_.tx_held, 0U);
  settle();
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(SendQueueTest, CopiesAnyRangeAcrossFrames) {
  SendQueue queue;
  queue.restart(SeqNum{1'000});
  queue.push_back(frame_of(50, 0), turn_);
  queue.push_back(frame_of(50, 50), turn_);
  std::array<std::uint8_t, 40> middle{};
  queue.copy(SeqNum{1'030}, middle);
  EXPECT_EQ(middle.front(), 30);
  EXPECT_EQ(middle.back(), 69);
  EXPECT_EQ(queue.find(SeqNum{1'100}), nullptr);
  EXPECT_EQ(queue.find(SeqNum{999}), nullptr);
  queue.clear(turn_);
  settle();
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(InputQueueTest, GivesBytesBackInOrderWhateverTheirFrames) {
  InputQueue queue;
  std::uint8_t next = 0;
  for (const std::size_t len : {300U, 1U, 255U, 700U}) {
    queue.append(frame_of(len, next), turn_);
    next = static_cast<std::uint8_t>(next + len);
  }
  ASSERT_EQ(queue.size(), 1'256U);
  std::array<std::uint8_t, 1'256> all{};
  queue.peek(all);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<std::uint8_t>(i)) << i;
  queue.consume(301, turn_);
  std::array<std::uint8_t, 1> first{};
  queue.peek(first);
  EXPECT_EQ(first[0], static_cast<std::uint8_t>(301));
  queue.clear(turn_);
  settle();
  EXPECT_EQ(pool_.in_use(), 0U);
  EXPECT_EQ(held_.rx_held, 0U);
}

TEST_F(InputQueueTest, SingleBytesDoNotPinABufferEach) {
  InputQueue queue;
  for (int i = 0; i < 16'645; ++i) {
    queue.append(frame_of(1, static_cast<std::uint8_t>(i)), turn_);
    settle();
  }
  EXPECT_LE(queue.num_frames(), 10U);
  queue.clear(turn_);
  settle();
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(InputQueueTest, AFullRecordNeverLiesInMorePiecesThanTheLimit) {
  for (const std::size_t len : {1U, 255U, 256U, 257U, 500U, 1'000U, 1'460U}) {
    InputQueue queue;
    while (queue.size() < 16'645) {
      queue.append(frame_of(len, 0), turn_);
      settle();
    }
    std::array<MutableBytes, InputQueue::kMaxPieces> room;
    const auto pieces = queue.pieces(16'645, room);
    std::size_t sum = 0;
    for (const MutableBytes piece : pieces) sum += piece.size();
    EXPECT_EQ(sum, 16'645U) << len;
    queue.clear(turn_);
    settle();
  }
  EXPECT_EQ(pool_.in_use(), 0U);
}

}  // namespace
}  // namespace sallyport::worker
