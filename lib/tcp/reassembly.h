// OutOfOrderQueue: text that arrived ahead of a gap, kept in the caller's own buffers.  Intrusive
// and without allocation; sorted by sequence number, without overlaps.
//
// Bounds are the caller's and hold at any time, whatever a peer sends: at most max_nodes buffers
// and max_bytes of text (CVE-2018-5390: work per segment is linear in the number of buffers). Of
// two segments that carry the same bytes the first wins; what is kept never changes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/tcp/segment.h"
#include "lib/tcp/seq.h"

namespace sallyport::tcp {

// Access names the parts of a Node:
//   static Node*& next(Node&)              link, ours while the node is kept
//   static SeqNum seq(const Node&)         of its first byte
//   static std::uint32_t len(const Node&)
//   static void set(Node&, SeqNum seq, std::uint32_t len)       before it is kept: where it lies
//   static void drop_front(Node&, std::uint32_t n)   its first n bytes are not used; seq, len
//   follow static void drop_back(Node&, std::uint32_t n)    its last n bytes are not used; len
//   follows
template <class Node, class Access>
class OutOfOrderQueue {
 public:
  struct Limits {
    std::uint16_t max_nodes = 64;
    std::uint32_t max_bytes = 65'536;
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
    Node* previous = nullptr;
    Node* at = head_;
    // Skip what ends before the first byte that is missing; each step covers more of our front.
    while (at != nullptr && at_or_before(Access::seq(*at), left)) {
      left = later(left, end(*at));
      previous = at;
      at = Access::next(*at);
    }
    if (at != nullptr) right = earlier(right, Access::seq(*at));
    if (at_or_after(left, right)) return Insert::duplicate;
    const std::uint32_t len = distance(left, right);
    if (num_nodes() >= limits.max_nodes || num_bytes() + len > limits.max_bytes) {
      return Insert::full;
    }
    const std::uint32_t behind = distance(right, given + Access::len(node));
    if (behind > 0) Access::drop_back(node, behind);
    if (left != given) Access::drop_front(node, distance(given, left));
    link(previous, node, at);
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

  // take_last takes out the node furthest from being of use.  nullptr when empty.
  // [RFC 2018 8] What was reported by SACK may be dropped where buffers run out.
  [[nodiscard]] Node* take_last() noexcept {
    if (head_ == nullptr) return nullptr;
    Node** link = &head_;
    while (Access::next(**link) != nullptr) link = &Access::next(**link);
    Node* node = *link;
    *link = nullptr;
    return node;
  }

  // sack_blocks writes the ranges that are kept, joined where they touch.
  // [RFC 2018 4] The block with the most recent segment comes first, then those that were reported
  // last, so that each one is reported in several ACKs.  We remember the latest only; of the others
  // the highest go first, which is the same while a peer sends in order.
  std::size_t sack_blocks(std::span<SackBlock> out) const noexcept {
    if (out.empty() || head_ == nullptr) return 0;
    std::size_t num = 1;  // out[0] is for the latest
    bool found = false;
    for (const Node* at = head_; at != nullptr;) {
      SackBlock block{Access::seq(*at), end(*at)};
      for (at = next(*at); at != nullptr && Access::seq(*at) == block.right; at = next(*at)) {
        block.right = end(*at);
      }
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
  // num_bytes and num_nodes count: two of these queues are in every connection, and nearly all of
  // them are empty, so they keep nothing that a walk over some buffers can find out.
  [[nodiscard]] std::uint32_t num_bytes() const noexcept {
    std::uint32_t num = 0;
    for (const Node* at = head_; at != nullptr; at = next(*at)) num += Access::len(*at);
    return num;
  }
  [[nodiscard]] std::uint16_t num_nodes() const noexcept {
    std::uint16_t num = 0;
    for (const Node* at = head_; at != nullptr; at = next(*at)) ++num;
    return num;
  }

 private:
  [[nodiscard]] static SeqNum end(const Node& node) noexcept {
    return Access::seq(node) + Access::len(node);
  }
  [[nodiscard]] static const Node* next(const Node& node) noexcept {
    return Access::next(const_cast<Node&>(node));
  }
  void link(Node* previous, Node& node, Node* following) noexcept {
    Access::next(node) = following;
    (previous == nullptr ? head_ : Access::next(*previous)) = &node;
  }
  Node& take_front() noexcept {
    Node& node = *head_;
    head_ = Access::next(node);
    Access::next(node) = nullptr;
    return node;
  }

  Node* head_ = nullptr;
  SeqNum latest_;
};

}  // namespace sallyport::tcp
