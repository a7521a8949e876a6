// The test that a provider has to pass before it is trusted with keys.
#pragma once
#include "lib/crypto/openssl/context.h"
#include "lib/offload/provider.h"

namespace sallyport::offload {

// passes_self_test compares `candidate` with `reference` on fresh keys and on shares at the edges
// of what is valid, with full and with partly filled batches, and has OpenSSL verify its
// signatures. Milliseconds: for the start.
[[nodiscard]] bool passes_self_test(const Provider& candidate, const Provider& reference,
                                    const crypto::openssl::Context& context) noexcept;

}  // namespace sallyport::offload
