#include "lib/worker/shares.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace sallyport::worker {
namespace {

// take_all is how many places that holder gets.
std::size_t take_all(Shares& shares, std::size_t holder) {
  std::size_t num = 0;
  for (; shares.may_take(holder); ++num) shares.take(holder);
  return num;
}

TEST(Shares, OfOneAloneAreHalfOfThePlaces) {
  Shares shares{64};
  EXPECT_EQ(take_all(shares, 7), 32U);
  shares.give_back(7);
  EXPECT_EQ(take_all(shares, 7), 1U);
}

TEST(Shares, LeaveSomeHoweverManyTakeAllThatTheyCanGet) {
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
    EXPECT_GE(shares.left(), 64 / (holders + 1) - 1) << holders;
    EXPECT_TRUE(shares.may_take(holders)) << "whoever comes next gets one, too";
  }
}

TEST(Shares, AreThereForOneWhoComesLate) {
  Shares shares{64};
  EXPECT_EQ(take_all(shares, 0), 32U);
  EXPECT_EQ(take_all(shares, 1), 16U);
  EXPECT_EQ(take_all(shares, 2), 8U);
  // What the first lets go is for the others until they have as many.
  std::size_t second = 16;
  std::size_t third = 8;
  for (std::size_t first = 32; first > 16; --first) {
    shares.give_back(0);
    third += take_all(shares, 2);
    second += take_all(shares, 1);
  }
  EXPECT_EQ(second, 16U);
  EXPECT_EQ(third, 16U);
  EXPECT_EQ(shares.left(), 16U);
  EXPECT_FALSE(shares.may_take(0));
}

TEST(Shares, OfASinglePlaceIsThatPlace) {
  Shares shares{1};
  EXPECT_EQ(take_all(shares, 0), 1U);
  EXPECT_FALSE(shares.may_take(1));
}

}  // namespace
}  // namespace sallyport::worker
