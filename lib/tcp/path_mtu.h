// What the path to the peer can carry: what routers say (RFC 1191, RFC 8201), believed as far as
// RFC 5927 lets it, and what silence says (RFC 4821 section 7.7).
#pragma once
#include <cstdint>

#include "lib/tcp/sender.h"

namespace sallyport::tcp {

// [RFC 5927 7.2] The smallest path MTU that is believed.  Less would let whoever can guess a
// sequence number make us send headers only.
inline constexpr std::uint16_t kLeastPathMtuV4 = 552;
inline constexpr std::uint16_t kLeastPathMtuV6 = 1280;  // [RFC 8201 4]

// is_about_us: the segment that an ICMP error quotes is in flight (RFC 5927 section 4.1).
[[nodiscard]] bool is_about_us(const Tcb& tcb, SeqNum quoted) noexcept;

// limit_to_path_mtu makes SND.MSS fit packets of `mtu` bytes; 0, from routers older than RFC 1191,
// means the next smaller size that is common.  False: it is no reason to send less.
[[nodiscard]] bool limit_to_path_mtu(Tcb& tcb, std::uint32_t mtu) noexcept;

// [RFC 4821 7.7] suspect_black_hole reduces SND.MSS after repeated time-outs: perhaps only large
// packets vanish, and nobody tells.  on_deadline() calls it.
void suspect_black_hole(Tcb& tcb) noexcept;

// packet_too_big handles that message.  What is in flight and too large cannot arrive and goes out
// again at once, in smaller segments; the congestion window stays, for nothing was congested.
// Returns whether the message was believed.
template <SegmentQueue Q>
bool packet_too_big(Tcb& tcb, Q& queue, SeqNum quoted, std::uint32_t mtu) noexcept {
  if (!is_about_us(tcb, quoted) || !limit_to_path_mtu(tcb, mtu)) return false;
  internal::in_flight_chunks(tcb, queue,
                             [&](auto& chunk, SentMark mark, SeqNum seq, SeqNum end) noexcept {
                               const std::uint32_t len = distance(seq, end);
                               if (len > tcb.snd_mss && !mark.lost && after(end, tcb.snd_una)) {
                                 internal::mark_lost<Q>(tcb, chunk, mark, len);
                               }
                               return true;
                             });
  return true;
}

}  // namespace sallyport::tcp
