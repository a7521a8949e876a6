#include "lib/crypto/hash/prf.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/base/text.h"

namespace sallyport::crypto {

// [RFC 5246 5] A(0) = seed, A(i) = HMAC(secret, A(i-1)); output = HMAC(secret, A(i) + seed) ...
void tls12_prf(const HmacKey& secret, std::string_view label, ByteView seed1, ByteView seed2,
               MutableBytes out) noexcept {
  const ByteView label_bytes = as_bytes(label);
  const std::size_t len = digest_len(secret.algorithm());
  std::array<std::uint8_t, kMaxDigestLen> a;
  std::array<std::uint8_t, kMaxDigestLen> block;
  const ByteView chain = ByteView{a}.first(len);
  secret.mac({label_bytes, seed1, seed2}, a);
  while (!out.empty()) {
    secret.mac({chain, label_bytes, seed1, seed2}, block);
    const ByteView part = ByteView{block}.first(std::min(len, out.size()));
    std::ranges::copy(part, out.begin());
    out = out.subspan(part.size());
    if (!out.empty()) secret.mac({chain}, a);
  }
  wipe(a);
  wipe(block);
}

}  // namespace sallyport::crypto
