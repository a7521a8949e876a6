// The Internet checksum (RFC 1071): sixteen-bit ones' complement sums, over eight bytes at a time.
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"

namespace sallyport {

// InternetSum accumulates the sum of a message that may come in pieces of any length.
class InternetSum {
 public:
  InternetSum() noexcept = default;

  InternetSum& add(ByteView bytes) noexcept;
  // The next two add as if the value stood in the message in network byte order.  Precondition: an
  // even number of bytes has been added.
  InternetSum& add_u16(std::uint16_t value) noexcept {
    sum_ += __builtin_bswap16(value);
    return *this;
  }
  InternetSum& add_u32(std::uint32_t value) noexcept {
    sum_ += __builtin_bswap32(value);
    return *this;
  }
  // add_pseudo_header adds addresses, protocol and length as RFC 9293 section 3.1 (IPv4) and RFC
  // 8200 section 8.1 (IPv6) put them before a segment.  Both addresses are of one family.
  InternetSum& add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                 std::uint8_t protocol, std::uint32_t length) noexcept;

  // sum is the plain sum: what a NIC that completes a checksum wants to find in the field.
  [[nodiscard]] Be16 sum() const noexcept;
  // checksum is its complement: what goes into the field.
  [[nodiscard]] Be16 checksum() const noexcept;
  // verifies: everything that was added, the checksum field included, sums up to minus zero.
  [[nodiscard]] bool verifies() const noexcept { return folded() == 0xffff; }

 private:
  [[nodiscard]] std::uint16_t folded() const noexcept;

  // Sum of little-endian words: the order of bytes does not matter to a ones' complement sum until
  // it is stored.  Every addition stays far below 2^64 for any message that fits a frame.
  std::uint64_t sum_ = 0;
  bool odd_ = false;
};

}  // namespace sallyport
