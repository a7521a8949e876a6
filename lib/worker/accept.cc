// From a SYN to a connection: cookies, handshakes that are remembered, strays, and who is let in.
#include <algorithm>
#include <memory>

#include "lib/tcp/open.h"
#include "lib/tcp/options.h"
#include "lib/tcp/stray.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/syn_received.h"
#include "lib/worker/transmitter.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::CookieRefusal;
using stats::DropReason;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

// SYN-ACKs repeated in one call, so that thousands which are due at once do not hold up the rest.
constexpr std::uint32_t kSynAcksPerCall = 64;

[[nodiscard]] tcp::WallTime wall_time(const snapshot::Snapshot& snapshot, Tsc now) noexcept {
  return {snapshot.wall.unix_ms_at(now, snapshot.tsc_rate)};
}

[[nodiscard]] tcp::SynAckParameters syn_ack_parameters(
    const snapshot::Snapshot& snapshot, const snapshot::Listener& listener,
    snapshot::InterfaceIndex interface) noexcept {
  const std::uint16_t mtu = (*snapshot.interfaces)[interface.value].mtu;
  return {.our_mss = tcp::mss_for_mtu(mtu, listener.address.ip.is_v4()),
          .receive_buffer = listener.limits.client_receive_buffer,
          .congestion = listener.tcp.congestion_control == snapshot::CongestionControl::new_reno
                            ? tcp::CongestionAlgorithm::new_reno
                            : tcp::CongestionAlgorithm::cubic,
          .ecn = listener.tcp.ecn != snapshot::EcnPolicy::off,
          .keep_alive = listener.tcp.keep_alive_seconds};
}

}  // namespace

const snapshot::Listener* Worker::find_listener(const SocketAddress& address,
                                                std::uint16_t& index) const noexcept {
  const auto& listeners = *snapshot_->listeners;
  const auto found = std::ranges::lower_bound(listeners, address, {}, &snapshot::Listener::address);
  if (found == listeners.end() || found->address != address) return nullptr;
  index = static_cast<std::uint16_t>(found - listeners.begin());
  return &*found;
}

DropReason Worker::refuse_closed_port(const wire::Packet& packet, const tcp::Segment& segment,
                                      snapshot::InterfaceIndex interface, DropReason why,
                                      Turn& turn) noexcept {
  if (!is_local((*snapshot_->interfaces)[interface.value], packet.destination)) {
    return DropReason::ip_not_for_us;
  }
  answer_stray(packet, segment, interface, turn);
  return why;
}

DropReason Worker::receive_syn(const wire::Packet& packet, const tcp::Segment& segment,
                               FlowTable::Hash hash, snapshot::InterfaceIndex interface,
                               Turn& turn) noexcept {
  const FourTuple tuple = tuple_of(packet);
  std::uint16_t index = 0;
  const snapshot::Listener* listener = find_listener(tuple.local, index);
  if (listener == nullptr) {
    return refuse_closed_port(packet, segment, interface, DropReason::tcp_no_listener, turn);
  }
  if (snapshot_->draining) return DropReason::draining;
  stats_.stages.count(HandshakeStage::syn_received);
  const tcp::Segment syn_ack =
      tcp::make_syn_ack(tuple, segment, syn_ack_parameters(*snapshot_, *listener, interface),
                        snapshot_->cookie_keys, wall_time(*snapshot_, turn.now));
  stats_.stages.count(HandshakeStage::syn_ack_sent);
  const LinkPeer peer = reply_peer(*snapshot_, interface, packet);
  if (listener->tcp.syn_mode == snapshot::SynMode::tracked && syn_received_.is_tracking()) {
    syn_received_.add(tuple, hash, peer, tcp::remember(segment, syn_ack, instant_), turn.now);
    if (!syn_received_.is_tracking()) stats_.traffic.count(Traffic::syn_tracking_suspended);
  }
  send_bare(peer, tuple, syn_ack, turn);
  return DropReason::none;
}

DropReason Worker::receive_syn_received(std::uint32_t index, frame::Frame& f,
                                        const wire::Packet& packet, const tcp::Segment& segment,
                                        FlowTable::Hash hash, snapshot::InterfaceIndex interface,
                                        Turn& turn) noexcept {
  using Step = tcp::SynReceivedStep;
  SynRecord& record = syn_received_.at(index);
  const bool was_acknowledged = record.state.acknowledged;
  const tcp::SynReceivedArrival arrival = tcp::segment_arrives(record.state, segment, instant_);
  if (record.state.acknowledged && !was_acknowledged) syn_received_.rearm(index, turn.now);
  switch (arrival.step) {
    case Step::completes: {
      const tcp::PeerOptions options = tcp::peer_options(record.state, instant_);
      std::uint16_t listener = 0;
      const bool listens = find_listener(record.tuple.local, listener) != nullptr;
      // Should there be no slot, the cookie lets the client try again.
      syn_received_.forget(index);
      if (!listens) return receive_stray(f, packet, segment, hash, interface, turn);
      return open_connection(f, packet, segment, options, hash, listener, interface, turn);
    }
    case Step::acknowledged:
      return DropReason::none;
    case Step::repeat_syn_ack:
      stats_.traffic.count(Traffic::syn_ack_repetitions);
      send_bare(record.link, record.tuple, tcp::repeat(record.state), turn);
      return DropReason::none;
    case Step::restart:
      syn_received_.forget(index);
      return receive_syn(packet, segment, hash, interface, turn);
    case Step::forget:
      syn_received_.forget(index);
      return DropReason::none;
    case Step::closes:
      syn_received_.forget(index);
      return receive_stray(f, packet, segment, hash, interface, turn);
    case Step::stray:
      return receive_stray(f, packet, segment, hash, interface, turn);
    case Step::drop:
      break;
  }
  return arrival.why;
}

void Worker::repeat_syn_acks(Turn& turn) noexcept {
  const auto room = std::min(turn.out.frame_credit(), turn.out.send_credit());
  const auto budget = static_cast<std::uint32_t>(std::min<std::size_t>(kSynAcksPerCall, room));
  syn_received_.expire(turn.now, budget, [&](SynRecord& record) noexcept {
    stats_.traffic.count(Traffic::syn_ack_repetitions);
    send_bare(record.link, record.tuple, tcp::repeat(record.state), turn);
  });
}

DropReason Worker::receive_stray(frame::Frame& f, const wire::Packet& packet,
                                 const tcp::Segment& segment, FlowTable::Hash hash,
                                 snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  const FourTuple tuple = tuple_of(packet);
  std::uint16_t index = 0;
  const snapshot::Listener* listener = find_listener(tuple.local, index);
  if (listener == nullptr) {
    return refuse_closed_port(packet, segment, interface, DropReason::tcp_no_connection, turn);
  }
  if (!segment.flags.ack() || segment.flags.rst() || segment.flags.syn()) {
    answer_stray(packet, segment, interface, turn);
    return DropReason::tcp_no_connection;
  }
  const tcp::WallTime wall = wall_time(*snapshot_, turn.now);
  const auto cookie = tcp::check_cookie(tuple, segment, snapshot_->cookie_keys, wall);
  if (!cookie) {
    if (tcp::overtakes(tuple, segment, snapshot_->cookie_keys, wall)) {
      return DropReason::tcp_early_overtake;
    }
    stats_.cookie_refusals.count(cookie.error());
    answer_stray(packet, segment, interface, turn);
    return DropReason::tcp_cookie_refused;
  }
  if (segment.payload_len == 0) {
    // The last ACK of the handshake makes no state; the first data will prove the cookie again.  A
    // peer that closes without a byte of data is told that nobody remembers it.
    if (segment.flags.fin()) answer_with_reset(packet, segment, interface, turn);
    return DropReason::none;
  }
  return open_connection(f, packet, segment, *cookie, hash, index, interface, turn);
}

DropReason Worker::open_connection(frame::Frame& f, const wire::Packet& packet,
                                   const tcp::Segment& segment, const tcp::PeerOptions& options,
                                   FlowTable::Hash hash, std::uint16_t listener,
                                   snapshot::InterfaceIndex interface, Turn& turn) noexcept {
  if (snapshot_->draining) {
    stats_.cookie_refusals.count(CookieRefusal::draining);
    answer_with_reset(packet, segment, interface, turn);
    return DropReason::draining;
  }
  const FourTuple tuple = tuple_of(packet);
  const snapshot::Listener& to = (*snapshot_->listeners)[listener];
  // No answer to who is not let in: the client sends its data again, and there may be room then.
  const CookieRefusal refusal = admission_.judge(to.group, to.limits, tuple.remote.ip, turn.now);
  if (refusal != CookieRefusal::none) {
    stats_.cookie_refusals.count(refusal);
    return DropReason::admission_limit;
  }
  // A cookie may be older than the handshake that is remembered for its tuple.  One of them becomes
  // the connection; two entries for one tuple would answer its segments in turn.
  if (const FlowRef flow = find_flow(tuple, hash); flow.kind == FlowRef::Kind::syn_received) {
    syn_received_.forget(flow.index);
  }
  if (handshakes_.full()) evict_handshake(turn);
  const bool lacks_notes = to.keeps_hello_notes && hello_notes_.full();
  if (connections_.full() || lacks_notes) evict_unfinished(lacks_notes, turn);
  Connection* c = accept(tuple, hash, segment, options, listener,
                         reply_peer(*snapshot_, interface, packet), turn);
  if (c == nullptr) {
    stats_.cookie_refusals.count(CookieRefusal::no_slot);
    return DropReason::connection_limit;
  }
  return receive_segment(*c, c->client, f, packet, segment, turn);
}

void Worker::evict_handshake(Turn& turn) noexcept {
  evict_slowest(handshakes_.capacity(), next_to_evict_, turn, [this](std::uint32_t index) noexcept {
    const HandshakeState* state = handshakes_.get(handshakes_.handle_at(index));
    return state == nullptr ? nullptr : connections_.get(state->owner);
  });
}

// evict_unfinished looks also at those who hold nothing but a connection: clients that were asked
// to retry, and do not.
void Worker::evict_unfinished(bool with_notes, Turn& turn) noexcept {
  evict_slowest(connections_.capacity(), next_connection_to_evict_, turn,
                [this, with_notes](std::uint32_t index) noexcept -> Connection* {
                  Connection* c = connections_.get(connections_.handle_at(index));
                  return c == nullptr || (with_notes && !c->notes) ? nullptr : c;
                });
}

void Worker::give_place(Connection& slowest, Turn& turn) noexcept {
  if (turn.now - slowest.accepted < config_.tsc_rate.ticks(kPatienceWhenFull)) return;
  count_failure(slowest, stats::HandshakeFailure::gave_place);
  reset_side(slowest.client, turn);
  (void)release_if_done(slowest);
}

Connection* Worker::accept(const FourTuple& tuple, FlowTable::Hash hash,
                           const tcp::Segment& segment, const tcp::PeerOptions& options,
                           std::uint16_t listener_index, const LinkPeer& peer,
                           Turn& turn) noexcept {
  const snapshot::Listener& listener = (*snapshot_->listeners)[listener_index];
  const bool asks = listener.tls->client_auth.is_on();
  if (connections_.full() || handshakes_.full() || !has_frames_for_another() ||
      (asks && clients_.full()) || (listener.keeps_hello_notes && hello_notes_.full())) {
    return nullptr;
  }
  Handle<Connection> handle;
  Handle<HandshakeState> handshake_handle;
  Connection* c = connections_.allocate(handle);
  HandshakeState* handshake = handshakes_.allocate(handshake_handle);
  if (c == nullptr || handshake == nullptr ||
      !flows_.insert(hash, {FlowRef::Kind::client, handle.index})) {
    connections_.release(handle);
    handshakes_.release(handshake_handle);
    return nullptr;
  }
  renew(*c);
  c->listener = listener_index;
  c->pool = listener.pool;
  c->handshake = handshake_handle;
  admission_.opened(listener.group, tuple.remote.ip);
  c->handshake_counted = true;
  renew(*handshake, handle);
  crypto::ClientIdentity* client_identity = nullptr;
  if (asks) {
    client_identity = clients_.allocate(c->known_client);
    *client_identity = {};
  }
  if (listener.keeps_hello_notes) *hello_notes_.allocate(c->notes) = {};
  std::destroy_at(&c->tls);
  std::construct_at(&c->tls, handshake->tls, *listener.tls, client_identity);
  Side& client = c->client;
  client.kind = FlowRef::Kind::client;
  client.index = handle.index % Side::kMaxConnections;
  client.in_use = true;
  client.link = peer;
  client.tuple = tuple;
  client.tcb =
      tcp::open_passive(tuple, segment, options,
                        syn_ack_parameters(*snapshot_, listener, peer.interface()), instant_);
  client.send.restart(client.tcb.snd_nxt);
  c->accepted = c->stage_at = c->last_activity = turn.now;
  c->phase_deadline = turn.now + std::min(listener.limits.client_hello, listener.limits.handshake);
  stats_.stages.count(HandshakeStage::cookie_accepted);
  return c;
}

}  // namespace sallyport::worker
