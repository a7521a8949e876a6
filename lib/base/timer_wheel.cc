#include "lib/base/timer_wheel.h"

#include <algorithm>

#include "lib/base/check.h"

namespace sallyport {

TimerWheel::TimerWheel(Arena& arena, std::size_t capacity, TscSpan granularity, Tsc now)
    : arena_{arena},
      entries_{arena.make_array<Entry>(capacity)},
      origin_{now},
      tick_shift_{
          static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(granularity.ticks))) -
          1} {
  SALLYPORT_CHECK(granularity.ticks > 0 && capacity < kNone);
  heads_.fill(kNone);
}

TimerWheel::~TimerWheel() { arena_.destroy_array(entries_); }

void TimerWheel::arm(std::uint32_t id, Tsc deadline) noexcept {
  if (is_armed(id)) {
    unlink(id);
  } else {
    ++num_armed_;
  }
  // Rounded up, so that the tick begins at or after the deadline.
  std::uint64_t tick = 0;
  if (deadline > origin_) tick = ((deadline.ticks - origin_.ticks - 1) >> tick_shift_) + 1;
  place(id, std::min(std::max(tick, current_tick_ + 1), kLastTick));
}

void TimerWheel::cancel(std::uint32_t id) noexcept {
  if (!is_armed(id)) return;
  unlink(id);
  --num_armed_;
}

void TimerWheel::place(std::uint32_t id, std::uint64_t tick) noexcept {
  const std::uint64_t difference = tick ^ current_tick_;
  const auto level = static_cast<unsigned>(std::bit_width(difference | 1) - 1) / kSlotBits;
  const auto slot = static_cast<unsigned>(tick >> (level * kSlotBits)) % kSlots;
  const unsigned list = level * kSlots + slot;
  Entry& entry = entries_[id];
  entry.tick = tick & kLastTick;
  entry.list = static_cast<std::uint16_t>(list);
  entry.previous = kNone;
  entry.next = heads_[list];
  if (entry.next != kNone) entries_[entry.next].previous = id;
  heads_[list] = id;
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::unlink(std::uint32_t id) noexcept {
  Entry& entry = entries_[id];
  const auto list = static_cast<unsigned>(entry.list);
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  if (entry.previous != kNone) {
    entries_[entry.previous].next = entry.next;
  } else {
    heads_[list] = entry.next;
    if (entry.next == kNone) occupied_[list / kSlots] &= ~(std::uint64_t{1} << (list % kSlots));
  }
  entry.list = kNoList;
}

std::uint32_t TimerWheel::next_due(std::uint64_t target, std::uint64_t& moves) noexcept {
  for (;;) {
    // A list whose time has begun must be empty before time goes on, or its entries fire late.
    while (emptying_ != kNoList) {
      const std::uint32_t id = heads_[emptying_];
      if (id == kNone) {
        emptying_ = kNoList;
        break;
      }
      if (moves == 0) return kNone;
      --moves;
      const std::uint64_t tick = entries_[id].tick;
      unlink(id);
      place(id, tick);
    }
    // All of a lower level comes before anything on a higher one.
    const auto lowest = std::ranges::find_if(occupied_, [](auto slots) { return slots != 0; });
    if (lowest == occupied_.end()) {
      current_tick_ = std::max(current_tick_, std::min(target, kLastTick - 1));
      return kNone;
    }
    const auto level = static_cast<unsigned>(lowest - occupied_.begin());
    const auto slot = static_cast<unsigned>(std::countr_zero(*lowest));
    // The tick with which that slot begins: our digits above the level, its own digit, then zeros.
    const unsigned shift = level * kSlotBits;
    const std::uint64_t above = current_tick_ >> (shift + kSlotBits) << (shift + kSlotBits);
    const std::uint64_t start = above | (std::uint64_t{slot} << shift);
    if (start > target) {
      current_tick_ = std::max(current_tick_, target);
      return kNone;
    }
    current_tick_ = start;
    const unsigned list = level * kSlots + slot;
    if (level == 0) {
      const std::uint32_t id = heads_[list];
      unlink(id);
      --num_armed_;
      return id;
    }
    emptying_ = static_cast<std::uint16_t>(list);
  }
}

}  // namespace sallyport
