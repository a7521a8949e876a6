#include "tests/support/tcp_frame.h"

#include <algorithm>

#include "lib/wire/headers.h"
#include "lib/wire/packet.h"
#include "lib/worker/transmitter.h"

namespace sallyport::testing {
Bytes tcp_frame(const wire::Ethernet& ethernet, const FourTuple& tuple, const tcp::Segment& segment,
                ByteView payload) {
  const wire::TcpHeaders headers{
      .ethernet = ethernet,
      .ip = {.source = tuple.local.ip, .destination = tuple.remote.ip, .ecn = segment.ecn},
      .tcp = worker::wire_segment_of(tuple, segment)};
  const std::size_t total = wire::header_lengths(headers).total();
  Bytes frame(total + payload.size());
  std::ranges::copy(payload, frame.begin() + static_cast<std::ptrdiff_t>(total));
  wire::write_tcp_headers(MutableBytes{frame}.first(total), headers, payload,
                          wire::Completion::software);
  return frame;
}

std::optional<ReceivedSegment> read_tcp_frame(ByteView frame) {
  const auto packet = wire::parse_packet(frame, 0, {});
  if (!packet || packet->kind != wire::PacketKind::tcp) return std::nullopt;
  return ReceivedSegment{.tuple = worker::tuple_of(*packet),
                         .segment = worker::segment_of(*packet),
                         .payload = packet->payload(frame),
                         .from = packet->ethernet.source};
}

}  // namespace sallyport::testing
