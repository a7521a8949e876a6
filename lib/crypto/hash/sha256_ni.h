// SHA-256 compression with the SHA extensions.  The translation unit behind this is compiled
// without AVX: legacy SSE code that runs with dirty upper halves of the vector registers takes
// microseconds per block instead of tens of nanoseconds, so the caller clears them first.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sallyport::crypto {

// Preconditions: the CPU has SHA and SSE4.1; `chain` has 8 words, `blocks` 64 * count bytes.
void sha256_compress_ni(std::uint32_t* chain, const std::uint8_t* blocks,
                        std::size_t count) noexcept;

}  // namespace sallyport::crypto
