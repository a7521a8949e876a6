// Frame: one packet buffer as the worker sees it.  In production it lives in the private area of an
// mbuf, in tests beside an array; nothing above lib/dpdk knows the difference.
//
// References.  A frame handed in by the lcore, or taken from the Outbox, is one reference.  Sending
// or releasing gives that reference back; keeping it for retransmission adds one.  All of this
// happens on the one lcore that owns the queue, so the count needs no atomics.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"

namespace sallyport::frame {

// PortIndex numbers the ports of the configuration, in its order.
struct PortIndex {
  std::uint8_t value = 0;
  friend constexpr bool operator==(PortIndex, PortIndex) noexcept = default;
};

// ChecksumState is what the port found out about the checksums of a received frame.
enum class ChecksumState : std::uint8_t {
  unknown,  // not looked at: software must
  good,     // IP header and TCP checksum verified by the port
  bad,      // at least one of them is wrong
};

// TxOffload asks lib/dpdk to complete a frame: in the NIC where it can, else in software.
struct TxOffload {
  std::uint8_t l2_len = 0;   // bytes of Ethernet header, VLAN tag included
  std::uint8_t l3_len = 0;   // bytes of IP header(s)
  bool ip_checksum = false;  // IPv4 header checksum field is zero and wants filling
  bool l4_checksum = false;  // TCP checksum field holds the pseudo-header sum and wants completing
};

struct alignas(64) Frame {
  // The whole buffer, and the window of it that is the frame now: [offset, offset + len).
  std::uint8_t* buffer = nullptr;
  std::uint16_t* references = nullptr;  // the owner's count; see is_shared()
  std::uint16_t buffer_len = 0;
  std::uint16_t offset = 0;
  std::uint16_t len = 0;
  PortIndex port;
  ChecksumState checksum = ChecksumState::unknown;
  TxOffload tx;
  std::uint16_t vlan = 0;  // 802.1Q tag stripped by the port, or to be inserted; 0 = none
  bool kept = false;       // received frame that the worker holds beyond process()
  std::uint8_t padding = 0;
  std::uint32_t rss_hash = 0;  // 0 = the port gave none
  // Free for the module that holds the frame: a link, and what the bytes are to it.
  Frame* next = nullptr;
  std::array<std::uint64_t, 2> user{};

  [[nodiscard]] MutableBytes bytes() noexcept { return {buffer + offset, len}; }
  [[nodiscard]] ByteView bytes() const noexcept { return {buffer + offset, len}; }
  [[nodiscard]] std::uint16_t tail_room() const noexcept {
    return static_cast<std::uint16_t>(buffer_len - offset - len);
  }
  // is_shared: someone else (the NIC) still reads the buffer, so its bytes must not change.
  [[nodiscard]] bool is_shared() const noexcept { return *references > 1; }
};
static_assert(sizeof(Frame) == 64);

// FrameList is an intrusive singly linked queue through Frame::next.
class FrameList {
 public:
  void push_back(Frame& f) noexcept {
    f.next = nullptr;
    if (tail_ == nullptr) {
      head_ = &f;
    } else {
      tail_->next = &f;
    }
    tail_ = &f;
    ++size_;
  }
  // Precondition: !empty().
  Frame& pop_front() noexcept {
    Frame& f = *head_;
    head_ = f.next;
    if (head_ == nullptr) tail_ = nullptr;
    f.next = nullptr;
    --size_;
    return f;
  }
  [[nodiscard]] Frame* front() const noexcept { return head_; }
  [[nodiscard]] Frame* back() const noexcept { return tail_; }
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

 private:
  Frame* head_ = nullptr;
  Frame* tail_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace sallyport::frame
