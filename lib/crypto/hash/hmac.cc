#include "lib/crypto/hash/hmac.h"

#include <algorithm>
#include <cstring>

#include "lib/base/secret.h"
#include "lib/crypto/hash/compress.h"

namespace sallyport::crypto {
namespace {

constexpr std::uint8_t kInnerPad = 0x36;
constexpr std::uint8_t kOuterPad = 0x5c;
constexpr std::uint8_t kPadding = 0x80;  // [FIPS 180-4 5.1] the bit after the message

// store_word writes in network byte order with one instruction.
void store_word(std::uint8_t* to, std::uint32_t word) noexcept {
  word = __builtin_bswap32(word);
  std::memcpy(to, &word, sizeof word);
}
void store_word(std::uint8_t* to, std::uint64_t word) noexcept {
  word = __builtin_bswap64(word);
  std::memcpy(to, &word, sizeof word);
}

// store_words writes the first `kLen` bytes of a chaining value.
template <std::size_t kLen, class Chain>
void store_words(std::uint8_t* to, const Chain& chain) noexcept {
  constexpr std::size_t kWord = sizeof(typename Chain::value_type);
  for (std::size_t i = 0; i < kLen / kWord; ++i) store_word(to + i * kWord, chain[i]);
}

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

// Most messages of a key schedule fill one or two blocks, so this goes from block to block itself:
// the inner digest is written where the outer hash reads it, and nothing is copied in between.
template <class Hash, class Chain>
void HmacKey::mac_with(std::initializer_list<ByteView> pieces, const Chain& inner,
                       const Chain& outer, MutableBytes out) const noexcept {
  constexpr std::size_t kBlock = Hash::kBlockLen;
  constexpr std::size_t kDigest = Hash::kDigestLen;
  // The length field has 8 bytes here; SHA-384's upper 8 are always zero, like padding.
  constexpr std::size_t kLengthAt = kBlock - 8;
  constexpr std::size_t kPaddingEnd = kBlock - kBlock / 8;

  std::array<std::uint8_t, kBlock> block;
  Chain chain = inner;
  std::size_t used = 0;
  std::size_t len = kBlock;  // the padded key counts
  for (ByteView piece : pieces) {
    len += piece.size();
    while (!piece.empty()) {
      const std::size_t part = std::min(piece.size(), kBlock - used);
      std::memcpy(block.data() + used, piece.data(), part);
      piece = piece.subspan(part);
      used += part;
      if (used < kBlock) break;
      sha2_compress(chain, block.data(), 1);
      used = 0;
    }
  }
  block[used++] = kPadding;
  if (used > kPaddingEnd) {
    std::memset(block.data() + used, 0, kBlock - used);
    sha2_compress(chain, block.data(), 1);
    used = 0;
  }
  std::memset(block.data() + used, 0, kLengthAt - used);
  store_word(block.data() + kLengthAt, std::uint64_t{len * 8});
  sha2_compress(chain, block.data(), 1);

  store_words<kDigest>(block.data(), chain);
  std::memset(block.data() + kDigest, 0, kLengthAt - kDigest);
  block[kDigest] = kPadding;
  store_word(block.data() + kLengthAt, std::uint64_t{(kBlock + kDigest) * 8});
  chain = outer;
  sha2_compress(chain, block.data(), 1);
  store_words<kDigest>(out.first(kDigest).data(), chain);
  wipe(block);
  wipe_object(chain);
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
