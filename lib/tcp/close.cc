#include "lib/tcp/close.h"

#include "lib/tcp/output.h"

namespace sallyport::tcp {

bool close(Tcb& tcb) noexcept {
  // [RFC 9293 3.10.4] The state changes at once; the FIN itself waits for what is queued.
  switch (tcb.state) {
    case State::closed:
    case State::time_wait:
      return false;
    case State::syn_sent:
      tcb.state = State::closed;
      return false;
    case State::syn_received:
      // Becomes FIN_WAIT_1 when the handshake completes, so that our SYN-ACK can still be repeated.
      tcb.fin_queued = true;
      return true;
    case State::established:
      tcb.fin_queued = true;
      tcb.state = State::fin_wait_1;
      return true;
    case State::close_wait:
      tcb.fin_queued = true;
      tcb.state = State::last_ack;
      return true;
    case State::fin_wait_1:
    case State::fin_wait_2:
    case State::closing:
    case State::last_ack:
      return true;
  }
  return true;
}

std::optional<Segment> abort(Tcb& tcb, Instant now) noexcept {
  const State was = tcb.state;
  // [RFC 9293 3.10.5] In these states the peer expects nothing, or knows of nothing.
  if (was == State::closed || was == State::syn_sent || was == State::time_wait) {
    tcb.state = State::closed;
    return std::nullopt;
  }
  // [RFC 9293 3.10.5] <SEQ=SND.NXT><CTL=RST>.  With an ACK it also passes the many filters that
  // drop segments without one.
  Segment rst = make_ack(tcb, now);
  rst.flags = kRst | kAck;
  tcb.state = State::closed;
  return rst;
}

}  // namespace sallyport::tcp
