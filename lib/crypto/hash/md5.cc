#include "lib/crypto/hash/md5.h"

#include <algorithm>
#include <cstring>

#include "lib/crypto/hash/absorb.h"
#include "lib/crypto/hash/compress.h"

namespace sallyport::crypto {

void Md5::update(ByteView data) noexcept { absorb(md5_compress, chain_, len_, block_, data); }

void Md5::finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept {
  // [RFC 1321 3.1 and 3.2] One bit, zeros, and the length in bits, its low-order byte first.
  std::array<std::uint32_t, 4> chain = chain_;
  std::array<std::uint8_t, 2 * kBlockLen> last{};
  const std::size_t used = len_ % kBlockLen;
  std::copy_n(block_.begin(), used, last.begin());
  last[used] = 0x80;
  const std::size_t num_blocks = used < kBlockLen - 8 ? 1 : 2;
  const std::uint64_t bits = len_ * 8;
  std::memcpy(last.data() + num_blocks * kBlockLen - 8, &bits, sizeof bits);
  md5_compress(chain, last.data(), num_blocks);
  std::memcpy(digest.data(), chain.data(), kDigestLen);
}

}  // namespace sallyport::crypto
