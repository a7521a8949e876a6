// Segment: the values of a TCP header (RFC 9293 section 3.1), host order, without its payload.  The
// same type stands for what arrived and for what is to be sent.  Beside what wire::TcpSegment has,
// it knows what TCP learns from the IP header, and leaves the ports to the caller's tuple.
#pragma once
#include <cstdint>

#include "lib/tcp/seq.h"
#include "lib/wire/ip.h"
#include "lib/wire/tcp.h"

namespace sallyport::tcp {

// Control bits and options are what the header says, so there is one type of each.
using Flags = wire::TcpFlags;
using Options = wire::TcpOptions;
using SackBlock = wire::TcpOptions::SackBlock;

inline constexpr Flags kFin{0x01};
inline constexpr Flags kSyn{0x02};
inline constexpr Flags kRst{0x04};
inline constexpr Flags kPsh{0x08};
inline constexpr Flags kAck{0x10};
inline constexpr Flags kEce{0x40};  // [RFC 3168 6.1]
inline constexpr Flags kCwr{0x80};  // [RFC 3168 6.1]

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
