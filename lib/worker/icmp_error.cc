// What routers say about our segments.  Nobody has authenticated it, so it never ends a connection.
#include "lib/tcp/path_mtu.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::DropReason;
using stats::Traffic;

DropReason Worker::receive_icmp_error(const wire::IcmpError& error) noexcept {
  const FourTuple tuple{error.source, error.destination};
  const FlowRef flow = find_flow(tuple, flows_.hash(tuple));
  if (flow.kind != FlowRef::Kind::client && flow.kind != FlowRef::Kind::backend) {
    return DropReason::icmp_not_ours;
  }
  Connection& c = at(flow.index);
  Side& side = flow.kind == FlowRef::Kind::client ? c.client : c.backend;
  const tcp::SeqNum quoted{error.sequence_number};
  if (!side.has_tcp() || !tcp::is_about_us(side.tcb, quoted)) return DropReason::icmp_not_ours;
  // [RFC 5461 2.2] [RFC 5927 5.2] Unreachable may be over in a moment; what lasts, the connection's
  // own time-outs find out.
  if (error.kind != wire::IcmpErrorKind::packet_too_big) return DropReason::icmp_soft_error;
  if (!tcp::packet_too_big(side.tcb, side.send, quoted, error.mtu)) {
    return DropReason::icmp_soft_error;
  }
  stats_.traffic.count(Traffic::path_mtu_reductions);
  mark_ready(c);
  return DropReason::none;
}

}  // namespace sallyport::worker
