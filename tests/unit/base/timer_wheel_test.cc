#include "lib/base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace sallyport {
namespace {

constexpr TscSpan kTick{1024};
constexpr std::uint32_t kNoLimit = 1'000'000;

// Fixture whose clock does not begin at zero, as the counter of a machine does not.
class Wheel : public testing::Test {
 protected:
  static constexpr Tsc kStart{123'456'789};
  static Tsc at(std::int64_t ticks) { return kStart + kTick * ticks; }

  std::vector<std::uint32_t> expire(Tsc now, std::uint32_t budget = kNoLimit) {
    std::vector<std::uint32_t> fired;
    wheel_.expire(now, budget, [&](std::uint32_t id) { fired.push_back(id); });
    return fired;
  }

  Arena arena_;
  TimerWheel wheel_{arena_, 1000, kTick, kStart};
};

TEST_F(Wheel, NeverFiresEarlyAndAtMostTwoTicksLate) {
  for (const std::int64_t ticks : {1, 2, 62, 63, 64, 65, 127, 128, 4095, 4096, 4097, 300'000}) {
    for (const std::int64_t extra : {-1, 0, 1}) {
      TimerWheel wheel{arena_, 1, kTick, kStart};
      const Tsc deadline = at(ticks) + TscSpan{extra};
      wheel.arm(0, deadline);
      std::uint32_t fired = wheel.expire(deadline - TscSpan{1}, 9, [](std::uint32_t) {});
      EXPECT_EQ(fired, 0U) << ticks;
      fired = wheel.expire(deadline + kTick * 2, 9, [](std::uint32_t) {});
      EXPECT_EQ(fired, 1U) << ticks;
    }
  }
}

TEST_F(Wheel, ADeadlineMayLieArbitrarilyFarAhead) {
  const std::int64_t far = std::int64_t{1} << 47;
  wheel_.arm(1, at(far));
  EXPECT_TRUE(expire(at(far - 1)).empty());
  EXPECT_EQ(expire(at(far)), std::vector<std::uint32_t>{1});
  wheel_.arm(2, Tsc{~std::uint64_t{0}});
  EXPECT_TRUE(expire(at(far + 1)).empty());
  EXPECT_TRUE(wheel_.is_armed(2));
}

TEST_F(Wheel, FiresInOrderOfDeadlines) {
  std::vector<std::int64_t> deadlines{5000, 3, 70, 64, 4096, 1, 262'144, 4095};
  for (std::uint32_t id = 0; id < deadlines.size(); ++id) wheel_.arm(id, at(deadlines[id]));
  std::vector<std::int64_t> order;
  for (const std::uint32_t id : expire(at(1'000'000))) order.push_back(deadlines[id]);
  std::ranges::sort(deadlines);
  EXPECT_EQ(order, deadlines);
}

TEST_F(Wheel, ArmingAgainMovesAndCancellingForgets) {
  wheel_.arm(1, at(10));
  wheel_.arm(1, at(100));
  wheel_.arm(2, at(10));
  wheel_.cancel(2);
  wheel_.cancel(2);
  wheel_.cancel(3);
  EXPECT_EQ(wheel_.num_armed(), 1U);
  EXPECT_FALSE(wheel_.is_armed(2));
  EXPECT_TRUE(expire(at(99)).empty());
  wheel_.arm(1, at(100));
  EXPECT_EQ(expire(at(100)), std::vector<std::uint32_t>{1});
  EXPECT_EQ(wheel_.num_armed(), 0U);
}

TEST_F(Wheel, AnOwnerThatRearmsForThePastDoesNotKeepTheCallBusy) {
  wheel_.arm(1, kStart);
  std::uint32_t fired = 0;
  const auto again = [&](std::uint32_t id) {
    ++fired;
    EXPECT_FALSE(wheel_.is_armed(id));
    wheel_.arm(id, kStart);
  };
  wheel_.expire(at(5), kNoLimit, again);
  EXPECT_EQ(fired, 5U);  // once per tick
  wheel_.expire(at(5), kNoLimit, again);
  EXPECT_EQ(fired, 5U);
}

TEST_F(Wheel, FireMayCancelAndArmOthers) {
  wheel_.arm(1, at(10));
  wheel_.arm(2, at(10));
  wheel_.arm(3, at(11));
  std::vector<std::uint32_t> fired;
  wheel_.expire(at(20), kNoLimit, [&](std::uint32_t id) {
    fired.push_back(id);
    if (id <= 2) wheel_.cancel(3 - id);  // the first of the two cancels the other
    if (id != 4) wheel_.arm(4, at(12));
  });
  ASSERT_EQ(fired.size(), 3U);
  EXPECT_EQ(fired[1], 3U);
  EXPECT_EQ(fired[2], 4U);
}

TEST_F(Wheel, ABudgetLeavesTheRestForTheNextCall) {
  for (std::uint32_t id = 0; id < 100; ++id) wheel_.arm(id, at(5000));
  std::size_t total = 0;
  for (int call = 0; call < 100 && total < 100; ++call) {
    const auto fired = expire(at(6000), 7);
    EXPECT_LE(fired.size(), 7U);
    total += fired.size();
  }
  EXPECT_EQ(total, 100U);
  EXPECT_EQ(wheel_.num_armed(), 0U);
}

TEST_F(Wheel, AClockThatStandsStillOrStepsBackDoesNoHarm) {
  EXPECT_TRUE(expire(at(50)).empty());
  EXPECT_TRUE(expire(at(20)).empty());
  EXPECT_TRUE(expire(Tsc{0}).empty());
  wheel_.arm(1, at(30));
  EXPECT_TRUE(expire(at(50)).empty());
  EXPECT_EQ(expire(at(51)), std::vector<std::uint32_t>{1});
}

// Against a model that is plainly right: a map from id to the tick in which it must fire.
TEST_F(Wheel, AgreesWithASortedMapOverRandomOperations) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 engine{seed};
    const auto draw = [&engine] { return static_cast<std::uint32_t>(engine()); };
    TimerWheel wheel{arena_, 200, kTick, kStart};
    std::map<std::uint32_t, Tsc> model;
    Tsc now = kStart;
    for (int step = 0; step < 3000; ++step) {
      const std::uint32_t id = draw() % 200;
      const unsigned what = draw() % 8;
      if (what < 5) {
        const unsigned scale = draw() % 28;
        const Tsc deadline = now + TscSpan{static_cast<std::int64_t>(draw() % (1U << scale))};
        wheel.arm(id, deadline);
        model[id] = deadline;
      } else if (what == 5) {
        wheel.cancel(id);
        model.erase(id);
      } else {
        now = now + TscSpan{static_cast<std::int64_t>(draw() % (1U << (draw() % 26)))};
        const std::uint32_t budget = draw() % 2 == 0 ? 5 : kNoLimit;
        const std::uint32_t fired = wheel.expire(now, budget, [&](std::uint32_t due) {
          ASSERT_TRUE(model.contains(due)) << "seed " << seed;
          EXPECT_LE(model[due], now) << "seed " << seed;
          model.erase(due);
        });
        if (budget == kNoLimit && fired < budget) {
          for (const auto& [left, deadline] : model) {
            EXPECT_GT(deadline + kTick * 2, now) << "seed " << seed << " id " << left;
          }
        }
      }
      ASSERT_EQ(wheel.num_armed(), model.size()) << "seed " << seed;
    }
  }
}

// The worst case for a wheel: everybody in one slot of a high level.  No call may work on more than
// its ration, and all of them still fire.
TEST(TimerWheel, AMillionEqualDeadlinesAreWorkedOffInRations) {
  constexpr std::uint32_t kMany = 1'000'000;
  constexpr std::uint32_t kBudget = 1000;
  Arena arena;
  TimerWheel wheel{arena, kMany, kTick, Tsc{}};
  const Tsc deadline = Tsc{} + kTick * 70'000;
  for (std::uint32_t id = 0; id < kMany; ++id) wheel.arm(id, deadline);
  EXPECT_EQ(wheel.num_armed(), kMany);
  std::uint32_t calls = 0;
  while (wheel.num_armed() > 0 && calls < 10 * kMany / kBudget) {
    ++calls;
    EXPECT_LE(wheel.expire(deadline, kBudget, [](std::uint32_t) {}), kBudget);
  }
  EXPECT_EQ(wheel.num_armed(), 0U);
  EXPECT_GE(calls, kMany / kBudget);
}

}  // namespace
}  // namespace sallyport
