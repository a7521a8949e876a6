// What the parts of this module share: the link they live on, the frames they want sent, and what
// was heard there.  All of it is pure: time and frames come in as arguments, frames go out as
// values.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/base/units.h"
#include "lib/wire/arp.h"
#include "lib/wire/ndp.h"

namespace sallyport::neighbour {

// Link is our end of one {port, VLAN}.
struct Link {
  MacAddress mac;
  std::uint16_t vlan = 0;  // 0: untagged
};

// ProbeFrame is a frame to be sent as it stands.
struct ProbeFrame {
  std::array<std::uint8_t, wire::kMaxNeighbourFrame> bytes{};
  std::uint8_t len = 0;
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes}.first(len); }
};
static_assert(wire::kMaxArpFrame <= wire::kMaxNeighbourFrame);

// Heard is a valid ARP or neighbour-discovery packet, from anybody.
struct Heard {
  enum class Kind : std::uint8_t { arp, solicitation, advertisement };
  Kind kind = Kind::arp;
  wire::Ethernet ethernet;
  wire::Arp arp;  // this or one of the next two is set, by kind
  wire::NeighbourSolicitation solicitation;
  wire::NeighbourAdvertisement advertisement;
};

// hear reads a frame; nothing when it is something else, or invalid.
[[nodiscard]] std::optional<Heard> hear(ByteView frame, std::uint16_t stripped_vlan) noexcept;

// ask_frame asks who has `target`: an ARP request or a neighbour solicitation.  With `mac` it goes
// to that station alone, else to everybody whom it may concern.  `source` is an address of ours of
// the same family.
[[nodiscard]] ProbeFrame ask_frame(const Link& link, const IpAddress& source,
                                   const IpAddress& target,
                                   const std::optional<MacAddress>& mac) noexcept;
// tentative_frame asks the same without claiming an address: [RFC 5227 2.1.1] ARP probe,
// [RFC 4862 5.4.2] solicitation from the unspecified address.
[[nodiscard]] ProbeFrame tentative_frame(const Link& link, const IpAddress& address) noexcept;
// announcement_frame tells everybody that `address` is ours: [RFC 5227 2.3] ARP announcement,
// [RFC 4861 7.2.6] unsolicited advertisement.
[[nodiscard]] ProbeFrame announcement_frame(const Link& link, const IpAddress& address) noexcept;

}  // namespace sallyport::neighbour
