// TopTable: the most frequent keys of a stream, in fixed memory (Space-Saving: Metwally, Agrawal
// and El Abbadi 2005).
//
// While there is a free place every key is counted exactly.  Then a new key takes the place of the
// least frequent one and inherits its count as what may be wrong about its own.  So no count is
// too low, none is too high by more than its `error`, and every key that is more frequent than
// one in `capacity` is in the table.
//
// For one thread.  Keys come as keyed hashes of 64 bits, so nobody can aim at another's place; each
// count looks at all tags and, for a key that is new, at all counts, both of which lie together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/arena.h"

namespace sallyport::stats {

template <class Value>
class TopTable {
 public:
  // Precondition: capacity > 0.
  TopTable(Arena& arena, std::size_t capacity)
      : arena_{arena},
        tags_{arena.make_array<std::uint64_t>(capacity)},
        counts_{arena.make_array<std::uint64_t>(capacity)},
        errors_{arena.make_array<std::uint64_t>(capacity)},
        values_{arena.make_array<Value>(capacity)} {}
  ~TopTable() {
    arena_.destroy_array(values_);
    arena_.destroy_array(errors_);
    arena_.destroy_array(counts_);
    arena_.destroy_array(tags_);
  }
  TopTable(const TopTable&) = delete;
  TopTable& operator=(const TopTable&) = delete;

  // count adds one to the key with this hash and returns its value, to be written by the caller: it
  // may be that of a key that was here before.
  [[nodiscard]] Value& count(std::uint64_t tag) noexcept {
    ++total_;
    std::size_t place = size_;
    for (std::size_t i = 0; i < size_; ++i) {
      if (tags_[i] == tag) place = i;
    }
    if (place == size_) place = place_for(tag);
    ++counts_[place];
    return values_[place];
  }

  struct Row {
    std::uint64_t count;  // at most so many
    std::uint64_t error;  // and fewer by this, at most
    const Value& value;
  };
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Row row(std::size_t i) const noexcept {
    return {counts_[i], errors_[i], values_[i]};
  }
  // total is how often count() was called.
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  // most_missed is how often a key may have come that is not in the table.
  [[nodiscard]] std::uint64_t most_missed() const noexcept {
    return size_ < tags_.size() ? 0 : counts_[least()];
  }

 private:
  [[nodiscard]] std::size_t least() const noexcept {
    std::size_t place = 0;
    for (std::size_t i = 1; i < size_; ++i) {
      if (counts_[i] < counts_[place]) place = i;
    }
    return place;
  }
  [[nodiscard]] std::size_t place_for(std::uint64_t tag) noexcept {
    std::size_t place = size_;
    if (size_ < tags_.size()) {
      ++size_;
    } else {
      place = least();
      errors_[place] = counts_[place];
    }
    tags_[place] = tag;
    return place;
  }

  Arena& arena_;
  std::span<std::uint64_t> tags_;
  std::span<std::uint64_t> counts_;
  std::span<std::uint64_t> errors_;
  std::span<Value> values_;
  std::size_t size_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace sallyport::stats
