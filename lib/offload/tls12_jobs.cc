// Executor: the jobs that only old clients need, one at a time: finite-field Diffie-Hellman of TLS
// 1.2.
#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/crypto/kx/ffdhe.h"
#include "lib/crypto/openssl/finite_field.h"
#include "lib/crypto/sign/content.h"
#include "lib/offload/executor.h"

namespace sallyport::offload {

using crypto::CryptoJob;
using crypto::JobKind;
using crypto::JobStatus;

void Executor::run_tls12(std::span<CryptoJob* const> jobs) noexcept {
  for (CryptoJob* const job : jobs) {
    if (job->status != JobStatus::pending) continue;
    if (!crypto::is_finite_field(job->ephemeral.group)) {
      continue;
    } else if (job->kind == JobKind::tls12_sign_params) {
      make_and_sign(*job);
    } else if (job->kind == JobKind::tls12_derive) {
      derive_finite_field(*job);
    }
  }
}

// make_and_sign makes the pair in the job that signs its public half: there is one trip anyway.
void Executor::make_and_sign(CryptoJob& job) noexcept {
  job.status = JobStatus::signer_failed;
  const crypto::NamedGroup group = job.ephemeral.group;
  crypto::openssl::Signer* const signer = keys_.find(job.credential);
  if (signer == nullptr || crypto::finite_field_prime(group).empty()) return;
  job.wide.fill(0);
  if (!crypto::openssl::make_finite_field_pair(context_, group, job.ephemeral, job.wide)) return;
  job.wide_len = static_cast<std::uint16_t>(crypto::finite_field_prime(group).size());
  const crypto::FiniteFieldContent content{job.client_random, job.server_random, group,
                                           ByteView{job.wide}.first(job.wide_len)};
  job.signature_len = signer->sign(job.scheme, content.view(), job.signature);
  if (job.signature_len == 0) {
    wipe_object(job.ephemeral);
    return;
  }
  job.status = JobStatus::ok;
}

void Executor::derive_finite_field(CryptoJob& job) noexcept {
  job.status = JobStatus::bad_peer_share;
  if (job.wide_len > job.wide.size()) return;
  std::array<std::uint8_t, crypto::kMaxFiniteFieldLen> secret{};
  const std::size_t len = crypto::openssl::derive_finite_field(
      context_, job.ephemeral, ByteView{job.wide}.first(job.wide_len), secret);
  job.wide = secret;
  wipe(secret);
  job.wide_len = static_cast<std::uint16_t>(len);
  if (len != 0) job.status = JobStatus::ok;
}

}  // namespace sallyport::offload
