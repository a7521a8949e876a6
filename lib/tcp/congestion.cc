#include "lib/tcp/congestion.h"

#include <algorithm>

namespace sallyport::tcp {
namespace {

// No window of ours exceeds what a scaled window field can express; this bound also keeps every sum
// below far from 2^32.
constexpr std::uint32_t kMaxCwnd = 1U << 30;

constexpr std::uint32_t kSlowStartSegments = 8;

void grow(Congestion& c, std::uint32_t bytes) noexcept {
  c.cwnd = std::min(c.cwnd + std::min(bytes, kMaxCwnd), kMaxCwnd);
}

// [RFC 5681 3.1] Equation 4: half of what was in flight, at least two segments.
std::uint32_t halved(std::uint32_t flight, std::uint16_t mss) noexcept {
  return std::max(flight / 2, 2U * mss);
}

void new_reno_ack(Congestion& c, std::uint32_t bytes, std::uint16_t mss) noexcept {
  if (c.cwnd < c.ssthresh) {
    // [RFC 5681 3.1] Slow start: by what was acknowledged, so that a receiver that splits its ACKs
    // gains nothing.
    // [RFC 9406 4.2] Up to eight segments per ACK, because receivers that merge segments
    // acknowledge many at once.
    grow(c, std::min(bytes, kSlowStartSegments * mss));
    return;
  }
  // [RFC 5681 3.1] Avoidance: one segment per window of acknowledged bytes.
  c.acked += std::min(bytes, kMaxCwnd);
  if (c.acked >= c.cwnd) {
    c.acked -= c.cwnd;
    grow(c, mss);
  }
}

}  // namespace

std::uint32_t initial_window(std::uint16_t mss) noexcept {
  return std::min(10U * mss, std::max(2U * mss, 14'600U));
}

void on_start(Congestion& c, std::uint16_t mss, bool lost_syn) noexcept {
  // [RFC 6928 2] [RFC 5681 3.1] A lost SYN or SYN-ACK is a sign of congestion: one segment.
  c.cwnd = lost_syn ? mss : initial_window(mss);
  c.acked = 0;
}

void on_ack(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t bytes, std::uint16_t mss,
            bool was_limited) noexcept {
  // [RFC 7661 1] A window that was not used says nothing about the path.
  if (!was_limited) return;
  switch (algorithm) {
    case CongestionAlgorithm::new_reno:
      new_reno_ack(c, bytes, mss);
      return;
  }
}

void on_loss(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
             std::uint16_t mss) noexcept {
  switch (algorithm) {
    case CongestionAlgorithm::new_reno:
      c.ssthresh = halved(flight, mss);
      break;
  }
  c.acked = 0;
}

void on_recovered(Congestion& c) noexcept {
  c.cwnd = c.ssthresh;
  c.acked = 0;
}

void on_timeout(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
                std::uint16_t mss, bool first) noexcept {
  switch (algorithm) {
    case CongestionAlgorithm::new_reno:
      // [RFC 5681 3.1] ssthresh is held when the same data times out again.
      if (first) c.ssthresh = halved(flight, mss);
      break;
  }
  c.cwnd = mss;  // [RFC 5681 3.1] the loss window
  c.acked = 0;
}

void on_idle(Congestion& c, std::uint16_t mss) noexcept {
  // [RFC 5681 4.1] The restart window: what was learned has grown stale.
  c.cwnd = std::min(c.cwnd, initial_window(mss));
}

}  // namespace sallyport::tcp
