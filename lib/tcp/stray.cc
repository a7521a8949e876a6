#include "lib/tcp/stray.h"

namespace sallyport::tcp {

std::optional<Segment> reset_for(const Segment& segment) noexcept {
  // [RFC 9293 3.10.7.1] A RST is never answered, or two hosts could reset each other for ever.
  if (segment.flags.rst()) return std::nullopt;
  Segment rst;
  if (segment.flags.ack()) {
    // [RFC 9293 3.10.7.1] <SEQ=SEG.ACK><CTL=RST>: lies exactly where the sender expects us.
    rst.flags = kRst;
    rst.seq = segment.ack;
    return rst;
  }
  // [RFC 9293 3.10.7.1] <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
  rst.flags = kRst | kAck;
  rst.ack = segment.seq + segment.length();
  return rst;
}

}  // namespace sallyport::tcp
