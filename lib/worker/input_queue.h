// InputQueue: bytes that arrived in order and wait to be used, in the received frames that brought
// them: TLS records of a client that are not complete, or plaintext of a backend that cannot be
// sealed yet.  Held frames come from the port's receive pool, so small ones are merged: a peer that
// sends single bytes must not pin a buffer of two kilobytes with each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/worker/turn.h"

namespace sallyport::worker {

class InputQueue {
 public:
  // A record of 16,645 bytes never lies in more pieces than this, because merging keeps any two
  // neighbours together above kMergeBelow bytes.
  static constexpr std::size_t kMaxPieces = 96;

  // append takes the payload that is f.bytes().  The frame is one reference that passes to the
  // queue: held, or released when its bytes were copied behind those of the frame before.
  void append(frame::Frame& f, Turn& turn) noexcept;
  // consume drops n bytes from the front.  Precondition: n <= size().
  void consume(std::size_t n, Turn& turn) noexcept;
  void clear(Turn& turn) noexcept { consume(bytes_, turn); }

  // pieces lists the spans that hold the first n bytes, at most out.size() of them.
  // Precondition: n <= size().
  [[nodiscard]] std::span<MutableBytes> pieces(std::size_t n,
                                               std::span<MutableBytes> out) const noexcept;
  // peek copies the first out.size() bytes.  Precondition: out.size() <= size().
  void peek(MutableBytes out) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_ == 0; }
  [[nodiscard]] std::uint32_t num_frames() const noexcept { return num_frames_; }

 private:
  // Payloads below this are copied into the room behind the frame before.
  static constexpr std::uint16_t kMergeBelow = 256;
  // From this many frames on everything that fits is copied.
  static constexpr std::uint32_t kMergeAllFrom = 32;

  [[nodiscard]] frame::Frame* front() const noexcept {
    return last_ == nullptr ? nullptr : last_->next;
  }
  void push_back(frame::Frame& f) noexcept;
  void pop_front(Turn& turn) noexcept;

  // A ring: the first frame follows the last one.  One pointer is enough for both ends, and walks
  // end where the bytes do that they look for.
  frame::Frame* last_ = nullptr;
  std::uint32_t num_frames_ = 0;
  std::uint32_t bytes_ = 0;
};

}  // namespace sallyport::worker
