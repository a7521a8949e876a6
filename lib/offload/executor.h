// Executor: does the work that CryptoJobs ask for.  It runs on whatever thread owns it (an I/O
// lcore after process(), later a crypto lcore); it shares nothing with other executors.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/offload/batch_provider.h"
#include "lib/offload/keystore.h"
#include "lib/offload/provider.h"
#include "lib/offload/rsa_queue.h"
#include "lib/stats/counters.h"
#include "lib/stats/executor_counters.h"

namespace sallyport::offload {

// Kernels says whether an executor may compute eight operations at a time.
enum class Kernels : std::uint8_t { where_possible, never };

// Computing says who works the lanes off, and why.
enum class Computing : std::uint8_t {
  batch,                // kernels of AVX-512, which have passed their self-test
  openssl_by_choice,    // Kernels::never
  openssl_for_cpu,      // the processor cannot run the kernels
  openssl_for_failure,  // the kernels' results differ from OpenSSL's: somebody should know
};

class Executor {
 public:
  struct Options {
    std::size_t max_credentials = 65'535;
    Kernels kernels = Kernels::where_possible;
  };
  explicit Executor(const Options& options);
  Executor() : Executor{Options{}} {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  [[nodiscard]] Computing computing() const noexcept { return computing_; }
  [[nodiscard]] KeyStore& keys() noexcept { return keys_; }
  [[nodiscard]] const stats::Counters<stats::ExecutorCounter>& counters() const noexcept {
    return counters_;
  }

  // begin executes jobs in place, as run does, except that it leaves the private operations of RSA
  // to go_on, where a kernel takes them.  Writes the jobs that are done, at most all that it was
  // given, to `finished`, and returns how many these are.
  // Precondition: jobs.size() <= finished.size(), and is at most kMaxBatch.
  std::size_t begin(std::span<crypto::CryptoJob* const> jobs,
                    std::span<crypto::CryptoJob*> finished, Tsc now) noexcept;
  // go_on works off one slice, RsaQueue::work, of what begin left, and writes up to kMaxGoneOn
  // jobs that are done then.  Precondition: there is room for them.
  std::size_t go_on(std::span<crypto::CryptoJob*> finished, Tsc now) noexcept {
    return go_on(finished, RsaQueue::Pace::slices, now);
  }
  // is_working tells whether go_on has anything to do.
  [[nodiscard]] bool is_working() const noexcept { return rsa_ != nullptr && !rsa_->empty(); }
  static constexpr std::size_t kMaxBatch = 64;
  static constexpr std::size_t kMaxGoneOn = 2 * crypto::batch::kLanes;

  // run executes every job in place and sets its status; jobs that need the same operation are
  // handed to the provider together.  A job whose deadline lies before `now` is not worked on.  The
  // jobs' private inputs stay where they are: who allocated a job wipes it.
  void run(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;

 private:
  [[nodiscard]] Computing choose_provider(Kernels kernels);
  std::size_t go_on(std::span<crypto::CryptoJob*> finished, RsaQueue::Pace pace, Tsc now) noexcept;
  // conclude judges a job that nothing more will be done for, and counts it.
  void conclude(crypto::CryptoJob& job) noexcept;
  void make_key_shares(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;
  void derive(std::span<crypto::CryptoJob* const> jobs, crypto::NamedGroup group) noexcept;
  void sign(std::span<crypto::CryptoJob* const> jobs, crypto::SignatureScheme scheme) noexcept;

  // tls12_jobs.cc
  void run_tls12(std::span<crypto::CryptoJob* const> jobs) noexcept;
  void make_and_sign(crypto::CryptoJob& job) noexcept;
  void derive_finite_field(crypto::CryptoJob& job) noexcept;

  crypto::openssl::Context context_;
  KeyStore keys_;
  std::unique_ptr<BatchProvider> batch_;
  std::unique_ptr<RsaQueue> rsa_;
  Provider provider_;
  Computing computing_;
  stats::Counters<stats::ExecutorCounter> counters_;
};

}  // namespace sallyport::offload
