// TIME_WAIT: what is kept of a connection whose close we began, so that late segments of it do not
// reach its successor and a lost last ACK is repeated.
#pragma once
#include <cstdint>

#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"

namespace sallyport::tcp {

// [RFC 9293 3.4.2] 2 x MSL with an MSL of 30 s, as deployed stacks use; the RFC's two minutes date
// from a slower network.
inline constexpr Micros kTimeWait = from_millis(60'000);

// TimeWait leaves room for tuple and timer entry in a 64-byte record of the caller.
struct TimeWait {
  SeqNum snd_nxt;
  SeqNum rcv_nxt;
  std::uint32_t ts_recent = 0;
  std::uint32_t ts_offset = 0;
  Stamp expires_at;
  std::uint16_t window = 0;  // as last advertised
  bool timestamps = false;
};
static_assert(sizeof(TimeWait) <= 24);

// make_time_wait is called when Event::time_wait was reported.
[[nodiscard]] TimeWait make_time_wait(Tcb& tcb, Instant now, Micros duration = kTimeWait) noexcept;

enum class TimeWaitReply : std::uint8_t {
  none,    // dropped
  ack,     // the answer is TimeWaitArrival::segment, if the rate limit allows
  reopen,  // a new connection may take the tuple: forget the record, treat the SYN as one to LISTEN
};
struct TimeWaitArrival {
  TimeWaitReply reply = TimeWaitReply::none;
  bool rearmed = false;  // expires_at has moved
  Segment segment;
};

// segment_arrives for a tuple in TIME_WAIT.
// [RFC 6191 2] A SYN with a newer timestamp, or without timestamps with a higher ISN, reopens.
// [RFC 1337 3] A RST does not end TIME_WAIT.
[[nodiscard]] TimeWaitArrival segment_arrives(TimeWait& tw, const Segment& segment, Instant now,
                                              Micros duration = kTimeWait) noexcept;

}  // namespace sallyport::tcp
