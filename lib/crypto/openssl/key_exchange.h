// Ephemeral key agreement with OpenSSL's cheapest calls, one at a time.
#pragma once
#include "lib/base/byteorder.h"
#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"

namespace sallyport::crypto::openssl {

// make_key_share fills `out` with a fresh pair; false for a group that is not implemented, or when
// the system has no randomness.
[[nodiscard]] bool make_key_share(const Context& context, NamedGroup group, Tsc now,
                                  KeyShare& out) noexcept;

// derive writes the shared secret to the front of `secret` (group_info(group).shared_len bytes).
// False when the peer's share is malformed, is no point of the curve, or leads to an all-zero
// secret: [RFC 8446 7.4.2], [RFC 7748 6.1].
[[nodiscard]] bool derive(const Context& context, const KeyShare& ours, ByteView peer_share,
                          MutableBytes secret) noexcept;

}  // namespace sallyport::crypto::openssl
