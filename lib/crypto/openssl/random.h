// Randomness for private keys, from OpenSSL's generator.
#pragma once
#include "lib/base/byteorder.h"
#include "lib/crypto/openssl/context.h"

namespace sallyport::crypto::openssl {

// draw_private fills `out`; false when the system has no randomness.  One call costs nearly a
// microsecond, whatever it draws: ask for all that is needed at once.
[[nodiscard]] bool draw_private(const Context& context, MutableBytes out) noexcept;

}  // namespace sallyport::crypto::openssl
