// ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, and the errors that concern a TCP connection.
// Neighbour discovery is in ndp.h.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/packet.h"
#include "lib/wire/packet_error.h"

namespace sallyport::wire {

// IcmpHeader is what all messages of both versions begin with.
struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be32 rest;  // depends on the type
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

enum class Icmp4Type : std::uint8_t {
  echo_reply = 0,
  destination_unreachable = 3,
  echo_request = 8,
  time_exceeded = 11,
  parameter_problem = 12,
};
enum class Icmp6Type : std::uint8_t {
  destination_unreachable = 1,
  packet_too_big = 2,
  time_exceeded = 3,
  parameter_problem = 4,
  echo_request = 128,
  echo_reply = 129,
  router_solicitation = 133,
  router_advertisement = 134,
  neighbour_solicitation = 135,
  neighbour_advertisement = 136,
};

// icmp4_type and icmp6_type look at a packet of that kind; parse_packet has checked that it is
// there.
[[nodiscard]] inline Icmp4Type icmp4_type(const Packet& packet, ByteView frame) noexcept {
  return Icmp4Type{frame[packet.l4_offset]};
}
[[nodiscard]] inline Icmp6Type icmp6_type(const Packet& packet, ByteView frame) noexcept {
  return Icmp6Type{frame[packet.l4_offset]};
}
[[nodiscard]] bool is_echo_request(const Packet& packet, ByteView frame) noexcept;

// write_echo_reply writes the answer to an echo request into `out`, from `ethernet.source` and
// `source` to whoever asked, and returns its length; 0 when `out` is too small.  Identifier,
// sequence number and data come back as they were; IP options and extension headers do not.
[[nodiscard]] std::size_t write_echo_reply(MutableBytes out, const Ethernet& ethernet,
                                           const IpAddress& source, const Packet& request,
                                           ByteView request_frame) noexcept;

enum class IcmpErrorKind : std::uint8_t {
  unreachable,     // code as in the RFC of its version
  packet_too_big,  // also IPv4's "fragmentation needed"
  time_exceeded,
  parameter_problem,
};

// IcmpError is an error about a TCP segment that claims to have been ours.  Nobody has
// authenticated it: [RFC 5927 4.1] the quoted sequence number must be of data in flight before it
// counts.
struct IcmpError {
  IcmpErrorKind kind = IcmpErrorKind::unreachable;
  std::uint8_t code = 0;
  std::uint32_t mtu = 0;  // packet_too_big only; 0 from routers older than RFC 1191
  SocketAddress source;   // of the quoted segment: us
  SocketAddress destination;
  std::uint32_t sequence_number = 0;
};

// parse_icmp_error reads a packet of kind icmp4 or icmp6.  icmp_unhandled: not an error, or not
// about TCP.
[[nodiscard]] Result<IcmpError, PacketError> parse_icmp_error(const Packet& packet,
                                                              ByteView frame) noexcept;

}  // namespace sallyport::wire
