// TCP segments as Ethernet frames, and back.
#pragma once
#include <optional>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/tcp/segment.h"
#include "lib/wire/ethernet.h"
#include "tests/support/bytes.h"

namespace sallyport::testing {

// tcp_frame is a complete frame, checksums included.
[[nodiscard]] Bytes tcp_frame(const wire::Ethernet& ethernet, const FourTuple& tuple,
                              const tcp::Segment& segment, ByteView payload);

// ReceivedSegment is what a host reads out of a frame; the tuple is seen from the receiver.
struct ReceivedSegment {
  FourTuple tuple;
  tcp::Segment segment;
  ByteView payload;  // a part of the frame
  MacAddress from;
};
// read_tcp_frame verifies everything; nothing for a frame that a host would drop, or is no TCP.
[[nodiscard]] std::optional<ReceivedSegment> read_tcp_frame(ByteView frame);

}  // namespace sallyport::testing
