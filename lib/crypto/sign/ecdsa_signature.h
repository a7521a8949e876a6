// ECDSA signatures as TLS sends them: DER of SEQUENCE { INTEGER r, INTEGER s }.
#pragma once
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"

namespace sallyport::crypto {

constexpr std::size_t kMaxP256Signature = 72;

// encode_p256_signature writes r and s, big-endian, and returns the length of the encoding.
// [RFC 3279 2.2.3]  Precondition: out.size() >= kMaxP256Signature.
[[nodiscard]] std::uint16_t encode_p256_signature(std::span<const std::uint8_t, 32> r,
                                                  std::span<const std::uint8_t, 32> s,
                                                  MutableBytes out) noexcept;

}  // namespace sallyport::crypto
