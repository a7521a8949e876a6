// PacketError: why a frame is not a packet that anyone here can use.  The names are those of the
// drop reasons under which they are counted.
#pragma once
#include <cstdint>

namespace sallyport::wire {

enum class PacketError : std::uint8_t {
  none,
  frame_truncated,       // ends before its headers or its stated length do
  ethertype_unknown,     // neither IPv4, IPv6 nor ARP
  arp_malformed,         // fields that RFC 826 or RFC 5227 does not allow
  ip_malformed,          // IP header fields contradict each other
  ip_bad_checksum,       // IPv4 header checksum is wrong
  ip_fragment,           // fragments are not reassembled
  ip_bad_source,         // an address that nobody can have: multicast, broadcast, loopback, ...
  ip_extension_headers,  // more of them than are walked, or one that asks to be dropped
  ip_protocol_unknown,   // neither TCP nor ICMP
  icmp_malformed,        // a message that its RFC does not allow
  icmp_bad_checksum,
  icmp_unhandled,  // not the message asked for, or an error about something that is not TCP
  tcp_malformed,   // header or options contradict the segment's length
  tcp_bad_checksum,
  tcp_bad_flags,  // combination that no state allows
};

}  // namespace sallyport::wire
