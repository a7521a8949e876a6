#include "lib/base/nearest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sallyport {
namespace {

TEST(EditDistance, CountsLettersInsertedRemovedReplacedOrSwapped) {
  EXPECT_EQ(edit_distance("adress", "address"), 1U);
  EXPECT_EQ(edit_distance("address", "adress"), 1U);
  EXPECT_EQ(edit_distance("poll", "pool"), 1U);
  EXPECT_EQ(edit_distance("shwo", "show"), 1U);
  EXPECT_EQ(edit_distance("dorps", "drops"), 1U);
  EXPECT_EQ(edit_distance("dorps", "ports"), 2U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
}

TEST(Nearest, IsTheWordWithTheFewestDifferences) {
  constexpr std::array<std::string_view, 4> kKnown{"ports", "drops", "port", "pool"};
  EXPECT_EQ(nearest("prot", kKnown), "port");
  EXPECT_EQ(nearest("dorps", kKnown), "drops");
  EXPECT_EQ(nearest("pools", kKnown), "pool");
}

TEST(Nearest, IsNothingWhereEveryWordIsAnother) {
  constexpr std::array<std::string_view, 2> kKnown{"ports", "to"};
  EXPECT_EQ(nearest("backends", kKnown), "");
  EXPECT_EQ(nearest("xy", kKnown), "");  // all letters of "to"
  EXPECT_EQ(nearest(std::string(65, 'p'), kKnown), "");
  EXPECT_EQ(nearest("port", {}), "");
}

}  // namespace
}  // namespace sallyport
