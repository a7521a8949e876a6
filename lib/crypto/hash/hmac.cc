#include "lib/crypto/hash/hmac.h"

#include <algorithm>

#include "lib/base/secret.h"

namespace sallyport::crypto {
namespace {

constexpr std::uint8_t kInnerPad = 0x36;
constexpr std::uint8_t kOuterPad = 0x5c;

}  // namespace

template <class Hash, class Chain>
void HmacKey::absorb(ByteView key, Chain& inner, Chain& outer) noexcept {
  std::array<std::uint8_t, Hash::kBlockLen> padded{};
  if (key.size() > padded.size()) {
    Hash long_key;
    long_key.update(key);
    long_key.finish(std::span{padded}.template first<Hash::kDigestLen>());
    wipe_object(long_key);
  } else {
    std::ranges::copy(key, padded.begin());
  }
  const auto chain_after = [&](std::uint8_t pad) {
    for (std::uint8_t& byte : padded) byte ^= pad;
    Hash hash;
    hash.update(padded);
    return hash.chain_;
  };
  inner = chain_after(kInnerPad);
  outer = chain_after(kInnerPad ^ kOuterPad);
  wipe(padded);
}

template <class Hash, class Chain>
void HmacKey::mac_with(std::initializer_list<ByteView> pieces, const Chain& inner,
                       const Chain& outer, MutableBytes out) const noexcept {
  const auto digest = std::span<std::uint8_t, Hash::kDigestLen>{out.first(Hash::kDigestLen)};
  Hash state;
  state.chain_ = inner;
  state.len_ = Hash::kBlockLen;
  for (const ByteView piece : pieces) state.update(piece);
  std::array<std::uint8_t, Hash::kDigestLen> inner_digest;
  state.finish(inner_digest);
  state.chain_ = outer;
  state.len_ = Hash::kBlockLen;
  state.update(inner_digest);
  state.finish(digest);
  wipe_object(state);
  wipe(inner_digest);
}

HmacKey::HmacKey(HashAlgorithm algorithm, ByteView key) noexcept : algorithm_{algorithm} {
  if (algorithm == HashAlgorithm::sha256) {
    absorb<Sha256>(key, sha256_.inner, sha256_.outer);
  } else {
    absorb<Sha384>(key, sha384_.inner, sha384_.outer);
  }
}

HmacKey::~HmacKey() {
  wipe_object(sha384_);  // the larger of the two
}

void HmacKey::mac(std::initializer_list<ByteView> pieces, MutableBytes out) const noexcept {
  if (algorithm_ == HashAlgorithm::sha256) {
    mac_with<Sha256>(pieces, sha256_.inner, sha256_.outer, out);
  } else {
    mac_with<Sha384>(pieces, sha384_.inner, sha384_.outer, out);
  }
}

}  // namespace sallyport::crypto
