// Congestion control behind a small interface: what the connection tells it (acknowledged, lost,
// timed out, idle) and what it answers, the congestion window and the slow start threshold.  Which
// algorithm is a value of the connection.
//
//   new_reno   RFC 5681: half the flight after a loss, one segment per round trip
//   cubic      RFC 9438: 0.7 of it, then along a cubic function of time back to where it was
//
// Byte counts throughout.  The machinery around it, which notices losses and spreads the reduction
// over a round trip, is in lib/tcp/recovery.h.
#pragma once
#include <cstdint>

#include "lib/tcp/time.h"

namespace sallyport::tcp {

enum class CongestionAlgorithm : std::uint8_t { new_reno, cubic };

// CubicEpoch is the time since congestion avoidance began.  Lengths in segments of SND.MSS.
struct CubicEpoch {
  Stamp start;      // epoch_start
  float k = -1;     // K: seconds from there until W_max is reached again; negative: not begun
  float w_est = 0;  // W_est: the window that NewReno would have
};

// Prr: Proportional Rate Reduction (RFC 6937 section 3), bytes since fast recovery began.
struct Prr {
  std::uint32_t delivered;
  std::uint32_t out;
  std::uint32_t recover_fs;  // FlightSize at the start
};

// [RFC 5681 3.1] ssthresh is arbitrarily high at first.
inline constexpr std::uint32_t kNoThreshold = 0xffff'ffff;

struct Congestion {
  std::uint32_t cwnd = 0;
  std::uint32_t ssthresh = kNoThreshold;
  std::uint32_t acked = 0;  // acknowledged since cwnd last grew, in avoidance
  std::uint32_t w_max = 0;  // [RFC 9438 4.1.2] cwnd before the last reduction; 0: none
  // An epoch ends where recovery begins, and the other way round.
  union {
    CubicEpoch epoch = {};
    Prr prr;
  };
};

// Acked describes an ACK that moved SND.UNA outside of fast recovery.
struct Acked {
  std::uint32_t bytes = 0;
  std::uint16_t mss = 0;
  // The window, not the application, had held the sender back; else the window says nothing.
  bool was_limited = false;
  Micros srtt;
  Instant now;
};

// [RFC 6928 2] Ten segments, at most 14,600 bytes unless two segments are more.
[[nodiscard]] std::uint32_t initial_window(std::uint16_t mss) noexcept;

// on_start sets the window of a new connection.  `lost_syn` means that our SYN had to be repeated.
void on_start(Congestion& c, std::uint16_t mss, bool lost_syn) noexcept;
void on_ack(Congestion& c, CongestionAlgorithm algorithm, const Acked& ack) noexcept;
// on_loss: a loss was detected in a flight of `flight` bytes.  It sets ssthresh and begins `prr`;
// how cwnd gets there is the business of loss recovery.
void on_loss(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
             std::uint16_t mss) noexcept;
// on_loss_after_reduction: a loss in a flight for which cwnd was reduced already.  It only begins
// `prr`.
void on_loss_after_reduction(Congestion& c, std::uint32_t flight) noexcept;
// on_recovered: all that was in flight when the loss was detected has arrived.
void on_recovered(Congestion& c) noexcept;
// on_timeout: `first` is false when the same data timed out before.
void on_timeout(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
                std::uint16_t mss, bool first) noexcept;
// on_idle: nothing was sent for longer than the retransmission time-out.
void on_idle(Congestion& c, std::uint16_t mss) noexcept;
// on_undo: the last reduction had no reason; before it there was `cwnd`, and slow start or not.
void on_undo(Congestion& c, std::uint32_t cwnd, bool slow_start) noexcept;

}  // namespace sallyport::tcp
