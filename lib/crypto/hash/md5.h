// MD5 (RFC 1321), for fingerprints that are defined by it and promise nothing: whoever wants two
// inputs with one digest makes them in seconds.  Never allocates, never fails.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

class Md5 {
 public:
  static constexpr std::size_t kDigestLen = 16;
  static constexpr std::size_t kBlockLen = 64;

  void update(ByteView data) noexcept;
  // finish writes the digest of everything so far; the state itself does not change.
  void finish(std::span<std::uint8_t, kDigestLen> digest) const noexcept;

 private:
  std::array<std::uint32_t, 4> chain_{0x6745'2301, 0xefcd'ab89, 0x98ba'dcfe, 0x1032'5476};
  std::uint64_t len_ = 0;  // bytes hashed so far; len_ % kBlockLen of them wait in block_
  std::array<std::uint8_t, kBlockLen> block_{};
};

}  // namespace sallyport::crypto
