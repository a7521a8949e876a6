// HKDF (RFC 5869) and the labels that TLS 1.3 puts on it (RFC 8446 7.1).
#pragma once
#include <string_view>

#include "lib/base/byteorder.h"
#include "lib/crypto/hash/hmac.h"

namespace sallyport::crypto {

// hkdf_extract writes the pseudo-random key to the front of `prk`; an empty salt counts as a string
// of zeros.  Precondition: prk.size() >= digest_len(algorithm).  `prk` may be `salt`.
void hkdf_extract(HashAlgorithm algorithm, ByteView salt, ByteView input_keying_material,
                  MutableBytes prk) noexcept;

// hkdf_expand fills `out`.  Precondition: out.size() <= 255 * digest_len.
void hkdf_expand(const HmacKey& prk, ByteView info, MutableBytes out) noexcept;

// hkdf_expand_label fills `out` with HKDF-Expand-Label(secret, label, context, out.size()); the
// prefix "tls13 " is added here.  Preconditions: label <= 249 bytes, context <= 255 bytes, of
// which no call of TLS uses more than 12 and 48.
void hkdf_expand_label(const HmacKey& secret, std::string_view label, ByteView context,
                       MutableBytes out) noexcept;

// derive_secret is Derive-Secret(secret, label, messages) with the messages hashed already; it
// writes digest_len bytes to the front of `out`.
inline void derive_secret(const HmacKey& secret, std::string_view label, const Digest& transcript,
                          MutableBytes out) noexcept {
  hkdf_expand_label(secret, label, transcript.view(), out.first(digest_len(secret.algorithm())));
}

}  // namespace sallyport::crypto
