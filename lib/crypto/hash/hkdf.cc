#include "lib/crypto/hash/hkdf.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/base/text.h"

namespace sallyport::crypto {
// [RFC 5869 2.2] A missing salt is digest_len zeros, which HMAC pads to the same block as an empty
// key.
void hkdf_extract(HashAlgorithm algorithm, ByteView salt, ByteView input_keying_material,
                  MutableBytes prk) noexcept {
  const HmacKey key{algorithm, salt};
  key.mac({input_keying_material}, prk);
}

// [RFC 5869 2.3] T(i) = HMAC(PRK, T(i-1) | info | i).
void hkdf_expand(const HmacKey& prk, ByteView info, MutableBytes out) noexcept {
  const std::size_t len = digest_len(prk.algorithm());
  std::array<std::uint8_t, kMaxDigestLen> block;
  ByteView previous;
  std::uint8_t counter = 0;
  while (!out.empty()) {
    ++counter;
    prk.mac({previous, info, ByteView{&counter, 1}}, block);
    previous = ByteView{block}.first(len);
    const ByteView part = previous.first(std::min(len, out.size()));
    std::ranges::copy(part, out.begin());
    out = out.subspan(part.size());
  }
  wipe(block);
}

// [RFC 8446 7.1] HkdfLabel = length, "tls13 " + label, context; each vector with a length byte.
void hkdf_expand_label(const HmacKey& secret, std::string_view label, ByteView context,
                       MutableBytes out) noexcept {
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<std::uint8_t, 2 + 1 + 255 + 1 + 255> info;
  std::size_t used = 0;
  const auto put = [&](ByteView bytes) {
    std::ranges::copy(bytes, MutableBytes{info}.subspan(used, bytes.size()).begin());
    used += bytes.size();
  };
  put(Be16::of(static_cast<std::uint16_t>(out.size())).bytes);
  info[used++] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
  put(as_bytes(kPrefix));
  put(as_bytes(label));
  info[used++] = static_cast<std::uint8_t>(context.size());
  put(context);
  hkdf_expand(secret, ByteView{info}.first(used), out);
}

}  // namespace sallyport::crypto
