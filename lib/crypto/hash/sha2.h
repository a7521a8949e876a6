// SHA-256, SHA-384 and SHA-512 (FIPS 180-4) as plain mid-states: copying one forks the hash, so a
// transcript can be hashed once and finished many times.  Never allocates, never fails.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

// Sha256 is 104 bytes: chaining value, length, and the bytes that do not fill a block yet.
class Sha256 {
 public:
  static constexpr std::size_t kDigestLen = 32;
  static constexpr std::size_t kBlockLen = 64;

  void update(ByteView data) noexcept;
  // finish writes the digest of everything so far; the state itself does not change.
  void finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept;

 private:
  friend class HmacKey;
  std::array<std::uint32_t, 8> chain_{0x6a09'e667, 0xbb67'ae85, 0x3c6e'f372, 0xa54f'f53a,
                                      0x510e'527f, 0x9b05'688c, 0x1f83'd9ab, 0x5be0'cd19};
  std::uint64_t len_ = 0;  // bytes hashed so far; len_ % kBlockLen of them wait in block_
  std::array<std::uint8_t, kBlockLen> block_{};
};
static_assert(std::is_trivially_copyable_v<Sha256> && sizeof(Sha256) == 104);

// Sha512Based is SHA-512 or, with another start value and a cut digest, SHA-384.
template <std::size_t kLen>
class Sha512Based {
 public:
  static constexpr std::size_t kDigestLen = kLen;
  static constexpr std::size_t kBlockLen = 128;

  void update(ByteView data) noexcept;
  void finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept;

 private:
  friend class HmacKey;
  using Chain = std::array<std::uint64_t, 8>;
  static constexpr Chain kStart384{
      0xcbbb'9d5d'c105'9ed8, 0x629a'292a'367c'd507, 0x9159'015a'3070'dd17, 0x152f'ecd8'f70e'5939,
      0x6733'2667'ffc0'0b31, 0x8eb4'4a87'6858'1511, 0xdb0c'2e0d'64f9'8fa7, 0x47b5'481d'befa'4fa4};
  static constexpr Chain kStart512{
      0x6a09'e667'f3bc'c908, 0xbb67'ae85'84ca'a73b, 0x3c6e'f372'fe94'f82b, 0xa54f'f53a'5f1d'36f1,
      0x510e'527f'ade6'82d1, 0x9b05'688c'2b3e'6c1f, 0x1f83'd9ab'fb41'bd6b, 0x5be0'cd19'137e'2179};
  static_assert(kLen == 48 || kLen == 64);

  Chain chain_ = kLen == 48 ? kStart384 : kStart512;
  std::uint64_t len_ = 0;
  std::array<std::uint8_t, kBlockLen> block_{};
};
extern template class Sha512Based<48>;
extern template class Sha512Based<64>;

using Sha384 = Sha512Based<48>;
static_assert(std::is_trivially_copyable_v<Sha384> && sizeof(Sha384) == 200);

// Sha512 is for signatures alone: no cipher suite has it.
using Sha512 = Sha512Based<64>;
static_assert(std::is_trivially_copyable_v<Sha512> && sizeof(Sha512) == 200);

}  // namespace sallyport::crypto
