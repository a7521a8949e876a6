// Counters with one writer (an lcore) and any reader.  A counter is a relaxed atomic that is loaded
// and stored, never locked: an increment costs what a plain one costs.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::stats {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // set is for gauges: a number that also falls.
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Described is what an enum of counters has to offer beside its enumerators: name and help of each,
// in order.  SALLYPORT_STATS_ENUM makes all of it from one list, so they cannot drift apart.
struct Description {
  std::string_view name;
  std::string_view help;
};

template <class Enum>
struct Descriptions;  // specialised by SALLYPORT_STATS_ENUM: static constexpr
                      // std::array<Description, N> all

template <class Enum>
[[nodiscard]] constexpr std::string_view name_of(Enum e) noexcept {
  return Descriptions<Enum>::all[static_cast<std::size_t>(e)].name;
}

// Counters<Enum> has one Counter per enumerator.
template <class Enum>
class Counters {
 public:
  static constexpr std::size_t kSize = Descriptions<Enum>::all.size();
  void count(Enum e, std::uint64_t n = 1) noexcept {
    counters_[static_cast<std::size_t>(e)].add(n);
  }
  void set(Enum e, std::uint64_t n) noexcept { counters_[static_cast<std::size_t>(e)].set(n); }
  [[nodiscard]] std::uint64_t value(Enum e) const noexcept {
    return counters_[static_cast<std::size_t>(e)].value();
  }
  // merge adds another block's counts: for reading all workers together.
  void merge(const Counters& other) noexcept {
    for (std::size_t i = 0; i < kSize; ++i) counters_[i].add(other.counters_[i].value());
  }

 private:
  std::array<Counter, kSize> counters_{};
};

}  // namespace sallyport::stats

#define SALLYPORT_STATS_ENUMERATOR(name, help) name,
#define SALLYPORT_STATS_DESCRIPTION(name, help) ::sallyport::stats::Description{#name, help},

// SALLYPORT_STATS_ENUM(Name, LIST) declares `enum class Name` in namespace sallyport::stats from
// LIST(X), which applies X(enumerator, "help") to each enumerator in turn.
#define SALLYPORT_STATS_ENUM(Enum, LIST)                                                         \
  namespace sallyport::stats {                                                                   \
  enum class Enum : std::uint8_t { LIST(SALLYPORT_STATS_ENUMERATOR) };                           \
  template <>                                                                                    \
  struct Descriptions<Enum> {                                                                    \
    static constexpr auto all = std::to_array<Description>({LIST(SALLYPORT_STATS_DESCRIPTION)}); \
  };                                                                                             \
  }
