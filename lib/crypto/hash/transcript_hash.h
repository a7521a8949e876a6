// TranscriptHash: the running hash of a handshake, in the hash of its cipher suite.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/hash/sha2.h"

namespace sallyport::crypto {

constexpr std::size_t kMaxDigestLen = 48;

// digest_len is the output of a hash in bytes.
[[nodiscard]] constexpr std::size_t digest_len(HashAlgorithm algorithm) noexcept {
  return algorithm == HashAlgorithm::sha256 ? Sha256::kDigestLen : Sha384::kDigestLen;
}

// Digest is an output of either hash.
struct Digest {
  std::array<std::uint8_t, kMaxDigestLen> bytes{};
  std::uint8_t len = 0;
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes}.first(len); }
};

// TranscriptHash is a copyable mid-state of SHA-256 or SHA-384.
class TranscriptHash {
 public:
  explicit TranscriptHash(HashAlgorithm algorithm = HashAlgorithm::sha256) noexcept;

  [[nodiscard]] HashAlgorithm algorithm() const noexcept { return algorithm_; }
  void update(ByteView data) noexcept;
  // digest is the hash of everything so far; more may follow.
  [[nodiscard]] Digest digest() const noexcept;

 private:
  union {
    Sha256 sha256_;
    Sha384 sha384_;
  };
  HashAlgorithm algorithm_;
};
static_assert(std::is_trivially_copyable_v<TranscriptHash>);

// hash is the digest of one message.
[[nodiscard]] Digest hash(HashAlgorithm algorithm, ByteView message) noexcept;

}  // namespace sallyport::crypto
