// VerifierThread: judges the certificates of clients and backends for all workers, beside the
// control thread.  Each worker has two rings with it, which hold as many jobs as the worker has:
// neither is ever full.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "lib/crypto/verify_job.h"
#include "lib/dpdk/ring.h"
#include "lib/offload/verifier.h"

namespace sallyport {

class VerifierThread {
 public:
  // Lane is one worker's way to the verifier and back.
  struct Lane {
    dpdk::PointerRing<crypto::VerifyJob> to_verifier;
    dpdk::PointerRing<crypto::VerifyJob> from_verifier;
  };

  // `verifier` outlives this object.
  explicit VerifierThread(const offload::Verifier& verifier) : verifier_{verifier} {}
  ~VerifierThread() { stop(); }
  VerifierThread(const VerifierThread&) = delete;
  VerifierThread& operator=(const VerifierThread&) = delete;

  // create makes the rings of so many workers.
  [[nodiscard]] dpdk::Failure create(std::size_t num_workers, std::size_t jobs_per_worker);
  [[nodiscard]] Lane& lane(std::size_t worker) noexcept { return *lanes_[worker]; }

  void start();
  // stop returns when no job is touched any more; those in the rings stay there.
  void stop() noexcept;

 private:
  void run() noexcept;
  // serve judges some of a worker's jobs and returns how many.
  [[nodiscard]] std::size_t serve(Lane& lane) noexcept;

  const offload::Verifier& verifier_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace sallyport
