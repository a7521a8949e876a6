// FramePool: frames on the heap for tests, with the reference rules of an mbuf pool, so that a leak
// or a double release is a failed check and not a mystery.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/check.h"
#include "lib/frame/outbox.h"

namespace sallyport::testing {

class FramePool {
 public:
  static constexpr std::uint16_t kHeadRoom = 128;
  static constexpr std::uint16_t kBufferLength = 2048 + kHeadRoom;

  explicit FramePool(std::size_t capacity)
      : slots_{std::make_unique<Slot[]>(capacity)}, capacity_{capacity} {
    for (std::size_t i = 0; i < capacity; ++i) {
      Slot* slot = &slots_[i];
      slot->frame.buffer = slot->buffer.data();
      slot->frame.buffer_len = kBufferLength;
      slot->frame.references = &slot->references;
      free_.push_back(&slot->frame);
    }
  }

  // take returns nullptr when the pool is empty.
  frame::Frame* take() {
    if (free_.empty()) return nullptr;
    frame::Frame* f = free_.back();
    free_.pop_back();
    SALLYPORT_CHECK(*f->references == 0);
    *f->references = 1;
    f->offset = kHeadRoom;
    f->len = 0;
    f->vlan = 0;
    f->kept = false;
    f->checksum = frame::ChecksumState::unknown;
    f->rss_hash = 0;
    f->tx = {};
    f->next = nullptr;
    return f;
  }
  // take_copy returns a frame that holds `bytes`.
  frame::Frame* take_copy(ByteView bytes) {
    frame::Frame* f = take();
    if (f == nullptr) return nullptr;
    SALLYPORT_CHECK(bytes.size() <= f->tail_room());
    std::ranges::copy(bytes, f->buffer + f->offset);
    f->len = static_cast<std::uint16_t>(bytes.size());
    return f;
  }
  // give_back drops one reference.
  void give_back(frame::Frame& f) {
    SALLYPORT_CHECK(*f.references > 0);
    if (--*f.references == 0) free_.push_back(&f);
  }
  void refill(frame::Outbox& out) {
    auto missing = out.missing();
    std::size_t n = 0;
    while (n < missing.size()) {
      frame::Frame* f = take();
      if (f == nullptr) break;
      missing[n++] = f;
    }
    out.added(n);
  }
  [[nodiscard]] bool owns(const frame::Frame& f) const {
    const auto* at = f.buffer;
    return at >= slots_[0].buffer.data() && at <= slots_[capacity_ - 1].buffer.data();
  }
  [[nodiscard]] std::size_t in_use() const { return capacity_ - free_.size(); }

  static void flush(void* context, std::span<frame::Frame* const> frames) {
    for (frame::Frame* f : frames) static_cast<FramePool*>(context)->give_back(*f);
  }

 private:
  struct Slot {
    frame::Frame frame;
    std::uint16_t references = 0;
    std::array<std::uint8_t, kBufferLength> buffer{};
  };
  std::unique_ptr<Slot[]> slots_;
  std::size_t capacity_;
  std::vector<frame::Frame*> free_;
};

}  // namespace sallyport::testing
