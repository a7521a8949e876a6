// Names of algorithms as TLS numbers them (IANA TLS parameters).  Unknown values are legal values
// of these enums: a peer may send anything.
#pragma once
#include <cstdint>

namespace sallyport::crypto {

enum class NamedGroup : std::uint16_t {
  none = 0,
  secp256r1 = 0x0017,
  secp384r1 = 0x0018,
  x25519 = 0x001d,
  x448 = 0x001e,
  ffdhe2048 = 0x0100,
  ffdhe3072 = 0x0101,
  ffdhe4096 = 0x0102,
};

enum class SignatureScheme : std::uint16_t {
  none = 0,
  rsa_pkcs1_sha1 = 0x0201,
  ecdsa_sha1 = 0x0203,
  rsa_pkcs1_sha256 = 0x0401,
  rsa_pkcs1_sha384 = 0x0501,
  rsa_pkcs1_sha512 = 0x0601,
  ecdsa_secp256r1_sha256 = 0x0403,
  ecdsa_secp384r1_sha384 = 0x0503,
  ecdsa_secp521r1_sha512 = 0x0603,
  rsa_pss_rsae_sha256 = 0x0804,
  rsa_pss_rsae_sha384 = 0x0805,
  rsa_pss_rsae_sha512 = 0x0806,
  ed25519 = 0x0807,
};

// KeyType is the kind of a certificate's key, which decides the schemes that it can sign with.
enum class KeyType : std::uint8_t { none, rsa, ecdsa_p256, ecdsa_p384, ed25519 };

enum class HashAlgorithm : std::uint8_t { sha256, sha384 };
enum class AeadAlgorithm : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };
// AES-CBC with HMAC: what TLS 1.2 has for clients without any AEAD.
enum class CbcAlgorithm : std::uint8_t {
  none,
  aes_128_sha1,
  aes_256_sha1,
  aes_128_sha256,
  aes_256_sha256,
};

}  // namespace sallyport::crypto
