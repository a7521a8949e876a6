// ChunkQueue: a send queue without bytes, for tests that drive lib/tcp alone.  One chunk per
// segment.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>

#include "lib/base/check.h"
#include "lib/tcp/sent_mark.h"

namespace sallyport::testing {

struct ChunkNode {
  tcp::SeqNum seq;
  std::uint32_t len = 0;
  tcp::SentMark mark;
  ChunkNode* next = nullptr;
  ChunkNode* run_end = nullptr;
};

class ChunkQueue {
 public:
  using Node = ChunkNode;

  explicit ChunkQueue(tcp::SeqNum begin = {}) : end_{begin} {}
  ChunkQueue(ChunkQueue&&) = default;
  ChunkQueue& operator=(ChunkQueue&&) = default;

  void restart(tcp::SeqNum begin) {
    chunks_.clear();
    end_ = begin;
  }
  void push(std::uint32_t len) {
    Node* last = chunks_.empty() ? nullptr : &chunks_.back();
    chunks_.push_back({end_, len, {}, nullptr, nullptr});
    if (last != nullptr) last->next = &chunks_.back();
    end_ += len;
  }
  // acknowledge drops every chunk that lies before `una`.
  void acknowledge(tcp::SeqNum una) {
    while (!chunks_.empty() && tcp::at_or_before(chunks_.front().seq + chunks_.front().len, una)) {
      chunks_.pop_front();
    }
  }
  [[nodiscard]] std::size_t num_chunks() const { return chunks_.size(); }

  [[nodiscard]] Node* first_chunk() noexcept {
    return chunks_.empty() ? nullptr : &chunks_.front();
  }
  [[nodiscard]] Node* chunk_at(tcp::SeqNum seq) noexcept {
    const auto at = std::ranges::partition_point(
        chunks_, [&](const Node& c) { return tcp::at_or_before(c.seq + c.len, seq); });
    return at == chunks_.end() || tcp::before(seq, at->seq) ? nullptr : &*at;
  }
  [[nodiscard]] tcp::SeqNum end() const noexcept { return end_; }
  [[nodiscard]] static Node* next(const Node& c) noexcept { return c.next; }
  [[nodiscard]] static tcp::SeqNum seq(const Node& c) noexcept { return c.seq; }
  [[nodiscard]] static std::uint32_t len(const Node& c) noexcept { return c.len; }
  [[nodiscard]] static tcp::SentMark mark(const Node& c) noexcept { return c.mark; }
  static void set_mark(Node& c, tcp::SentMark mark) noexcept { c.mark = mark; }
  [[nodiscard]] static Node* run_end(const Node& c) noexcept { return c.run_end; }
  static void set_run_end(Node& c, Node& last) noexcept { c.run_end = &last; }

 private:
  std::deque<Node> chunks_;  // references to others survive push_back and pop_front
  tcp::SeqNum end_;
};
static_assert(tcp::SegmentQueue<ChunkQueue>);

}  // namespace sallyport::testing
