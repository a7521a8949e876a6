// Limits of the record layer (RFC 8446 section 5, RFC 5246 section 6.2).
#pragma once
#include <cstddef>

namespace sallyport::tls {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMaxFragment = std::size_t{1} << 14;
// [RFC 8446 5.2] an encrypted record of TLS 1.3 is at most 256 bytes longer than its content.
constexpr std::size_t kMaxCiphertext13 = kMaxFragment + 256;
// [RFC 5246 6.2.3] TLS 1.2 would allow 2,048 bytes; an IV, the longest MAC of our suites and the
// longest padding are 304.
constexpr std::size_t kMaxCiphertext = kMaxFragment + 16 + 32 + 256;
constexpr std::size_t kMaxRecord = kRecordHeader + kMaxCiphertext;
// A record of ours is at most this much longer than what it carries: header, IV, MAC and padding of
// TLS 1.2 CBC; the others need less.
constexpr std::size_t kMaxRecordOverhead = kRecordHeader + 16 + 32 + 16;

// A record may lie in so many pieces.  The worker joins received payloads below 256 bytes, so no
// record needs more.
constexpr std::size_t kMaxPieces = 96;

}  // namespace sallyport::tls
