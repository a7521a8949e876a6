// Segment: the values of a TCP header (RFC 9293 section 3.1), host order, without its payload.  The
// same type stands for what arrived and for what is to be sent.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "lib/tcp/seq.h"
#include "lib/wire/ip.h"

namespace sallyport::tcp {

// Flags is the set of control bits, in the positions that they have on the wire.
struct Flags {
  std::uint8_t bits = 0;
  [[nodiscard]] constexpr bool fin() const noexcept { return (bits & 0x01U) != 0; }
  [[nodiscard]] constexpr bool syn() const noexcept { return (bits & 0x02U) != 0; }
  [[nodiscard]] constexpr bool rst() const noexcept { return (bits & 0x04U) != 0; }
  [[nodiscard]] constexpr bool psh() const noexcept { return (bits & 0x08U) != 0; }
  [[nodiscard]] constexpr bool ack() const noexcept { return (bits & 0x10U) != 0; }
  [[nodiscard]] constexpr bool ece() const noexcept { return (bits & 0x40U) != 0; }
  [[nodiscard]] constexpr bool cwr() const noexcept { return (bits & 0x80U) != 0; }
  friend constexpr bool operator==(Flags, Flags) noexcept = default;
  friend constexpr Flags operator|(Flags a, Flags b) noexcept {
    return {static_cast<std::uint8_t>(a.bits | b.bits)};
  }
  constexpr Flags& operator|=(Flags b) noexcept { return *this = *this | b; }
  [[nodiscard]] constexpr Flags without(Flags b) const noexcept {
    return {static_cast<std::uint8_t>(bits & ~unsigned{b.bits})};
  }
};
inline constexpr Flags kFin{0x01};
inline constexpr Flags kSyn{0x02};
inline constexpr Flags kRst{0x04};
inline constexpr Flags kPsh{0x08};
inline constexpr Flags kAck{0x10};
inline constexpr Flags kEce{0x40};  // [RFC 3168 6.1]
inline constexpr Flags kCwr{0x80};  // [RFC 3168 6.1]

// SackBlock is received data ahead of a gap: [left, right).
struct SackBlock {
  SeqNum left;
  SeqNum right;
  [[nodiscard]] constexpr bool empty() const noexcept { return left == right; }
  friend constexpr bool operator==(SackBlock, SackBlock) noexcept = default;
};

// Options holds the options that we understand; others were skipped by the parser.
struct Options {
  static constexpr std::size_t kMaxSackBlocks = 4;

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
};

struct Segment {
  SeqNum seq;
  SeqNum ack;  // meaningful with flags.ack()
  Flags flags;
  std::uint16_t window = 0;            // as it stands in the header: not scaled
  wire::Ecn ecn = wire::Ecn::not_ect;  // of its IP packet
  std::uint32_t payload_len = 0;
  Options options;

  // length is SEG.LEN: SYN and FIN occupy a sequence number each.
  [[nodiscard]] constexpr std::uint32_t length() const noexcept {
    return payload_len + (flags.syn() ? 1U : 0U) + (flags.fin() ? 1U : 0U);
  }
  // is_ecn_setup: [RFC 3168 6.1.1] a SYN that offers ECN, or a SYN-ACK that takes the offer.  SYNs
  // are never marked (6.1.1), so a mark shows a path that does something else with those bits.
  [[nodiscard]] constexpr bool is_ecn_setup() const noexcept {
    if (!flags.syn() || !flags.ece() || ecn != wire::Ecn::not_ect) return false;
    return flags.cwr() != flags.ack();
  }
};

}  // namespace sallyport::tcp
