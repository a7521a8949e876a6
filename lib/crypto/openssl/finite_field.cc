#include "lib/crypto/openssl/finite_field.h"

#include <algorithm>

#include "lib/base/secret.h"
#include "lib/crypto/kx/ffdhe.h"
#include "lib/crypto/openssl/parts.h"

namespace sallyport::crypto::openssl {
namespace {

using MontgomeryForm = std::unique_ptr<BN_MONT_CTX, Free<BN_MONT_CTX_free>>;

// Field is a prime, ready to be computed with.
struct Field {
  Bn prime;
  MontgomeryForm form;
};

[[nodiscard]] Field field_of(BN_CTX* numbers, NamedGroup group) noexcept {
  const ByteView bytes = finite_field_prime(group);
  Field field;
  if (bytes.empty()) return field;
  field.prime.reset(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  field.form.reset(BN_MONT_CTX_new());
  if (!field.prime || !field.form ||
      BN_MONT_CTX_set(field.form.get(), field.prime.get(), numbers) != 1) {
    return {};
  }
  return field;
}

// power is base ^ exponent, in a time that does not depend on the exponent.
[[nodiscard]] bool power(BIGNUM* result, const BIGNUM* base, const BIGNUM* exponent,
                         const Field& field, BN_CTX* numbers) noexcept {
  return BN_mod_exp_mont_consttime(result, base, exponent, field.prime.get(), numbers,
                                   field.form.get()) == 1;
}

}  // namespace

bool make_finite_field_pair(const Context& context, NamedGroup group, KeyShare& out,
                            MutableBytes public_value) noexcept {
  Context::Parts& parts = context.parts();
  BN_CTX* const numbers = parts.bn.get();
  const Field field = field_of(numbers, group);
  const Bn base{BN_new()};
  const Bn result{BN_secure_new()};
  if (!field.form || !base || !result || BN_set_word(base.get(), kFiniteFieldGenerator) != 1) {
    return false;
  }
  BIGNUM* const exponent = parts.scalar.get();
  const auto bits = static_cast<int>(finite_field_exponent_bits(group));
  out.group = group;
  out.public_len = 0;
  out.private_len = static_cast<std::uint8_t>((bits + 7) / 8);
  const auto prime_len = static_cast<int>(finite_field_prime(group).size());
  const bool made =
      BN_priv_rand_ex(exponent, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY, 0, numbers) == 1 &&
      power(result.get(), base.get(), exponent, field, numbers) &&
      BN_bn2binpad(result.get(), public_value.data(), prime_len) == prime_len &&
      BN_bn2binpad(exponent, out.private_key.data(), out.private_len) == out.private_len;
  BN_clear(exponent);
  return made;
}

std::size_t derive_finite_field(const Context& context, const KeyShare& ours, ByteView peer_value,
                                MutableBytes secret) noexcept {
  Context::Parts& parts = context.parts();
  BN_CTX* const numbers = parts.bn.get();
  const Field field = field_of(numbers, ours.group);
  const ByteView prime = finite_field_prime(ours.group);
  if (!field.form || peer_value.empty() || peer_value.size() > prime.size() ||
      ours.private_len > ours.private_key.size()) {
    return 0;
  }
  const Bn peer{BN_bin2bn(peer_value.data(), static_cast<int>(peer_value.size()), nullptr)};
  const Bn most{BN_dup(field.prime.get())};  // p - 2
  const Bn result{BN_secure_new()};
  if (!peer || !most || !result || BN_sub_word(most.get(), 2) != 1) return 0;
  // [RFC 7919 5.1] 0 and 1 have no inverse or no order; p - 1 has order two.
  if (BN_is_zero(peer.get()) || BN_is_one(peer.get()) || BN_cmp(peer.get(), most.get()) > 0) {
    return 0;
  }
  BIGNUM* const exponent = parts.scalar.get();
  const auto prime_len = static_cast<int>(prime.size());
  const bool derived = BN_bin2bn(ours.private_key.data(), ours.private_len, exponent) != nullptr &&
                       power(result.get(), peer.get(), exponent, field, numbers) &&
                       BN_bn2binpad(result.get(), secret.data(), prime_len) == prime_len;
  BN_clear(exponent);
  if (!derived) return 0;
  // [RFC 5246 8.1.2 except] The length of the secret shows in how long the PRF takes (Raccoon).
  // That tells something only of exponents that are used again, which ours never are.
  const MutableBytes padded = secret.first(prime.size());
  const auto first = std::ranges::find_if(padded, [](std::uint8_t byte) { return byte != 0; });
  const auto zeros = static_cast<std::size_t>(first - padded.begin());
  std::ranges::copy(padded.subspan(zeros), padded.begin());
  wipe(padded.last(zeros));
  return padded.size() - zeros;
}

}  // namespace sallyport::crypto::openssl
