#include "lib/dpdk/checksum.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace sallyport::dpdk {
namespace {

constexpr std::size_t kIpChecksumOffset = 10;
constexpr std::size_t kTcpChecksumOffset = 16;
constexpr std::size_t kMacAddressesLength = 12;

constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
  sum = (sum >> 32) + (sum & 0xffff'ffff);
  sum = (sum >> 32) + (sum & 0xffff'ffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(sum);
}

void put_be16(std::uint8_t* at, std::uint16_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

}  // namespace

std::uint16_t ones_complement_sum(ByteView bytes, std::uint16_t sum) noexcept {
  // [RFC 1071 2(B)] The sum does not depend on byte order except for a final swap, so words are
  // added as the machine reads them; four carries at a time end up in the upper half.
  std::uint64_t total = 0;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 16; at += 16, left -= 16) {
    std::array<std::uint32_t, 4> words;
    std::memcpy(words.data(), at, sizeof(words));
    total += std::uint64_t{words[0]} + words[1] + words[2] + words[3];
  }
  for (; left >= 2; at += 2, left -= 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    total += word;
  }
  if (left != 0) total += *at;  // little-endian: the pad byte is the upper one
  return fold(std::uint64_t{__builtin_bswap16(fold(total))} + sum);
}

void complete_ip_checksum(frame::Frame& f) noexcept {
  const MutableBytes header = f.bytes().subspan(f.tx.l2_len, f.tx.l3_len);
  put_be16(&header[kIpChecksumOffset], static_cast<std::uint16_t>(~ones_complement_sum(header)));
}

void complete_l4_checksum(frame::Frame& f) noexcept {
  const MutableBytes segment = f.bytes().subspan(std::size_t{f.tx.l2_len} + f.tx.l3_len);
  // The field itself holds the pseudo-header's sum, so adding everything up gives the whole.
  const std::uint16_t sum = ones_complement_sum(segment);
  put_be16(&segment[kTcpChecksumOffset], static_cast<std::uint16_t>(~sum));
}

void insert_vlan_tag(frame::Frame& f) noexcept {
  constexpr std::uint16_t kTagProtocol = 0x8100;
  std::uint8_t* start = f.buffer + f.offset;
  std::memmove(start - kVlanTagLength, start, kMacAddressesLength);
  std::uint8_t* tag = start - kVlanTagLength + kMacAddressesLength;
  put_be16(tag, kTagProtocol);
  put_be16(tag + 2, f.vlan);
}

}  // namespace sallyport::dpdk
