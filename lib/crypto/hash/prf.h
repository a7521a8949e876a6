// The pseudo-random function of TLS 1.2 (RFC 5246 5): P_hash with the hash of the cipher suite.
#pragma once
#include <string_view>

#include "lib/base/byteorder.h"
#include "lib/crypto/hash/hmac.h"

namespace sallyport::crypto {

// tls12_prf fills `out` with PRF(secret, label, seed1 || seed2); either seed may be empty.
void tls12_prf(const HmacKey& secret, std::string_view label, ByteView seed1, ByteView seed2,
               MutableBytes out) noexcept;

}  // namespace sallyport::crypto
