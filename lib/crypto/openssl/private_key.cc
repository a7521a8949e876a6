#include "lib/crypto/openssl/private_key.h"

#include <openssl/core_names.h>
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
