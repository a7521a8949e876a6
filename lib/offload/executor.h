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
#include "lib/offload/executor_stats.h"
#include "lib/offload/keystore.h"
#include "lib/offload/provider.h"
#include "lib/stats/counters.h"

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

  // run executes every job in place and sets its status; jobs that need the same operation are
  // handed to the provider together.  A job whose deadline lies before `now` is not worked on.  The
  // jobs' private inputs stay where they are: who allocated a job wipes it.
  void run(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;

 private:
  static constexpr std::size_t kMaxBatch = 64;

  [[nodiscard]] Computing choose_provider(Kernels kernels);
  void run_batch(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;
  void make_key_shares(std::span<crypto::CryptoJob* const> jobs, Tsc now) noexcept;
  void derive(std::span<crypto::CryptoJob* const> jobs, crypto::NamedGroup group) noexcept;
  void sign(std::span<crypto::CryptoJob* const> jobs, crypto::SignatureScheme scheme) noexcept;

  // tls12_jobs.cc
  void run_tls12(std::span<crypto::CryptoJob* const> jobs) noexcept;
  void make_and_sign(crypto::CryptoJob& job) noexcept;
  void derive_finite_field(crypto::CryptoJob& job) noexcept;
  void decrypt_premaster(crypto::CryptoJob& job) noexcept;

  crypto::openssl::Context context_;
  KeyStore keys_;
  std::unique_ptr<BatchProvider> batch_;
  Provider provider_;
  Computing computing_;
  stats::Counters<stats::ExecutorCounter> counters_;
};

}  // namespace sallyport::offload
