// The compression functions under Sha256, Sha384, Md5 and RecordMac: whole blocks into a chaining
// value.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::crypto {

// Precondition: `blocks` points to count * 64 (sha1, sha256) or count * 128 (sha512) bytes.
// SHA-1 uses the first five words of the chaining value.
void sha1_compress(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                   std::size_t count) noexcept;
void sha256_compress(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                     std::size_t count) noexcept;
void md5_compress(std::array<std::uint32_t, 4>& chain, const std::uint8_t* blocks,
                  std::size_t count) noexcept;
// sha256_compress without the SHA extensions of the CPU: what sha256_compress falls back to.
void sha256_compress_openssl(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                             std::size_t count) noexcept;
void sha512_compress(std::array<std::uint64_t, 8>& chain, const std::uint8_t* blocks,
                     std::size_t count) noexcept;

// sha2_compress is the one that the chaining value's words belong to.
inline void sha2_compress(std::array<std::uint32_t, 8>& chain, const std::uint8_t* blocks,
                          std::size_t count) noexcept {
  sha256_compress(chain, blocks, count);
}
inline void sha2_compress(std::array<std::uint64_t, 8>& chain, const std::uint8_t* blocks,
                          std::size_t count) noexcept {
  sha512_compress(chain, blocks, count);
}

}  // namespace sallyport::crypto
