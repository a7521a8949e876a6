// The TCP header and its options (RFC 9293 sections 3.1 and 3.2, RFC 7323, RFC 2018), as bytes and
// as values.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/packet_error.h"
#include "lib/wire/seq_num.h"

namespace sallyport::wire {

struct TcpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be32 sequence_number;
  Be32 acknowledgment_number;
  std::uint8_t data_offset;  // in 32-bit words, in the upper four bits
  std::uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent_pointer;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);
constexpr std::size_t kMaxTcpOptionsLength = 40;

// TcpFlags is the set of control bits, in the positions that they have on the wire.
struct TcpFlags {
  std::uint8_t bits = 0;
  [[nodiscard]] constexpr bool fin() const noexcept { return (bits & 0x01U) != 0; }
  [[nodiscard]] constexpr bool syn() const noexcept { return (bits & 0x02U) != 0; }
  [[nodiscard]] constexpr bool rst() const noexcept { return (bits & 0x04U) != 0; }
  [[nodiscard]] constexpr bool psh() const noexcept { return (bits & 0x08U) != 0; }
  [[nodiscard]] constexpr bool ack() const noexcept { return (bits & 0x10U) != 0; }
  [[nodiscard]] constexpr bool urg() const noexcept { return (bits & 0x20U) != 0; }
  [[nodiscard]] constexpr bool ece() const noexcept { return (bits & 0x40U) != 0; }
  [[nodiscard]] constexpr bool cwr() const noexcept { return (bits & 0x80U) != 0; }
  friend constexpr bool operator==(TcpFlags, TcpFlags) noexcept = default;
  friend constexpr TcpFlags operator|(TcpFlags a, TcpFlags b) noexcept {
    return {static_cast<std::uint8_t>(a.bits | b.bits)};
  }
  constexpr TcpFlags& operator|=(TcpFlags b) noexcept { return *this = *this | b; }
  [[nodiscard]] constexpr TcpFlags without(TcpFlags b) const noexcept {
    return {static_cast<std::uint8_t>(bits & ~unsigned{b.bits})};
  }
};

enum class TcpOptionKind : std::uint8_t {
  end_of_list = 0,
  no_operation = 1,
  maximum_segment_size = 2,
  window_scale = 3,
  sack_permitted = 4,
  sack = 5,
  timestamps = 8,
};

// TcpOptions holds the options that we understand.
struct TcpOptions {
  static constexpr std::size_t kMaxSackBlocks = 4;
  // [RFC 7323 2.3] A larger shift counts as this one.
  static constexpr std::uint8_t kMaxWindowScale = 14;

  // SackBlock is received data ahead of a gap: [left, right).
  struct SackBlock {
    SeqNum left;
    SeqNum right;
    [[nodiscard]] constexpr bool empty() const noexcept { return left == right; }
    friend constexpr bool operator==(const SackBlock&, const SackBlock&) noexcept = default;
  };

  std::uint16_t mss = 0;          // 0: absent
  std::uint8_t window_scale = 0;  // meaningful with has_window_scale
  bool has_window_scale = false;  // SYN only
  bool sack_permitted = false;    // SYN only
  bool has_timestamps = false;
  std::uint8_t num_sack_blocks = 0;
  std::uint32_t tsval = 0;
  std::uint32_t tsecr = 0;
  std::array<SackBlock, kMaxSackBlocks> sack_blocks{};

  [[nodiscard]] constexpr std::span<const SackBlock> sack() const noexcept {
    return std::span{sack_blocks}.first(num_sack_blocks);
  }
  friend constexpr bool operator==(const TcpOptions&, const TcpOptions&) noexcept = default;
};

// parse_tcp_options reads the bytes between the fixed header and the data.  Unknown options are
// skipped by their length; of a repeated one the last counts.  A length that does not fit the
// option or the list makes the segment tcp_malformed.  Whether an option may stand in this segment
// (MSS, window scale and SACK-permitted only beside SYN) is for lib/tcp to judge.
[[nodiscard]] Result<TcpOptions, PacketError> parse_tcp_options(ByteView list) noexcept;
// read_tcp_options does the same into `options`, which holds none yet; for the path of every
// packet.
[[nodiscard]] PacketError read_tcp_options(ByteView list, TcpOptions& options) noexcept;

// tcp_options_length is what write_tcp_options will use: a multiple of four, at most 40.  SACK
// blocks that do not fit beside the other options are left out, the last ones first.
[[nodiscard]] std::size_t tcp_options_length(const TcpOptions& options) noexcept;
// write_tcp_options fills `room`, whose size is tcp_options_length(options).
void write_tcp_options(MutableBytes room, const TcpOptions& options) noexcept;

// TcpSegment is what a TCP header says.
struct TcpSegment {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence_number = 0;
  std::uint32_t acknowledgment_number = 0;
  TcpFlags flags;
  std::uint16_t window = 0;  // not scaled
  TcpOptions options;
  friend constexpr bool operator==(const TcpSegment&, const TcpSegment&) noexcept = default;
};

}  // namespace sallyport::wire
