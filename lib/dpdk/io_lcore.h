// IoLcore: the loop of one I/O lcore, around anything that processes frames: the worker of the
// daemon, the load generator, a test's echo.
//
//   refill the outbox -> take finished jobs -> receive -> process -> transmit -> run jobs ->
//   release
//
// Credit before input: frames are received only when the direct replies to them fit (two frames and
// one job each), so process() has no "output full" case.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/no_alloc.h"
#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/dpdk/frame_pool.h"
#include "lib/dpdk/port_queues.h"
#include "lib/dpdk/ring.h"
#include "lib/frame/outbox.h"
#include "lib/stats/worker_stats.h"

namespace sallyport::dpdk {

// Processor is what the loop drives.  process() is pure (design: section 1).  run_jobs() takes all
// jobs `submitted`, may work on them and on earlier ones, and returns how many it wrote to
// `finished`; it is called in every iteration.
template <class P>
concept Processor = requires(P& p, std::span<frame::Frame* const> rx,
                             std::span<crypto::CryptoJob* const> jobs,
                             std::span<crypto::CryptoJob*> finished, Tsc now, frame::Outbox& out) {
  { p.process(rx, jobs, now, out) }
  noexcept;
  { p.run_jobs(jobs, finished, now) }
  noexcept->std::same_as<std::size_t>;
};

// Abandoning processors give back the frames that they still hold when their lcore ends.
template <class P>
concept Abandoning = requires(P& p, frame::Outbox& out) {
  { p.abandon(out) }
  noexcept;
};

// Persistent processors work on jobs for longer than one call of run_jobs(), and say so.
template <class P>
concept Persistent = requires(const P& p) {
  { p.is_working() }
  noexcept->std::same_as<bool>;
};

// Backlogged processors may leave work for the next call, and say so.
template <class P>
concept Backlogged = requires(const P& p) {
  { p.has_backlog() }
  noexcept->std::same_as<bool>;
};

// IdleMode is what an lcore does when nothing arrives.
enum class IdleMode : std::uint8_t {
  spin,   // poll on: least latency, a whole CPU
  pause,  // tell the processor that we spin: kinder to the other hyper-thread
  sleep,  // after a while, 50 us at a time: for laptops and CI, where CPUs are shared
};

struct IoLcoreOptions {
  PortQueuesOptions queues;
  FramePool* tx_pool = nullptr;
  MessageRing* to_control = nullptr;    // may be null: messages are then dropped and counted
  MessageRing* from_control = nullptr;  // frames to send for the control thread; may be null
  IdleMode idle = IdleMode::spin;
  const std::atomic<bool>* stop = nullptr;
};

// now is the time-stamp counter: one reading per iteration.
[[nodiscard]] inline Tsc now() noexcept { return {__builtin_ia32_rdtsc()}; }

// idle_wait spends the time of one empty iteration.
void idle_wait(IdleMode mode, std::uint32_t empty_polls) noexcept;
// prepare_to_sleep makes this thread's short sleeps short (timer slack).
void prepare_to_sleep() noexcept;

template <Processor P>
class IoLcore {
 public:
  // A burst larger than this gains nothing, and replies to it have to fit the outbox.
  static constexpr std::size_t kMaxReceived = 64;
  static_assert(kMaxReceived * 2 <= frame::Outbox::kMaxFrames);
  static_assert(kMaxReceived <= frame::Outbox::kMaxJobs);

  IoLcore(const IoLcoreOptions& options, P& processor)
      : options_{options},
        processor_{processor},
        queues_{options.queues},
        stats_{*options.queues.stats},
        outbox_{[](void*, std::span<frame::Frame* const> frames) { FramePool::release(frames); },
                nullptr} {}

  // run iterates until the stop flag is set, then gives back every frame that this lcore holds.
  void run() noexcept {
    if (options_.idle == IdleMode::sleep) prepare_to_sleep();
    last_ = now();
    while (!options_.stop->load(std::memory_order_relaxed)) iterate(now());
    finish();
  }

  // entry is run() for Eal::launch; `self` is an IoLcore*.
  static int entry(void* self) noexcept {
    static_cast<IoLcore*>(self)->run();
    return 0;
  }

  // num_iterations may be read from any thread.
  [[nodiscard]] std::uint64_t num_iterations() const noexcept { return num_iterations_.value(); }

  void iterate(Tsc now) noexcept {
    num_iterations_.add();
    charge(now);
    if (!queues_.flush(now)) {
      regime_ = stats::LcoreRegime::backpressured;
      return;
    }
    if (const auto missing = outbox_.missing(); !missing.empty()) {
      outbox_.added(options_.tx_pool->allocate(missing));
    }
    send_for_control();

    const std::size_t credit = std::min(outbox_.frame_credit(), outbox_.send_credit());
    const std::size_t num_done = std::min(num_finished_, credit);
    const std::span<crypto::CryptoJob* const> done = std::span{finished_}.first(num_done);
    const std::size_t num_rx =
        queues_.receive(std::span{rx_}.first(std::min(kMaxReceived, (credit - num_done) / 2)));
    const std::span<frame::Frame* const> rx = std::span{rx_}.first(num_rx);
    {
      const NoAllocScope no_alloc;
      processor_.process(rx, done, now, outbox_);
    }
    // Sending may free a frame, so look now which ones process() has kept.
    std::size_t num_unkept = 0;
    for (frame::Frame* f : rx) {
      if (!f->kept) rx_[num_unkept++] = f;
    }
    const std::size_t num_sent = outbox_.num_sent();
    queues_.send(outbox_.tx(), now);
    FramePool::release(std::span{rx_}.first(num_unkept));
    FramePool::release(outbox_.releases());
    run_jobs(num_done);
    tell_control();
    outbox_.clear();

    const bool nothing =
        num_rx + num_done + num_sent + num_finished_ == 0 && !is_working() && !has_backlog();
    regime_ = credit == 0 ? stats::LcoreRegime::backpressured
              : nothing   ? stats::LcoreRegime::idle
                          : stats::LcoreRegime::busy;
    empty_polls_ = nothing && !queues_.output_waits() ? empty_polls_ + 1 : 0;
    if (empty_polls_ != 0) idle_wait(options_.idle, empty_polls_);
  }

  // finish gives back what the lcore and, where it can, the processor still hold.
  void finish() noexcept {
    if constexpr (Abandoning<P>) {
      processor_.abandon(outbox_);
      FramePool::release(outbox_.tx());
      FramePool::release(outbox_.releases());
      outbox_.clear();
    }
    queues_.release_all();
    FramePool::release(outbox_.empties());
  }

 private:
  void charge(Tsc now) noexcept {
    const TscSpan all = now - last_;
    last_ = now;
    if (all.ticks <= 0) return;
    const TscSpan own = std::max(all - crypto_, TscSpan{0});
    stats_.regime_ticks.count(regime_, static_cast<std::uint64_t>(own.ticks));
    if (crypto_.ticks > 0) {
      stats_.regime_ticks.count(stats::LcoreRegime::crypto,
                                static_cast<std::uint64_t>(crypto_.ticks));
    }
    crypto_ = {};
  }

  // send_for_control sends what the control thread asks for, such as neighbour probes.
  void send_for_control() noexcept {
    if (options_.from_control == nullptr) return;
    frame::ControlMessage message;
    while (outbox_.frame_credit() > kMaxReceived * 2 && options_.from_control->take(message)) {
      frame::Frame& f = outbox_.take(FramePool::kHeadRoom);
      f.len = std::min(message.len, std::uint16_t{frame::ControlMessage::kMaxBytes});
      f.port = message.port;
      f.vlan = message.vlan;
      std::copy_n(message.bytes.begin(), f.len, f.bytes().begin());
      outbox_.send(f);
    }
  }

  void tell_control() noexcept {
    for (const frame::ControlMessage& message : outbox_.control()) {
      if (options_.to_control == nullptr || !options_.to_control->put(message)) {
        stats_.drops.count(stats::DropReason::control_ring_full);
      }
    }
  }

  void run_jobs(std::size_t num_done) noexcept {
    std::copy(finished_.begin() + static_cast<std::ptrdiff_t>(num_done),
              finished_.begin() + static_cast<std::ptrdiff_t>(num_finished_), finished_.begin());
    num_finished_ -= num_done;
    const Tsc begin = dpdk::now();
    const bool worked = is_working();
    const std::size_t added =
        processor_.run_jobs(outbox_.jobs(), std::span{finished_}.subspan(num_finished_), begin);
    num_finished_ += added;
    if (added != 0 || worked || !outbox_.jobs().empty()) crypto_ = dpdk::now() - begin;
  }

  [[nodiscard]] bool is_working() const noexcept {
    if constexpr (Persistent<P>) return processor_.is_working();
    return false;
  }
  [[nodiscard]] bool has_backlog() const noexcept {
    if constexpr (Backlogged<P>) return processor_.has_backlog();
    return false;
  }

  IoLcoreOptions options_;
  P& processor_;
  PortQueues queues_;
  stats::WorkerStats& stats_;
  frame::Outbox outbox_;
  std::array<frame::Frame*, kMaxReceived> rx_{};
  std::array<crypto::CryptoJob*, 2 * frame::Outbox::kMaxJobs> finished_{};
  std::size_t num_finished_ = 0;
  std::uint32_t empty_polls_ = 0;
  stats::Counter num_iterations_;
  stats::LcoreRegime regime_ = stats::LcoreRegime::idle;
  Tsc last_;
  TscSpan crypto_;
};

}  // namespace sallyport::dpdk
