// IPv4 (RFC 791) and IPv6 (RFC 8200) headers.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/packet_error.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

enum class IpProtocol : std::uint8_t {
  hop_by_hop = 0,
  icmp = 1,
  tcp = 6,
  routing = 43,
  fragment = 44,
  icmpv6 = 58,
  no_next_header = 59,
  destination_options = 60,
};

struct Ipv4Header {
  std::uint8_t version_and_length;  // 4, then the length in 32-bit words
  std::uint8_t type_of_service;     // DSCP and ECN
  Be16 total_length;
  Be16 identification;
  Be16 flags_and_offset;
  std::uint8_t time_to_live;
  std::uint8_t protocol;
  Be16 checksum;
  IpAddress::Bytes4 source;
  IpAddress::Bytes4 destination;
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kMoreFragments = 0x2000;
constexpr std::uint16_t kFragmentOffsetMask = 0x1fff;

struct Ipv6Header {
  Be32 version_class_flow;  // 6, traffic class (DSCP and ECN), flow label
  Be16 payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  IpAddress::Bytes16 source;
  IpAddress::Bytes16 destination;
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

// Limits on IPv6 extension headers: without them a packet could make us walk 64 KiB.
constexpr std::size_t kMaxExtensionHeaders = 2;
constexpr std::size_t kMaxExtensionBytes = 64;

// UpperLayer is what an IPv6 packet carries, `offset` bytes behind its fixed header.
struct UpperLayer {
  IpProtocol protocol = IpProtocol::no_next_header;
  std::uint16_t offset = 0;
};

// walk_ipv6_extensions finds the upper layer behind hop-by-hop options, destination options and a
// routing header that has come to its end.  Fragments, more headers than the limits allow, and
// options that ask for the packet to be dropped are errors.
[[nodiscard]] Result<UpperLayer, PacketError> walk_ipv6_extensions(
    ByteView after_header, std::uint8_t next_header) noexcept;

// Ecn is the two bits of RFC 3168 section 5.
enum class Ecn : std::uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

// Ip is what we say in an IP header of ours.  Both addresses are of one family, which decides the
// version.
struct Ip {
  IpAddress source;
  IpAddress destination;
  std::uint8_t hop_limit = 64;
  Ecn ecn = Ecn::not_ect;
  friend constexpr bool operator==(const Ip&, const Ip&) noexcept = default;
};

[[nodiscard]] constexpr EtherType ether_type(const Ip& ip) noexcept {
  return ip.source.is_v4() ? EtherType::ipv4 : EtherType::ipv6;
}
[[nodiscard]] constexpr std::size_t ip_header_length(const Ip& ip) noexcept {
  return ip.source.is_v4() ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
}

// Completion says who finishes a checksum: we, or the port (TX offload).
enum class Completion : std::uint8_t { software, port };

// write_ip writes ip_header_length() bytes in front of `payload_len` bytes of `protocol`.  With
// Completion::port the checksum field of an IPv4 header stays zero.
void write_ip(Writer& w, const Ip& ip, IpProtocol protocol, std::size_t payload_len,
              Completion completion) noexcept;

}  // namespace sallyport::wire
