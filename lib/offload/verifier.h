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
#include "lib/x509/server_authority.h"

namespace sallyport::offload {

class Verifier {
 public:
  // One place per authority: AuthorityId::index counts those of clients first, then those of
  // servers; AuthorityId::generation is that of the whole.  A nullptr judges nobody.
  using Authorities = std::vector<std::shared_ptr<const x509::ClientAuthority>>;
  using ServerAuthorities = std::vector<std::shared_ptr<const x509::ServerAuthority>>;
  Verifier(Authorities authorities, std::uint32_t generation, ServerAuthorities servers = {});
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // replace makes clients from now on be judged by `authority`; one that is being judged goes on
  // with the old one.  Any thread.
  void replace(std::size_t index, std::shared_ptr<const x509::ClientAuthority> authority) noexcept;

  // run judges a job and sets its status.  Several threads may run jobs at once.
  void run(crypto::VerifyJob& job, const WallClock& now) const noexcept;

 private:
  [[nodiscard]] bool judge(crypto::VerifyJob& job, std::int64_t now) const noexcept;

  std::vector<std::atomic<std::shared_ptr<const x509::ClientAuthority>>> authorities_;
  ServerAuthorities servers_;
  std::uint32_t generation_;
};

}  // namespace sallyport::offload
