// IndexList: a queue of slab objects, linked by index through a field of theirs.  An object is in
// it at most once; appending again is harmless.
#pragma once
#include <cstdint>

namespace sallyport::worker {

// IndexLink stands in the object.
struct IndexLink {
  static constexpr std::uint32_t kUnlinked = 0xffff'ffff;
  static constexpr std::uint32_t kLast = 0xffff'fffe;
  std::uint32_t next = kUnlinked;
  [[nodiscard]] bool is_linked() const noexcept { return next != kUnlinked; }
};

// IndexList queues objects whose link is `object.*Link`; `at(index)` must return the object.
template <class Object, IndexLink Object::*Link>
class IndexList {
 public:
  template <class At>
  void push_back(std::uint32_t index, At&& at) noexcept {
    IndexLink& link = at(index).*Link;
    if (link.is_linked()) return;
    link.next = IndexLink::kLast;
    if (size_++ == 0) {
      head_ = index;
    } else {
      (at(tail_).*Link).next = index;
    }
    tail_ = index;
  }
  // Precondition: !empty().
  template <class At>
  std::uint32_t pop_front(At&& at) noexcept {
    const std::uint32_t index = head_;
    IndexLink& link = at(index).*Link;
    head_ = link.next;
    link.next = IndexLink::kUnlinked;
    --size_;
    return index;
  }
  // Precondition: !empty().
  [[nodiscard]] std::uint32_t front() const noexcept { return head_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

 private:
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace sallyport::worker
