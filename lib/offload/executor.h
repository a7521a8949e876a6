// Executor: does the work that CryptoJobs ask for.  It runs on whatever thread owns it (an I/O
// lcore after process(), later a crypto lcore); it shares nothing with other executors.
#pragma once
#include <array>
#include <cstddef>
#include <span>

#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/offload/executor_stats.h"
#include "lib/offload/keystore.h"
#include "lib/offload/provider.h"
#include "lib/stats/counters.h"

namespace sallyport::offload {

class Executor {
 public:
  struct Options {
    std::size_t max_credentials = 65'535;
  };
  explicit Executor(const Options& options);
  Executor() : Executor{Options{}} {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  [[nodiscard]] KeyStore& keys() noexcept { return keys_; }
  [[nodiscard]] const stats::Counters<stats::ExecutorCounter>& counters() const noexcept {
    return counters_;
  }

  // run executes every job in place and sets its status; jobs that need the same operation are
  // handed to the provider together.  A job whose deadline lies before `now` is not worked on.  The
  // jobs' private inputs stay where they are: who allocated a job wipes it.
  void run(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;

 private:
  static constexpr std::size_t kMaxBatch = 64;

  void run_batch(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;
  void make_key_shares(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;
  void derive(std::span<crypto::CryptoJob* const> jobs, crypto::NamedGroup group) noexcept;
  void sign(std::span<crypto::CryptoJob* const> jobs, crypto::SignatureScheme scheme) noexcept;

  crypto::openssl::Context context_;
  KeyStore keys_;
  Provider provider_;
  stats::Counters<stats::ExecutorCounter> counters_;
};

}  // namespace sallyport::offload
