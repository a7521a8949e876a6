#include "lib/crypto/openssl/rsa_private.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <climits>
#include <new>

#include "lib/crypto/batch/limbs52.h"
#include "lib/crypto/openssl/parts.h"
#include "lib/crypto/openssl/random.h"

namespace sallyport::crypto::openssl {
namespace {

using batch::kLimb52Mask;
using batch::RsaKey;

Bn secret_number() {
  Bn number{BN_secure_new()};
  if (number != nullptr) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}
Bn part_of(const PrivateKey& key, const char* name) {
  Bn number = secret_number();
  BIGNUM* into = number.get();
  if (into == nullptr || EVP_PKEY_get_bn_param(key.native(), name, &into) != 1) return nullptr;
  return number;
}

// Everything that makes a key, as OpenSSL has it.
struct Parts {
  explicit Parts(const PrivateKey& key)
      : n{part_of(key, OSSL_PKEY_PARAM_RSA_N)},
        e{part_of(key, OSSL_PKEY_PARAM_RSA_E)},
        p{part_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1)},
        q{part_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2)},
        d_p{part_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT1)},
        d_q{part_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT2)},
        q_inverse{part_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1)},
        third{part_of(key, OSSL_PKEY_PARAM_RSA_FACTOR3)} {}
  Bn n, e, p, q, d_p, d_q, q_inverse, third;
};

// tens_of is the size of a key that the kernel has a shape for, or 0.
int tens_of(const Parts& parts, BN_CTX* bn) noexcept {
  if (!parts.n || !parts.e || !parts.p || !parts.q || !parts.d_p || !parts.d_q ||
      !parts.q_inverse || parts.third) {
    return 0;
  }
  const int bits = BN_num_bits(parts.n.get());
  const int tens = bits / 1024;
  const Bn product = secret_number();
  const bool fits =
      bits % 1024 == 0 && tens >= batch::kMinRsaTens && tens <= batch::kMaxRsaTens &&
      BN_num_bits(parts.p.get()) == bits / 2 && BN_num_bits(parts.q.get()) == bits / 2 &&
      BN_is_odd(parts.p.get()) && BN_is_odd(parts.q.get()) && BN_num_bits(parts.e.get()) <= 32 &&
      BN_is_odd(parts.e.get()) && !BN_is_one(parts.e.get()) &&
      BN_cmp(parts.d_p.get(), parts.p.get()) < 0 && BN_cmp(parts.d_q.get(), parts.q.get()) < 0 &&
      product && BN_mul(product.get(), parts.p.get(), parts.q.get(), bn) == 1 &&
      BN_cmp(product.get(), parts.n.get()) == 0;
  return fits ? tens : 0;
}

// set_number writes limbs, or words where `bits` is 64.
template <std::size_t N>
bool set_number(const BIGNUM* from, std::array<std::uint64_t, N>& limbs) {
  std::array<std::uint8_t, batch::kMaxLongBytes> bytes;
  const bool fits = BN_bn2binpad(from, bytes.data(), static_cast<int>(bytes.size())) > 0;
  if (fits) {
    batch::set_limbs(bytes, N, [&](std::size_t i, std::uint64_t limb) { limbs[i] = limb; });
  }
  wipe(bytes);
  return fits;
}
template <std::size_t N>
bool set_words(const BIGNUM* from, std::array<std::uint64_t, N>& words) {
  std::array<std::uint8_t, 8 * N> bytes;
  const bool fits = BN_bn2lebinpad(from, bytes.data(), static_cast<int>(bytes.size())) > 0;
  if (fits) std::memcpy(words.data(), bytes.data(), bytes.size());
  wipe(bytes);
  return fits;
}
// set_shifted writes x 2^bits modulo m.
template <std::size_t N>
bool set_shifted(const BIGNUM* x, int bits, const BIGNUM* m, std::array<std::uint64_t, N>& limbs,
                 BN_CTX* bn) {
  const Bn shifted = secret_number();
  return shifted && BN_lshift(shifted.get(), x, bits) == 1 &&
         BN_nnmod(shifted.get(), shifted.get(), m, bn) == 1 && set_number(shifted.get(), limbs);
}

// negative_inverse is -1 / x modulo 2^52: each step of Newton's doubles the bits that are right.
std::uint64_t negative_inverse(std::uint64_t x) noexcept {
  std::uint64_t inverse = x;  // right for three bits of an odd number
  for (int i = 0; i < 5; ++i) inverse *= 2 - x * inverse;
  return (0 - inverse) & kLimb52Mask;
}

bool set_prime(const BIGNUM* p, const BIGNUM* exponent, int tens, RsaKey::Prime& prime,
               BN_CTX* bn) {
  const int r = 520 * tens;
  // Raising to p - 1 gives one, so -d is p - 1 - d there.
  const Bn negative = secret_number();
  const bool set =
      negative && BN_sub(negative.get(), p, exponent) == 1 && BN_sub_word(negative.get(), 1) == 1 &&
      set_number(p, prime.modulus) && set_shifted(BN_value_one(), r, p, prime.one, bn) &&
      set_shifted(BN_value_one(), 3 * r, p, prime.cube, bn) &&
      set_words(exponent, prime.exponent) && set_words(negative.get(), prime.negative_exponent);
  prime.negative_inverse = negative_inverse(prime.modulus[0]);
  return set;
}

bool set_key(const Parts& parts, int tens, RsaKey& key, BN_CTX* bn) {
  const int r = 520 * tens;
  const bool set = set_prime(parts.p.get(), parts.d_p.get(), tens, key.prime[0], bn) &&
                   set_prime(parts.q.get(), parts.d_q.get(), tens, key.prime[1], bn) &&
                   set_shifted(parts.q_inverse.get(), r, parts.p.get(), key.q_inverse, bn) &&
                   set_number(parts.n.get(), key.modulus) &&
                   set_shifted(BN_value_one(), 4 * r, parts.n.get(), key.square, bn);
  key.negative_inverse = negative_inverse(key.modulus[0]);
  key.public_exponent = static_cast<std::uint32_t>(BN_get_word(parts.e.get()));
  key.tens = tens;
  return set;
}

}  // namespace

std::unique_ptr<RsaPrivate> RsaPrivate::from(const Context& context, const PrivateKey& key) {
  if (key.type() != KeyType::rsa) return nullptr;
  const Parts parts{key};
  BN_CTX* const bn = context.parts().bn.get();
  const int tens = tens_of(parts, bn);
  if (tens == 0) return nullptr;
  std::unique_ptr<RsaPrivate> made{new RsaPrivate{context}};
  void* const memory = OPENSSL_secure_zalloc(sizeof(State));
  if (memory == nullptr) return nullptr;
  made->state_ = new (memory) State;
  if (!set_key(parts, tens, made->state_->key, bn)) return nullptr;
  return made;
}

RsaPrivate::~RsaPrivate() { OPENSSL_secure_clear_free(state_, sizeof(State)); }

RsaPrivate::RsaPrivate(const Context& context) noexcept : context_{context} {}

batch::RsaBlinding& RsaPrivate::next_blinding() noexcept {
  --uses_left_;
  return state_->blindings[next_++ % batch::kLanes];
}

bool RsaPrivate::begin_renewal(batch::Rsa& kernel) const noexcept {
  std::array<std::uint8_t, batch::kLanes * batch::kMaxRsaBytes> numbers;
  const std::size_t width = key().bytes();
  const MutableBytes drawn = MutableBytes{numbers}.first(batch::kLanes * width);
  bool complete = draw_private(context_, drawn);
  for (std::size_t i = 0; complete && i < batch::kLanes; ++i) {
    const MutableBytes number = drawn.subspan(i * width, width);
    // What is not below the modulus is thrown away: less than every second time.
    while (complete && !batch::is_below_modulus(key(), number)) {
      complete = draw_private(context_, number);
    }
  }
  if (complete) kernel.begin_renewal(key(), drawn);
  wipe(numbers);
  return complete;
}

bool RsaPrivate::finish_renewal(batch::Rsa& kernel) noexcept {
  if (!kernel.finish_renewal(state_->blindings)) {
    ++failed_renewals_;
    return false;
  }
  failed_renewals_ = 0;
  uses_left_ = kUses;
  distrusted_ = false;
  return true;
}

void RsaPrivate::distrust_blindings() noexcept {
  // The other lanes of a batch say nothing new, and there is no further batch without a renewal.
  if (!distrusted_) ++failed_batches_;
  distrusted_ = true;
  uses_left_ = 0;
}

bool RsaPrivate::renew(batch::Rsa& kernel) noexcept {
  if (!begin_renewal(kernel)) return false;
  while (!kernel.step(INT_MAX)) {
  }
  return finish_renewal(kernel);
}

}  // namespace sallyport::crypto::openssl
