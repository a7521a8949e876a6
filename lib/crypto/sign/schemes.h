// Which signature schemes a key can make, in which version of TLS, and how.
#pragma once
#include <cstdint>

#include "lib/crypto/algorithms.h"

namespace sallyport::crypto {

// fits_key says whether a key of this type can sign with `scheme` as its name has it: of ECDSA with
// the hash of the curve, which is all that TLS 1.3 has.  Of TLS 1.2 fits_key_in_tls12 knows more.
[[nodiscard]] constexpr bool fits_key(SignatureScheme scheme, KeyType type) noexcept {
  switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha256:
    case SignatureScheme::rsa_pkcs1_sha384:
    case SignatureScheme::rsa_pkcs1_sha512:
    case SignatureScheme::rsa_pss_rsae_sha256:
    case SignatureScheme::rsa_pss_rsae_sha384:
    case SignatureScheme::rsa_pss_rsae_sha512:
      return type == KeyType::rsa;
    case SignatureScheme::ecdsa_secp256r1_sha256:
      return type == KeyType::ecdsa_p256;
    case SignatureScheme::ecdsa_secp384r1_sha384:
      return type == KeyType::ecdsa_p384;
    case SignatureScheme::ed25519:
      return type == KeyType::ed25519;
    case SignatureScheme::ecdsa_secp521r1_sha512:  // there are no keys on its curve here
    case SignatureScheme::none:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::ecdsa_sha1:
      return false;
  }
  return false;  // a number that IANA knows and we do not
}

// is_ecdsa: ECDSA with a hash that is good enough.
[[nodiscard]] constexpr bool is_ecdsa(SignatureScheme scheme) noexcept {
  return scheme == SignatureScheme::ecdsa_secp256r1_sha256 ||
         scheme == SignatureScheme::ecdsa_secp384r1_sha384 ||
         scheme == SignatureScheme::ecdsa_secp521r1_sha512;
}

// fits_key_in_tls12 says whether a key of this type can sign with `scheme` as TLS 1.2 means it.
// [RFC 5246 7.4.1.4.1, RFC 8446 4.2.3] The number of an ECDSA scheme names the hash alone there,
// which goes with any curve.
[[nodiscard]] constexpr bool fits_key_in_tls12(SignatureScheme scheme, KeyType type) noexcept {
  if (is_ecdsa(scheme)) return type == KeyType::ecdsa_p256 || type == KeyType::ecdsa_p384;
  return fits_key(scheme, type);
}

// [RFC 8446 4.2.3] In TLS 1.3 the PKCS #1 v1.5 schemes sign certificates only, never handshakes.
// P-521 is a curve that no key has here, ours or a peer's.
[[nodiscard]] constexpr bool allowed_in_tls13(SignatureScheme scheme) noexcept {
  switch (scheme) {
    case SignatureScheme::ecdsa_secp256r1_sha256:
    case SignatureScheme::ecdsa_secp384r1_sha384:
    case SignatureScheme::rsa_pss_rsae_sha256:
    case SignatureScheme::rsa_pss_rsae_sha384:
    case SignatureScheme::rsa_pss_rsae_sha512:
    case SignatureScheme::ed25519:
      return true;
    case SignatureScheme::ecdsa_secp521r1_sha512:
    case SignatureScheme::none:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::ecdsa_sha1:
    case SignatureScheme::rsa_pkcs1_sha256:
    case SignatureScheme::rsa_pkcs1_sha384:
    case SignatureScheme::rsa_pkcs1_sha512:
      return false;
  }
  return false;
}

// SchemeHash is what a scheme hashes a message with: none where the scheme does so itself, and
// where we have no use for it.
enum class SchemeHash : std::uint8_t { none, sha256, sha384, sha512 };

[[nodiscard]] constexpr SchemeHash hash_of(SignatureScheme scheme) noexcept {
  switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha256:
    case SignatureScheme::rsa_pss_rsae_sha256:
    case SignatureScheme::ecdsa_secp256r1_sha256:
      return SchemeHash::sha256;
    case SignatureScheme::rsa_pkcs1_sha384:
    case SignatureScheme::rsa_pss_rsae_sha384:
    case SignatureScheme::ecdsa_secp384r1_sha384:
      return SchemeHash::sha384;
    case SignatureScheme::rsa_pkcs1_sha512:
    case SignatureScheme::rsa_pss_rsae_sha512:
    case SignatureScheme::ecdsa_secp521r1_sha512:
      return SchemeHash::sha512;
    case SignatureScheme::ed25519:
    case SignatureScheme::none:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::ecdsa_sha1:
      return SchemeHash::none;
  }
  return SchemeHash::none;
}

[[nodiscard]] constexpr bool is_pss(SignatureScheme scheme) noexcept {
  return scheme == SignatureScheme::rsa_pss_rsae_sha256 ||
         scheme == SignatureScheme::rsa_pss_rsae_sha384 ||
         scheme == SignatureScheme::rsa_pss_rsae_sha512;
}

}  // namespace sallyport::crypto
