// Encodings of a message for an RSA signature: PKCS #1 v1.5 and PSS (RFC 8017 9).  What follows is
// the private operation on the whole block.
#pragma once
#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"

namespace sallyport::crypto {

// RsaEncoding is what a signature scheme says about the block.
struct RsaEncoding {
  HashAlgorithm hash{};
  bool pss = false;
  bool known = false;  // false for schemes that are not RSA's, and those with SHA-512
};
[[nodiscard]] RsaEncoding rsa_encoding(SignatureScheme scheme) noexcept;

// rsa_salt_len is how many random bytes a block of this encoding takes.
[[nodiscard]] std::size_t rsa_salt_len(const RsaEncoding& encoding) noexcept;

// encode_for_rsa fills `block`, as long as the modulus, whose length in bits is a multiple of
// eight. Preconditions: encoding.known, block.size() >= 256, salt.size() == rsa_salt_len(encoding).
void encode_for_rsa(const RsaEncoding& encoding, ByteView message, ByteView salt,
                    MutableBytes block) noexcept;

}  // namespace sallyport::crypto
