#include "lib/worker/index_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <random>

namespace sallyport::worker {
namespace {

struct Object {
  IndexLink link;
  IndexLink other;
};

class IndexListTest : public ::testing::Test {
 protected:
  void push(std::uint32_t i) { list_.push_back(i, at_); }
  std::uint32_t pop() { return list_.pop_front(at_); }

  std::array<Object, 8> objects_;
  IndexList<Object, &Object::link> list_;
  std::function<Object&(std::uint32_t)> at_ = [this](std::uint32_t i) -> Object& {
    return objects_[i];
  };
};

TEST_F(IndexListTest, GivesObjectsBackInTheirOrder) {
  for (const std::uint32_t i : {3U, 0U, 7U}) push(i);
  EXPECT_EQ(list_.size(), 3U);
  EXPECT_EQ(list_.front(), 3U);
  EXPECT_EQ(pop(), 3U);
  EXPECT_EQ(pop(), 0U);
  EXPECT_EQ(pop(), 7U);
  EXPECT_TRUE(list_.empty());
}

TEST_F(IndexListTest, AnObjectStandsInItOnceHoweverOftenItIsAdded) {
  push(1);
  push(2);
  push(1);
  push(2);  // the last one, whose link points nowhere
  EXPECT_EQ(list_.size(), 2U);
  EXPECT_EQ(pop(), 1U);
  EXPECT_FALSE(objects_[1].link.is_linked());
  push(1);
  EXPECT_EQ(pop(), 2U);
  EXPECT_EQ(pop(), 1U);
  EXPECT_TRUE(list_.empty());
}

TEST_F(IndexListTest, ListsThroughOtherLinksAreIndependent) {
  IndexList<Object, &Object::other> second;
  push(1);
  push(2);
  second.push_back(2, at_);
  EXPECT_EQ(pop(), 1U);
  EXPECT_EQ(second.pop_front(at_), 2U);
  EXPECT_TRUE(objects_[2].link.is_linked());
}

TEST_F(IndexListTest, BehavesLikeAQueueWithoutRepetitions) {
  std::mt19937 random{1};
  std::deque<std::uint32_t> model;
  for (int step = 0; step < 10'000; ++step) {
    const auto i = static_cast<std::uint32_t>(random() % objects_.size());
    if (random() % 2 == 0) {
      push(i);
      if (std::ranges::find(model, i) == model.end()) model.push_back(i);
    } else if (!model.empty()) {
      ASSERT_EQ(pop(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(list_.size(), model.size());
  }
}

}  // namespace
}  // namespace sallyport::worker
