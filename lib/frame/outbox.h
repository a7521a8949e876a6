// Outbox: where Worker::process puts everything that must leave, and where it takes empty frames
// from.  The lcore refills it before each call, so taking and putting cannot fail while there is
// credit, and protocol code has no "output full" branch (design: credit before input).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/check.h"
#include "lib/frame/frame.h"

namespace sallyport::crypto {
struct CryptoJob;
struct VerifyJob;
}  // namespace sallyport::crypto

namespace sallyport::frame {

// ControlKind says why a worker tells the control thread something.
enum class ControlKind : std::uint8_t {
  neighbour_reply,  // an ARP reply or neighbour advertisement, as received
};

// ControlMessage is copied through a small ring; when that is full it is dropped and counted.
struct ControlMessage {
  static constexpr std::size_t kMaxBytes = 120;  // Ethernet + VLAN + IPv6 + NA with one option
  ControlKind kind{};
  PortIndex port;
  std::uint16_t vlan = 0;
  std::uint16_t len = 0;
  std::array<std::uint8_t, kMaxBytes> bytes{};
};

class Outbox {
 public:
  static constexpr std::size_t kMaxFrames = 256;
  static constexpr std::size_t kMaxJobs = 64;
  static constexpr std::size_t kMaxVerifyJobs = 16;
  static constexpr std::size_t kMaxReleases = 1024;
  static constexpr std::size_t kMaxControl = 16;

  // --- worker side -----------------------------------------------------------------------------
  // frame_credit is how many frames may still be taken; each may be sent once.
  [[nodiscard]] std::size_t frame_credit() const noexcept { return num_empty_; }
  [[nodiscard]] std::size_t job_credit() const noexcept { return kMaxJobs - num_jobs_; }
  [[nodiscard]] std::size_t verify_credit() const noexcept {
    return kMaxVerifyJobs - num_verify_jobs_;
  }

  // take gives an empty frame with `head_room` bytes before its start.  Precondition: credit.
  [[nodiscard]] Frame& take(std::uint16_t head_room) noexcept {
    Frame& f = *empty_[--num_empty_];
    f.offset = head_room;
    f.len = 0;
    f.vlan = 0;
    f.tx = {};
    f.next = nullptr;
    return f;
  }
  // untake returns an unused frame that take() gave in this same call of process().
  void untake(Frame& f) noexcept { empty_[num_empty_++] = &f; }
  // send gives the caller's reference to the port.  Every sent frame uses up one credit, also one
  // that was kept from an earlier iteration: precondition num_sent() < kMaxFrames.
  void send(Frame& f) noexcept { tx_[num_tx_++] = &f; }
  // send_and_keep sends, and leaves the caller one reference for retransmission.
  void send_and_keep(Frame& f) noexcept {
    ++*f.references;
    send(f);
  }
  // release gives the caller's reference back to the pool.
  void release(Frame& f) noexcept {
    if (num_releases_ == kMaxReleases) [[unlikely]] {
      flush_releases_(context_, std::span{releases_}.first(num_releases_));
      num_releases_ = 0;
    }
    releases_[num_releases_++] = &f;
  }
  void put(crypto::CryptoJob& job) noexcept { jobs_[num_jobs_++] = &job; }
  // Precondition: verify_credit().
  void put(crypto::VerifyJob& job) noexcept { verify_jobs_[num_verify_jobs_++] = &job; }
  // tell returns false when this iteration's messages to the control thread are used up.
  [[nodiscard]] bool tell(const ControlMessage& message) noexcept {
    if (num_control_ == kMaxControl) return false;
    control_[num_control_++] = message;
    return true;
  }
  [[nodiscard]] std::size_t num_sent() const noexcept { return num_tx_; }
  // send_credit is how many more frames may be sent in this iteration.
  [[nodiscard]] std::size_t send_credit() const noexcept { return kMaxFrames - num_tx_; }

  // --- lcore side ------------------------------------------------------------------------------
  using FlushReleases = void (*)(void* context, std::span<Frame* const> frames);
  explicit Outbox(FlushReleases flush, void* context) noexcept
      : flush_releases_{flush}, context_{context} {}

  // missing is where refill() should write pointers to empty frames; then call added(n).
  [[nodiscard]] std::span<Frame*> missing() noexcept {
    return std::span{empty_}.subspan(num_empty_);
  }
  void added(std::size_t n) noexcept { num_empty_ += n; }
  [[nodiscard]] std::span<Frame* const> tx() const noexcept {
    return std::span{tx_}.first(num_tx_);
  }
  [[nodiscard]] std::span<Frame* const> releases() const noexcept {
    return std::span{releases_}.first(num_releases_);
  }
  [[nodiscard]] std::span<crypto::CryptoJob* const> jobs() const noexcept {
    return std::span{jobs_}.first(num_jobs_);
  }
  [[nodiscard]] std::span<crypto::VerifyJob* const> verify_jobs() const noexcept {
    return std::span{verify_jobs_}.first(num_verify_jobs_);
  }
  [[nodiscard]] std::span<const ControlMessage> control() const noexcept {
    return std::span{control_}.first(num_control_);
  }
  // empties are the frames not taken: only for giving them back at shutdown.
  [[nodiscard]] std::span<Frame* const> empties() const noexcept {
    return std::span{empty_}.first(num_empty_);
  }
  // clear forgets what the lcore has carried away; empty frames stay for the next iteration.
  void clear() noexcept {
    num_tx_ = num_releases_ = num_jobs_ = num_verify_jobs_ = num_control_ = 0;
  }

 private:
  std::array<Frame*, kMaxFrames> empty_{};
  std::array<Frame*, kMaxFrames> tx_{};
  std::array<Frame*, kMaxReleases> releases_{};
  std::array<crypto::CryptoJob*, kMaxJobs> jobs_{};
  std::array<crypto::VerifyJob*, kMaxVerifyJobs> verify_jobs_{};
  std::array<ControlMessage, kMaxControl> control_{};
  std::size_t num_empty_ = 0;
  std::size_t num_tx_ = 0;
  std::size_t num_releases_ = 0;
  std::size_t num_jobs_ = 0;
  std::size_t num_verify_jobs_ = 0;
  std::size_t num_control_ = 0;
  FlushReleases flush_releases_;
  void* context_;
};

}  // namespace sallyport::frame
