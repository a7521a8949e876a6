// Verifier: does the work that VerifyJobs ask for.  It allocates and takes up to milliseconds for
// each, so whoever runs it is no I/O lcore.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/units.h"
#include "lib/crypto/verify_job.h"
#include "lib/x509/client_authority.h"

namespace sallyport::offload {

class Verifier {
 public:
  // One place per authority, by AuthorityId::index; AuthorityId::generation is that of the whole.
  using Authorities = std::vector<std::shared_ptr<const x509::ClientAuthority>>;
  Verifier(Authorities authorities, std::uint32_t generation);
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // replace makes jobs from now on be judged by `authority`; one that is being judged goes on with
  // the old one.  Any thread.
  void replace(std::size_t index, std::shared_ptr<const x509::ClientAuthority> authority) noexcept;

  // run judges a job and sets its status.  Several threads may run jobs at once.
  void run(crypto::VerifyJob& job, const WallClock& now) const noexcept;

 private:
  std::vector<std::atomic<std::shared_ptr<const x509::ClientAuthority>>> authorities_;
  std::uint32_t generation_;
};

}  // namespace sallyport::offload
