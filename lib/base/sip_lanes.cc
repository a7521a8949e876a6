#include "lib/base/sip_lanes.h"

#include <immintrin.h>

#include "lib/base/sip_lanes_kernel.h"

namespace sallyport {
namespace {

// Wide is two registers of AVX2: their instructions interleave, which hides their latencies.
struct Wide {
  __m256i a;
  __m256i b;

  static Wide load(const SipLanes::Words& words) noexcept {
    const auto* at = reinterpret_cast<const __m256i*>(&words);
    return {_mm256_load_si256(at), _mm256_load_si256(at + 1)};
  }
  static Wide all(std::uint64_t word) noexcept {
    const __m256i v = _mm256_set1_epi64x(static_cast<long long>(word));
    return {v, v};
  }
  void store(SipLanes::Words& words) const noexcept {
    auto* at = reinterpret_cast<__m256i*>(&words);
    _mm256_store_si256(at, a);
    _mm256_store_si256(at + 1, b);
  }
  friend Wide operator+(Wide x, Wide y) noexcept {
    return {_mm256_add_epi64(x.a, y.a), _mm256_add_epi64(x.b, y.b)};
  }
  friend Wide operator^(Wide x, Wide y) noexcept {
    return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)};
  }
  template <int kBits>
  static Wide rotl(Wide x) noexcept {
    return {rotl_half<kBits>(x.a), rotl_half<kBits>(x.b)};
  }

 private:
  template <int kBits>
  static __m256i rotl_half(__m256i x) noexcept {
    if constexpr (kBits == 32) {
      return _mm256_shuffle_epi32(x, 0xb1);
    } else if constexpr (kBits == 16) {
      const __m256i by_two_bytes =
          _mm256_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13,  //
                           6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13);
      return _mm256_shuffle_epi8(x, by_two_bytes);
    } else {
      return _mm256_or_si256(_mm256_slli_epi64(x, kBits), _mm256_srli_epi64(x, 64 - kBits));
    }
  }
};

const bool kHasAvx512 = sip_lanes::has_avx512();

}  // namespace

namespace sip_lanes {

bool has_avx512() noexcept { return __builtin_cpu_supports("avx512f") != 0; }

void absorb_avx2(SipLanes::Words* v, const SipLanes::Words* words, std::size_t num_words) noexcept {
  absorb<Wide>(v, words, num_words);
}

void finish_avx2(const SipLanes::Words* v, const SipLanes::Words& tail, std::uint64_t length_byte,
                 SipLanes::Words& out) noexcept {
  finish<Wide>(v, tail, length_byte, out);
}

}  // namespace sip_lanes

SipLanes::SipLanes(const SipKey& key) noexcept {
  v_[0].lane.fill(key.k0 ^ 0x736f'6d65'7073'6575);
  v_[1].lane.fill(key.k1 ^ 0x646f'7261'6e64'6f6d);
  v_[2].lane.fill(key.k0 ^ 0x6c79'6765'6e65'7261);
  v_[3].lane.fill(key.k1 ^ 0x7465'6462'7974'6573);
}

SipLanes::SipLanes(const Words& k0, const Words& k1) noexcept {
  for (std::size_t i = 0; i < kLanes; ++i) {
    v_[0].lane[i] = k0.lane[i] ^ 0x736f'6d65'7073'6575;
    v_[1].lane[i] = k1.lane[i] ^ 0x646f'7261'6e64'6f6d;
    v_[2].lane[i] = k0.lane[i] ^ 0x6c79'6765'6e65'7261;
    v_[3].lane[i] = k1.lane[i] ^ 0x7465'6462'7974'6573;
  }
}

void SipLanes::absorb(const Words* words, std::size_t num_words) noexcept {
  num_bytes_ += static_cast<std::uint32_t>(8 * num_words);
  if (kHasAvx512) {
    sip_lanes::absorb_avx512(v_.data(), words, num_words);
  } else {
    sip_lanes::absorb_avx2(v_.data(), words, num_words);
  }
}

SipLanes::Words SipLanes::finish(const Words& tail, unsigned tail_len) const noexcept {
  const std::uint64_t length_byte = (num_bytes_ + tail_len) & 0xffU;
  Words out;
  if (kHasAvx512) {
    sip_lanes::finish_avx512(v_.data(), tail, length_byte, out);
  } else {
    sip_lanes::finish_avx2(v_.data(), tail, length_byte, out);
  }
  return out;
}

}  // namespace sallyport
