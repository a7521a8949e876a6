// Nonces of ECDSA with P-256 and SHA-256, from key, digest and fresh entropy together.
//
// [RFC 6979 3.2] The generator is HMAC_DRBG, seeded with key and digest, so that two messages never
// share a nonce even if the system's randomness fails; [RFC 6979 3.6] fresh entropy is mixed in, so
// that two signatures of one message do not share it either, and somebody who provokes faults or
// listens to power or radiation cannot have the same computation again.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/secret.h"
#include "lib/crypto/sign/p256_scalar.h"

namespace sallyport::crypto {

class EcdsaNonce {
 public:
  // With empty `entropy` nonces are those of RFC 6979's examples: for tests.
  EcdsaNonce(P256ScalarView key, std::span<const std::uint8_t, 32> digest,
             ByteView entropy) noexcept;

  // next writes a nonce in [1, n - 1].
  void next(std::span<std::uint8_t, kP256ScalarLen> nonce) noexcept;

 private:
  Secret<32> k_;
  Secret<32> v_;
  bool drawn_ = false;
};

}  // namespace sallyport::crypto
