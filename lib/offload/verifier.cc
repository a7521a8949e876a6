#include "lib/offload/verifier.h"

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace sallyport::offload {

using crypto::VerifyJob;
using crypto::VerifyStatus;

Verifier::Verifier(Authorities authorities, std::uint32_t generation, ServerAuthorities servers)
    : authorities_(authorities.size()), servers_{std::move(servers)}, generation_{generation} {
  for (std::size_t i = 0; i < authorities.size(); ++i) replace(i, std::move(authorities[i]));
}

void Verifier::replace(std::size_t index,
                       std::shared_ptr<const x509::ClientAuthority> authority) noexcept {
  authorities_[index].store(std::move(authority));
}

void Verifier::run(VerifyJob& job, const WallClock& now) const noexcept {
  if (job.deadline != Tsc{} && job.deadline < now.at) {
    job.status = VerifyStatus::expired;
    return;
  }
  const auto unix_seconds = static_cast<std::int64_t>(now.unix_ms / 1'000);
  job.status = judge(job, unix_seconds) ? VerifyStatus::done : VerifyStatus::failed;
}

// judge returns false when nobody has the name of the authority.
bool Verifier::judge(VerifyJob& job, std::int64_t now) const noexcept {
  if (job.authority.generation != generation_) return false;
  if (job.authority.index >= authorities_.size()) {
    const std::size_t place = job.authority.index - authorities_.size();
    if (place >= servers_.size() || servers_[place] == nullptr) return false;
    servers_[place]->judge(job, now);
    return true;
  }
  // Ours until the job is judged, whatever replaces it meanwhile.
  const auto authority = authorities_[job.authority.index].load();
  if (authority == nullptr) return false;
  std::array<ByteView, crypto::kMaxClientChain> chain;
  for (std::size_t i = 0; i < job.num_certificates; ++i) {
    chain[i] = job.bytes_of(job.certificates[i]);
  }
  const x509::ClientProof proof{.chain = std::span{chain}.first(job.num_certificates),
                                .scheme = job.scheme,
                                .kind = job.kind,
                                .content = ByteView{job.content}.first(job.content_len),
                                .signature = job.bytes_of(job.signature)};
  job.identity = authority->judge(proof, now);
  return true;
}

}  // namespace sallyport::offload
