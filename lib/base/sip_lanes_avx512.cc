// Compiled for AVX-512 and called only where it is: nothing but the kernel belongs here.
#include "lib/base/sip_lanes.h"
#include "lib/base/sip_lanes_kernel.h"

namespace sallyport::sip_lanes {
namespace {

// The compiler's own vectors, because its intrinsic for rotation does not get through its warnings.
struct Wide {
  using Register [[gnu::vector_size(64), gnu::may_alias]] = std::uint64_t;
  Register lanes;

  static Wide load(const SipLanes::Words& words) noexcept {
    return {*reinterpret_cast<const Register*>(&words)};
  }
  static Wide all(std::uint64_t word) noexcept { return {Register{} + word}; }
  void store(SipLanes::Words& words) const noexcept {
    *reinterpret_cast<Register*>(&words) = lanes;
  }
  friend Wide operator+(Wide x, Wide y) noexcept { return {x.lanes + y.lanes}; }
  friend Wide operator^(Wide x, Wide y) noexcept { return {x.lanes ^ y.lanes}; }
  template <int kBits>
  static Wide rotl(Wide x) noexcept {
    return {(x.lanes << kBits) | (x.lanes >> (64 - kBits))};
  }
};

}  // namespace

void absorb_avx512(SipLanes::Words* v, const SipLanes::Words* words,
                   std::size_t num_words) noexcept {
  absorb<Wide>(v, words, num_words);
}

void finish_avx512(const SipLanes::Words* v, const SipLanes::Words& tail, std::uint64_t length_byte,
                   SipLanes::Words& out) noexcept {
  finish<Wide>(v, tail, length_byte, out);
}

}  // namespace sallyport::sip_lanes
