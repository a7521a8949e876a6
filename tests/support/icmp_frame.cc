#include "tests/support/icmp_frame.h"

#include <algorithm>

#include "lib/base/address.h"
#include "lib/base/internet_sum.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/icmp.h"
#include "lib/wire/ip.h"
#include "lib/wire/writer.h"

namespace sallyport::testing {
namespace {

constexpr std::size_t kMacs = 2 * sizeof(MacAddress);
// What is quoted of the packet: all headers that anybody looks at.
constexpr std::size_t kQuoted = 128;

void write_all(Bytes& out, std::size_t at, const Bytes& icmp, const wire::Ip& ip,
               wire::IpProtocol protocol) {
  out.resize(at + wire::ip_header_length(ip));
  wire::Writer w{MutableBytes{out}.subspan(at)};
  wire::write_ip(w, ip, protocol, icmp.size(), wire::Completion::software);
  out.insert(out.end(), icmp.begin(), icmp.end());
}

}  // namespace

std::size_t l3_offset(ByteView frame) {
  const std::size_t plain = sizeof(wire::EthernetHeader);
  const bool is_tagged = frame.size() >= plain && frame[kMacs] == 0x81 && frame[kMacs + 1] == 0;
  return is_tagged ? plain + sizeof(wire::VlanTag) : plain;
}

Bytes too_big_answer(ByteView frame, std::uint16_t mtu) {
  const std::size_t l3 = l3_offset(frame);
  if (frame.size() < l3 + sizeof(wire::Ipv4Header)) return {};
  const ByteView packet = frame.subspan(l3);
  const ByteView quoted = packet.first(std::min(packet.size(), kQuoted));
  Bytes out{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(l3)};
  std::swap_ranges(out.begin(), out.begin() + sizeof(MacAddress), out.begin() + sizeof(MacAddress));
  const auto high = static_cast<std::uint8_t>(mtu >> 8U);
  const auto low = static_cast<std::uint8_t>(mtu);
  if (packet[0] >> 4U == 4) {
    Bytes icmp{3, 4, 0, 0, 0, 0, high, low};
    icmp.insert(icmp.end(), quoted.begin(), quoted.end());
    store(MutableBytes{icmp}.subspan(2), InternetSum{}.add(icmp).checksum());
    const IpAddress to = IpAddress::v4({packet[12], packet[13], packet[14], packet[15]});
    write_all(out, l3, icmp, {.source = IpAddress::v4({198, 18, 0, 77}), .destination = to},
              wire::IpProtocol::icmp);
    return out;
  }
  if (packet[0] >> 4U != 6 || packet.size() < sizeof(wire::Ipv6Header)) return {};
  IpAddress::Bytes16 to{};
  std::ranges::copy(packet.subspan(8, to.size()), to.begin());
  const wire::Ip ip{.source = *parse_ip("2001:db8::77"), .destination = IpAddress::v6(to)};
  Bytes icmp{2, 0, 0, 0, 0, 0, high, low};
  icmp.insert(icmp.end(), quoted.begin(), quoted.end());
  InternetSum sum;
  sum.add_pseudo_header(ip.source, ip.destination,
                        static_cast<std::uint8_t>(wire::IpProtocol::icmpv6),
                        static_cast<std::uint32_t>(icmp.size()));
  store(MutableBytes{icmp}.subspan(2), sum.add(icmp).checksum());
  write_all(out, l3, icmp, ip, wire::IpProtocol::icmpv6);
  return out;
}

}  // namespace sallyport::testing
