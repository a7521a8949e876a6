// Encodings of a message for an RSA signature: PKCS #1 v1.5 and PSS (RFC 8017 9).  What follows is
// the private operation on the whole block.
#pragma once
#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/sign/schemes.h"

namespace sallyport::crypto {

// RsaEncoding is what a signature scheme says about the block.
struct RsaEncoding {
  SchemeHash hash = SchemeHash::none;
  bool pss = false;
  // known is false for schemes that are not RSA's.
  [[nodiscard]] bool known() const noexcept { return hash != SchemeHash::none; }
};
[[nodiscard]] RsaEncoding rsa_encoding(SignatureScheme scheme) noexcept;

// rsa_salt_len is how many random bytes a block of this encoding takes.
constexpr std::size_t kMaxRsaSalt = 64;
[[nodiscard]] std::size_t rsa_salt_len(const RsaEncoding& encoding) noexcept;

// encode_for_rsa fills `block`, as long as the modulus, whose length in bits is a multiple of
// eight. Preconditions: encoding.known(), block.size() >= 256, salt.size() ==
// rsa_salt_len(encoding).
void encode_for_rsa(const RsaEncoding& encoding, ByteView message, ByteView salt,
                    MutableBytes block) noexcept;

}  // namespace sallyport::crypto
