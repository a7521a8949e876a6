#include "lib/worker/shares.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>

namespace sallyport::worker {
namespace {

// take_all is how many places that holder gets.
std::size_t take_all(Shares& shares, std::size_t holder) {
  std::size_t num = 0;
  for (; shares.may_take(holder); ++num) shares.take(holder);
  return num;
}

TEST(Shares, OfOneAloneAreHalfOfThePlacesThatAreNotKeptBack) {
  Shares shares{64};
  EXPECT_EQ(take_all(shares, 7), (64U - 8U) / 2);
  shares.give_back(7);
  EXPECT_EQ(take_all(shares, 7), 1U);
}

TEST(Shares, AreEqualWhenAllTakeInTurns) {
  for (const std::size_t holders : {2U, 3U, 9U, 31U}) {
    Shares shares{64};
    std::size_t taken = 1;
    // In turns, so that each has as many as the others.
    while (taken > 0) {
      taken = 0;
      for (std::size_t i = 0; i < holders; ++i) {
        if (!shares.may_take(i)) continue;
        shares.take(i);
        ++taken;
      }
    }
    EXPECT_GE(shares.left(), (64 - 8) / (holders + 1)) << holders;
    EXPECT_TRUE(shares.may_take(holders)) << "whoever comes next gets one, too";
  }
}

TEST(Shares, AreThereForOneWhoComesLate) {
  Shares shares{64};
  EXPECT_EQ(take_all(shares, 0), 28U);
  EXPECT_EQ(take_all(shares, 1), 14U);
  EXPECT_EQ(take_all(shares, 2), 7U);
  // What the first lets go is for the others until they have as many.
  std::size_t second = 14;
  std::size_t third = 7;
  for (std::size_t first = 28; first > 14; --first) {
    shares.give_back(0);
    third += take_all(shares, 2);
    second += take_all(shares, 1);
  }
  EXPECT_EQ(second, 14U);
  EXPECT_EQ(third, 14U);
  EXPECT_EQ(shares.left(), 22U);
  EXPECT_FALSE(shares.may_take(0));
}

// One after the other they take all that they can get, and let none go: the worst order.
TEST(Shares, LeaveOneForEachOfTheNextWhenOthersHoldOnToTheirs) {
  for (const auto& [places, holders] :
       {std::pair{16U, 5U}, std::pair{64U, 12U}, std::pair{2'048U, 200U}}) {
    Shares shares{places};
    for (std::size_t i = 0; i < holders; ++i) {
      ASSERT_GT(take_all(shares, i), 0U) << places << " " << i;
    }
    EXPECT_TRUE(shares.may_take(holders)) << places;
  }
}

TEST(Shares, OfASinglePlaceIsThatPlace) {
  Shares shares{1};
  EXPECT_EQ(take_all(shares, 0), 1U);
  EXPECT_FALSE(shares.may_take(1));
}

}  // namespace
}  // namespace sallyport::worker
