#include "lib/crypto/cbc/record_mac.h"

#include <algorithm>
#include <cstring>

#include "lib/base/constant_time.h"
#include "lib/base/secret.h"
#include "lib/crypto/hash/compress.h"

namespace sallyport::crypto {
namespace {

constexpr std::size_t kBlock = 64;     // of both hashes
constexpr std::size_t kLengthLen = 8;  // and of the length at the end
constexpr std::size_t kSha1Len = 20;
constexpr std::uint8_t kPadding = 0x80;
constexpr std::size_t kHeaderLen = std::tuple_size_v<MacHeader>;

constexpr std::array<std::uint32_t, 8> kSha1Start{0x6745'2301, 0xefcd'ab89, 0x98ba'dcfe,
                                                  0x1032'5476, 0xc3d2'e1f0};
constexpr std::array<std::uint32_t, 8> kSha256Start{0x6a09'e667, 0xbb67'ae85, 0x3c6e'f372,
                                                    0xa54f'f53a, 0x510e'527f, 0x9b05'688c,
                                                    0x1f83'd9ab, 0x5be0'cd19};

using Block = std::array<std::uint8_t, kBlock>;

void store_length(Block& block, std::size_t bytes) noexcept {
  store(MutableBytes{block}.last(kLengthLen), Be64::of(std::uint64_t{bytes} * 8));
}

}  // namespace

RecordMac::RecordMac(CbcAlgorithm algorithm, ByteView key) noexcept : len_{mac_len(algorithm)} {
  const auto chain_of = [&](std::uint8_t pad) {
    Block block{};
    std::ranges::copy(key, block.begin());
    for (std::uint8_t& byte : block) byte ^= pad;
    Chain chain = len_ == kSha1Len ? kSha1Start : kSha256Start;
    compress(chain, block.data(), 1);
    wipe(block);
    return chain;
  };
  inner_ = chain_of(0x36);  // [RFC 2104 2]
  outer_ = chain_of(0x5c);
}

RecordMac::~RecordMac() {
  wipe_object(inner_);
  wipe_object(outer_);
}

void RecordMac::compress(Chain& chain, const std::uint8_t* blocks,
                         std::size_t count) const noexcept {
  if (len_ == kSha1Len) {
    sha1_compress(chain, blocks, count);
  } else {
    sha256_compress(chain, blocks, count);
  }
}

void RecordMac::finish(const Chain& inner, MutableBytes out) const noexcept {
  Block block{};
  for (std::size_t i = 0; i < len_ / 4; ++i) {
    store(MutableBytes{block}.subspan(4 * i), Be32::of(inner[i]));
  }
  block[len_] = kPadding;
  store_length(block, kBlock + len_);
  Chain chain = outer_;
  compress(chain, block.data(), 1);
  for (std::size_t i = 0; i < len_ / 4; ++i) store(out.subspan(4 * i), Be32::of(chain[i]));
  wipe(block);
  wipe_object(chain);
}

void RecordMac::mac(const MacHeader& header, ByteView content, MutableBytes out) const noexcept {
  const std::size_t total = kBlock + header.size() + content.size();
  Chain chain = inner_;
  Block block{};
  std::ranges::copy(header, block.begin());
  std::size_t used = header.size();
  const auto take = [&](std::size_t len) {
    if (len != 0) std::memcpy(block.data() + used, content.data(), len);
    content = content.subspan(len);
    used += len;
  };
  take(std::min(content.size(), kBlock - used));
  if (used == kBlock) {
    compress(chain, block.data(), 1);
    const std::size_t whole = content.size() / kBlock;
    if (whole != 0) compress(chain, content.data(), whole);
    content = content.subspan(whole * kBlock);
    used = 0;
    take(content.size());
  }
  block[used++] = kPadding;
  std::memset(block.data() + used, 0, kBlock - used);
  if (used > kBlock - kLengthLen) {
    compress(chain, block.data(), 1);
    block.fill(0);
  }
  store_length(block, total);
  compress(chain, block.data(), 1);
  finish(chain, out);
  wipe(block);
  wipe_object(chain);
}

// [AlFardan and Paterson 2013, "Lucky Thirteen"] One compression more or less shows over a network,
// so all that the longest content would need are made, and the chaining value is kept after the one
// that was the last of the real content.
void RecordMac::mac_of_secret_len(const MacHeader& header, ByteView text, std::size_t content_len,
                                  std::size_t min_len, MutableBytes out) const noexcept {
  const std::size_t max_end = kHeaderLen + text.size();  // all but the padded key
  const std::size_t end = kHeaderLen + content_len;      // secret
  const std::size_t num_blocks = (max_end + 1 + kLengthLen + kBlock - 1) / kBlock;
  const std::uint64_t last_block = (end + kLengthLen) / kBlock;  // secret; a shift, no division
  const std::uint64_t bits = (std::uint64_t{kBlock} + end) * 8;  // secret

  Chain chain = inner_;
  Block block{};
  // Blocks that hold nothing but content, whatever its length.
  const std::size_t num_plain = (kHeaderLen + min_len) / kBlock;
  if (num_plain != 0) {
    constexpr std::size_t kInFirst = kBlock - kHeaderLen;
    std::ranges::copy(header, block.begin());
    std::ranges::copy(text.first(kInFirst), block.begin() + kHeaderLen);
    compress(chain, block.data(), 1);
    if (num_plain > 1) compress(chain, text.subspan(kInFirst).data(), num_plain - 1);
  }

  Chain result{};
  for (std::size_t i = num_plain; i < num_blocks; ++i) {
    const ct::Mask is_last = ct::equal(i, last_block);
    for (std::size_t j = 0; j < kBlock; ++j) {
      const std::size_t at = i * kBlock + j;
      std::uint8_t byte = 0;
      if (at < kHeaderLen) {
        byte = header[at];
      } else if (at < max_end) {
        byte = text[at - kHeaderLen];
      }
      byte = ct::select_byte(ct::less(at, end), byte, 0);
      byte = ct::select_byte(ct::equal(at, end), kPadding, byte);
      if (j >= kBlock - kLengthLen) {
        const auto length_byte = static_cast<std::uint8_t>(bits >> (8 * (kBlock - 1 - j)));
        byte = ct::select_byte(is_last, length_byte, byte);
      }
      block[j] = byte;
    }
    compress(chain, block.data(), 1);
    for (std::size_t word = 0; word < chain.size(); ++word) {
      result[word] = static_cast<std::uint32_t>(ct::select(is_last, chain[word], result[word]));
    }
  }
  finish(result, out);
  wipe(block);
  wipe_object(chain);
  wipe_object(result);
}

}  // namespace sallyport::crypto
