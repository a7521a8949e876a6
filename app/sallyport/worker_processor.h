// WorkerProcessor: one Worker as the lcore loop drives it, with the executor that works its jobs
// off on the same lcore.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "app/sallyport/connection_list.h"
#include "app/sallyport/fingerprint_list.h"
#include "app/sallyport/verifier_thread.h"
#include "lib/base/arena.h"
#include "lib/base/check.h"
#include "lib/frame/outbox.h"
#include "lib/offload/executor.h"
#include "lib/snapshot/publication.h"
#include "lib/stats/worker_stats.h"
#include "lib/worker/worker.h"

namespace sallyport {

class WorkerProcessor {
 public:
  // One iteration begins at most this many jobs of connections, so that frames do not wait longer
  // than for one full batch of each operation; and at most one that makes key shares, which takes
  // no lane from them.  Of RSA it works off a slice.
  static constexpr std::size_t kJobsPerIteration = 8;
  static constexpr std::size_t kMaxJobs = 1024;

  // Clients' certificates taken back from the verifier in one iteration.
  static constexpr std::size_t kVerdictsPerIteration = 8;

  // `verifier` is nullptr where no listener asks its clients.
  WorkerProcessor(const worker::WorkerConfig& config, Arena arena, snapshot::Reader& reader,
                  const std::atomic<const snapshot::Snapshot*>& source,
                  VerifierThread::Lane* verifier, Tsc now)
      : arena_{arena},
        reader_{reader},
        source_{source},
        verifier_{verifier},
        worker_{config, arena_, reader, stats_, now} {
    SALLYPORT_CHECK(config.max_jobs <= kMaxJobs);
  }

  void process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> done, Tsc now,
               frame::Outbox& out) noexcept {
    worker_.use(reader_.enter(source_));
    worker_.process(rx, done, take_verdicts(rx.size(), done.size(), out), now, out);
    if (!out.verify_jobs().empty()) {
      // Its ring has room for every job that there is.
      static_cast<void>(verifier_->to_verifier.put(out.verify_jobs()));
    }
    connections_.answer(worker_, now);
    fingerprints_.answer(worker_);
    if (reset_requested_.load(std::memory_order_relaxed)) [[unlikely]] {
      static_cast<void>(worker_.reset_all(now, out));
    }
  }

  std::size_t run_jobs(std::span<crypto::CryptoJob* const> submitted,
                       std::span<crypto::CryptoJob*> finished, Tsc now) noexcept {
    // The job slab is the only limit of jobs in flight, and the queue holds as many.
    for (crypto::CryptoJob* job : submitted) queue_[tail_++ % kMaxJobs] = job;
    std::array<crypto::CryptoJob*, kJobsPerIteration + 1> taken;
    std::size_t num = 0;
    std::size_t key_shares = 0;
    while (head_ != tail_ && num < finished.size()) {
      crypto::CryptoJob* const job = queue_[head_ % kMaxJobs];
      const bool makes_key_shares = job->kind == crypto::JobKind::make_key_shares;
      if (makes_key_shares ? key_shares == 1 : num - key_shares == kJobsPerIteration) break;
      key_shares += makes_key_shares ? 1 : 0;
      taken[num++] = job;
      ++head_;
    }
    std::size_t done = num == 0 ? 0 : executor_.begin(std::span{taken}.first(num), finished, now);
    if (executor_.is_working() && finished.size() - done >= offload::Executor::kMaxGoneOn) {
      done += executor_.go_on(finished.subspan(done), now);
    }
    return done;
  }
  // is_working tells that run_jobs has something to do, although no job has come and none is done.
  [[nodiscard]] bool is_working() const noexcept { return executor_.is_working(); }
  [[nodiscard]] bool has_backlog() const noexcept { return worker_.has_backlog(); }

  void abandon(frame::Outbox& out) noexcept {
    worker_.abandon(out);
    reader_.leave();
  }

  // --- control thread ----------------------------------------------------------------------------
  // request_reset makes the worker end all its connections: at the end of draining.
  void request_reset() noexcept { reset_requested_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] const stats::WorkerStats& stats() const noexcept { return stats_; }
  [[nodiscard]] std::size_t arena_bytes() const noexcept { return arena_.bytes(); }
  [[nodiscard]] const snapshot::Reader& reader() const noexcept { return reader_; }
  // executor is for the control thread until the lcore starts; then only its counters are.
  [[nodiscard]] offload::Executor& executor() noexcept { return executor_; }
  // connections and fingerprints answer other threads, one at a time.
  [[nodiscard]] ConnectionList& connections() noexcept { return connections_; }
  [[nodiscard]] FingerprintList& fingerprints() noexcept { return fingerprints_; }
  // writable_stats is for the lcore loop, which counts beside the worker.
  [[nodiscard]] stats::WorkerStats& writable_stats() noexcept { return stats_; }

 private:
  // take_verdicts leaves credit for the answers to `rx` and `done`.
  [[nodiscard]] std::span<crypto::VerifyJob* const> take_verdicts(
      std::size_t num_rx, std::size_t num_done, const frame::Outbox& out) noexcept {
    if (verifier_ == nullptr) return {};
    const std::size_t spoken_for = 2 * num_rx + num_done;
    const std::size_t credit = out.frame_credit() - std::min(out.frame_credit(), spoken_for);
    const std::span room = std::span{judged_}.first(std::min(judged_.size(), credit / 2));
    return room.first(verifier_->from_verifier.take(room));
  }

  stats::WorkerStats stats_;
  Arena arena_;
  snapshot::Reader& reader_;
  const std::atomic<const snapshot::Snapshot*>& source_;
  VerifierThread::Lane* verifier_;
  std::array<crypto::VerifyJob*, kVerdictsPerIteration> judged_{};
  worker::Worker worker_;
  offload::Executor executor_;
  std::array<crypto::CryptoJob*, kMaxJobs> queue_{};
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::atomic<bool> reset_requested_{false};
  ConnectionList connections_;
  FingerprintList fingerprints_;
};

}  // namespace sallyport
