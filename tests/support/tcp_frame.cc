#include "tests/support/tcp_frame.h"

#include <algorithm>

#include "lib/wire/headers.h"
#include "lib/wire/packet.h"
#include "lib/worker/transmitter.h"

namespace sallyport::testing {
namespace {

wire::TcpSegment wire_segment(const FourTuple& tuple, const tcp::Segment& from) {
  wire::TcpSegment to;
  to.source_port = tuple.local.port;
  to.destination_port = tuple.remote.port;
  to.sequence_number = from.seq.raw;
  to.acknowledgment_number = from.ack.raw;
  to.flags = {from.flags.bits};
  to.window = from.window;
  const tcp::Options& o = from.options;
  to.options = {.mss = o.mss,
                .window_scale = o.window_scale,
                .has_window_scale = o.has_window_scale,
                .sack_permitted = o.sack_permitted,
                .has_timestamps = o.has_timestamps,
                .num_sack_blocks = o.num_sack_blocks,
                .tsval = o.tsval,
                .tsecr = o.tsecr,
                .sack_blocks = {}};
  std::ranges::transform(o.sack(), to.options.sack_blocks.begin(), [](const auto& b) {
    return wire::TcpOptions::SackBlock{b.left.raw, b.right.raw};
  });
  return to;
}

}  // namespace

Bytes tcp_frame(const wire::Ethernet& ethernet, const FourTuple& tuple, const tcp::Segment& segment,
                ByteView payload, wire::Ecn ecn) {
  const wire::TcpHeaders headers{
      .ethernet = ethernet,
      .ip = {.source = tuple.local.ip, .destination = tuple.remote.ip, .ecn = ecn},
      .tcp = wire_segment(tuple, segment)};
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
                         .ecn = packet->ecn,
                         .from = packet->ethernet.source};
}

}  // namespace sallyport::testing
