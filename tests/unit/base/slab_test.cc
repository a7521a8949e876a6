#include "lib/base/slab.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Slab, AHandleDiesWithItsObjectAndNeverNamesTheNextOne) {
  Arena arena;
  Slab<int> slab{arena, 1};
  Handle<int> first;
  ASSERT_NE(slab.allocate(first), nullptr);
  slab.release(first);
  Handle<int> second;
  ASSERT_NE(slab.allocate(second), nullptr);
  EXPECT_EQ(first.index, second.index);
  EXPECT_EQ(slab.get(first), nullptr);
  EXPECT_NE(slab.get(second), nullptr);
}

TEST(Slab, SaysNoWhenFullAndReleasingTwiceIsHarmless) {
  Arena arena;
  Slab<int> slab{arena, 2};
  Handle<int> a;
  Handle<int> b;
  Handle<int> c;
  ASSERT_NE(slab.allocate(a), nullptr);
  ASSERT_NE(slab.allocate(b), nullptr);
  EXPECT_EQ(slab.allocate(c), nullptr);
  slab.release(a);
  slab.release(a);
  EXPECT_EQ(slab.live(), 1U);
}

TEST(Slab, ForgedAndDefaultHandlesNameNothing) {
  Arena arena;
  Slab<int> slab{arena, 2};
  EXPECT_EQ(slab.get(Handle<int>{}), nullptr);
  EXPECT_EQ(slab.get({7, 1}), nullptr);
  EXPECT_EQ(slab.handle_at(0), Handle<int>{});
}

TEST(Arena, AccountsForEveryByteAndGetsThemBack) {
  Arena arena;
  {
    const Slab<std::uint64_t> slab{arena, 100};
    EXPECT_GE(arena.bytes(), 100 * sizeof(std::uint64_t));
  }
  EXPECT_EQ(arena.bytes(), 0U);
}

TEST(Slab, AnOwnerNeedsNoGeneration) {
  Arena arena;
  Slab<int> slab{arena, 2};
  SoleHandle<int> one;
  EXPECT_FALSE(one);
  EXPECT_EQ(slab.get(one), nullptr);
  ASSERT_NE(slab.allocate(one), nullptr);
  EXPECT_TRUE(one);
  *slab.get(one) = 7;
  SoleHandle<int> two;
  ASSERT_NE(slab.allocate(two), nullptr);
  *slab.get(two) = 8;
  EXPECT_EQ(*slab.get(one), 7);
  SoleHandle<int> none;
  EXPECT_EQ(slab.allocate(none), nullptr);
  EXPECT_FALSE(none) << "a full slab leaves it as it was";
  slab.release(one);
  EXPECT_FALSE(one);
  slab.release(one);
  EXPECT_EQ(slab.live(), 1U);
  EXPECT_EQ(*slab.get(two), 8);
}

}  // namespace
}  // namespace sallyport
