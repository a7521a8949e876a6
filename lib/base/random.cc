#include "lib/base/random.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/base/secret.h"

namespace sallyport {
namespace {

static_assert(std::endian::native == std::endian::little, "ChaCha20 words are little-endian");

using Words = std::array<std::uint32_t, 16>;

void quarter_round(Words& x, std::size_t a, std::size_t b, std::size_t c, std::size_t d) noexcept {
  x[a] += x[b];
  x[d] = std::rotl(x[d] ^ x[a], 16);
  x[c] += x[d];
  x[b] = std::rotl(x[b] ^ x[c], 12);
  x[a] += x[b];
  x[d] = std::rotl(x[d] ^ x[a], 8);
  x[c] += x[d];
  x[b] = std::rotl(x[b] ^ x[c], 7);
}

}  // namespace

// [RFC 8439 2.3] The ChaCha20 block function.
void chacha20_block(const ChaCha20Key& key, std::uint32_t counter, const ChaCha20Nonce& nonce,
                    std::span<std::uint8_t, kChaCha20BlockLength> out) noexcept {
  Words initial{0x6170'7865, 0x3320'646e, 0x7962'2d32, 0x6b20'6574};
  std::memcpy(&initial[4], key.data(), key.size());
  initial[12] = counter;
  std::memcpy(&initial[13], nonce.data(), nonce.size());
  Words x = initial;
  for (int double_round = 0; double_round < 10; ++double_round) {
    quarter_round(x, 0, 4, 8, 12);
    quarter_round(x, 1, 5, 9, 13);
    quarter_round(x, 2, 6, 10, 14);
    quarter_round(x, 3, 7, 11, 15);
    quarter_round(x, 0, 5, 10, 15);
    quarter_round(x, 1, 6, 11, 12);
    quarter_round(x, 2, 7, 8, 13);
    quarter_round(x, 3, 4, 9, 14);
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += initial[i];
  std::memcpy(out.data(), x.data(), out.size());
  wipe_object(initial);
  wipe_object(x);
}

Random::Random(const Seed& seed) noexcept : key_{seed} {}

Random::~Random() {
  wipe(key_);
  wipe(buffer_);
}

void Random::reseed(const Seed& entropy) noexcept {
  for (std::size_t i = 0; i < key_.size(); ++i) key_[i] ^= entropy[i];
  wipe(buffer_);
  used_ = kBufferLength;
}

// The first bytes of the new key stream replace the key, so nothing that stays in memory tells what
// was or will have been handed out before this moment.  A key makes one buffer, so the nonce never
// needs to change.
void Random::refill() noexcept {
  for (std::size_t block = 0; block < kBufferLength / kChaCha20BlockLength; ++block) {
    chacha20_block(
        key_, static_cast<std::uint32_t>(block), ChaCha20Nonce{},
        MutableBytes{buffer_}.subspan(block * kChaCha20BlockLength).first<kChaCha20BlockLength>());
  }
  const MutableBytes next_key = MutableBytes{buffer_}.first(kSeedLength);
  std::ranges::copy(next_key, key_.begin());
  wipe(next_key);
  used_ = kSeedLength;
}

void Random::fill(MutableBytes out) noexcept {
  while (!out.empty()) {
    if (used_ == kBufferLength) refill();
    const std::size_t n = std::min(out.size(), kBufferLength - used_);
    const MutableBytes taken = MutableBytes{buffer_}.subspan(used_, n);
    std::ranges::copy(taken, out.begin());
    wipe(taken);
    used_ += n;
    out = out.subspan(n);
  }
}

std::uint32_t Random::u32() noexcept {
  std::array<std::uint8_t, 4> raw;
  fill(raw);
  return std::bit_cast<std::uint32_t>(raw);
}

std::uint64_t Random::u64() noexcept {
  std::array<std::uint8_t, 8> raw;
  fill(raw);
  return std::bit_cast<std::uint64_t>(raw);
}

// Multiply and keep the high half; reject the few low halves that would favour small results
// (Lemire 2019).
std::uint32_t Random::below(std::uint32_t bound) noexcept {
  std::uint64_t product = std::uint64_t{u32()} * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t unfair = (0U - bound) % bound;
    while (static_cast<std::uint32_t>(product) < unfair) product = std::uint64_t{u32()} * bound;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace sallyport
