// TimerWheel: deadlines of slab objects, by index.  One entry per object at its earliest deadline;
// pushing a deadline back costs nothing, because an entry that fires early is re-armed by its
// owner.
//
// A hierarchical wheel: arm and cancel O(1), expire O(entries that fire) plus O(slots passed), with
// a bound on the work of one call; what is left over fires in the next call.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "lib/base/arena.h"
#include "lib/base/units.h"

namespace sallyport {

class TimerWheel {
 public:
  // One tick is `granularity`; a deadline never fires early, and late by at most one tick plus the
  // time between two calls of expire().  `capacity` is the number of objects (ids 0..capacity-1).
  TimerWheel(Arena& arena, std::size_t capacity, TscSpan granularity, Tsc now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // arm sets or moves the deadline of `id`; cancel forgets it; both are harmless when repeated.
  void arm(std::uint32_t id, Tsc deadline) noexcept;
  void cancel(std::uint32_t id) noexcept;
  [[nodiscard]] bool is_armed(std::uint32_t id) const noexcept;

  // expire advances to `now` and calls fire(id) for at most `budget` due entries, each disarmed
  // before its call; fire may arm and cancel any id.  Returns how many fired.
  template <class Fire>
  std::uint32_t expire(Tsc now, std::uint32_t budget, Fire&& fire) noexcept {
    advance(now);
    std::uint32_t fired = 0;
    while (fired < budget) {
      const std::uint32_t id = pop_due();
      if (id == kNone) break;
      ++fired;
      fire(id);
    }
    return fired;
  }
  [[nodiscard]] std::size_t num_armed() const noexcept { return num_armed_; }

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  static constexpr unsigned kSlotBits = 8;
  static constexpr unsigned kLevels = 4;
  static constexpr std::uint32_t kSlots = 1U << kSlotBits;
  // Lists: one per slot of every level, and one of entries that are due.
  static constexpr std::uint32_t kDueList = kLevels * kSlots;

  struct Entry {
    std::uint64_t tick = 0;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t list = kNone;
  };

  void advance(Tsc now) noexcept;
  [[nodiscard]] std::uint32_t pop_due() noexcept;
  void place(std::uint32_t id) noexcept;
  void link(std::uint32_t id, std::uint32_t list) noexcept;
  void unlink(std::uint32_t id) noexcept;
  void cascade(unsigned level) noexcept;
  [[nodiscard]] std::uint64_t tick_of(Tsc t) const noexcept;

  Arena& arena_;
  std::span<Entry> entries_;
  std::array<std::uint32_t, kDueList + 1> heads_{};
  std::array<std::uint32_t, kDueList + 1> tails_{};
  TscSpan granularity_;
  std::uint64_t current_tick_ = 0;
  std::size_t num_armed_ = 0;
};

}  // namespace sallyport
