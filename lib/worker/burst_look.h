// BurstLook: a first look at a burst of received frames, before any of them is parsed: tuples are
// hashed eight at a time, and the buckets of the flow table fetched while other frames are looked
// at.  What it says is a hint about bytes; lib/wire alone says what a packet is.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/frame/frame.h"
#include "lib/worker/flow_table.h"

namespace sallyport::worker {

class BurstLook {
 public:
  static constexpr std::size_t kMaxFrames = 64;

  enum class Shape : std::uint8_t {
    other,   // anything else: no hash
    tcp_v4,  // untagged, IPv4 header without options, not a fragment, TCP
    tcp_v6,  // untagged, IPv6 header without extensions, TCP
  };
  struct View {
    FlowTable::Hash hash = 0;  // of the tuple; meaningful unless the shape is `other`
    Shape shape = Shape::other;
    std::uint8_t tcp_flags = 0;
    // is_syn: a SYN and nothing else, or one that offers ECN (RFC 3168 section 6.1.1).
    [[nodiscard]] bool is_syn() const noexcept {
      return shape != Shape::other && (tcp_flags == 0x02 || tcp_flags == 0xc2);
    }
    [[nodiscard]] bool is_ack() const noexcept {
      return shape != Shape::other && tcp_flags == 0x10;
    }
  };

  // look fills views()[i] for frames[i].  Precondition: at most kMaxFrames.
  void look(std::span<frame::Frame* const> frames, const FlowTable& flows) noexcept;
  [[nodiscard]] const View& operator[](std::size_t i) const noexcept { return views_[i]; }

 private:
  // Group gathers tuples of one family until there are eight.
  struct Group {
    tcp::TupleLanes tuples;
    std::array<std::uint8_t, tcp::TupleLanes::kLanes> at{};
    std::size_t size = 0;
  };
  void hash(Group& group, const FlowTable& flows) noexcept;

  std::array<View, kMaxFrames> views_;
  Group v4_;
  Group v6_;
};

// Where headers lie in a frame of the shapes above.
namespace at {
inline constexpr std::size_t kEtherType = 12;
inline constexpr std::size_t kIp = 14;
inline constexpr std::size_t kV4Source = kIp + 12;
inline constexpr std::size_t kV4Tcp = kIp + 20;
inline constexpr std::size_t kV6Source = kIp + 8;
inline constexpr std::size_t kV6Tcp = kIp + 40;
inline constexpr std::size_t kTcpFlags = 13;  // from the TCP header
}  // namespace at

}  // namespace sallyport::worker
