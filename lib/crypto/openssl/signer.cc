#include "lib/crypto/openssl/signer.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <utility>

#include "lib/base/secret.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/parts.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/sign/schemes.h"

namespace sallyport::crypto::openssl {
namespace {

const EVP_MD* digest_of(const Context::Parts& parts, SignatureScheme scheme) noexcept {
  switch (hash_of(scheme)) {
    case SchemeHash::sha256:
      return parts.sha256.get();
    case SchemeHash::sha384:
      return parts.sha384.get();
    case SchemeHash::sha512:
      return parts.sha512.get();
    case SchemeHash::none:
      return nullptr;
  }
  return nullptr;
}

// [RFC 8446 4.2.3] PSS: MGF1 with the same hash, salt as long as its output.
bool set_parameters(EVP_PKEY_CTX* operation, SignatureScheme scheme, KeyType type,
                    const EVP_MD* md) noexcept {
  if (type == KeyType::rsa) {
    const int padding = is_pss(scheme) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    if (EVP_PKEY_CTX_set_rsa_padding(operation, padding) != 1) return false;
  }
  if (EVP_PKEY_CTX_set_signature_md(operation, md) != 1) return false;
  return !is_pss(scheme) ||
         (EVP_PKEY_CTX_set_rsa_mgf1_md(operation, md) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST) == 1);
}

}  // namespace

Signer::Signer(const Context& context, const PrivateKey& key)
    : context_{&context}, key_{key.clone_into(context)}, type_{key_.type()} {
  if (type_ == KeyType::none) key_ = PrivateKey{};
  if (type_ != KeyType::ecdsa_p256) return;
  const Bn scalar{BN_secure_new()};
  BIGNUM* into = scalar.get();
  p256_scalar_.reset(static_cast<std::uint8_t*>(OPENSSL_secure_zalloc(kP256ScalarLen)));
  if (into == nullptr || p256_scalar_ == nullptr ||
      EVP_PKEY_get_bn_param(key_.native(), OSSL_PKEY_PARAM_PRIV_KEY, &into) != 1 ||
      BN_bn2binpad(into, p256_scalar_.get(), kP256ScalarLen) != kP256ScalarLen) {
    p256_scalar_.reset();
  }
}

void Signer::FreeScalar::operator()(std::uint8_t* scalar) const noexcept {
  OPENSSL_secure_clear_free(scalar, kP256ScalarLen);
}

Signer::Signer() noexcept = default;

void Signer::prepare_rsa() {
  if (type_ == KeyType::rsa) rsa_ = RsaPrivate::from(*context_, key_);
  if (rsa_ == nullptr) return;
  // The first pairs now, while nobody waits.
  batch::Rsa kernel;
  if (!rsa_->renew(kernel)) rsa_.reset();
}

Signer::~Signer() {
  for (const Operation& operation : operations_) {
    EVP_PKEY_CTX_free(operation.sign);
    EVP_PKEY_CTX_free(operation.verify);
  }
  EVP_PKEY_CTX_free(decrypt_);
}

Signer::Signer(Signer&& other) noexcept
    : context_{other.context_},
      key_{std::move(other.key_)},
      p256_scalar_{std::move(other.p256_scalar_)},
      rsa_{std::move(other.rsa_)},
      type_{std::exchange(other.type_, KeyType::none)},
      operations_{std::exchange(other.operations_, {})},
      decrypt_{std::exchange(other.decrypt_, nullptr)} {}

Signer& Signer::operator=(Signer&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(key_, other.key_);
  std::swap(p256_scalar_, other.p256_scalar_);
  std::swap(rsa_, other.rsa_);
  std::swap(type_, other.type_);
  std::swap(operations_, other.operations_);
  std::swap(decrypt_, other.decrypt_);
  return *this;
}

Signer::Operation* Signer::operation_for(SignatureScheme scheme) noexcept {
  Operation* free = nullptr;
  for (Operation& operation : operations_) {
    if (operation.scheme == scheme) return &operation;
    if (operation.scheme == SignatureScheme::none && free == nullptr) free = &operation;
  }
  const EVP_MD* const md = digest_of(context_->parts(), scheme);
  if (free == nullptr || md == nullptr) return nullptr;
  PkeyContext sign{EVP_PKEY_CTX_new_from_pkey(context_->native(), key_.native(), nullptr)};
  if (!sign || EVP_PKEY_sign_init(sign.get()) != 1 ||
      !set_parameters(sign.get(), scheme, type_, md)) {
    return nullptr;
  }
  PkeyContext verify;
  if (type_ == KeyType::rsa) {
    verify.reset(EVP_PKEY_CTX_new_from_pkey(context_->native(), key_.native(), nullptr));
    if (!verify || EVP_PKEY_verify_init(verify.get()) != 1 ||
        !set_parameters(verify.get(), scheme, type_, md)) {
      return nullptr;
    }
  }
  *free = {scheme, sign.release(), verify.release()};
  return free;
}

std::uint16_t Signer::sign(SignatureScheme scheme, ByteView message,
                           MutableBytes signature) noexcept {
  if (!fits_key_in_tls12(scheme, type_) || signature.size() < kMaxSignature) return 0;
  Context::Parts& parts = context_->parts();
  std::size_t len = signature.size();
  if (scheme == SignatureScheme::ed25519) {
    EVP_MD_CTX* const once = parts.md_context.get();
    const bool made =
        EVP_DigestSignInit_ex(once, nullptr, nullptr, context_->native(), nullptr, key_.native(),
                              nullptr) == 1 &&
        EVP_DigestSign(once, signature.data(), &len, message.data(), message.size()) == 1;
    EVP_MD_CTX_reset(once);
    return made ? static_cast<std::uint16_t>(len) : std::uint16_t{0};
  }

  const Operation* const operation = operation_for(scheme);
  if (operation == nullptr) return 0;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned digest_len = 0;
  if (EVP_DigestInit_ex2(parts.md_context.get(), digest_of(parts, scheme), nullptr) != 1 ||
      EVP_DigestUpdate(parts.md_context.get(), message.data(), message.size()) != 1 ||
      EVP_DigestFinal_ex(parts.md_context.get(), digest.data(), &digest_len) != 1 ||
      EVP_PKEY_sign(operation->sign, signature.data(), &len, digest.data(), digest_len) != 1) {
    return 0;
  }
  if (operation->verify != nullptr &&
      EVP_PKEY_verify(operation->verify, signature.data(), len, digest.data(), digest_len) != 1) {
    wipe(signature);  // a faulty signature is as secret as the key
    return 0;
  }
  return static_cast<std::uint16_t>(len);
}

bool Signer::verifies_p256(ByteView message, ByteView signature) const noexcept {
  if (type_ != KeyType::ecdsa_p256) return false;
  const MdContext once{EVP_MD_CTX_new()};
  return once != nullptr &&
         EVP_DigestVerifyInit_ex(once.get(), nullptr, "SHA256", context_->native(), nullptr,
                                 key_.native(), nullptr) == 1 &&
         EVP_DigestVerify(once.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

bool Signer::prepare_decryption() noexcept {
  if (decrypt_ != nullptr) return true;
  PkeyContext decrypt{EVP_PKEY_CTX_new_from_pkey(context_->native(), key_.native(), nullptr)};
  if (!decrypt || EVP_PKEY_decrypt_init(decrypt.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(decrypt.get(), RSA_NO_PADDING) != 1) {
    return false;
  }
  decrypt_ = decrypt.release();
  return true;
}

std::size_t Signer::decrypt_raw(ByteView ciphertext, MutableBytes out) noexcept {
  const std::size_t width = type_ == KeyType::rsa ? (std::size_t{key_.bits()} + 7) / 8 : 0;
  if (width == 0 || ciphertext.size() != width || out.size() < width || !prepare_decryption()) {
    return 0;
  }
  // OpenSSL blinds the number, and without padding it writes every byte of the result.
  std::size_t len = out.size();
  const int done =
      EVP_PKEY_decrypt(decrypt_, out.data(), &len, ciphertext.data(), ciphertext.size());
  return done == 1 && len == width ? width : 0;
}

}  // namespace sallyport::crypto::openssl
