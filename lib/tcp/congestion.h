// Congestion control behind a small interface: what the connection tells it (acknowledged, lost,
// timed out, idle) and the one thing that it answers, the congestion window.  Which algorithm is a
// value of the connection; NewReno (RFC 5681, RFC 6582) is the one that exists.
//
// Byte counts throughout.  The machinery around it, which notices losses and spreads the reduction
// over a round trip, is in lib/tcp/recovery.h.
#pragma once
#include <cstdint>

namespace sallyport::tcp {

enum class CongestionAlgorithm : std::uint8_t { new_reno };

struct Congestion {
  std::uint32_t cwnd = 0;
  std::uint32_t ssthresh = 0xffff'ffff;  // [RFC 5681 3.1] arbitrarily high at first
  std::uint32_t acked = 0;               // acknowledged since cwnd last grew, in avoidance
};

// [RFC 6928 2] Ten segments, at most 14,600 bytes unless two segments are more.
[[nodiscard]] std::uint32_t initial_window(std::uint16_t mss) noexcept;

// on_start sets the window of a new connection.  `lost_syn` means that our SYN had to be repeated.
void on_start(Congestion& c, std::uint16_t mss, bool lost_syn) noexcept;
// on_ack: `bytes` were newly acknowledged outside of fast recovery.  `was_limited`: the window, not
// the application, had held the sender back; else the window says nothing and does not grow.
void on_ack(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t bytes, std::uint16_t mss,
            bool was_limited) noexcept;
// on_loss: a loss was detected in a flight of `flight` bytes.  It sets ssthresh; how cwnd gets
// there is the business of loss recovery.
void on_loss(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
             std::uint16_t mss) noexcept;
// on_recovered: all that was in flight when the loss was detected has arrived.
void on_recovered(Congestion& c) noexcept;
// on_timeout: `first` is false when the same data timed out before.
void on_timeout(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
                std::uint16_t mss, bool first) noexcept;
// on_idle: nothing was sent for longer than the retransmission time-out.
void on_idle(Congestion& c, std::uint16_t mss) noexcept;

}  // namespace sallyport::tcp
