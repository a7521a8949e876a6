// From a segment in values to a frame that can leave: who it goes to on the link, and its headers.
#pragma once
#include "lib/base/address.h"
#include "lib/frame/frame.h"
#include "lib/snapshot/snapshot.h"
#include "lib/tcp/segment.h"
#include "lib/wire/packet.h"
#include "lib/worker/connection.h"

namespace sallyport::worker {

// segment_of is what lib/tcp needs to know of a received TCP packet.
[[nodiscard]] tcp::Segment segment_of(const wire::Packet& packet) noexcept;

// wire_segment_of is the header of `segment` from tuple.local to tuple.remote.
[[nodiscard]] wire::TcpSegment wire_segment_of(const FourTuple& tuple,
                                               const tcp::Segment& segment) noexcept;

// tuple_of is the connection that a received TCP packet belongs to, seen from us.
[[nodiscard]] inline FourTuple tuple_of(const wire::Packet& packet) noexcept {
  return {{packet.destination, packet.tcp.destination_port},
          {packet.source, packet.tcp.source_port}};
}

// route_to is the index of the next hop towards `destination`, or LinkPeer::kFixedMac when the
// interface has no route there.
[[nodiscard]] std::uint16_t route_to(const snapshot::Interface& interface,
                                     const IpAddress& destination) noexcept;

// reply_peer is where answers to `packet` go, by the interface's reply mode.
[[nodiscard]] LinkPeer reply_peer(const snapshot::Snapshot& snapshot,
                                  snapshot::InterfaceIndex interface,
                                  const wire::Packet& packet) noexcept;

// write_segment puts headers in front of f.bytes(), which are the payload and stay untouched, and
// addresses the frame.  Checksums are left to the port: Frame::tx says so.  Returns false, and
// changes nothing, when the MAC of the next hop is not known.
[[nodiscard]] bool write_segment(frame::Frame& f, const snapshot::Snapshot& snapshot,
                                 const LinkPeer& peer, const FourTuple& tuple,
                                 const tcp::Segment& segment) noexcept;

}  // namespace sallyport::worker
