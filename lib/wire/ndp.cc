#include "lib/wire/ndp.h"

#include "lib/base/internet_sum.h"
#include "lib/wire/icmp.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {
namespace {

// The fixed part of both messages: in a solicitation the flags are reserved.
struct NeighbourMessage {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
  Be32 flags;
  IpAddress::Bytes16 target;
};
static_assert(sizeof(NeighbourMessage) == 24 && alignof(NeighbourMessage) == 1);
constexpr std::uint32_t kRouterFlag = 0x8000'0000;
constexpr std::uint32_t kSolicitedFlag = 0x4000'0000;
constexpr std::uint32_t kOverrideFlag = 0x2000'0000;

enum class Option : std::uint8_t { source_link_layer = 1, target_link_layer = 2 };

struct LinkLayerOption {
  std::uint8_t type;
  std::uint8_t length;  // in units of eight bytes, this header included
  MacAddress mac;
};
static_assert(sizeof(LinkLayerOption) == 8 && alignof(LinkLayerOption) == 1);

// read_link_layer walks the options for the one that is wanted.
// [RFC 4861 7.1.1, 7.1.2] An option of length zero makes the message invalid; unknown ones are
// ignored.  [RFC 4861 4.6.1] For Ethernet the address option has length one.
void read_link_layer(Reader& r, Option wanted, bool& found, MacAddress& mac) noexcept {
  while (!r.at_end()) {
    const std::uint8_t type = r.u8();
    const std::uint8_t units = r.u8();
    if (units == 0) {
      r.fail();
      return;
    }
    const ByteView body = r.bytes(units * std::size_t{8} - 2);
    if (!r.ok() || Option{type} != wanted) continue;
    mac = load<MacAddress>(body);
    found = true;
    if (units != 1 || mac.is_multicast() || mac.is_zero()) r.fail();
  }
}

// read_fixed reads the fixed part and does the checks that both messages share.
Result<NeighbourMessage, PacketError> read_fixed(const Packet& packet, ByteView frame, Reader& r,
                                                 Icmp6Type type) noexcept {
  if (packet.kind != PacketKind::icmp6 || icmp6_type(packet, frame) != type) {
    return Err{PacketError::icmp_unhandled};
  }
  const auto message = r.object<NeighbourMessage>();
  const IpAddress target = IpAddress::v6(message.target);
  if (!r.ok() || packet.hop_limit != kNeighbourHopLimit || message.code != 0 ||
      target.is_multicast_or_broadcast() || target.is_unspecified() || target.is_v4()) {
    return Err{PacketError::icmp_malformed};
  }
  return message;
}

std::size_t write_message(MutableBytes out, const Ethernet& ethernet, const Ip& ip,
                          NeighbourMessage message, const LinkLayerOption* option) noexcept {
  const std::size_t length = sizeof message + (option != nullptr ? sizeof *option : 0);
  Writer w{out};
  write_ethernet(w, ethernet, EtherType::ipv6);
  write_ip(w, ip, IpProtocol::icmpv6, length, Completion::software);
  const MutableBytes body = w.reserve(length);
  if (body.empty()) return 0;
  store(body, message);
  if (option != nullptr) store(body.subspan(sizeof message), *option);
  message.checksum = InternetSum{}
                         .add_pseudo_header(ip.source, ip.destination,
                                            static_cast<std::uint8_t>(IpProtocol::icmpv6),
                                            static_cast<std::uint32_t>(length))
                         .add(body)
                         .checksum();
  store(body, message);
  return w.size();
}

}  // namespace

Result<NeighbourSolicitation, PacketError> parse_neighbour_solicitation(const Packet& packet,
                                                                        ByteView frame) noexcept {
  Reader r{packet.payload(frame)};
  const auto message = read_fixed(packet, frame, r, Icmp6Type::neighbour_solicitation);
  if (!message) return Err{message.error()};
  NeighbourSolicitation s;
  s.source = packet.source;
  s.destination = packet.destination;
  s.target = IpAddress::v6(message->target);
  read_link_layer(r, Option::source_link_layer, s.has_source_mac, s.source_mac);
  if (!r.ok()) return Err{PacketError::icmp_malformed};
  // [RFC 4861 7.1.1] Who has no address yet asks the group of the target and names no MAC.
  if (s.source.is_unspecified() &&
      (s.has_source_mac || s.destination != solicited_node(s.target))) {
    return Err{PacketError::icmp_malformed};
  }
  return s;
}

Result<NeighbourAdvertisement, PacketError> parse_neighbour_advertisement(const Packet& packet,
                                                                          ByteView frame) noexcept {
  Reader r{packet.payload(frame)};
  const auto message = read_fixed(packet, frame, r, Icmp6Type::neighbour_advertisement);
  if (!message) return Err{message.error()};
  const std::uint32_t flags = message->flags.host();
  NeighbourAdvertisement a;
  a.source = packet.source;
  a.destination = packet.destination;
  a.target = IpAddress::v6(message->target);
  a.router = (flags & kRouterFlag) != 0;
  a.solicited = (flags & kSolicitedFlag) != 0;
  a.override = (flags & kOverrideFlag) != 0;
  read_link_layer(r, Option::target_link_layer, a.has_target_mac, a.target_mac);
  if (!r.ok() || a.source.is_unspecified()) return Err{PacketError::icmp_malformed};
  // [RFC 4861 7.1.2] Nobody in particular can have solicited what goes to a group.
  if (a.solicited && a.destination.is_multicast_or_broadcast()) {
    return Err{PacketError::icmp_malformed};
  }
  return a;
}

std::size_t write_neighbour_solicitation(MutableBytes out, const Ethernet& ethernet,
                                         const NeighbourSolicitation& s) noexcept {
  const LinkLayerOption option{static_cast<std::uint8_t>(Option::source_link_layer), 1,
                               s.source_mac};
  return write_message(out, ethernet, {s.source, s.destination, kNeighbourHopLimit},
                       {static_cast<std::uint8_t>(Icmp6Type::neighbour_solicitation), 0,
                        Be16::of(0), Be32::of(0), s.target.bytes()},
                       s.has_source_mac ? &option : nullptr);
}

std::size_t write_neighbour_advertisement(MutableBytes out, const Ethernet& ethernet,
                                          const NeighbourAdvertisement& a) noexcept {
  const std::uint32_t flags = (a.router ? kRouterFlag : 0) | (a.solicited ? kSolicitedFlag : 0) |
                              (a.override ? kOverrideFlag : 0);
  const LinkLayerOption option{static_cast<std::uint8_t>(Option::target_link_layer), 1,
                               a.target_mac};
  return write_message(out, ethernet, {a.source, a.destination, kNeighbourHopLimit},
                       {static_cast<std::uint8_t>(Icmp6Type::neighbour_advertisement), 0,
                        Be16::of(0), Be32::of(flags), a.target.bytes()},
                       a.has_target_mac ? &option : nullptr);
}

NeighbourAdvertisement advertisement_for(const NeighbourSolicitation& solicitation,
                                         const MacAddress& mac) noexcept {
  const bool for_everyone = solicitation.is_duplicate_address_detection();
  NeighbourAdvertisement a;
  a.source = solicitation.target;
  // [RFC 4861 7.2.4] Who asks from the unspecified address is answered through all nodes, and the
  // answer then counts as unsolicited.
  a.destination = for_everyone ? kAllNodes : solicitation.source;
  a.target = solicitation.target;
  a.solicited = !for_everyone;
  a.override = true;
  a.has_target_mac = true;
  a.target_mac = mac;
  return a;
}

MacAddress advertisement_destination(const NeighbourAdvertisement& advertisement,
                                     const MacAddress& asker) noexcept {
  return advertisement.destination.is_multicast_or_broadcast()
             ? multicast_mac(advertisement.destination)
             : asker;
}

}  // namespace sallyport::wire
