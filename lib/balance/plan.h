// Plan and pick: which backend a new connection goes to.
//
// The control thread turns {method, weights, health} into an immutable Plan that lies in the
// snapshot; a worker keeps one Cursor per pool and picks in O(1) without allocating.  A further
// method brings its own Plan contents (Maglev: a look-up table) and its own use of Flow and Cursor;
// callers do not change.
//
// Round robin is weighted and spread out: a backend of weight w has w places in a cyclic sequence,
// as evenly apart as the other weights allow, so two of weight 1 and one of weight 2 give
// c a b c rather than a b c c.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sallyport::balance {

// BackendIndex is a position in the pool's list of backends.
struct BackendIndex {
  std::uint16_t value = 0;
  friend constexpr bool operator==(BackendIndex, BackendIndex) noexcept = default;
};

enum class Method : std::uint8_t { round_robin };

// Candidate is a backend as the plan sees it; its position in the span is its BackendIndex.
struct Candidate {
  std::uint32_t weight = 1;  // 0 = takes no new connections
  bool healthy = true;
};

class Plan {
 public:
  // A sequence longer than this is scaled down: weights then hold to within one place in
  // kMaxPlaces, and no backend of a positive weight loses its last place.
  static constexpr std::size_t kMaxPlaces = 4096;

  Plan() = default;
  // Precondition: candidates.size() <= kMaxPlaces.
  Plan(Method method, std::span<const Candidate> candidates);

  [[nodiscard]] Method method() const noexcept { return method_; }
  // places is the cyclic sequence; empty when no backend may be picked.
  [[nodiscard]] std::span<const std::uint16_t> places() const noexcept { return places_; }

 private:
  Method method_ = Method::round_robin;
  std::vector<std::uint16_t> places_;
};

// Cursor is what one worker keeps for one pool, across snapshots.  Workers should start at
// different places, or the first backend sees the first connection of each of them.
struct Cursor {
  std::uint32_t next = 0;
};

// Flow is what a method may know of the connection that looks for a backend.
struct Flow {
  std::uint64_t hash = 0;  // of the client's tuple; unused by round robin
};

// Tried lists the backends that this connection has already been refused by.
class Tried {
 public:
  static constexpr std::size_t kMax = 4;
  // add ignores what does not fit: a connection never tries that often.
  constexpr void add(BackendIndex backend) noexcept {
    if (size_ < kMax) backends_[size_++] = backend;
  }
  [[nodiscard]] constexpr bool contains(BackendIndex backend) const noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      if (backends_[i] == backend) return true;
    }
    return false;
  }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  std::array<BackendIndex, kMax> backends_{};
  std::uint8_t size_ = 0;
};

// pick returns the next backend that is not in `tried`, or nothing when there is none.  It looks at
// most once at each place: O(1) for a first attempt, O(places) when others have failed.
[[nodiscard]] std::optional<BackendIndex> pick(const Plan& plan, Cursor& cursor, const Flow& flow,
                                               const Tried& tried) noexcept;

}  // namespace sallyport::balance
