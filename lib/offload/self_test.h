// The test that a provider has to pass before it is trusted with keys.
#pragma once
#include <span>

#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/private_key.h"
#include "lib/offload/provider.h"

namespace sallyport::offload {

// passes_self_test compares `candidate` with `reference` on fresh keys and on shares at the edges
// of what is valid, with full and with partly filled batches, and has OpenSSL verify its
// signatures. Milliseconds: for the start.
[[nodiscard]] bool passes_self_test(const Provider& candidate, const Provider& reference,
                                    const crypto::openssl::Context& context) noexcept;

// passes_rsa_self_test compares the kernel for RSA, which `raise` calls, with OpenSSL: for each
// size of key a full batch, and a smaller one with an input that has to be refused.  The keys are
// known to everybody and always the same, because making one takes as long as a start may.
// known_rsa_key is such a key, of 2,048, 3,072 or 4,096 bits.  It protects nothing.
[[nodiscard]] crypto::openssl::PrivateKey known_rsa_key(const crypto::openssl::Context& context,
                                                        std::size_t bits);
using RsaRun = void (*)(crypto::batch::Rsa& kernel, std::span<crypto::batch::RsaLane> lanes);
[[nodiscard]] bool passes_rsa_self_test(const crypto::openssl::Context& context, RsaRun run);

}  // namespace sallyport::offload
