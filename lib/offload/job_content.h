// What a job that signs has signed.
#pragma once
#include "lib/crypto/job.h"
#include "lib/crypto/sign/content.h"

namespace sallyport::offload {

[[nodiscard]] inline crypto::SignedContent content_of(const crypto::CryptoJob& job) noexcept {
  if (job.kind == crypto::JobKind::tls12_sign_params) {
    return crypto::server_key_exchange_content(job.client_random, job.server_random, job.ephemeral);
  }
  const std::size_t hash_len =
      job.transcript_hash_algorithm == crypto::HashAlgorithm::sha256 ? 32 : 48;
  return crypto::certificate_verify_content(ByteView{job.transcript_hash}.first(hash_len));
}

}  // namespace sallyport::offload
