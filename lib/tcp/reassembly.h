// OutOfOrderQueue: text that arrived ahead of a gap, kept in the caller's own buffers.  Intrusive
// and without allocation; sorted by sequence number, without overlaps.
//
// Buffers that touch form a run, and the first of a run knows the last: work per segment grows with
// the number of gaps, not of buffers (CVE-2018-5390), and both have bounds of the caller's that
// hold at any time, whatever a peer sends.  Of two segments that carry the same bytes the first
// wins; what is kept never changes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/tcp/segment.h"
#include "lib/tcp/seq.h"

namespace sallyport::tcp {

// Access names the parts of a Node:
//   static Node*& next(Node&)              link, ours while the node is kept
//   static Node* run_end(const Node&)      another link, ours likewise
//   static void set_run_end(Node&, Node*)
//   static SeqNum seq(const Node&)         of its first byte
//   static std::uint32_t len(const Node&)
//   static void drop_front(Node&, std::uint32_t n)   its first n bytes are not used; seq, len
//                                                    follow
//   static void drop_back(Node&, std::uint32_t n)    its last n bytes are not used; len follows
template <class Node, class Access>
class OutOfOrderQueue {
 public:
  struct Limits {
    std::uint16_t max_nodes = 64;
    std::uint16_t max_runs = 64;
  };
  enum class Insert : std::uint8_t {
    kept,       // perhaps cut at both ends to the part that was missing
    duplicate,  // every byte is here already
    full,       // beyond the limits
  };

  // insert offers a node whose seq and len are set.  Unless `kept`, it stays the caller's.
  [[nodiscard]] Insert insert(Node& node, const Limits& limits) noexcept {
    const SeqNum given = Access::seq(node);
    SeqNum left = given;
    SeqNum right = left + Access::len(node);
    latest_ = left;
    Node* before_it = nullptr;  // the run that begins at or before our first byte
    Node* behind_it = head_;    // the one after that
    while (behind_it != nullptr && at_or_before(Access::seq(*behind_it), left)) {
      before_it = behind_it;
      behind_it = following(*before_it);
    }
    if (before_it != nullptr) left = later(left, end(*Access::run_end(*before_it)));
    if (behind_it != nullptr) right = earlier(right, Access::seq(*behind_it));
    if (at_or_after(left, right)) return Insert::duplicate;
    const bool joins_before = before_it != nullptr && left == end(*Access::run_end(*before_it));
    const bool joins_behind = behind_it != nullptr && right == Access::seq(*behind_it);
    if (num_nodes_ >= limits.max_nodes) return Insert::full;
    if (!joins_before && !joins_behind && num_runs_ >= limits.max_runs) return Insert::full;

    const std::uint32_t surplus = distance(right, given + Access::len(node));
    if (surplus > 0) Access::drop_back(node, surplus);
    if (left != given) Access::drop_front(node, distance(given, left));
    (before_it == nullptr ? head_ : Access::next(*Access::run_end(*before_it))) = &node;
    Access::next(node) = behind_it;
    Node* const run_end = joins_behind ? Access::run_end(*behind_it) : &node;
    Access::set_run_end(joins_before ? *before_it : node, run_end);
    ++num_nodes_;
    num_runs_ =
        static_cast<std::uint16_t>(num_runs_ + 1 - (joins_before ? 1 : 0) - (joins_behind ? 1 : 0));
    latest_ = left;
    return Insert::kept;
  }

  // pop takes out the first node when its text begins at or before `rcv_nxt`, cut so that it begins
  // there; its len is 0 when all of it had been delivered otherwise.  nullptr: there is still a
  // gap.
  [[nodiscard]] Node* pop(SeqNum rcv_nxt) noexcept {
    if (head_ == nullptr || after(Access::seq(*head_), rcv_nxt)) return nullptr;
    Node& node = take_front();
    if (const SeqNum seq = Access::seq(node); before(seq, rcv_nxt)) {
      const std::uint32_t old = distance(seq, rcv_nxt);
      const std::uint32_t len = Access::len(node);
      Access::drop_front(node, old < len ? old : len);
    }
    return &node;
  }

  // take_any takes out the first node: for giving everything back.  nullptr when empty.
  [[nodiscard]] Node* take_any() noexcept { return head_ == nullptr ? nullptr : &take_front(); }

  // take_last takes out a node of the last run, which is the furthest from being of use; its first,
  // because that one is found without a walk.  nullptr when empty.
  // [RFC 2018 8] What was reported by SACK may be dropped where buffers run out.
  [[nodiscard]] Node* take_last() noexcept {
    if (head_ == nullptr) return nullptr;
    Node* previous = nullptr;
    Node* run = head_;
    while (Node* next_run = following(*run)) {
      previous = Access::run_end(*run);
      run = next_run;
    }
    take_first_of(*run, previous == nullptr ? head_ : Access::next(*previous));
    return run;
  }

  // sack_blocks writes the ranges that are kept, joined where they touch.
  // [RFC 2018 4] The block with the most recent segment comes first, then those that were reported
  // last, so that each one is reported in several ACKs.  We remember the latest only; of the others
  // the highest go first, which is the same while a peer sends in order.
  std::size_t sack_blocks(std::span<SackBlock> out) const noexcept {
    if (out.empty() || head_ == nullptr) return 0;
    std::size_t num = 1;  // out[0] is for the latest
    bool found = false;
    for (const Node* run = head_; run != nullptr; run = following(*run)) {
      const SackBlock block{Access::seq(*run), end(*Access::run_end(*run))};
      if (!found && at_or_before(block.left, latest_) && before(latest_, block.right)) {
        found = true;
        out[0] = block;
        continue;
      }
      if (num < out.size()) ++num;
      for (std::size_t i = num - 1; i > 1; --i) out[i] = out[i - 1];
      if (num > 1) out[1] = block;
    }
    if (found) return num;
    // The latest segment is no longer here: report what there is.
    for (std::size_t i = 1; i < num; ++i) out[i - 1] = out[i];
    return num - 1;
  }

  // sack_blocks with a duplicate in front of the others, unless it is empty.
  // [RFC 2883 4] The block behind it is the one that holds the duplicate, where that is ahead of a
  // gap: insert() took it for the latest.
  std::size_t sack_blocks(const SackBlock& duplicate, std::span<SackBlock> out) const noexcept {
    if (duplicate.empty() || out.empty()) return sack_blocks(out);
    out[0] = duplicate;
    return 1 + sack_blocks(out.subspan(1));
  }

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::uint16_t num_nodes() const noexcept { return num_nodes_; }
  [[nodiscard]] std::uint16_t num_runs() const noexcept { return num_runs_; }
  // num_bytes walks over all nodes: for tests.
  [[nodiscard]] std::uint32_t num_bytes() const noexcept {
    std::uint32_t num = 0;
    for (Node* at = head_; at != nullptr; at = Access::next(*at)) num += Access::len(*at);
    return num;
  }

 private:
  [[nodiscard]] static SeqNum end(const Node& node) noexcept {
    return Access::seq(node) + Access::len(node);
  }
  // following is the run after the one that begins with `run`.
  [[nodiscard]] static Node* following(const Node& run) noexcept {
    return Access::next(*Access::run_end(run));
  }
  // take_first_of takes the first node of a run out; `link` is what points to it.
  void take_first_of(Node& node, Node*& link) noexcept {
    link = Access::next(node);
    if (Node* const run_end = Access::run_end(node); run_end == &node) {
      --num_runs_;
    } else {
      Access::set_run_end(*link, run_end);
    }
    Access::next(node) = nullptr;
    --num_nodes_;
  }
  Node& take_front() noexcept {
    Node& node = *head_;
    take_first_of(node, head_);
    return node;
  }

  Node* head_ = nullptr;
  SeqNum latest_;
  std::uint16_t num_nodes_ = 0;
  std::uint16_t num_runs_ = 0;
};

}  // namespace sallyport::tcp
