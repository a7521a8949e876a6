// From a received frame to the connection that it belongs to.
#include <algorithm>

#include "lib/tcp/output.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/stray.h"
#include "lib/worker/transmitter.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::DropReason;
using stats::Traffic;

namespace {

// Frames kept ahead of a gap.  Before the client's Finished only as many as one large ClientHello
// comes in, and no text that lies further ahead.
constexpr OutOfOrderQueue::Limits kBeforeFinished{.max_nodes = 8, .max_runs = 8};
constexpr std::uint32_t kSpanBeforeFinished = 4'096;  // bytes beyond RCV.NXT

// Later as many as carry the promised window in segments of half a usual size.  Without this limit
// a peer with a hole at the start of its window could pin a whole buffer with every byte behind it.
OutOfOrderQueue::Limits limits_after_finished(const tcp::Tcb& tcb) noexcept {
  const std::uint32_t nodes = 64 + 2 * tcp::rcv_wnd(tcb) / std::max<std::uint32_t>(tcb.our_mss, 1);
  return {.max_nodes = static_cast<std::uint16_t>(std::min(nodes, 65'535U)), .max_runs = 64};
}

// With segments of the usual size a record lies in fewer frames.
constexpr std::uint32_t kFramesOfARecord = 16;

}  // namespace

void Worker::receive_burst(std::span<frame::Frame* const> rx, Turn& turn) noexcept {
  syns_.begin(*snapshot_, syn_received_.is_tracking(), turn.now);
  while (!rx.empty()) {
    const auto some = rx.first(std::min(rx.size(), BurstLook::kMaxFrames));
    rx = rx.subspan(some.size());
    look_.look(some, flows_);
    for (std::size_t i = 0; i < some.size(); ++i) {
      // SYNs of nobody are answered after the frames of those that have a connection.
      const BurstLook::View& view = look_[i];
      if (view.is_syn() && !flows_.may_hold(view.hash) && syns_.take(*some[i], view, turn)) {
        continue;
      }
      if (view.is_ack() && !flows_.may_hold(view.hash) && syns_.take_ack(*some[i], view, turn)) {
        if (syns_.acks_full()) refuse_acks(turn);
        continue;
      }
      receive(*some[i], turn);
    }
    syns_.finish(turn);
    refuse_acks(turn);
  }
}

void Worker::refuse_acks(Turn& turn) noexcept {
  for (frame::Frame* f : syns_.judge_acks(resets_, turn.now)) receive(*f, turn);
}

void Worker::receive(frame::Frame& f, Turn& turn) noexcept {
  const DropReason why = receive_packet(f, turn);
  if (why != DropReason::none) stats_.drops.count(why);
}

DropReason Worker::receive_packet(frame::Frame& f, Turn& turn) noexcept {
  // What the port calls bad is looked at again: only the parser can say which checksum it is, and
  // whether the frame would have been dropped for another reason anyway.
  const bool verify = f.checksum != frame::ChecksumState::good;
  const auto packet = wire::parse_packet(f.bytes(), f.vlan, {.ip = verify, .tcp = verify});
  if (!packet) return drop_reason_of(packet.error());

  const auto& interfaces = *snapshot_->interfaces;
  const auto interface = std::ranges::find_if(interfaces, [&](const snapshot::Interface& i) {
    return i.port == f.port.value && i.vlan == packet->ethernet.vlan;
  });
  if (interface == interfaces.end()) return DropReason::vlan_unknown;
  if (packet->ethernet.source == interface->mac) return DropReason::ethernet_own_source;
  const MacAddress& to = packet->ethernet.destination;
  if (to != interface->mac && !to.is_multicast()) return DropReason::ethernet_not_for_us;
  if (packet->kind != wire::PacketKind::tcp) {
    if (const auto error = wire::parse_icmp_error(*packet, f.bytes())) {
      return receive_icmp_error(*error);
    }
    return local_.handle(f, *packet, *interface, turn);
  }
  // [RFC 1122 3.3.6] A segment that came in a link-layer broadcast is nobody's.
  if (to.is_multicast()) return DropReason::ethernet_not_for_us;
  const auto index = static_cast<std::uint16_t>(interface - interfaces.begin());
  return receive_tcp(f, *packet, {index}, turn);
}

DropReason Worker::receive_tcp(frame::Frame& f, const wire::Packet& packet,
                               snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  const FourTuple tuple = tuple_of(packet);
  if (tuple.local == tuple.remote) return DropReason::tcp_land;
  const tcp::Segment segment = segment_of(packet);
  const FlowTable::Hash hash = flows_.hash(tuple);
  const FlowRef flow = find_flow(tuple, hash);
  switch (flow.kind) {
    case FlowRef::Kind::client: {
      Connection& c = at(flow.index);
      return receive_segment(c, c.client, f, packet, segment, turn);
    }
    case FlowRef::Kind::backend: {
      Connection& c = at(flow.index);
      return receive_segment(c, c.backend, f, packet, segment, turn);
    }
    case FlowRef::Kind::syn_received:
      return receive_syn_received(flow.index, f, packet, segment, hash, interface, turn);
    case FlowRef::Kind::time_wait:
      return receive_time_wait(flow.index, packet, segment, interface, turn);
    case FlowRef::Kind::none:
      break;
  }
  if (is_local((*snapshot_->interfaces)[interface.value], tuple.remote.ip)) {
    return DropReason::ip_bad_source;
  }
  if (segment.flags.syn() && !segment.flags.ack() && !segment.flags.rst()) {
    return receive_syn(packet, segment, hash, interface, turn);
  }
  return receive_stray(f, packet, segment, hash, interface, turn);
}

FlowRef Worker::find_flow(const FourTuple& tuple, FlowTable::Hash hash) noexcept {
  return flows_.find(hash, [&](FlowRef ref) {
    switch (ref.kind) {
      case FlowRef::Kind::client:
        return at(ref.index).client.tuple == tuple;
      case FlowRef::Kind::backend:
        return at(ref.index).backend.tuple == tuple;
      case FlowRef::Kind::syn_received:
        return syn_received_.at(ref.index).tuple == tuple;
      case FlowRef::Kind::time_wait:
        return time_wait_.at(ref.index).tuple == tuple;
      case FlowRef::Kind::none:
        break;
    }
    return false;
  });
}

DropReason Worker::receive_time_wait(std::uint32_t index, const wire::Packet& packet,
                                     const tcp::Segment& segment,
                                     snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  TimeWaitRecord& record = time_wait_.at(index);
  const tcp::Stamp expires_at = record.state.expires_at;
  const tcp::TimeWaitArrival arrival = tcp::segment_arrives(record.state, segment, instant_);
  if (arrival.rearmed) {
    // Moving costs a slot for a while, so a peer may have it only when half of the time is over.
    const bool late =
        expires_at.instant(instant_) < instant_ + tcp::Micros{tcp::kTimeWait.count / 2};
    if (!late) record.state.expires_at = expires_at;
    if (late) time_wait_.begin_anew(index);
  }
  switch (arrival.reply) {
    case tcp::TimeWaitReply::none:
      return DropReason::none;
    case tcp::TimeWaitReply::ack:
      if (time_wait_acks_.take(turn.now)) {
        send_bare(reply_peer(*snapshot_, interface, packet), tuple_of(packet), arrival.segment,
                  turn);
      }
      return DropReason::none;
    case tcp::TimeWaitReply::reopen:
      time_wait_.forget(index);
      return receive_syn(packet, segment, flows_.hash(tuple_of(packet)), interface, turn);
  }
  return DropReason::internal_error;
}

// --- Segments of a connection --------------------------------------------------------------------

bool Worker::reads(const Connection& c, const Side& side) const noexcept {
  if (c.phase == Phase::ending) return false;
  if (side.kind == FlowRef::Kind::client) return !c.tls.peer_closed();
  const BackendLeg* const leg = leg_of(c);
  return leg == nullptr || !leg->has_ended;
}

DropReason Worker::receive_segment(Connection& c, Side& side, frame::Frame& f,
                                   const wire::Packet& packet, const tcp::Segment& segment,
                                   Turn& turn) noexcept {
  // What fills a gap sets free what waits behind it, so it is taken even when frames are scarce; in
  // the place of another one where there is none.
  const bool fills_gap =
      !side.out_of_order.empty() && tcp::at_or_before(segment.seq, side.tcb.rcv_nxt);
  if (segment.payload_len > 0 && fills_gap && held_.rx_held >= config_.max_rx_frames_held) {
    turn.out.release(*side.out_of_order.take_last());
    --held_.rx_held;
  }
  // Nor is a record ever opened that was not let in as a whole, however many segments it comes in.
  const bool completes_record = comes_in_records(c, side) &&
                                tcp::at_or_before(segment.seq, side.tcb.rcv_nxt) &&
                                side.input.size() < tls::kMaxRecord;
  const bool is_awaited = fills_gap || completes_record;
  const bool refuse =
      segment.payload_len > 0 && (held_.rx_held >= config_.max_rx_frames_held ||
                                  (!is_awaited && holds_scarce_frames(side, kFramesOfARecord)));
  tcp::Arrival arrival = tcp::segment_arrives(
      side.tcb, segment, instant_, refuse ? tcp::TextPolicy::refuse : tcp::TextPolicy::accept);
  DropReason why = arrival.drop;
  if (refuse && why == DropReason::none) why = DropReason::tcp_buffers_low;
  if (arrival.drop == DropReason::none) side.link.follow(packet.ethernet.source);
  tcp::process_ack(side.tcb, side.send, segment, arrival, instant_);
  if (arrival.bytes_acked > 0) side.send.acknowledge(side.tcb.snd_una, turn);
  // What lies behind a gap, or is thrown away, moves nothing: a peer that repeats it would keep its
  // place and its frames for ever.
  const bool brings_text = arrival.text.kind == tcp::Text::Kind::in_order && reads(c, side);
  if (arrival.bytes_acked > 0 || brings_text) c.last_activity = turn.now;
  if (arrival.events.has(tcp::Event::fast_retransmit)) {
    stats_.traffic.count(Traffic::fast_retransmits);
  }
  if (arrival.events.has(tcp::Event::spurious_recovery)) {
    stats_.traffic.count(Traffic::spurious_recoveries);
  }
  if (arrival.events.has(tcp::Event::ce_received)) stats_.traffic.count(Traffic::ecn_ce_received);
  if (arrival.events.has(tcp::Event::ecn_reduction)) stats_.traffic.count(Traffic::ecn_reductions);
  if (arrival.events.has(tcp::Event::duplicate_text)) {
    stats_.traffic.count(Traffic::duplicate_segments);
  }
  if (arrival.text.kind != tcp::Text::Kind::none) {
    const DropReason text = take_text(c, side, f, packet, arrival, turn);
    if (why == DropReason::none) why = text;
  }
  // [RFC 5681 4.2] Each segment behind a gap has an ACK of its own: without SACK three of them are
  // what tells the peer of a loss, and with SACK one ACK of a burst had no room for all its gaps.
  // [RFC 2883 4] So has one that came twice.
  const bool has_own_ack = arrival.text.kind == tcp::Text::Kind::out_of_order ||
                           (side.tcb.sack && !arrival.duplicate.empty());
  if (has_own_ack && turn.out.frame_credit() > 0 && turn.out.send_credit() > 0) {
    send_ack(side, turn, arrival.duplicate);
  }
  switch (arrival.reply) {
    case tcp::Reply::none:
    case tcp::Reply::ack:
      break;  // wants_ack() at the end of the burst
    case tcp::Reply::challenge_ack:
      stats_.traffic.count(Traffic::challenge_acks);
      send_bare(side.link, side.tuple, tcp::make_ack(side.tcb, instant_), turn);
      break;
    case tcp::Reply::reset:
      if (resets_.take(turn.now)) {
        stats_.traffic.count(Traffic::rst_sent);
        send_bare(side.link, side.tuple, arrival.rst, turn);
      } else {
        stats_.traffic.count(Traffic::rst_rate_limited);
      }
      break;
  }
  on_tcp_events(c, side, arrival.events, turn);
  if (!release_if_done(c)) mark_ready(c);
  return why;
}

DropReason Worker::take_text(Connection& c, Side& side, frame::Frame& f, const wire::Packet& packet,
                             tcp::Arrival& arrival, Turn& turn) noexcept {
  const tcp::Text& text = arrival.text;
  f.offset = static_cast<std::uint16_t>(f.offset + packet.payload_offset + text.offset);
  f.len = static_cast<std::uint16_t>(text.len);
  if (text.kind == tcp::Text::Kind::out_of_order) {
    stats_.traffic.count(Traffic::out_of_order_segments);
    FrameAccess::set(f, text.seq, text.len);
    const bool is_early = c.phase == Phase::handshake;
    const std::uint32_t span = tcp::distance(side.tcb.rcv_nxt, text.seq + text.len);
    if (is_early && span > kSpanBeforeFinished) return DropReason::tcp_reassembly_full;
    const auto bounds = is_early ? kBeforeFinished : limits_after_finished(side.tcb);
    switch (side.out_of_order.insert(f, bounds)) {
      case OutOfOrderQueue::Insert::kept:
        f.kept = true;
        ++held_.rx_held;
        return DropReason::none;
      case OutOfOrderQueue::Insert::duplicate:
        stats_.traffic.count(Traffic::duplicate_segments);
        arrival.duplicate = {text.seq, text.seq + text.len};
        return DropReason::none;
      case OutOfOrderQueue::Insert::full:
        return DropReason::tcp_reassembly_full;
    }
  }
  const bool wanted = reads(c, side);
  if (wanted) {
    f.kept = true;
    side.input.append(f, turn);
  }
  // What had arrived ahead of this gap may follow now.
  while (frame::Frame* next = side.out_of_order.pop(side.tcb.rcv_nxt)) {
    --held_.rx_held;
    arrival.events.add(tcp::buffered_text_delivered(side.tcb, next->len));
    if (wanted) {
      side.input.append(*next, turn);
    } else {
      turn.out.release(*next);
    }
  }
  return wanted ? DropReason::none : DropReason::tcp_after_close;
}

void Worker::on_tcp_events(Connection& c, Side& side, tcp::Events events, Turn& turn) noexcept {
  if (!events.any()) return;
  const bool is_client = side.kind == FlowRef::Kind::client;
  if (events.has(tcp::Event::peer_closed)) side.peer_closed = true;
  if (events.has(tcp::Event::established) && !is_client) on_backend_established(c, turn);
  // Who resets before it was told whose connection it is has only refused later than others.
  const bool is_untold = !is_client && c.phase == Phase::greeting;
  if (events.has(tcp::Event::refused) || (events.has(tcp::Event::reset) && is_untold)) {
    on_backend_unreachable(c, stats::HandshakeFailure::backend_refused, turn);
    return;
  }
  BackendLeg* const leg = is_client ? nullptr : leg_of(c);
  if (events.has(tcp::Event::reset) && leg != nullptr) {
    end_side(side, turn);
    if (c.phase == Phase::connecting) {
      on_backend_tls_failed(c, *leg, stats::BackendTlsFailure::closed);
      return;
    }
    // What it said was whole, and is on its way to the client.
    if (leg->has_ended) {
      finish_client(c, Phase::ending, turn);
      return;
    }
  }
  if (events.has(tcp::Event::reset)) {
    count_close(c, is_client ? stats::CloseCause::client_reset : stats::CloseCause::backend_reset);
    end_side(side, turn);
    // The other side must see that the stream was cut off, not that it ended.
    if (is_client) {
      abort_backend(c, turn);
    } else {
      reset_side(c.client, turn);
    }
    return;
  }
  if (events.has(tcp::Event::time_wait) || events.has(tcp::Event::closed)) {
    // The record of TIME_WAIT only repeats the ACK of the peer's FIN; the first one is ours to
    // send.
    if (tcp::wants_ack(side.tcb) && turn.out.frame_credit() > 0 && turn.out.send_credit() > 0) {
      send_ack(side, turn);
    }
    retire_tcp(side, events.has(tcp::Event::time_wait));
    if (side.input.empty()) end_side(side, turn);
  }
}

void Worker::answer_stray(const wire::Packet& packet, const tcp::Segment& segment,
                          snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  const snapshot::Interface& in = (*snapshot_->interfaces)[interface.value];
  if (in.strays == snapshot::StrayPolicy::silence) return;
  answer_with_reset(packet, segment, interface, turn);
}

void Worker::answer_with_reset(const wire::Packet& packet, const tcp::Segment& segment,
                               snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  const auto rst = tcp::reset_for(segment);
  if (!rst) return;
  if (!resets_.take(turn.now)) {
    stats_.traffic.count(Traffic::rst_rate_limited);
    return;
  }
  stats_.traffic.count(Traffic::rst_sent);
  send_bare(reply_peer(*snapshot_, interface, packet), tuple_of(packet), *rst, turn);
}

}  // namespace sallyport::worker
