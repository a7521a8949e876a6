// Segments out: queued data, retransmissions, bare ACKs.
#include "lib/tcp/sender.h"
#include "lib/worker/transmitter.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::DropReason;
using stats::Traffic;

void Worker::transmit(Connection& c, Side& side, Turn& turn) noexcept {
  for (;;) {
    if (turn.out.frame_credit() == 0 || turn.out.send_credit() == 0) {
      mark_ready(c);
      return;
    }
    const tcp::Transmission t = tcp::next_transmission(side.tcb, side.send, instant_);
    if (!t) break;
    if (t.kind == tcp::Transmission::Kind::retransmission) {
      stats_.traffic.count(Traffic::retransmitted_segments);
    }
    send_queued(side, t, tcp::transmit(side.tcb, side.send, t, instant_), turn);
  }
  if (tcp::wants_ack(side.tcb)) send_ack(side, turn);
}

void Worker::send_queued(Side& side, const tcp::Transmission& t, const tcp::Segment& header,
                         Turn& turn) noexcept {
  if (t.len == 0) {
    send_bare(side.link, side.tuple, header, turn);
    return;
  }
  frame::Frame* queued = side.send.find(t.seq);
  if (queued == nullptr) {
    stats_.drops.count(DropReason::internal_error);
    return;
  }
  const Chunk chunk = Chunk::of(*queued);
  if (chunk.seq == t.seq && chunk.len == t.len && !queued->is_shared()) {
    queued->offset = chunk.offset;
    queued->len = chunk.len;
    if (write_segment(*queued, *snapshot_, side.link, side.tuple, header)) {
      turn.out.send_and_keep(*queued);
    } else {
      stats_.drops.count(DropReason::no_next_hop);
    }
    return;
  }
  // The NIC still reads the frame, or another part of the queue is wanted than one frame: a copy.
  frame::Frame& copy = turn.out.take(kHeadRoom);
  copy.len = static_cast<std::uint16_t>(t.len);
  side.send.copy(t.seq, copy.bytes());
  if (write_segment(copy, *snapshot_, side.link, side.tuple, header)) {
    turn.out.send(copy);
  } else {
    turn.out.untake(copy);
    stats_.drops.count(DropReason::no_next_hop);
  }
}

void Worker::send_bare(const LinkPeer& peer, const FourTuple& tuple, const tcp::Segment& segment,
                       Turn& turn) noexcept {
  frame::Frame& f = turn.out.take(kHeadRoom);
  if (write_segment(f, *snapshot_, peer, tuple, segment)) {
    turn.out.send(f);
  } else {
    turn.out.untake(f);
    stats_.drops.count(DropReason::no_next_hop);
  }
}

void Worker::send_ack(Side& side, Turn& turn, const tcp::SackBlock& duplicate) noexcept {
  std::array<tcp::SackBlock, tcp::Options::kMaxSackBlocks> blocks;
  const std::size_t num_blocks = side.out_of_order.sack_blocks(duplicate, blocks);
  const tcp::Segment ack = tcp::make_ack(side.tcb, instant_, std::span{blocks}.first(num_blocks));
  send_bare(side.link, side.tuple, ack, turn);
}

}  // namespace sallyport::worker
