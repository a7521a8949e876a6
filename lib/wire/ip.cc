#include "lib/wire/ip.h"

#include "lib/base/internet_sum.h"
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

// Words go straight from registers to the frame, and so does the checksum's sum of them: reading
// back what was just written in smaller pieces would stall the processor.
void write_ip(Writer& w, const Ip& ip, IpProtocol protocol, std::size_t payload_len,
              Completion completion) noexcept {
  const auto ecn = static_cast<std::uint32_t>(ip.ecn);
  const auto next = static_cast<std::uint32_t>(protocol);
  const std::uint32_t hop_limit = ip.hop_limit;
  if (!ip.source.is_v4()) {
    constexpr std::uint32_t kVersion6 = 0x6000'0000;
    w.u32(kVersion6 | (ecn << 20));
    w.u32((static_cast<std::uint32_t>(payload_len) << 16) | (next << 8) | hop_limit);
    w.bytes(ip.source.bytes());
    w.bytes(ip.destination.bytes());
    return;
  }
  const std::size_t total_len = sizeof(Ipv4Header) + payload_len;
  constexpr std::uint32_t kVersion4Length5 = 0x4500'0000;
  const std::uint32_t first =
      kVersion4Length5 | (ecn << 16) | static_cast<std::uint16_t>(total_len);
  // [RFC 6864 4.1] What is never fragmented needs no identification.
  constexpr std::uint32_t kSecond = kDontFragment;
  const std::uint32_t third = (hop_limit << 24) | (next << 16);
  const auto source = load<Be32>(ByteView{ip.source.octets4()}).host();
  const auto destination = load<Be32>(ByteView{ip.destination.octets4()}).host();
  std::uint16_t checksum = 0;
  if (completion == Completion::software) {
    InternetSum sum;
    sum.add_u32(first).add_u32(kSecond).add_u32(third).add_u32(source).add_u32(destination);
    checksum = sum.checksum().host();
  }
  w.u32(first);
  w.u32(kSecond);
  w.u32(third | checksum);
  w.u32(source);
  w.u32(destination);
}

}  // namespace sallyport::wire
