// Slab<T>: a fixed number of objects, allocated once, named by {index, generation}.
//
// A Handle may outlive what it names (in a ring, in a timer): get() answers nullptr once the
// generation has moved on.  One owner thread, no locks, every call O(1).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/arena.h"

namespace sallyport {

// Handle<T> names an object of a Slab.  A default handle names nothing, ever.
template <class T>
struct Handle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // odd while live, even while free
  friend constexpr bool operator==(Handle, Handle) noexcept = default;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return generation != 0; }
};

// SoleHandle names an object that has one owner and is known to nobody else.  That owner knows
// whether it is still there, so no generation is needed, and half as much room.
template <class T>
struct SoleHandle {
  std::uint32_t place = 0;  // index + 1; 0: nothing
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return place != 0; }
};

template <class T>
class Slab {
 public:
  // Precondition: 0 < capacity < 2^32 - 1.
  Slab(Arena& arena, std::size_t capacity)
      : arena_{arena},
        objects_{arena.make_array<T>(capacity)},
        links_{arena.make_array<Link>(capacity)} {
    for (std::uint32_t i = 0; i < links_.size(); ++i) links_[i].next_free = i + 1;
  }
  ~Slab() {
    arena_.destroy_array(links_);
    arena_.destroy_array(objects_);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // allocate returns nullptr when the slab is full.  The object keeps what its last owner left
  // there: the caller initialises it.
  [[nodiscard]] T* allocate(Handle<T>& handle) noexcept {
    if (free_head_ == links_.size()) [[unlikely]] {
      return nullptr;
    }
    Link& link = links_[free_head_];
    handle = {free_head_, ++link.generation};
    free_head_ = link.next_free;
    ++live_;
    return &objects_[handle.index];
  }
  [[nodiscard]] T* get(Handle<T> handle) noexcept {
    return is_live(handle) ? &objects_[handle.index] : nullptr;
  }
  [[nodiscard]] const T* get(Handle<T> handle) const noexcept {
    return is_live(handle) ? &objects_[handle.index] : nullptr;
  }
  // release frees the slot; a handle that is not live is ignored.
  void release(Handle<T> handle) noexcept {
    if (!is_live(handle)) return;
    Link& link = links_[handle.index];
    ++link.generation;
    link.next_free = free_head_;
    free_head_ = handle.index;
    --live_;
  }
  // The same for an owner.
  [[nodiscard]] T* allocate(SoleHandle<T>& sole) noexcept {
    Handle<T> handle;
    T* const object = allocate(handle);
    if (object != nullptr) sole = {handle.index + 1};
    return object;
  }
  [[nodiscard]] T* get(SoleHandle<T> sole) noexcept { return get(handle_of(sole)); }
  [[nodiscard]] const T* get(SoleHandle<T> sole) const noexcept { return get(handle_of(sole)); }
  void release(SoleHandle<T>& sole) noexcept {
    release(handle_of(sole));
    sole = {};
  }
  // handle_at names the live object at `index`, or nothing: for walks over the whole slab.
  [[nodiscard]] Handle<T> handle_at(std::uint32_t index) const noexcept {
    const Handle<T> handle{index, index < links_.size() ? links_[index].generation : 0};
    return is_live(handle) ? handle : Handle<T>{};
  }
  // handle_of names a live object of this slab by its address.
  [[nodiscard]] Handle<T> handle_of(const T& object) const noexcept {
    return handle_at(static_cast<std::uint32_t>(&object - objects_.data()));
  }

  [[nodiscard]] Handle<T> handle_of(SoleHandle<T> sole) const noexcept {
    return sole ? handle_at(sole.place - 1) : Handle<T>{};
  }

  [[nodiscard]] std::size_t live() const noexcept { return live_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return links_.size(); }
  [[nodiscard]] bool full() const noexcept { return free_head_ == links_.size(); }

 private:
  struct Link {
    std::uint32_t generation = 0;
    std::uint32_t next_free = 0;
  };
  [[nodiscard]] bool is_live(Handle<T> handle) const noexcept {
    return handle.index < links_.size() && (handle.generation & 1U) != 0 &&
           links_[handle.index].generation == handle.generation;
  }

  Arena& arena_;
  std::span<T> objects_;
  std::span<Link> links_;
  std::uint32_t free_head_ = 0;
  std::size_t live_ = 0;
};

}  // namespace sallyport
