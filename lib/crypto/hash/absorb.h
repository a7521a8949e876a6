// What hashes of the MD5 and SHA families have in common (RFC 1321, FIPS 180-4).
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

// absorb hashes `data` as far as it fills blocks of N bytes.  `len` is how much there was before,
// of which `block` holds what filled none.
template <std::size_t N, class Chain>
void absorb(void (&compress)(Chain&, const std::uint8_t*, std::size_t) noexcept, Chain& chain,
            std::uint64_t& len, std::array<std::uint8_t, N>& block, ByteView data) noexcept {
  const std::size_t waiting = len % N;
  len += data.size();
  if (waiting != 0) {
    const ByteView part = data.first(std::min(N - waiting, data.size()));
    std::ranges::copy(part, block.begin() + static_cast<std::ptrdiff_t>(waiting));
    data = data.subspan(part.size());
    if (waiting + part.size() < N) return;
    compress(chain, block.data(), 1);
  }
  if (const std::size_t whole = data.size() / N; whole != 0) {
    compress(chain, data.data(), whole);
    data = data.subspan(whole * N);
  }
  std::ranges::copy(data, block.begin());
}

}  // namespace sallyport::crypto
