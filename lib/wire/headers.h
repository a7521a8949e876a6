// The headers of a TCP segment that leaves: written into the head-room in front of a payload that
// is in place already.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/wire/ethernet.h"
#include "lib/wire/ip.h"
#include "lib/wire/tcp.h"

namespace sallyport::wire {

struct TcpHeaders {
  Ethernet ethernet;  // vlan 0 also when the port inserts the tag
  Ip ip;
  TcpSegment tcp;
};

// HeaderLengths are in bytes.
struct HeaderLengths {
  std::uint8_t l2 = 0;
  std::uint8_t l3 = 0;
  std::uint8_t l4 = 0;
  [[nodiscard]] constexpr std::size_t total() const noexcept { return std::size_t{l2} + l3 + l4; }
};

// Enough room in front of any segment: Ethernet, one tag, IPv6, TCP with all its options.
constexpr std::size_t kMaxHeadersLength = 14 + 4 + 40 + 60;

[[nodiscard]] HeaderLengths header_lengths(const TcpHeaders& headers) noexcept;

// write_tcp_headers fills `room`, whose size must be header_lengths(headers).total() and whose end
// is where `payload` begins.  Completion::software leaves a complete frame.  Completion::port
// leaves the IPv4 checksum zero and the pseudo-header sum in the TCP checksum, as a port's offload
// wants them; the payload is not read then.
HeaderLengths write_tcp_headers(MutableBytes room, const TcpHeaders& headers, ByteView payload,
                                Completion completion) noexcept;

}  // namespace sallyport::wire
