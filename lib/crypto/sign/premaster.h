// The premaster secret of RSA key exchange, out of its PKCS #1 v1.5 padding (RFC 5246 7.4.7.1, RFC
// 8017 7.2.2).
//
// Whoever can tell a good padding from a bad one, by an answer or by a time, can decrypt any
// message and sign any (Bleichenbacher 1998, ROBOT, Marvin).  So nobody learns it here: a bad one
// gives another premaster secret that was drawn beforehand, and the handshake ends at Finished.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

constexpr std::size_t kPremasterLen = 48;

// choose_premaster leaves in `premaster`, which holds kPremasterLen random bytes, either these or
// the message of `decrypted`, when that is a premaster secret for `version`, the one that the
// ClientHello named.  Time and memory accesses depend on decrypted.size() only.
void choose_premaster(ByteView decrypted, std::uint16_t version, MutableBytes premaster) noexcept;

}  // namespace sallyport::crypto
