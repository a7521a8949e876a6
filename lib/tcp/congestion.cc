#include "lib/tcp/congestion.h"

#include <algorithm>
#include <bit>

namespace sallyport::tcp {
namespace {

// No window of ours exceeds what a scaled window field can express; this bound also keeps every sum
// below far from 2^32.
constexpr std::uint32_t kMaxCwnd = 1U << 30;

constexpr std::uint32_t kSlowStartSegments = 8;

constexpr float kCubicBeta = 0.7F;                                      // [RFC 9438 4.6]
constexpr float kCubicC = 0.4F;                                         // [RFC 9438 5.1]
constexpr float kCubicAlpha = 3 * (1 - kCubicBeta) / (1 + kCubicBeta);  // [RFC 9438 4.3]

void grow(Congestion& c, std::uint32_t bytes) noexcept {
  c.cwnd = std::min(c.cwnd + std::min(bytes, kMaxCwnd), kMaxCwnd);
}

// grow_per adds one segment for every `window` bytes that are acknowledged.
void grow_per(Congestion& c, std::uint32_t window, const Acked& ack) noexcept {
  c.acked = std::min(c.acked + std::min(ack.bytes, kMaxCwnd), kMaxCwnd);
  const std::uint32_t segments = c.acked / std::max(window, 1U);
  c.acked -= segments * window;
  if (segments > 0) grow(c, std::min(segments, kSlowStartSegments) * ack.mss);
}

// [RFC 5681 3.1] Equation 4: half of what was in flight, at least two segments.
std::uint32_t halved(std::uint32_t flight, std::uint16_t mss) noexcept {
  return std::max(flight / 2, 2U * mss);
}

// [RFC 9438 4.6] [RFC 9438 4.7] Multiplicative decrease and fast convergence: who is losing ground
// lets others have more of it.
std::uint32_t cubic_decrease(Congestion& c, std::uint32_t flight, std::uint16_t mss) noexcept {
  const auto cwnd = static_cast<float>(c.cwnd);
  c.w_max = c.cwnd < c.w_max ? static_cast<std::uint32_t>(cwnd * (1 + kCubicBeta) / 2) : c.cwnd;
  return std::max(static_cast<std::uint32_t>(static_cast<float>(flight) * kCubicBeta), 2U * mss);
}

// cube_root of a number that is not negative, to 1e-6 of it.  That of the C library depends on its
// version, and one seed is one run with any of them.
float cube_root(float x) noexcept {
  if (x <= 0) return 0;
  // A third of the exponent, and of the bias, is a guess within 4 %; each step of Newton's squares
  // the error.
  constexpr std::uint32_t kTwoThirdsOfBias = 0x2a51'19f2;
  auto y = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) / 3 + kTwoThirdsOfBias);
  for (int i = 0; i < 3; ++i) y = (2 * y + x / (y * y)) / 3;
  return y;
}

void begin_epoch(Congestion& c, const Acked& ack) noexcept {
  const auto mss = static_cast<float>(ack.mss);
  if (c.w_max < c.cwnd) c.w_max = c.cwnd;
  const float distance = static_cast<float>(c.w_max - c.cwnd) / mss;
  c.epoch = {.start = Stamp{ack.now},
             .k = cube_root(distance / kCubicC),
             .w_est = static_cast<float>(c.cwnd) / mss};
  c.acked = 0;
}

// [RFC 9438 4.2] W_cubic after `seconds` of the epoch, in segments.
float w_cubic(const Congestion& c, float seconds, float w_max) noexcept {
  const float t = seconds - c.epoch.k;
  return kCubicC * t * t * t + w_max;
}

void cubic_ack(Congestion& c, const Acked& ack) noexcept {
  if (c.epoch.k < 0) begin_epoch(c, ack);  // the first ACK in avoidance
  const auto mss = static_cast<float>(ack.mss);
  const float cwnd = static_cast<float>(c.cwnd) / mss;
  const float w_max = static_cast<float>(c.w_max) / mss;
  const float t = static_cast<float>(c.epoch.start.elapsed(ack.now).count) * 1e-6F;
  // [RFC 9438 4.3] What NewReno would have by now.
  const float alpha = c.epoch.w_est < w_max ? kCubicAlpha : 1.0F;
  c.epoch.w_est += alpha * static_cast<float>(ack.bytes) / mss / cwnd;
  if (w_cubic(c, t, w_max) < c.epoch.w_est) {
    const auto reno = static_cast<std::uint32_t>(std::min(c.epoch.w_est * mss, 1e9F));
    if (reno > c.cwnd) grow(c, reno - c.cwnd);
    return;
  }
  // [RFC 9438 4.4] [RFC 9438 4.5] Towards where the function will be in one round trip.
  const float ahead = t + static_cast<float>(ack.srtt.count) * 1e-6F;
  const float target = std::clamp(w_cubic(c, ahead, w_max), cwnd, 1.5F * cwnd);
  const float step = target - cwnd;  // segments per window
  // So flat that a hundred windows give one segment.
  const float window = step > 0.01F ? cwnd / step : 100 * cwnd;
  grow_per(c, static_cast<std::uint32_t>(window * mss), ack);
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

void on_ack(Congestion& c, CongestionAlgorithm algorithm, const Acked& ack) noexcept {
  // [RFC 7661 1] [RFC 9438 4.2] A window that was not used says nothing about the path, and time
  // without use is no time in which it might have grown.
  if (!ack.was_limited) {
    c.epoch = {};
    return;
  }
  if (c.cwnd < c.ssthresh) {
    // [RFC 5681 3.1] Slow start: by what was acknowledged, so that a receiver that splits its ACKs
    // gains nothing.
    // [RFC 9406 4.2] Up to eight segments per ACK, because receivers that merge segments
    // acknowledge many at once.
    grow(c, std::min(ack.bytes, kSlowStartSegments * ack.mss));
    return;
  }
  switch (algorithm) {
    case CongestionAlgorithm::new_reno:
      grow_per(c, c.cwnd, ack);  // [RFC 5681 3.1] one segment per window
      return;
    case CongestionAlgorithm::cubic:
      cubic_ack(c, ack);
      return;
  }
}

void on_loss(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
             std::uint16_t mss) noexcept {
  switch (algorithm) {
    case CongestionAlgorithm::new_reno:
      c.ssthresh = halved(flight, mss);
      break;
    case CongestionAlgorithm::cubic:
      c.ssthresh = cubic_decrease(c, flight, mss);
      break;
  }
  on_loss_after_reduction(c, flight);
}

void on_loss_after_reduction(Congestion& c, std::uint32_t flight) noexcept {
  c.acked = 0;
  c.prr = {.delivered = 0, .out = 0, .recover_fs = std::max(flight, 1U)};
}

void on_recovered(Congestion& c) noexcept {
  c.cwnd = c.ssthresh;
  c.acked = 0;
  c.epoch = {};
}

void on_timeout(Congestion& c, CongestionAlgorithm algorithm, std::uint32_t flight,
                std::uint16_t mss, bool first) noexcept {
  // [RFC 5681 3.1] ssthresh is held when the same data times out again.
  if (first) on_loss(c, algorithm, flight, mss);
  c.cwnd = mss;  // [RFC 5681 3.1] the loss window
  c.acked = 0;
  c.epoch = {};
}

void on_idle(Congestion& c, std::uint16_t mss) noexcept {
  // [RFC 5681 4.1] The restart window: what was learned has grown stale.
  c.cwnd = std::min(c.cwnd, initial_window(mss));
  c.epoch = {};
}

void on_undo(Congestion& c, std::uint32_t cwnd, bool slow_start) noexcept {
  c.cwnd = std::max(c.cwnd, cwnd);
  c.ssthresh = slow_start ? kNoThreshold : std::max(c.ssthresh, cwnd);
  c.w_max = std::max(c.w_max, cwnd);
  c.epoch = {};
}

}  // namespace sallyport::tcp
