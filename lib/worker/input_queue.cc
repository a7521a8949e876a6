#include "lib/worker/input_queue.h"

#include <algorithm>

namespace sallyport::worker {

void InputQueue::push_back(frame::Frame& f) noexcept {
  f.next = last_ == nullptr ? &f : last_->next;
  if (last_ != nullptr) last_->next = &f;
  last_ = &f;
  ++num_frames_;
}

void InputQueue::pop_front(Turn& turn) noexcept {
  frame::Frame& f = *last_->next;
  if (&f == last_) {
    last_ = nullptr;
  } else {
    last_->next = f.next;
  }
  f.next = nullptr;
  --num_frames_;
  --turn.held.rx_held;
  turn.out.release(f);
}

void InputQueue::append(frame::Frame& f, Turn& turn) noexcept {
  if (f.len == 0) {
    turn.out.release(f);
    return;
  }
  bytes_ += f.len;
  const bool small = f.len < kMergeBelow || num_frames_ >= kMergeAllFrom;
  if (last_ != nullptr && small && f.len <= last_->tail_room()) {
    std::ranges::copy(f.bytes(), last_->buffer + last_->offset + last_->len);
    last_->len = static_cast<std::uint16_t>(last_->len + f.len);
    turn.out.release(f);
    return;
  }
  push_back(f);
  ++turn.held.rx_held;
}

void InputQueue::consume(std::size_t n, Turn& turn) noexcept {
  bytes_ -= static_cast<std::uint32_t>(n);
  while (n > 0) {
    frame::Frame& first = *front();
    const auto part = static_cast<std::uint16_t>(std::min<std::size_t>(n, first.len));
    first.offset = static_cast<std::uint16_t>(first.offset + part);
    first.len = static_cast<std::uint16_t>(first.len - part);
    n -= part;
    if (first.len == 0) pop_front(turn);
  }
}

std::span<MutableBytes> InputQueue::pieces(std::size_t n,
                                           std::span<MutableBytes> out) const noexcept {
  std::size_t used = 0;
  for (frame::Frame* f = front(); f != nullptr && n > 0 && used < out.size(); f = f->next) {
    out[used] = f->bytes().first(std::min<std::size_t>(n, f->len));
    n -= out[used++].size();
  }
  return out.first(used);
}

void InputQueue::peek(MutableBytes out) const noexcept {
  for (const frame::Frame* f = front(); f != nullptr && !out.empty(); f = f->next) {
    const ByteView part = f->bytes().first(std::min<std::size_t>(out.size(), f->len));
    std::ranges::copy(part, out.begin());
    out = out.subspan(part.size());
  }
}

}  // namespace sallyport::worker
