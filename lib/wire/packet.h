// parse_packet: from the bytes of a received frame to values, in one pass, for every packet.
//
// RFC 791, RFC 8200, RFC 9293.  It checks all that can be judged by looking at the packet alone;
// whether it is for us, and what to do about it, is the worker's business.  ARP and ICMP packets
// are recognised here and read by arp.h, icmp.h and ndp.h.
#pragma once
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ip.h"
#include "lib/wire/packet_error.h"
#include "lib/wire/tcp.h"

namespace sallyport::wire {

enum class PacketKind : std::uint8_t { arp, icmp4, icmp6, tcp };

// Packet is one frame in values.  Offsets count from the start of the frame and lie inside it.
struct Packet {
  Ethernet ethernet;
  PacketKind kind = PacketKind::arp;
  // The rest of the IP header; nothing of it is set for ARP.
  Ecn ecn = Ecn::not_ect;
  std::uint8_t hop_limit = 0;
  IpAddress source;
  IpAddress destination;
  std::uint16_t l3_offset = 0;       // IP header or ARP packet
  std::uint16_t l4_offset = 0;       // TCP header or ICMP message; equals l3_offset for ARP
  std::uint16_t payload_offset = 0;  // TCP data; equals l4_offset for the others
  std::uint16_t payload_len = 0;     // without the padding that Ethernet adds
  TcpSegment tcp;                    // kind == tcp only

  // payload is the TCP data, the ICMP message or the ARP packet.
  [[nodiscard]] ByteView payload(ByteView frame) const noexcept {
    return frame.subspan(payload_offset, payload_len);
  }
};

// Verify names the checksums that nobody has verified yet.  Ports know about those of IP and TCP.
// it.
struct Verify {
  bool ip = true;
  bool tcp = true;
  bool icmp = true;
};

// parse_packet reads `frame`.  stripped_vlan is the 802.1Q identifier that the port has taken out
// of the frame, 0 when there was none.  No allocation; O(frame length) with checksums, else O(1).
[[nodiscard]] Result<Packet, PacketError> parse_packet(ByteView frame, std::uint16_t stripped_vlan,
                                                       Verify verify) noexcept;

}  // namespace sallyport::wire
