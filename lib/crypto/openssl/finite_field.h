// Diffie-Hellman in the groups of RFC 7919, for TLS 1.2.  The pair is made and used on one core, a
// few times per second at most: such clients are few.
#pragma once
#include <cstddef>

#include "lib/base/byteorder.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"

namespace sallyport::crypto::openssl {

// make_finite_field_pair puts a fresh exponent into `out.private_key` and writes our public value,
// as long as the prime, to the front of `public_value`.  Precondition: kMaxFiniteFieldLen bytes.
[[nodiscard]] bool make_finite_field_pair(const Context& context, NamedGroup group, KeyShare& out,
                                          MutableBytes public_value) noexcept;

// derive_finite_field writes the premaster secret to the front of `secret`, which has
// kMaxFiniteFieldLen bytes, and returns its length: [RFC 5246 8.1.2] zeros in front are left out.
// 0 when the peer's value is not one of 2 ... p-2 [RFC 7919 5.1].
[[nodiscard]] std::size_t derive_finite_field(const Context& context, const KeyShare& ours,
                                              ByteView peer_value, MutableBytes secret) noexcept;

}  // namespace sallyport::crypto::openssl
