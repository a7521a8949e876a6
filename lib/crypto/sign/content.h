// What a server signs, built here and nowhere else: an executor that signs only these structures
// cannot be talked into signing bytes of somebody's choice.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/crypto/job.h"

namespace sallyport::crypto {

// SignedContent is the message that goes into the signature algorithm.
struct SignedContent {
  // The longer of 64 + 33 + 1 + 48 (TLS 1.3) and 64 + 4 + 97 (TLS 1.2).
  static constexpr std::size_t kMaxLen = 176;
  std::array<std::uint8_t, kMaxLen> bytes{};
  std::size_t len = 0;
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes}.first(len); }
};

// certificate_verify_content is what a server's CertificateVerify signs (RFC 8446 4.4.3).
[[nodiscard]] SignedContent certificate_verify_content(ByteView transcript_hash) noexcept;

// client_certificate_verify_content is what a client's signs: nobody here makes such a signature.
[[nodiscard]] SignedContent client_certificate_verify_content(ByteView transcript_hash) noexcept;

// server_key_exchange_content is what a TLS 1.2 ServerKeyExchange signs: both randoms and
// ServerECDHParams (RFC 8422 5.4).
[[nodiscard]] SignedContent server_key_exchange_content(ByteView client_random,
                                                        ByteView server_random,
                                                        const KeyShare& ephemeral) noexcept;

// FiniteFieldContent is the same for ServerDHParams (RFC 5246 7.4.3) over a group of RFC 7919.  Its
// own type, because it is six times as long.
class FiniteFieldContent {
 public:
  FiniteFieldContent(ByteView client_random, ByteView server_random, NamedGroup group,
                     ByteView public_value) noexcept;
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes_}.first(len_); }

 private:
  static constexpr std::size_t kMaxLen = 64 + 2 + kMaxWide + 3 + 2 + kMaxWide;
  std::array<std::uint8_t, kMaxLen> bytes_;
  std::size_t len_ = 0;
};

}  // namespace sallyport::crypto
