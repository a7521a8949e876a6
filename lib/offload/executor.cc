#include "lib/offload/executor.h"

#include <algorithm>
#include <memory>

#include "lib/base/secret.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/lanes.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/sign/content.h"
#include "lib/crypto/sign/schemes.h"
#include "lib/offload/job_content.h"
#include "lib/offload/self_test.h"

namespace sallyport::offload {
namespace {

using crypto::CryptoJob;
using crypto::JobKind;
using crypto::JobStatus;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using stats::ExecutorCounter;

bool derives(const CryptoJob& job) noexcept {
  return job.kind == JobKind::tls13_derive_and_sign || job.kind == JobKind::tls13_derive ||
         job.kind == JobKind::tls12_derive;
}
bool signs(const CryptoJob& job) noexcept {
  return job.kind == JobKind::tls13_derive_and_sign || job.kind == JobKind::tls12_sign_params;
}

// scheme_allowed keeps TLS 1.3 from signing with schemes that only TLS 1.2 has.
bool scheme_allowed(const CryptoJob& job) noexcept {
  return job.kind != JobKind::tls13_derive_and_sign || crypto::allowed_in_tls13(job.scheme);
}

// fits: [RFC 8446 4.2.3] TLS 1.3 binds the hash of ECDSA to the curve.  What fits the key in
// TLS 1.2 is the signer's question.
bool fits(const CryptoJob& job, crypto::KeyType type) noexcept {
  return job.kind != JobKind::tls13_derive_and_sign || crypto::fits_key(job.scheme, type);
}

bool may_sign(const CryptoJob& job) noexcept { return signs(job) && scheme_allowed(job); }

// batches is what `lanes` are for a kernel: groups of eight and a rest.
constexpr std::size_t batches(std::size_t lanes) noexcept {
  return (lanes + crypto::batch::kLanes - 1) / crypto::batch::kLanes;
}

}  // namespace

Executor::Executor(const Options& options)
    : keys_{context_, options.max_credentials},
      provider_{openssl_provider(context_)},
      computing_{choose_provider(options.kernels)} {
  if (computing_ != Computing::batch) return;
  rsa_ = std::make_unique<RsaQueue>(context_, keys_);
  keys_.prepare_for_kernels();
}

Computing Executor::choose_provider(Kernels kernels) {
  if (kernels == Kernels::never) return Computing::openssl_by_choice;
  if (!crypto::batch::available()) return Computing::openssl_for_cpu;
  batch_ = std::make_unique<BatchProvider>(context_);
  const auto run = [](crypto::batch::Rsa& kernel, std::span<crypto::batch::RsaLane> lanes) {
    kernel.run(lanes);
  };
  if (!passes_self_test(batch_->provider(), provider_, context_) ||
      !passes_rsa_self_test(context_, run)) {
    batch_.reset();
    return Computing::openssl_for_failure;
  }
  provider_ = batch_->provider();
  return Computing::batch;
}

void Executor::run(std::span<CryptoJob* const> jobs, Tsc now) noexcept {
  std::array<CryptoJob*, kMaxBatch> finished;
  while (!jobs.empty()) {
    const std::size_t count = std::min(jobs.size(), kMaxBatch);
    begin(jobs.first(count), finished, now);
    while (is_working()) go_on(finished, RsaQueue::Pace::to_the_end, now);
    jobs = jobs.subspan(count);
  }
}

std::size_t Executor::begin(std::span<CryptoJob* const> jobs, std::span<CryptoJob*> finished,
                            Tsc now) noexcept {
  for (CryptoJob* const job : jobs) {
    const bool expired = job->deadline != Tsc{} && job->deadline < now;
    job->status = expired ? JobStatus::expired : JobStatus::pending;
    job->shared_secret_len = 0;
    job->signature_len = 0;
    job->num_key_shares = 0;
  }
  make_key_shares(jobs, now);
  run_tls12(jobs);
  // A group or scheme that is not in these lists has no lanes, and its jobs stay pending until the
  // verdict below.
  for (const NamedGroup group :
       {NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1, NamedGroup::x448}) {
    derive(jobs, group);
  }
  for (CryptoJob* const job : jobs) {
    if (job->status == JobStatus::pending && derives(*job) && job->shared_secret_len == 0) {
      job->status = JobStatus::bad_peer_share;
    }
  }
  // What the kernel for RSA takes comes back from go_on.
  std::array<CryptoJob*, kMaxBatch> rest;
  std::size_t count = 0;
  for (CryptoJob* const job : jobs) {
    const bool waits = job->status == JobStatus::pending && rsa_ != nullptr &&
                       (job->kind == JobKind::tls12_rsa_decrypt || may_sign(*job)) &&
                       rsa_->add(*job);
    if (!waits) rest[count++] = job;
  }
  jobs = std::span{rest}.first(count);
  for (CryptoJob* const job : jobs) {
    if (job->status == JobStatus::pending && job->kind == JobKind::tls12_rsa_decrypt) {
      run_rsa_alone(keys_, *job);
    }
  }
  for (const SignatureScheme scheme :
       {SignatureScheme::ecdsa_secp256r1_sha256, SignatureScheme::rsa_pss_rsae_sha256,
        SignatureScheme::rsa_pss_rsae_sha384, SignatureScheme::rsa_pss_rsae_sha512,
        SignatureScheme::rsa_pkcs1_sha256, SignatureScheme::rsa_pkcs1_sha384,
        SignatureScheme::rsa_pkcs1_sha512, SignatureScheme::ecdsa_secp384r1_sha384,
        SignatureScheme::ecdsa_secp521r1_sha512, SignatureScheme::ed25519}) {
    sign(jobs, scheme);
  }
  for (CryptoJob* const job : jobs) conclude(*job);
  std::ranges::copy(jobs, finished.begin());
  return count;
}

std::size_t Executor::go_on(std::span<CryptoJob*> finished, RsaQueue::Pace pace, Tsc now) noexcept {
  const RsaQueue::Worked worked = rsa_->work(pace, now);
  if (worked.batch != 0) {
    counters_.count(ExecutorCounter::rsa_batches);
    counters_.count(ExecutorCounter::rsa_lanes, worked.batch);
  }
  if (worked.renewal == RsaQueue::Renewal::done) counters_.count(ExecutorCounter::rsa_renewals);
  if (worked.renewal == RsaQueue::Renewal::failed) {
    counters_.count(ExecutorCounter::rsa_renewals_failed);
  }
  for (CryptoJob* const job : worked.jobs) conclude(*job);
  std::ranges::copy(worked.jobs, finished.begin());
  return worked.jobs.size();
}

void Executor::conclude(CryptoJob& job) noexcept {
  if (job.status == JobStatus::pending) {
    const bool complete = job.kind == JobKind::make_key_shares
                              ? job.num_key_shares != 0
                              : !signs(job) || job.signature_len != 0;
    job.status = complete ? JobStatus::ok : JobStatus::signer_failed;
  }
  switch (job.status) {
    case JobStatus::ok:
      counters_.count(ExecutorCounter::jobs_ok);
      break;
    case JobStatus::bad_peer_share:
      counters_.count(ExecutorCounter::jobs_bad_peer_share);
      break;
    case JobStatus::signer_failed:
      counters_.count(ExecutorCounter::jobs_signer_failed);
      // Half a result is of no use, and a secret nobody waits for should not travel.
      wipe(job.shared_secret);
      job.shared_secret_len = 0;
      break;
    case JobStatus::expired:
      counters_.count(ExecutorCounter::jobs_expired);
      break;
    case JobStatus::pending:
      break;
  }
}

void Executor::make_key_shares(std::span<CryptoJob* const> jobs, Tsc now) noexcept {
  for (CryptoJob* const job : jobs) {
    if (job->kind != JobKind::make_key_shares || job->status != JobStatus::pending) continue;
    std::construct_at(&job->key_shares);  // takes the place of the signature
    const std::uint8_t count = crypto::key_shares_per_job(job->group);
    counters_.count(ExecutorCounter::key_share_batches);
    counters_.count(ExecutorCounter::key_share_lanes, count);
    if (provider_.make_key_shares(provider_.self, job->group, now,
                                  std::span{job->key_shares}.first(count))) {
      job->num_key_shares = count;
    } else {
      wipe_object(job->key_shares);
    }
  }
}

void Executor::derive(std::span<CryptoJob* const> jobs, NamedGroup group) noexcept {
  std::array<DeriveLane, kMaxBatch> lanes;
  std::array<CryptoJob*, kMaxBatch> owners;
  std::size_t count = 0;
  const std::size_t secret_len = crypto::group_info(group).shared_len;
  for (CryptoJob* const job : jobs) {
    if (job->status != JobStatus::pending || !derives(*job) || job->ephemeral.group != group ||
        job->peer_share_len > job->peer_share.size()) {
      continue;
    }
    owners[count] = job;
    lanes[count++] = {.ours = &job->ephemeral,
                      .peer_share = ByteView{job->peer_share}.first(job->peer_share_len),
                      .shared_secret = MutableBytes{job->shared_secret}.first(secret_len)};
  }
  if (count == 0) return;
  counters_.count(ExecutorCounter::derive_batches, batches(count));
  counters_.count(ExecutorCounter::derive_lanes, count);
  provider_.derive(provider_.self, group, std::span{lanes}.first(count));
  for (std::size_t i = 0; i < count; ++i) {
    if (lanes[i].ok) {
      owners[i]->shared_secret_len = static_cast<std::uint8_t>(secret_len);
    } else {
      wipe(owners[i]->shared_secret);
    }
  }
}

void Executor::sign(std::span<CryptoJob* const> jobs, SignatureScheme scheme) noexcept {
  std::array<SignLane, kMaxBatch> lanes;
  std::array<CryptoJob*, kMaxBatch> owners;
  std::array<crypto::SignedContent, kMaxBatch> contents;
  std::size_t count = 0;
  for (CryptoJob* const job : jobs) {
    if (job->status != JobStatus::pending || !may_sign(*job) || job->scheme != scheme) {
      continue;
    }
    crypto::openssl::Signer* const signer = keys_.find(job->credential);
    if (signer == nullptr || !fits(*job, signer->type())) continue;
    contents[count] = content_of(*job);
    owners[count] = job;
    lanes[count] = {
        .signer = signer, .message = contents[count].view(), .signature = job->signature};
    ++count;
  }
  if (count == 0) return;
  counters_.count(ExecutorCounter::sign_batches, batches(count));
  counters_.count(ExecutorCounter::sign_lanes, count);
  provider_.sign(provider_.self, scheme, std::span{lanes}.first(count));
  for (std::size_t i = 0; i < count; ++i) owners[i]->signature_len = lanes[i].signature_len;
}

}  // namespace sallyport::offload
