#include "lib/worker/input_queue.h"

#include <algorithm>

namespace sallyport::worker {

void InputQueue::append(frame::Frame& f, Turn& turn) noexcept {
  if (f.len == 0) {
    turn.out.release(f);
    return;
  }
  bytes_ += f.len;
  frame::Frame* last = frames_.back();
  const bool small = f.len < kMergeBelow || frames_.size() >= kMergeAllFrom;
  if (last != nullptr && small && f.len <= last->tail_room()) {
    std::ranges::copy(f.bytes(), last->buffer + last->offset + last->len);
    last->len = static_cast<std::uint16_t>(last->len + f.len);
    turn.out.release(f);
    return;
  }
  frames_.push_back(f);
  ++turn.held.rx_held;
}

void InputQueue::consume(std::size_t n, Turn& turn) noexcept {
  bytes_ -= static_cast<std::uint32_t>(n);
  while (n > 0) {
    frame::Frame& front = *frames_.front();
    const auto part = static_cast<std::uint16_t>(std::min<std::size_t>(n, front.len));
    front.offset = static_cast<std::uint16_t>(front.offset + part);
    front.len = static_cast<std::uint16_t>(front.len - part);
    n -= part;
    if (front.len == 0) {
      turn.out.release(frames_.pop_front());
      --turn.held.rx_held;
    }
  }
}

std::span<MutableBytes> InputQueue::pieces(std::size_t n,
                                           std::span<MutableBytes> out) const noexcept {
  std::size_t used = 0;
  for (frame::Frame* f = frames_.front(); f != nullptr && n > 0 && used < out.size(); f = f->next) {
    out[used] = f->bytes().first(std::min<std::size_t>(n, f->len));
    n -= out[used++].size();
  }
  return out.first(used);
}

void InputQueue::peek(MutableBytes out) const noexcept {
  for (const frame::Frame* f = frames_.front(); f != nullptr && !out.empty(); f = f->next) {
    const ByteView part = f->bytes().first(std::min<std::size_t>(out.size(), f->len));
    std::ranges::copy(part, out.begin());
    out = out.subspan(part.size());
  }
}

}  // namespace sallyport::worker
