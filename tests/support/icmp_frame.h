// ICMP errors as a router in the path writes them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "tests/support/bytes.h"

namespace sallyport::testing {

// l3_offset is where the packet begins in an Ethernet frame, behind a tag if it has one.
[[nodiscard]] std::size_t l3_offset(ByteView frame);

// too_big_answer is the answer to an IP packet in `frame` that does not fit `mtu`: RFC 1191's
// "fragmentation needed", or RFC 4443's "packet too big".  It comes from a router at 198.18.0.77 or
// 2001:db8::77 and goes back to where the frame came from.  Empty when there is no IP packet.
[[nodiscard]] Bytes too_big_answer(ByteView frame, std::uint16_t mtu);

}  // namespace sallyport::testing
