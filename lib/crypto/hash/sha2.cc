#include "lib/crypto/hash/sha2.h"

#include <algorithm>

#include "lib/base/secret.h"
#include "lib/crypto/hash/absorb.h"
#include "lib/crypto/hash/compress.h"

namespace sallyport::crypto {
namespace {

// [FIPS 180-4 5.1] Padding: one bit, zeros, and the length in bits as the last quarter (SHA-256: 8
// bytes of 64; SHA-512: 16 of 128, of which the upper half stays zero here) of a block.
template <std::size_t N, class Chain>
void conclude(Chain chain, std::uint64_t len, const std::array<std::uint8_t, N>& waiting,
              MutableBytes digest) noexcept {
  std::array<std::uint8_t, N> block = waiting;
  std::size_t used = len % N;
  block[used++] = 0x80;
  const auto zero_to = [&block, &used](std::size_t end) {
    std::fill(block.begin() + static_cast<std::ptrdiff_t>(used),
              block.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
  };
  if (used > N - N / 8) {
    zero_to(N);
    sha2_compress(chain, block.data(), 1);
    used = 0;
  }
  zero_to(N - 8);
  store(MutableBytes{block}.subspan(N - 8), Be64::of(len * 8));
  sha2_compress(chain, block.data(), 1);
  using Word = typename Chain::value_type;
  for (std::size_t i = 0; i * sizeof(Word) < digest.size(); ++i) {
    store(digest.subspan(i * sizeof(Word)), BigEndian<Word>::of(chain[i]));
  }
  wipe(block);  // what is hashed may be a secret, and a chaining value may stand for one
  wipe_object(chain);
}

}  // namespace

void Sha256::update(ByteView data) noexcept { absorb(sha256_compress, chain_, len_, block_, data); }
void Sha256::finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept {
  conclude(chain_, len_, block_, digest);
}

template <std::size_t kLen>
void Sha512Based<kLen>::update(ByteView data) noexcept {
  absorb(sha512_compress, chain_, len_, block_, data);
}
template <std::size_t kLen>
void Sha512Based<kLen>::finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept {
  conclude(chain_, len_, block_, digest);
}
template class Sha512Based<48>;
template class Sha512Based<64>;

}  // namespace sallyport::crypto
