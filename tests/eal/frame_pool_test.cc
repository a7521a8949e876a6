#include "lib/dpdk/frame_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "lib/base/no_alloc.h"
#include "tests/eal/eal_environment.h"
#include "tests/support/no_malloc_supported.h"

namespace sallyport::dpdk {
namespace {

TEST(FramePool, HandsOutDistinctAlignedFramesWithRoom) {
  const std::string name = unique_name("pool");
  FramePool pool;
  ASSERT_EQ(pool.create({.name = name.c_str(), .num_frames = 255}).value_or(""), "");
  std::vector<frame::Frame*> frames(100);
  ASSERT_EQ(pool.allocate(frames), 100U);
  EXPECT_EQ(pool.num_in_use(), 100U);
  std::set<frame::Frame*> distinct(frames.begin(), frames.end());
  EXPECT_EQ(distinct.size(), frames.size());
  for (frame::Frame* f : frames) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(f) % alignof(frame::Frame), 0U);
    EXPECT_EQ(*f->references, 1);
    EXPECT_FALSE(f->is_shared());
    EXPECT_GE(f->buffer_len, FramePool::kHeadRoom + 1518 + 4);
  }
  FramePool::release(frames);
  EXPECT_EQ(pool.num_in_use(), 0U);
}

TEST(FramePool, GivesWhatItHasWhenThatIsLessThanAsked) {
  const std::string name = unique_name("pool");
  FramePool pool;
  ASSERT_EQ(pool.create({.name = name.c_str(), .num_frames = 255}).value_or(""), "");
  std::vector<frame::Frame*> frames(300);
  const std::size_t num = pool.allocate(frames);
  EXPECT_GT(num, 200U);
  EXPECT_LE(num, 255U);
  FramePool::release(std::span{frames}.first(num));
  EXPECT_EQ(pool.num_in_use(), 0U);
}

TEST(FramePool, KeepsAFrameUntilItsLastReferenceIsGone) {
  const std::string name = unique_name("pool");
  FramePool pool;
  ASSERT_EQ(pool.create({.name = name.c_str(), .num_frames = 255}).value_or(""), "");
  frame::Frame* f = nullptr;
  ASSERT_EQ(pool.allocate({&f, 1}), 1U);
  ++*f->references;
  EXPECT_TRUE(f->is_shared());
  FramePool::release({&f, 1});
  EXPECT_EQ(pool.num_in_use(), 1U);
  EXPECT_FALSE(f->is_shared());
  FramePool::release({&f, 1});
  EXPECT_EQ(pool.num_in_use(), 0U);
}

TEST(FramePool, TakesAsMuchMemoryAsItSaysBeforehand) {
  const std::string name = unique_name("pool");
  const FramePoolOptions options{.name = name.c_str(), .num_frames = 8191};
  FramePool pool;
  ASSERT_EQ(pool.create(options).value_or(""), "");
  EXPECT_LE(pool.bytes(), FramePool::bytes_for(options) + FramePool::bytes_for(options) / 16);
  EXPECT_GE(pool.bytes(), FramePool::bytes_for(options) / 16 * 15);
}

TEST(FramePool, SaysWhatToDoWhenThereIsNotEnoughMemory) {
  FramePool pool;
  const Failure failure = pool.create({.name = "too_large", .num_frames = 4'000'000});
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find("max_connections"), std::string::npos) << *failure;
}

TEST(NoAllocScopeDeathTest, AbortsAtAnAllocation) {
  if (!kNoMallocSupported) GTEST_SKIP() << "a sanitizer brings its own allocator";
  ::testing::FLAGS_gtest_death_test_style = "fast";
  EXPECT_DEATH(
      {
        const NoAllocScope scope;
        std::vector<int>* leaked = new std::vector<int>(1000);
        leaked->at(999) = 1;
      },
      "allocation inside a NoAllocScope");
}

}  // namespace
}  // namespace sallyport::dpdk
