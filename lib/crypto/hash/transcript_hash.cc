#include "lib/crypto/hash/transcript_hash.h"

#include <memory>

namespace sallyport::crypto {

TranscriptHash::TranscriptHash(HashAlgorithm algorithm) noexcept : algorithm_{algorithm} {
  if (algorithm == HashAlgorithm::sha256) {
    std::construct_at(&sha256_);
  } else {
    std::construct_at(&sha384_);
  }
}

void TranscriptHash::update(ByteView data) noexcept {
  if (algorithm_ == HashAlgorithm::sha256) {
    sha256_.update(data);
  } else {
    sha384_.update(data);
  }
}

Digest TranscriptHash::digest() const noexcept {
  Digest digest;
  digest.len = static_cast<std::uint8_t>(digest_len(algorithm_));
  const std::span bytes{digest.bytes};
  if (algorithm_ == HashAlgorithm::sha256) {
    sha256_.finish(bytes.first<Sha256::kDigestLen>());
  } else {
    sha384_.finish(bytes.first<Sha384::kDigestLen>());
  }
  return digest;
}

Digest hash(HashAlgorithm algorithm, ByteView message) noexcept {
  TranscriptHash state{algorithm};
  state.update(message);
  return state.digest();
}

}  // namespace sallyport::crypto
