#include "lib/crypto/openssl/private_key.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <array>
#include <string_view>

#include "lib/crypto/openssl/parts.h"

namespace sallyport::crypto::openssl {

PrivateKey::~PrivateKey() { EVP_PKEY_free(key_); }

PrivateKey PrivateKey::sharing(evp_pkey_st* key) noexcept {
  EVP_PKEY_up_ref(key);
  return PrivateKey{key};
}

KeyType PrivateKey::type() const noexcept {
  if (key_ == nullptr) return KeyType::none;
  if (EVP_PKEY_is_a(key_, "RSA") == 1) return KeyType::rsa;
  if (EVP_PKEY_is_a(key_, "ED25519") == 1) return KeyType::ed25519;
  if (EVP_PKEY_is_a(key_, "EC") != 1) return KeyType::none;
  std::array<char, 32> name{};
  std::size_t len = 0;
  if (EVP_PKEY_get_group_name(key_, name.data(), name.size(), &len) != 1) return KeyType::none;
  const std::string_view group{name.data(), len};
  if (group == "prime256v1" || group == "P-256") return KeyType::ecdsa_p256;
  if (group == "secp384r1" || group == "P-384") return KeyType::ecdsa_p384;
  return KeyType::none;
}

std::uint16_t PrivateKey::bits() const noexcept {
  return key_ == nullptr ? std::uint16_t{0} : static_cast<std::uint16_t>(EVP_PKEY_get_bits(key_));
}

PrivateKey PrivateKey::make_p256(const Context& context) {
  return PrivateKey{EVP_PKEY_Q_keygen(context.native(), nullptr, "EC", "P-256")};
}

PrivateKey PrivateKey::make_rsa(const Context& context, ByteView p, ByteView q) {
  using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
  using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
  constexpr BN_ULONG kPublicExponent = 65'537;
  BN_CTX* const bn = context.parts().bn.get();
  enum : std::size_t { modulus, exponent, secret, first, second, d_p, d_q, inverse, kNumbers };
  constexpr std::array<const char*, kNumbers> kNames{
      OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
      OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
      OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
  std::array<Bn, kNumbers> of;
  for (Bn& number : of) number.reset(BN_new());
  const Bn p_less{BN_bin2bn(p.data(), static_cast<int>(p.size()), of[first].get())
                      ? BN_dup(of[first].get())
                      : nullptr};
  const Bn q_less{BN_bin2bn(q.data(), static_cast<int>(q.size()), of[second].get())
                      ? BN_dup(of[second].get())
                      : nullptr};
  const Bn order{BN_new()};
  const Builder build{OSSL_PARAM_BLD_new()};
  const PkeyContext import{EVP_PKEY_CTX_new_from_name(context.native(), "RSA", nullptr)};
  const bool computed =
      p_less && q_less && order && build && import &&
      BN_set_word(of[exponent].get(), kPublicExponent) == 1 && BN_sub_word(p_less.get(), 1) == 1 &&
      BN_sub_word(q_less.get(), 1) == 1 &&
      BN_mul(of[modulus].get(), of[first].get(), of[second].get(), bn) == 1 &&
      BN_mul(order.get(), p_less.get(), q_less.get(), bn) == 1 &&
      BN_mod_inverse(of[secret].get(), of[exponent].get(), order.get(), bn) != nullptr &&
      BN_nnmod(of[d_p].get(), of[secret].get(), p_less.get(), bn) == 1 &&
      BN_nnmod(of[d_q].get(), of[secret].get(), q_less.get(), bn) == 1 &&
      BN_mod_inverse(of[inverse].get(), of[second].get(), of[first].get(), bn) != nullptr;
  if (!computed) return {};
  for (std::size_t i = 0; i < kNumbers; ++i) {
    if (OSSL_PARAM_BLD_push_BN(build.get(), kNames[i], of[i].get()) != 1) return {};
  }
  const Params params{OSSL_PARAM_BLD_to_param(build.get())};
  EVP_PKEY* key = nullptr;
  if (!params || EVP_PKEY_fromdata_init(import.get()) != 1 ||
      EVP_PKEY_fromdata(import.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return {};
  }
  return PrivateKey{key};
}

PrivateKey PrivateKey::clone_into(const Context& context) const {
  if (key_ == nullptr) return {};
  // EVP_PKEY_dup stays in its own library context, so the key goes through its parameters.
  OSSL_PARAM* params = nullptr;
  if (EVP_PKEY_todata(key_, EVP_PKEY_KEYPAIR, &params) != 1) return {};
  const std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>> owner{params};
  const PkeyContext import{
      EVP_PKEY_CTX_new_from_name(context.native(), EVP_PKEY_get0_type_name(key_), nullptr)};
  EVP_PKEY* copy = nullptr;
  const bool copied = import != nullptr && EVP_PKEY_fromdata_init(import.get()) == 1 &&
                      EVP_PKEY_fromdata(import.get(), &copy, EVP_PKEY_KEYPAIR, params) == 1;
  // Numbers of secret length lie in `params` in the clear; OSSL_PARAM_free does not wipe the parts
  // that it did not allocate from the secure heap.
  for (OSSL_PARAM* p = params; p->key != nullptr; ++p) {
    if (p->data != nullptr) OPENSSL_cleanse(p->data, p->data_size);
  }
  return copied ? PrivateKey{copy} : PrivateKey{};
}

}  // namespace sallyport::crypto::openssl
