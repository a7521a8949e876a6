// TimerWheel: deadlines of slab objects, by index.  One entry per object at its earliest deadline;
// pushing a deadline back costs nothing, because an entry that fires early is re-armed by its
// owner.
//
// A hierarchical wheel (Varghese and Lauck 1987) of 8 levels with 64 slots each.  A level has one
// word that says which of its slots hold something, so empty time costs nothing however long it
// was.  The levels together span every tick that can be counted: there is no overflow list and no
// farthest deadline.  An entry moves down at most once per level on its way to firing, and those
// moves are rationed as well: a slot of a million entries is emptied over many calls instead of in
// one spike.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/arena.h"
#include "lib/base/units.h"

namespace sallyport {

class TimerWheel {
 public:
  // One tick is `granularity` rounded down to a power of two.  A deadline never fires early; it
  // fires late by at most two ticks plus the time between two calls of expire(), unless budgets are
  // used up.  `capacity` is the number of objects (ids 0..capacity-1).  Precondition:
  // granularity.ticks > 0.
  TimerWheel(Arena& arena, std::size_t capacity, TscSpan granularity, Tsc now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // arm sets or moves the deadline of `id`, cancel forgets it; both O(1), and harmless when
  // repeated.  A deadline that has passed fires with the next tick, never within the same one: an
  // owner that re-arms for "now" cannot keep expire() busy.  Precondition: id < capacity.
  void arm(std::uint32_t id, Tsc deadline) noexcept;
  void cancel(std::uint32_t id) noexcept;
  [[nodiscard]] bool is_armed(std::uint32_t id) const noexcept {
    return entries_[id].list != kNoList;
  }

  // expire advances to `now` and calls fire(id) for at most `budget` due entries in order of their
  // ticks, each disarmed before its call; fire may arm and cancel any id.  Beside that, at most
  // kMovesPerFire * budget entries change their level.  What is left over is done by the next call.
  // Returns how many fired.
  template <class Fire>
  std::uint32_t expire(Tsc now, std::uint32_t budget, Fire&& fire) noexcept {
    const std::uint64_t target = floor_tick(now);
    std::uint64_t moves = std::uint64_t{budget} * kMovesPerFire;
    std::uint32_t fired = 0;
    while (fired < budget) {
      const std::uint32_t id = next_due(target, moves);
      if (id == kNone) break;
      ++fired;
      fire(id);
    }
    return fired;
  }
  [[nodiscard]] std::size_t num_armed() const noexcept { return num_armed_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return entries_.size(); }

  static constexpr unsigned kMovesPerFire = 4;

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels = 8;
  static constexpr unsigned kTickBits = kSlotBits * kLevels;
  // With ticks of a microsecond this is reached after nine years of uptime, and what is armed
  // beyond it fires then.
  static constexpr std::uint64_t kLastTick = (std::uint64_t{1} << kTickBits) - 1;
  static constexpr std::uint16_t kNoList = 0xffff;

  // Four to a cache line.  `list` is level * kSlots + slot, or kNoList when not armed.
  struct Entry {
    std::uint64_t tick : kTickBits = 0;
    std::uint64_t list : 64 - kTickBits = kNoList;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
  };
  static_assert(sizeof(Entry) == 16);

  [[nodiscard]] std::uint64_t floor_tick(Tsc t) const noexcept {
    return t < origin_ ? 0 : (t.ticks - origin_.ticks) >> tick_shift_;
  }
  // next_due unlinks the earliest entry whose tick is at most `target`, or returns kNone.
  [[nodiscard]] std::uint32_t next_due(std::uint64_t target, std::uint64_t& moves) noexcept;
  void place(std::uint32_t id, std::uint64_t tick) noexcept;
  void unlink(std::uint32_t id) noexcept;

  Arena& arena_;
  std::span<Entry> entries_;
  Tsc origin_;
  unsigned tick_shift_;
  // Every entry with an earlier tick has fired.  An entry stands on the level of the highest digit
  // (base 64) in which its tick differs from this one, in the slot of its own digit there.
  std::uint64_t current_tick_ = 0;
  std::uint16_t emptying_ = kNoList;  // list on level >= 1 whose time has come, not yet empty
  std::size_t num_armed_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<std::uint32_t, kLevels * kSlots> heads_{};
};

}  // namespace sallyport
