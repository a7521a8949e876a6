// PrivateKey: an owned private key of a certificate.  Opaque above lib/crypto and lib/x509.
#pragma once
#include <cstdint>
#include <utility>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"

struct evp_pkey_st;

namespace sallyport::crypto::openssl {

class Context;

class PrivateKey {
 public:
  PrivateKey() noexcept = default;
  // Takes over one reference to `key`.
  explicit PrivateKey(evp_pkey_st* key) noexcept : key_{key} {}
  // sharing takes a reference of its own.
  [[nodiscard]] static PrivateKey sharing(evp_pkey_st* key) noexcept;
  ~PrivateKey();
  PrivateKey(PrivateKey&& other) noexcept : key_{std::exchange(other.key_, nullptr)} {}
  PrivateKey& operator=(PrivateKey&& other) noexcept {
    std::swap(key_, other.key_);
    return *this;
  }

  [[nodiscard]] explicit operator bool() const noexcept { return key_ != nullptr; }
  // type is `none` for no key and for kinds that TLS has no scheme for here.
  [[nodiscard]] KeyType type() const noexcept;
  [[nodiscard]] std::uint16_t bits() const noexcept;
  [[nodiscard]] evp_pkey_st* native() const noexcept { return key_; }
  // make_p256 makes a fresh key for ECDSA; empty on failure.
  [[nodiscard]] static PrivateKey make_p256(const Context& context);
  // make_rsa makes the key of two primes, big-endian, with the public exponent 65,537; empty on
  // failure.
  [[nodiscard]] static PrivateKey make_rsa(const Context& context, ByteView p, ByteView q);
  // clone_into makes an independent copy inside another library context; empty on failure.
  [[nodiscard]] PrivateKey clone_into(const Context& context) const;

 private:
  evp_pkey_st* key_ = nullptr;
};

}  // namespace sallyport::crypto::openssl
