#include "lib/worker/send_queue.h"

#include <algorithm>

namespace sallyport::worker {

frame::Frame* SendQueue::run_end(frame::Frame& f) noexcept {
  const std::int64_t distance = Chunk::of(f).mark.run * std::int64_t{sizeof f};
  return std::bit_cast<frame::Frame*>(std::bit_cast<std::int64_t>(&f) + distance);
}

void SendQueue::set_run_end(frame::Frame& f, frame::Frame& last) noexcept {
  const std::int64_t bytes = std::bit_cast<std::int64_t>(&last) - std::bit_cast<std::int64_t>(&f);
  const std::int64_t distance = bytes / std::int64_t{sizeof f};
  // Frames lie at multiples of their length.  Were two of them too far apart, the run would be
  // taken for several, which costs time and nothing else.
  const bool fits = distance == static_cast<std::int32_t>(distance);
  Chunk chunk = Chunk::of(f);
  chunk.mark.run = fits ? static_cast<std::int32_t>(distance) : 0;
  chunk.store(f);
}

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
  if (!tcp::before(seq, end_)) return nullptr;
  frame::Frame* f = cursor_;
  if (f == nullptr || tcp::before(seq, Chunk::of(*f).seq)) f = frames_.front();
  for (; f != nullptr; f = f->next) {
    const Chunk chunk = Chunk::of(*f);
    if (chunk.mark.sacked) {
      frame::Frame* const last = run_end(*f);
      if (const Chunk end = Chunk::of(*last); !tcp::before(seq, end.seq + end.len)) {
        f = last;
        continue;
      }
    }
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
