// What timers cost when a million of them is armed, and whether one call of expire() can take long.
#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "lib/base/timer_wheel.h"
#include "tests/bench/metric.h"

namespace sallyport::bench {
namespace {

constexpr std::uint32_t kTimers = 1'000'000;
constexpr TscRate kRate{2'000'000'000};
constexpr std::uint32_t kBudget = 64;  // as a worker has per call
constexpr TscSpan kCall = kRate.ticks(microseconds{10});

// Wheel has a million timers, those of idle connections: deadlines spread over a minute.
struct Wheel {
  explicit Wheel(Nanos spread = seconds{60}) {
    for (std::uint32_t id = 0; id < kTimers; ++id) wheel.arm(id, deadline(spread));
  }
  Tsc deadline(Nanos spread) {
    const auto range = static_cast<std::uint64_t>(kRate.ticks(spread).ticks);
    return now + TscSpan{static_cast<std::int64_t>(random() % (range + 1))};
  }
  std::mt19937_64 random{1};
  Arena arena;
  Tsc now{1'000'000};
  TimerWheel wheel{arena, kTimers, kRate.ticks(milliseconds{1}), now};
};

// The rate of the real counter, measured once.
double ticks_per_microsecond() {
  static const double rate = [] {
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t first = ticks();
    while (std::chrono::steady_clock::now() - begin < milliseconds{50}) {
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(ticks() - first) / took.count();
  }();
  return rate;
}

// each is the median cost of one operation, in nanoseconds, over groups of a thousand on timers
// chosen at random: that they are cold is part of it.
template <class Operation>
double each(Operation&& operation) {
  constexpr std::size_t kGroup = 1'000;
  std::mt19937_64 random{2};
  std::vector<double> spent;
  std::vector<std::uint32_t> ids(kGroup);
  for (int group = 0; group < 1'000; ++group) {
    for (std::uint32_t& id : ids) id = static_cast<std::uint32_t>(random() % kTimers);
    const std::uint64_t begin = ticks();
    for (const std::uint32_t id : ids) operation(id);
    spent.push_back(static_cast<double>(ticks() - begin) / kGroup);
  }
  return median(std::move(spent)) / ticks_per_microsecond() * 1'000;
}

double timer_arm_ns() {
  Wheel w;
  std::uint64_t step = 1;
  return each([&](std::uint32_t id) {
    step = step * 6'364'136'223'846'793'005U + 1;
    w.wheel.arm(id, w.now + TscSpan{static_cast<std::int64_t>(step >> 28U)});
  });
}

double timer_cancel_ns() {
  Wheel w;
  return each([&](std::uint32_t id) { w.wheel.cancel(id); });
}

// Expiring is what a worker sees: calls every ten microseconds with a budget, each timer armed
// again a minute later.  The cost includes its way down through the levels.
double timer_expire_ns() {
  Wheel w;
  std::uint64_t fired = 0;
  std::uint64_t spent = 0;
  while (fired < kTimers / 4) {
    w.now = w.now + kCall;
    const std::uint64_t begin = ticks();
    fired += w.wheel.expire(w.now, kBudget, [&](std::uint32_t id) {
      w.wheel.arm(id, w.now + kRate.ticks(seconds{60}));
    });
    spent += ticks() - begin;
  }
  return static_cast<double>(spent) / static_cast<double>(fired) / ticks_per_microsecond() * 1'000;
}

// The worst case: a million deadlines in one and the same millisecond, some seconds away, so that
// the list of all goes down level by level.  Every run makes the same calls; of each the quickest
// one counts, which leaves out the times when somebody else had the core, and of those the slowest.
double timer_expire_worst_us() {
  std::vector<std::uint64_t> calls;
  for (int run = 0; run < 5; ++run) {
    Wheel w{Nanos{0}};
    const Tsc all_at = w.now + kRate.ticks(seconds{7});
    for (std::uint32_t id = 0; id < kTimers; ++id) w.wheel.arm(id, all_at);
    std::uint64_t fired = 0;
    for (std::size_t call = 0; fired < kTimers; ++call) {
      w.now = w.now + kCall;
      const std::uint64_t begin = ticks();
      fired += w.wheel.expire(w.now, kBudget, [](std::uint32_t) {});
      const std::uint64_t took = ticks() - begin;
      if (call == calls.size()) calls.push_back(took);
      calls[call] = std::min(calls[call], took);
    }
  }
  return static_cast<double>(std::ranges::max(calls)) / ticks_per_microsecond();
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  return run(argc, argv,
             {{"timer_arm_ns", "ns", timer_arm_ns},
              {"timer_cancel_ns", "ns", timer_cancel_ns},
              {"timer_expire_ns", "ns", timer_expire_ns},
              {"timer_expire_worst_us", "us", timer_expire_worst_us}});
}
