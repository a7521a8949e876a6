#include "lib/wire/ip.h"

#include "lib/wire/checksum.h"
#include "lib/wire/reader.h"

namespace sallyport::wire {
namespace {

// options_may_be_ignored walks the TLVs of a hop-by-hop or destination options header.
// [RFC 8200 4.2] The two highest bits of an unknown option say what to do with the packet; only 00
// lets us go on.  Those that we know by name, Pad1 and PadN, are of that kind as well.
bool options_may_be_ignored(ByteView options) noexcept {
  constexpr std::uint8_t kPad1 = 0;
  constexpr std::uint8_t kActionMask = 0xc0;
  Reader r{options};
  while (!r.at_end()) {
    const std::uint8_t type = r.u8();
    if (type == kPad1) continue;
    if ((type & kActionMask) != 0) return false;
    r.skip(r.u8());
  }
  return r.ok();
}

}  // namespace

Result<UpperLayer, PacketError> walk_ipv6_extensions(ByteView after_header,
                                                     std::uint8_t next_header) noexcept {
  Reader r{after_header};
  UpperLayer upper{IpProtocol{next_header}, 0};
  for (std::size_t walked = 0;; ++walked) {
    switch (upper.protocol) {
      case IpProtocol::fragment:
        return Err{PacketError::ip_fragment};
      case IpProtocol::hop_by_hop:
        // [RFC 8200 4.1] Only directly behind the IPv6 header.
        if (walked > 0) return Err{PacketError::ip_extension_headers};
        break;
      case IpProtocol::destination_options:
      case IpProtocol::routing:
        break;
      case IpProtocol::icmp:
      case IpProtocol::tcp:
      case IpProtocol::icmpv6:
      case IpProtocol::no_next_header:
        return upper;
      default:
        return upper;  // whoever asked decides whether it knows this one
    }
    if (walked == kMaxExtensionHeaders) return Err{PacketError::ip_extension_headers};
    const IpProtocol kind = upper.protocol;
    upper.protocol = IpProtocol{r.u8()};
    const std::size_t length = (std::size_t{r.u8()} + 1) * 8;
    if (upper.offset + length > kMaxExtensionBytes) return Err{PacketError::ip_extension_headers};
    const ByteView body = r.bytes(length - 2);
    if (!r.ok()) return Err{PacketError::ip_malformed};
    if (kind == IpProtocol::routing) {
      // [RFC 8200 4.4] With segments left we would have to forward it: we are no router.
      constexpr std::size_t kSegmentsLeft = 1;
      if (body[kSegmentsLeft] != 0) return Err{PacketError::ip_extension_headers};
    } else if (!options_may_be_ignored(body)) {
      return Err{PacketError::ip_extension_headers};
    }
    upper.offset = static_cast<std::uint16_t>(upper.offset + length);
  }
}

void write_ip(Writer& w, const Ip& ip, IpProtocol protocol, std::size_t payload_len,
              Completion completion) noexcept {
  const auto ecn = static_cast<std::uint8_t>(ip.ecn);
  const auto next = static_cast<std::uint8_t>(protocol);
  if (!ip.source.is_v4()) {
    constexpr unsigned kVersionShift = 28;
    constexpr unsigned kTrafficClassShift = 20;
    w.object(
        Ipv6Header{Be32::of((6U << kVersionShift) | (std::uint32_t{ecn} << kTrafficClassShift)),
                   Be16::of(static_cast<std::uint16_t>(payload_len)), next, ip.hop_limit,
                   ip.source.bytes(), ip.destination.bytes()});
    return;
  }
  // [RFC 6864 4.1] What is never fragmented needs no identification.
  Ipv4Header header{0x45,
                    ecn,
                    Be16::of(static_cast<std::uint16_t>(sizeof(Ipv4Header) + payload_len)),
                    Be16::of(0),
                    Be16::of(kDontFragment),
                    ip.hop_limit,
                    next,
                    Be16::of(0),
                    ip.source.octets4(),
                    ip.destination.octets4()};
  const MutableBytes room = w.reserve(sizeof header);
  if (room.empty()) return;
  store(room, header);
  if (completion == Completion::port) return;
  header.checksum = InternetSum{}.add(room).checksum();
  store(room, header);
}

}  // namespace sallyport::wire
