#include "lib/balance/plan.h"

#include <gtest/gtest.h>

#include <map>

namespace sallyport::balance {
namespace {

std::vector<std::uint16_t> picks(const Plan& plan, std::size_t n, const Tried& tried = {}) {
  std::vector<std::uint16_t> out;
  Cursor cursor;
  for (std::size_t i = 0; i < n; ++i) {
    const auto backend = pick(plan, cursor, {}, tried);
    if (!backend) break;
    out.push_back(backend->value);
  }
  return out;
}

using Values = std::vector<std::uint16_t>;

TEST(RoundRobin, GivesEqualBackendsTheirTurnInOrder) {
  const std::vector<Candidate> candidates(3);
  EXPECT_EQ(picks(Plan{Method::round_robin, candidates}, 7), (Values{0, 1, 2, 0, 1, 2, 0}));
}

TEST(RoundRobin, SpreadsAHeavyBackendBetweenTheOthers) {
  const std::vector<Candidate> candidates{{.weight = 1}, {.weight = 1}, {.weight = 2}};
  const Values round = picks(Plan{Method::round_robin, candidates}, 4);
  EXPECT_EQ(round, (Values{2, 0, 1, 2}));
}

TEST(RoundRobin, KeepsTheProportionsOfLargeAndCommonWeights) {
  const std::vector<Candidate> candidates{{.weight = 3'000'000}, {.weight = 1'000'000}};
  EXPECT_EQ(Plan(Method::round_robin, candidates).places().size(), 4U);

  const std::vector<Candidate> odd{{.weight = 1'000'003}, {.weight = 1}};
  const Plan plan{Method::round_robin, odd};
  EXPECT_LE(plan.places().size(), Plan::kMaxPlaces + odd.size());
  std::map<std::uint16_t, std::size_t> count;
  for (const auto place : plan.places()) ++count[place];
  EXPECT_EQ(count[1], 1U);
  EXPECT_GT(count[0], 4000U);
}

TEST(RoundRobin, NeverPicksAnUnhealthyOrWeightlessBackend) {
  const std::vector<Candidate> candidates{{.healthy = false}, {.weight = 0}, {}, {}};
  EXPECT_EQ(picks(Plan{Method::round_robin, candidates}, 4), (Values{2, 3, 2, 3}));
}

TEST(RoundRobin, PicksAnotherOneThanThoseTried) {
  const std::vector<Candidate> candidates{{.weight = 5}, {}, {}};
  Tried tried;
  tried.add(BackendIndex{0});
  tried.add(BackendIndex{2});
  EXPECT_EQ(picks(Plan{Method::round_robin, candidates}, 3, tried), (Values{1, 1, 1}));
}

TEST(RoundRobin, SaysThatNobodyIsLeft) {
  Cursor cursor;
  EXPECT_FALSE(pick(Plan{}, cursor, {}, {}));
  const std::vector<Candidate> down{{.healthy = false}};
  EXPECT_FALSE(pick(Plan{Method::round_robin, down}, cursor, {}, {}));

  const std::vector<Candidate> one(1);
  Tried tried;
  tried.add(BackendIndex{0});
  EXPECT_FALSE(pick(Plan{Method::round_robin, one}, cursor, {}, tried));
}

TEST(RoundRobin, ACursorStaysValidWhenThePlanShrinks) {
  const std::vector<Candidate> many(9);
  const std::vector<Candidate> few(2);
  Cursor cursor{.next = 0xffff'ffff};
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pick(Plan(Method::round_robin, many), cursor, {}, {}));
    const auto backend = pick(Plan(Method::round_robin, few), cursor, {}, {});
    ASSERT_TRUE(backend);
    EXPECT_LT(backend->value, 2U);
  }
}

TEST(Tried, RemembersAsManyAsItHoldsAndIgnoresTheRest) {
  Tried tried;
  for (std::uint16_t i = 0; i < 6; ++i) tried.add(BackendIndex{i});
  EXPECT_EQ(tried.size(), Tried::kMax);
  EXPECT_TRUE(tried.contains(BackendIndex{3}));
  EXPECT_FALSE(tried.contains(BackendIndex{4}));
}

}  // namespace
}  // namespace sallyport::balance
