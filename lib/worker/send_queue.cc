#include "lib/worker/send_queue.h"

#include <algorithm>

namespace sallyport::worker {

void SendQueue::acknowledge(tcp::SeqNum una, Turn& turn) noexcept {
  while (frame::Frame* front = frames_.front()) {
    const Chunk chunk = Chunk::of(*front);
    if (tcp::before(una, chunk.seq + chunk.len)) break;
    if (cursor_ == front) cursor_ = nullptr;
    turn.out.release(frames_.pop_front());
    --turn.held.tx_held;
  }
}

void SendQueue::clear(Turn& turn) noexcept {
  turn.held.tx_held -= frames_.size();
  while (!frames_.empty()) turn.out.release(frames_.pop_front());
  cursor_ = nullptr;
}

frame::Frame* SendQueue::find(tcp::SeqNum seq) noexcept {
  frame::Frame* f = cursor_;
  if (f == nullptr || tcp::before(seq, Chunk::of(*f).seq)) f = frames_.front();
  for (; f != nullptr; f = f->next) {
    const Chunk chunk = Chunk::of(*f);
    if (tcp::before(seq, chunk.seq + chunk.len)) {
      if (tcp::before(seq, chunk.seq)) return nullptr;
      cursor_ = f;
      return f;
    }
  }
  return nullptr;
}

void SendQueue::copy(tcp::SeqNum seq, MutableBytes out) noexcept {
  for (frame::Frame* f = find(seq); f != nullptr && !out.empty(); f = f->next) {
    const Chunk chunk = Chunk::of(*f);
    const auto skip = static_cast<std::size_t>(seq - chunk.seq);
    const ByteView available = chunk.bytes(*f).subspan(skip);
    const ByteView part = available.first(std::min(available.size(), out.size()));
    std::ranges::copy(part, out.begin());
    out = out.subspan(part.size());
    seq = seq + static_cast<std::uint32_t>(part.size());
  }
}

void SendQueue::grow_back(std::uint16_t n) noexcept {
  frame::Frame& f = *frames_.back();
  Chunk chunk = Chunk::of(f);
  chunk.len = static_cast<std::uint16_t>(chunk.len + n);
  chunk.store(f);
  f.len = chunk.len;
  end_ = end_ + n;
}

}  // namespace sallyport::worker
