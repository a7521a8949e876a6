#include "lib/crypto/sign/ecdsa_nonce.h"

#include <algorithm>

#include "lib/crypto/hash/hmac.h"

namespace sallyport::crypto {
namespace {

constexpr std::array<std::uint8_t, 1> kZeroOctet{0x00};
constexpr std::array<std::uint8_t, 1> kOneOctet{0x01};

}  // namespace

EcdsaNonce::EcdsaNonce(P256ScalarView key, std::span<const std::uint8_t, 32> digest,
                       ByteView entropy) noexcept {
  // [RFC 6979 2.3.4] The digest as an octet string modulo n.
  std::array<std::uint8_t, 32> reduced;
  std::ranges::copy(digest, reduced.begin());
  reduce_modulo_n(reduced);
  // [RFC 6979 3.2] Steps b to g.
  std::ranges::fill(v_.expose_for_write(), std::uint8_t{0x01});
  for (const auto& octet : {kZeroOctet, kOneOctet}) {
    HmacKey{HashAlgorithm::sha256, k_.expose()}.mac({v_.expose(), octet, key, reduced, entropy},
                                                    k_.expose_for_write());
    HmacKey{HashAlgorithm::sha256, k_.expose()}.mac({v_.expose()}, v_.expose_for_write());
  }
}

void EcdsaNonce::next(std::span<std::uint8_t, kP256ScalarLen> nonce) noexcept {
  // [RFC 6979 3.2] Step h.  A number that is none comes once in 2^32 times.
  do {
    if (drawn_) {
      HmacKey{HashAlgorithm::sha256, k_.expose()}.mac({v_.expose(), kZeroOctet},
                                                      k_.expose_for_write());
      HmacKey{HashAlgorithm::sha256, k_.expose()}.mac({v_.expose()}, v_.expose_for_write());
    }
    drawn_ = true;
    HmacKey{HashAlgorithm::sha256, k_.expose()}.mac({v_.expose()}, v_.expose_for_write());
    std::ranges::copy(v_.expose(), nonce.begin());
  } while (!is_p256_scalar(nonce));
}

}  // namespace sallyport::crypto
