// SendQueue: the bytes of one direction that the peer has not acknowledged, one frame per segment.
//
// Each frame holds its payload behind enough head-room for the largest header, so sending writes a
// header in front and nothing else; it stays here, by reference, until the ACK that covers it.  The
// queue owns one reference of each frame.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/tcp/sent_mark.h"
#include "lib/tcp/seq.h"
#include "lib/worker/turn.h"

namespace sallyport::worker {

// Room before a payload: Ethernet, an 802.1Q tag, IPv6 and a TCP header with full options are 118.
constexpr std::uint16_t kHeadRoom = 128;

// Chunk describes the payload of a queued frame; it lives in Frame::user, because offset and len of
// the frame itself change when a header is put in front of it.
struct Chunk {
  tcp::SeqNum seq;  // of the first byte
  std::uint16_t offset = 0;
  std::uint16_t len = 0;
  tcp::SentMark mark;

  [[nodiscard]] static Chunk of(const frame::Frame& f) noexcept {
    return std::bit_cast<Chunk>(f.user);
  }
  void store(frame::Frame& f) const noexcept { f.user = std::bit_cast<decltype(f.user)>(*this); }
  [[nodiscard]] ByteView bytes(const frame::Frame& f) const noexcept {
    return {f.buffer + offset, len};
  }
};
static_assert(sizeof(Chunk) == sizeof(frame::Frame::user));

class SendQueue {
 public:
  // --- what tcp::SegmentQueue asks for ---
  using Node = frame::Frame;
  [[nodiscard]] frame::Frame* first_chunk() noexcept { return frames_.front(); }
  [[nodiscard]] frame::Frame* chunk_at(tcp::SeqNum seq) noexcept { return find(seq); }
  [[nodiscard]] static frame::Frame* next(const frame::Frame& f) noexcept { return f.next; }
  [[nodiscard]] static tcp::SeqNum seq(const frame::Frame& f) noexcept { return Chunk::of(f).seq; }
  [[nodiscard]] static std::uint32_t len(const frame::Frame& f) noexcept {
    return Chunk::of(f).len;
  }
  [[nodiscard]] static tcp::SentMark mark(const frame::Frame& f) noexcept {
    return Chunk::of(f).mark;
  }
  static void set_mark(frame::Frame& f, tcp::SentMark mark) noexcept {
    Chunk chunk = Chunk::of(f);
    chunk.mark = mark;
    chunk.store(f);
  }

  // The end of a run lies in the mark of its first frame, as a distance in frames' lengths.
  [[nodiscard]] static frame::Frame* run_end(frame::Frame& f) noexcept;
  static void set_run_end(frame::Frame& f, frame::Frame& last) noexcept;

  // restart begins an empty queue whose first byte will have sequence number `seq`.
  void restart(tcp::SeqNum seq) noexcept { end_ = seq; }

  // push_back appends `f`, whose bytes() are the payload.
  void push_back(frame::Frame& f, Turn& turn) noexcept {
    Chunk{.seq = end_, .offset = f.offset, .len = f.len, .mark = {}}.store(f);
    end_ = end_ + f.len;
    frames_.push_back(f);
    ++turn.held.tx_held;
  }
  // push_back_first appends the first `count` of `taken`, and returns the others to the outbox that
  // gave them in this same call of process().
  void push_back_first(std::size_t count, std::span<frame::Frame* const> taken,
                       Turn& turn) noexcept {
    for (frame::Frame* f : taken.first(count)) push_back(*f, turn);
    for (frame::Frame* f : taken.subspan(count)) turn.out.untake(*f);
  }
  // acknowledge drops every frame that lies before `una`; a frame acknowledged in part stays.
  void acknowledge(tcp::SeqNum una, Turn& turn) noexcept;
  void clear(Turn& turn) noexcept;

  // find returns the frame that holds `seq`, or nullptr at and beyond the end.
  [[nodiscard]] frame::Frame* find(tcp::SeqNum seq) noexcept;
  // copy reads [seq, seq + out.size()) across frames.  Precondition: the range is queued.
  void copy(tcp::SeqNum seq, MutableBytes out) noexcept;

  // bytes counts what is queued, from the front of the first frame: at most one segment more than
  // what is unacknowledged.
  [[nodiscard]] std::uint32_t bytes() const noexcept {
    return empty() ? 0 : tcp::distance(Chunk::of(*frames_.front()).seq, end_);
  }
  [[nodiscard]] std::uint32_t num_frames() const noexcept { return frames_.size(); }
  [[nodiscard]] bool empty() const noexcept { return frames_.empty(); }
  [[nodiscard]] tcp::SeqNum end() const noexcept { return end_; }
  [[nodiscard]] frame::Frame* back() noexcept { return frames_.back(); }
  // grow_back appends `n` bytes that were written into the tail of the last frame.  Precondition:
  // that frame was never sent.
  void grow_back(std::uint16_t n) noexcept;

 private:
  [[no_unique_address]] frame::FrameList frames_;
  tcp::SeqNum end_;
  frame::Frame* cursor_ = nullptr;  // where find() looked last: sending walks forward
};

}  // namespace sallyport::worker
