// Arena: where the tables of one lcore get their memory, once, at start.  Production hands out huge
// pages of the right NUMA node; tests hand out the heap.  Nothing is given back before shutdown.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include "lib/base/check.h"

namespace sallyport {

// Arena allocates zeroed, aligned memory and accounts for it.  Not for use after "ready".
class Arena {
 public:
  // Source returns `bytes` of zeroed memory aligned to `alignment`, or nullptr.
  using Source = void* (*)(void* context, std::size_t bytes, std::size_t alignment);
  using Return = void (*)(void* context, void* memory);

  Arena() noexcept : Arena{heap_source, heap_return, nullptr} {}
  Arena(Source source, Return give_back, void* context) noexcept
      : source_{source}, return_{give_back}, context_{context} {}

  // make_array value-initialises `count` objects.  Exhaustion aborts: it can only happen at start.
  template <class T>
  [[nodiscard]] std::span<T> make_array(std::size_t count) {
    constexpr std::size_t kAlignment = alignof(T) < 64 ? 64 : alignof(T);
    const std::size_t bytes = count * sizeof(T);
    void* memory = source_(context_, bytes, kAlignment);
    SALLYPORT_CHECK(memory != nullptr);
    bytes_ += bytes;
    T* first = static_cast<T*>(memory);
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }
  template <class T>
  void destroy_array(std::span<T> objects) noexcept {
    std::destroy(objects.begin(), objects.end());
    bytes_ -= objects.size_bytes();
    return_(context_, objects.data());
  }
  // bytes is what is allocated now.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  static void* heap_source(void* context, std::size_t bytes, std::size_t alignment);
  static void heap_return(void* context, void* memory);

  Source source_;
  Return return_;
  void* context_;
  std::size_t bytes_ = 0;
};

// ArenaArray is a number of objects that go back to their arena with it; there may be none.
template <class T>
class ArenaArray {
 public:
  ArenaArray(Arena& arena, std::size_t count) : arena_{arena} {
    if (count > 0) objects_ = arena.make_array<T>(count);
  }
  ~ArenaArray() {
    if (!objects_.empty()) arena_.destroy_array(objects_);
  }
  ArenaArray(const ArenaArray&) = delete;
  ArenaArray& operator=(const ArenaArray&) = delete;

  [[nodiscard]] T& operator[](std::size_t index) noexcept { return objects_[index]; }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return objects_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return objects_.size(); }
  [[nodiscard]] bool empty() const noexcept { return objects_.empty(); }

 private:
  Arena& arena_;
  std::span<T> objects_;
};

}  // namespace sallyport
