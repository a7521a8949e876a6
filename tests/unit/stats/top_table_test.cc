#include "lib/stats/top_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sallyport::stats {
namespace {

// Keys are their own tags and values here.
void count(TopTable<std::uint64_t>& table, std::uint64_t key) { table.count(key) = key; }

TEST(TopTable, CountsExactlyWhileThereIsRoom) {
  Arena arena;
  TopTable<std::uint64_t> table{arena, 4};
  for (const std::uint64_t key : {7U, 8U, 7U, 9U, 7U}) count(table, key);
  ASSERT_EQ(table.size(), 3U);
  EXPECT_EQ(table.total(), 5U);
  EXPECT_EQ(table.most_missed(), 0U);
  EXPECT_EQ(table.row(0).value, 7U);
  EXPECT_EQ(table.row(0).count, 3U);
  EXPECT_EQ(table.row(0).error, 0U);
}

TEST(TopTable, GivesTheRarestsPlaceAwayAndSaysWhatMayBeWrong) {
  Arena arena;
  TopTable<std::uint64_t> table{arena, 2};
  for (const std::uint64_t key : {1U, 1U, 1U, 2U, 2U, 3U}) count(table, key);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table.row(1).value, 3U);
  EXPECT_EQ(table.row(1).count, 3U) << "once, and as often as the one before it";
  EXPECT_EQ(table.row(1).error, 2U);
  EXPECT_EQ(table.most_missed(), 3U);
}

// What the algorithm promises, against a flood of keys that come once each.
TEST(TopTable, KeepsWhatIsFrequentThroughAFloodOfOthers) {
  constexpr std::size_t kCapacity = 64;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Arena arena;
    TopTable<std::uint64_t> table{arena, kCapacity};
    std::map<std::uint64_t, std::uint64_t> truth;
    std::mt19937_64 random{seed};
    for (int i = 0; i < 50'000; ++i) {
      // Ten keys in half of all, with falling frequency.
      const std::uint64_t draw = random() % 110;
      std::uint64_t key = random() | 1U << 20U;
      for (std::uint64_t k = 1, upto = 10; k <= 10; upto += 10 - k, ++k) {
        if (draw < upto) {
          key = k;
          break;
        }
      }
      count(table, key);
      ++truth[key];
    }
    std::map<std::uint64_t, bool> found;
    for (std::size_t i = 0; i < table.size(); ++i) {
      const auto row = table.row(i);
      found[row.value] = true;
      EXPECT_GE(row.count, truth[row.value]) << "too low";
      EXPECT_LE(row.count - row.error, truth[row.value]) << "too high by more than it says";
      EXPECT_LE(row.error, table.total() / kCapacity);
    }
    for (const auto& [key, times] : truth) {
      if (found[key]) continue;
      EXPECT_LE(times, table.total() / kCapacity) << key;
      EXPECT_LE(times, table.most_missed()) << key;
    }
  }
}

}  // namespace
}  // namespace sallyport::stats
