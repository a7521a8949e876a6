// Signer: a private key inside one executor's library context, with a ready operation context for
// every scheme that it was used with.
#pragma once
#include <array>
#include <cstdint>
#include <memory>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/private_key.h"
#include "lib/crypto/sign/p256_scalar.h"

struct evp_pkey_ctx_st;

namespace sallyport::crypto::openssl {

class RsaPrivate;

class Signer {
 public:
  // An empty signer signs nothing.  `context` must outlive it.
  Signer() noexcept;
  Signer(const Context& context, const PrivateKey& key);
  ~Signer();
  Signer(Signer&& other) noexcept;
  Signer& operator=(Signer&& other) noexcept;

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(key_); }
  [[nodiscard]] KeyType type() const noexcept { return type_; }

  // p256_scalar is the private key of ECDSA with P-256, 32 bytes, big-endian, for kernels that
  // compute without OpenSSL; empty for every other type.  It is wiped when the key
  // goes.
  [[nodiscard]] ByteView p256_scalar() const noexcept {
    return p256_scalar_ == nullptr ? ByteView{} : ByteView{p256_scalar_.get(), kP256ScalarLen};
  }

  // prepare_rsa makes an RSA key ready for the batch kernel, which has to be available; rsa() stays
  // null if the key has no shape for it.
  void prepare_rsa();
  [[nodiscard]] RsaPrivate* rsa() const noexcept { return rsa_.get(); }

  // decrypt_raw raises `ciphertext` to the private exponent and writes the result at the full width
  // of the modulus to the front of `out`, padding and all.  Returns that width, or 0 when this is
  // no RSA key, or the ciphertext is not as long as the modulus or not below it: all of it public.
  [[nodiscard]] std::size_t decrypt_raw(ByteView ciphertext, MutableBytes out) noexcept;

  // sign hashes and signs `message`, and returns the length of the signature, or 0 when the scheme
  // does not fit the key or the operation failed.  ECDSA takes any hash with any curve, as TLS 1.2
  // does; that TLS 1.3 is stricter is for the caller to see to.  ECDSA signatures are DER, as TLS
  // sends them.
  // RSA signatures are verified with the public exponent before they leave, because one faulty
  // result of the CRT would give the key away.  OpenSSL draws ECDSA nonces from the key, the
  // message and fresh randomness together.
  // Precondition: signature.size() >= kMaxSignature.
  [[nodiscard]] std::uint16_t sign(SignatureScheme scheme, ByteView message,
                                   MutableBytes signature) noexcept;
  // verifies_p256 asks OpenSSL about a signature that a kernel made with this key.
  [[nodiscard]] bool verifies_p256(ByteView message, ByteView signature) const noexcept;

 private:
  // One slot per scheme of an RSA key; the other types know fewer.
  static constexpr std::size_t kMaxSchemes = 6;
  struct Operation {
    SignatureScheme scheme = SignatureScheme::none;
    evp_pkey_ctx_st* sign = nullptr;
    evp_pkey_ctx_st* verify = nullptr;  // RSA only
  };
  [[nodiscard]] Operation* operation_for(SignatureScheme scheme) noexcept;
  [[nodiscard]] bool prepare_decryption() noexcept;

  struct FreeScalar {
    void operator()(std::uint8_t* scalar) const noexcept;
  };

  const Context* context_ = nullptr;
  PrivateKey key_;
  std::unique_ptr<std::uint8_t, FreeScalar> p256_scalar_;
  std::unique_ptr<RsaPrivate> rsa_;
  KeyType type_ = KeyType::none;
  std::array<Operation, kMaxSchemes> operations_{};
  evp_pkey_ctx_st* decrypt_ = nullptr;  // made when it is first used
};

}  // namespace sallyport::crypto::openssl
