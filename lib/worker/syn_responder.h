// SynResponder: SYNs answered with cookies, and ACKs of nobody refused, at the rate at which a
// flood brings them.
//
// It takes only what is usual: untagged or tagged by the port, no IP options or extension headers,
// a SYN or an ACK and nothing else, for a listener, from an address that can be answered.  The
// received SYN is turned around and leaves as the SYN-ACK; cookies are made and checked eight at a
// time.  Everything else, and whatever is wrong, goes the way of any packet (receive.cc), which
// answers the same with the same bytes: tests/unit/worker/syn_responder_test.cc compares them.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/token_bucket.h"
#include "lib/frame/frame.h"
#include "lib/snapshot/snapshot.h"
#include "lib/stats/worker_stats.h"
#include "lib/tcp/cookie_lanes.h"
#include "lib/worker/burst_look.h"
#include "lib/worker/turn.h"

namespace sallyport::worker {

class SynResponder {
 public:
  explicit SynResponder(stats::WorkerStats& stats) noexcept : stats_{stats} {
    v6_.lanes.tuple.is_v4 = false;
    acks_v6_.lanes.tuple.is_v4 = false;
  }

  // begin prepares for one call of process(): what it learns of `snapshot` is forgotten with the
  // next one.  `tracking`: SYNs for listeners that track theirs are to be left alone.
  void begin(const snapshot::Snapshot& snapshot, bool tracking, Tsc now) noexcept;

  // take returns true when the frame is a SYN that will be answered by the next finish() at the
  // latest; it is `kept` then.  False: nothing has happened.  Preconditions: view.is_syn(),
  // and its tuple has no entry in the flow table; it uses one frame of send credit.
  [[nodiscard]] bool take(frame::Frame& f, const BurstLook::View& view, Turn& turn) noexcept;
  // finish answers what was taken.
  void finish(Turn& turn) noexcept;

  // take_ack returns true when the frame is a bare ACK about which judge_acks() will have to be
  // asked; at the latest when acks_full().  Preconditions: view.is_ack(), and its tuple has no
  // entry in the flow table.
  [[nodiscard]] bool take_ack(frame::Frame& f, const BurstLook::View& view, Turn& turn) noexcept;
  [[nodiscard]] bool acks_full() const noexcept {
    return acks_v4_.size == kLanes || acks_v6_.size == kLanes;
  }
  // judge_acks checks the cookies of what was taken, counts what is refused, and returns the ACKs
  // that `resets` would let be answered: they are to go the usual way.
  [[nodiscard]] std::span<frame::Frame* const> judge_acks(TokenBucket& resets, Tsc now) noexcept;

 private:
  // Path is where SYNs of one interface for one listener go, with what is the same in all answers.
  struct Path {
    std::uint64_t call = 0;  // when it was learnt; 0: never
    IpAddress local;
    std::uint16_t port = 0;
    std::uint16_t interface_index = 0;
    bool usable = false;  // there is such a listener
    const snapshot::Interface* interface = nullptr;
    std::uint64_t our_mac = 0;
    std::uint16_t our_mss = 0;
    std::uint16_t window = 0;
    bool ecn = false;                 // taken if offered
    bool remembers = false;           // SYNs are tracked, so this is not the way of them
    std::uint32_t checksum_base = 0;  // of our address and the protocol
  };
  struct Pending {
    frame::Frame* frame = nullptr;
    const Path* path = nullptr;
    std::uint64_t to_mac = 0;
    std::uint32_t tsval = 0;  // of the SYN
    bool timestamps = false;
    bool window_scale = false;
    bool sack = false;
    bool ecn = false;  // offered and taken
  };
  static constexpr std::size_t kLanes = tcp::CookieLanes::kLanes;
  struct Batch {
    tcp::CookieLanes lanes;
    std::array<Pending, kLanes> pending;
    std::size_t size = 0;
  };
  struct AckBatch {
    tcp::AckLanes lanes;
    std::array<frame::Frame*, kLanes> frames{};
    std::array<bool, kLanes> may_be_reset{};  // by the policy of the interface
    std::size_t size = 0;
  };
  struct Syn;
  struct Usual;

  // inspect returns false for what is not usual.
  [[nodiscard]] bool inspect(const frame::Frame& f, const BurstLook::View& view, Usual& usual,
                             Turn& turn) noexcept;
  void judge(AckBatch& batch, TokenBucket& resets, Tsc now) noexcept;

  [[nodiscard]] const snapshot::Interface* interface_of(const frame::Frame& f,
                                                        std::uint16_t& index) noexcept;
  [[nodiscard]] const Path& path_to(const IpAddress& local, std::uint16_t port,
                                    std::uint16_t interface_index, Turn& turn) noexcept;
  void learn(Path& path) const noexcept;
  void answer(Batch& batch, Turn& turn) noexcept;

  stats::WorkerStats& stats_;
  const snapshot::Snapshot* snapshot_ = nullptr;
  bool tracking_ = false;
  tcp::WallTime wall_;
  std::uint64_t call_ = 0;
  std::uint16_t last_interface_ = 0;
  std::array<Path, 16> paths_;
  Batch v4_;
  Batch v6_;
  AckBatch acks_v4_;
  AckBatch acks_v6_;
  std::array<frame::Frame*, 2 * kLanes> referred_{};
  std::size_t num_referred_ = 0;
};

}  // namespace sallyport::worker
