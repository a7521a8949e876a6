#include "lib/base/internet_sum.h"

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace sallyport {
namespace {

static_assert(std::endian::native == std::endian::little, "sums are kept of little-endian words");

constexpr std::uint64_t kLow32 = 0xffff'ffff;

std::uint64_t fold_to_32(std::uint64_t sum) noexcept { return (sum & kLow32) + (sum >> 32); }

template <class Word>
Word load_word(const std::uint8_t* at) noexcept {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// sum_of adds 32-bit words into 64-bit lanes, which cannot overflow for anything that fits memory.
std::uint64_t sum_of(ByteView bytes) noexcept {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t sum = 0;
  if (left >= 64) {
    const __m256i low = _mm256_set1_epi64x(static_cast<long long>(kLow32));
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    for (; left >= 64; at += 64, left -= 64) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
      even = _mm256_add_epi64(even, _mm256_and_si256(a, low));
      odd = _mm256_add_epi64(odd, _mm256_srli_epi64(a, 32));
      even = _mm256_add_epi64(even, _mm256_and_si256(b, low));
      odd = _mm256_add_epi64(odd, _mm256_srli_epi64(b, 32));
    }
    alignas(32) std::array<std::uint64_t, 4> lanes;
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), _mm256_add_epi64(even, odd));
    for (const std::uint64_t lane : lanes) sum += lane;
  }
  for (; left >= 8; at += 8, left -= 8) {
    const auto word = load_word<std::uint64_t>(at);
    sum += (word & kLow32) + (word >> 32);
  }
  if (left >= 4) {
    sum += load_word<std::uint32_t>(at);
    at += 4;
    left -= 4;
  }
  if (left >= 2) {
    sum += load_word<std::uint16_t>(at);
    at += 2;
    left -= 2;
  }
  // [RFC 1071 1] A last odd byte is padded with a zero byte on its right.
  if (left == 1) sum += *at;
  return sum;
}

std::uint16_t fold_to_16(std::uint64_t sum) noexcept {
  sum = fold_to_32(fold_to_32(sum));
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

InternetSum& InternetSum::add(ByteView bytes) noexcept {
  const std::uint64_t piece = sum_of(bytes);
  // [RFC 1071 2(B)] A piece that begins at an odd offset adds its sum with the bytes swapped.
  sum_ += odd_ ? __builtin_bswap16(fold_to_16(piece)) : piece;
  odd_ ^= bytes.size() % 2 != 0;
  return *this;
}

InternetSum& InternetSum::add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                            std::uint8_t protocol, std::uint32_t length) noexcept {
  const auto add_address = [this](const IpAddress& address) noexcept {
    const auto words = std::bit_cast<std::array<std::uint32_t, 4>>(address.bytes());
    // Of a mapped address only the last four bytes are in the packet.
    sum_ += address.is_v4() ? words[3] : std::uint64_t{words[0]} + words[1] + words[2] + words[3];
  };
  add_address(source);
  add_address(destination);
  return add_u32(length).add_u16(protocol);
}

std::uint16_t InternetSum::folded() const noexcept { return fold_to_16(sum_); }

Be16 InternetSum::sum() const noexcept { return std::bit_cast<Be16>(folded()); }

Be16 InternetSum::checksum() const noexcept {
  return std::bit_cast<Be16>(static_cast<std::uint16_t>(~folded()));
}

}  // namespace sallyport
