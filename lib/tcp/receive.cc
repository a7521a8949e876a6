#include "lib/tcp/receive.h"

#include <algorithm>

namespace sallyport::tcp {
namespace {

// 16 MiB, which is as much as our scale can express.
constexpr std::uint8_t kMaxDoublings = 8;

// [RFC 9293 3.8.6.2.2] The smallest step by which the right edge moves: a segment, or half of a
// buffer that is smaller than two.
std::uint32_t smallest_step(const Tcb& tcb) noexcept {
  return std::max(1U, std::min(tcb.rcv_buffer / 2U, std::uint32_t{tcb.our_mss}));
}

// room is what can be promised of it: without scaling, a window field tells of 65,535 bytes.
std::uint32_t room(const Tcb& tcb) noexcept {
  return std::min(tcb.rcv_room, 65'535U << tcb.rcv_wscale);
}

std::uint32_t growth(const Tcb& tcb) noexcept {
  const std::uint32_t promised = rcv_wnd(tcb);
  return room(tcb) > promised ? room(tcb) - promised : 0;
}

}  // namespace

std::uint32_t receive_window(const Tcb& tcb, std::uint32_t most) noexcept {
  return std::min(most, kInitialReceiveWindow << tcb.window_doublings);
}

void tune_receive_window(Tcb& tcb, Instant now) noexcept {
  if (before(tcb.rcv_nxt, tcb.tune_end)) return;
  // A window can be filled once per round trip.  A peer that takes much longer than that was held
  // back by something else: its own window, or our caller, who did not take the text.
  const std::uint32_t round_trip = tcb.rtt.srtt.count;
  const bool was_limited = round_trip > 0 && tcb.tune_begun.elapsed(now).count < 2 * round_trip;
  if (was_limited && tcb.window_doublings < kMaxDoublings) ++tcb.window_doublings;
  tcb.tune_end = tcb.rcv_adv;
  tcb.tune_begun = Stamp{now};
}

void set_receive_room(Tcb& tcb, std::uint32_t bytes) noexcept {
  tcb.rcv_room = bytes;
  tcb.rcv_buffer = std::max(tcb.rcv_buffer, static_cast<std::uint16_t>(std::min(bytes, 65'535U)));
  if (!may_receive_data(tcb)) return;
  const std::uint32_t step = growth(tcb);
  // Data in flight brings an ACK with the new window anyway.  A segment of its own is worth it when
  // the peer may be standing before a closed window, or when it could send a great deal more.
  const bool is_nearly_closed = rcv_wnd(tcb) < 2U * tcb.our_mss;
  if ((is_nearly_closed && step >= smallest_step(tcb)) ||
      (step >= tcb.rcv_buffer / 2U && step > 0)) {
    tcb.ack_now = true;
  }
}

std::uint16_t advertise(Tcb& tcb) noexcept {
  const std::uint32_t promised = rcv_wnd(tcb);
  const std::uint32_t window = growth(tcb) >= smallest_step(tcb) ? room(tcb) : promised;
  const std::uint64_t unit = std::uint64_t{1} << tcb.rcv_wscale;
  std::uint64_t field = window >> tcb.rcv_wscale;
  if (field * unit < promised && (field + 1) * unit <= room(tcb)) ++field;
  field = std::min<std::uint64_t>(field, 65'535);
  tcb.rcv_adv = later(tcb.rcv_adv, tcb.rcv_nxt + static_cast<std::uint32_t>(field * unit));
  return static_cast<std::uint16_t>(field);
}

}  // namespace sallyport::tcp
