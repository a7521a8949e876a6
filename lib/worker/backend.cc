// The backend of a connection: chosen and opened after the client's Finished, and replaced by
// another one when it refuses or keeps silent, or TLS with it does not come about, as long as no
// byte was relayed.
#include <algorithm>
#include <array>

#include "lib/tcp/open.h"
#include "lib/tcp/options.h"
#include "lib/worker/introduction.h"
#include "lib/worker/transmitter.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::BackendCounter;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

// The first backend and at most two others: a client waits no longer than three time-outs, and a
// pool that is down does not multiply every connection by its size.
constexpr std::size_t kMaxAttempts = 3;
// A local port must be free and its tuple must belong to this worker; with w workers one in w
// does, and of a pool with sources of both families half of it.  When so many draws find none, the
// ports towards this backend are used up.
constexpr std::uint32_t kMaxPortDraws = 1'024;

// Room for the header and tag that a segment of the backend gets as a record, so that one full
// segment becomes exactly one full frame to the client.
constexpr std::uint16_t kRecordRoom = 29;

// The least that a segment to a backend carries: for a client of the smallest MSS, timestamps on
// both sides.  Even in such segments a client's record becomes one record for its backend, which
// deliver_sealed() counts on: that the key is good for one more is known before the record is
// opened, and a second one might find it used up.  (No backend has shorter records made for it:
// tls::Client offers no such extension.)
constexpr std::size_t kLeastSegment = tcp::kSmallestMss - tcp::kTimestampsLength - kRecordRoom;
static_assert((tls::kMaxPieces - 1) * kLeastSegment >= tls::kMaxFragment + tls::kMaxRecordOverhead);

// [RFC 6298 2.1 except] The first time-out is three tenths of the time that a backend has for its
// answer.  With one second for both, a lost SYN would never be repeated; so it goes twice more.
tcp::Micros first_timeout(TscSpan connect, TscRate rate) noexcept {
  const std::int64_t part = std::chrono::duration_cast<microseconds>(rate.nanos(connect)).count();
  constexpr std::int64_t kMost = tcp::kInitialRto.count;
  return {static_cast<std::uint32_t>(std::clamp<std::int64_t>(part * 3 / 10, 1, kMost))};
}

}  // namespace

void Worker::open_backend(Connection& c, Turn& turn) noexcept {
  const snapshot::Pool& pool = (*snapshot_->pools)[c.pool.value];
  balance::Cursor& shared = cursors_[c.pool.value % cursors_.size()];
  // Only a first attempt moves the cursor: otherwise a dead backend would, with one retry each, be
  // the first choice of every connection to a pool of two.
  balance::Cursor own = shared;
  while (c.tried.size() < kMaxAttempts) {
    balance::Cursor& cursor = c.tried.size() == 0 ? shared : own;
    const auto picked =
        balance::pick(pool.plan, cursor, {.hash = flows_.hash(c.client.tuple)}, c.tried);
    if (!picked) break;
    c.tried.add(*picked);
    if (connect_to(c, pool, pool.backends[picked->value], turn)) return;
  }
  count_failure(
      c, c.tried.size() == 0 ? HandshakeFailure::no_backend : HandshakeFailure::no_local_port);
  finish_client(c, Phase::ending, turn);
}

bool Worker::connect_to(Connection& c, const snapshot::Pool& pool, const snapshot::Backend& backend,
                        Turn& turn) noexcept {
  const bool speaks_tls = pool.tls != nullptr;
  // Never in plaintext instead.
  if (speaks_tls && legs_.empty()) return false;
  FourTuple tuple{{}, backend.address};
  FlowTable::Hash hash = 0;
  if (!draw_local_port(pool, tuple, hash)) return false;
  const FlowRef flow{FlowRef::Kind::backend, index_of(c)};
  if (!flows_.insert(hash, flow)) return false;
  const snapshot::Interface& interface = (*snapshot_->interfaces)[backend.interface.value];
  const snapshot::TcpPolicy& policy = (*snapshot_->listeners)[c.listener].tcp;
  const bool is_v4 = tuple.local.ip.is_v4();
  const std::uint16_t own_mss = tcp::mss_for_mtu(interface.mtu, is_v4);
  // What the backend sends in one segment must fit one segment to the client as a record.
  const std::uint16_t client_payload = c.client.tcb.snd_mss;
  const std::uint16_t option_room = tcp::kTimestampsLength;  // the MSS option does not count it
  const auto one_record = static_cast<std::uint16_t>(
      client_payload > 2 * kRecordRoom ? client_payload - kRecordRoom + option_room
                                       : client_payload);
  std::uint32_t receive_buffer = std::min(limits(c).backend_receive_buffer, receive_share());
  // Below one whole record, none could ever complete.
  if (speaks_tls) {
    const std::uint32_t record = static_cast<std::uint32_t>(tls::kMaxRecord) + own_mss;
    receive_buffer = std::max(receive_buffer, record);
  }
  c.backend_speaks_tls = speaks_tls;
  if (BackendLeg* leg = leg_of(c)) {
    end_leg(*leg);  // a failure may have come after the end of what was here before
    leg->sessions = backend.sessions;
    leg->has_ended = false;
  }
  c.backend.kind = flow.kind;
  c.backend.index = flow.index % Side::kMaxConnections;
  c.backend.in_use = true;
  c.backend.tcp_done = false;
  c.backend.peer_closed = false;
  c.backend.link = {backend.interface, backend.next_hop};
  c.backend.tuple = tuple;
  c.backend.tcb =
      tcp::open_active(tuple,
                       {.iss = tcp::initial_sequence(tuple, isn_secret_, instant_),
                        .ts_offset = tcp::timestamp_offset(tuple, isn_secret_),
                        .our_mss = std::min(own_mss, one_record),
                        .receive_buffer = receive_buffer,
                        .congestion = c.client.tcb.algorithm,
                        .ecn = policy.ecn == snapshot::EcnPolicy::offer,
                        .keep_alive = policy.keep_alive_seconds,
                        .initial_rto = first_timeout(limits(c).backend_connect, config_.tsc_rate)},
                       instant_);
  c.backend.send.restart(c.backend.tcb.iss + 1);
  c.backend_counter = backend.counter;
  auto& counters = stats_.backends[backend.counter];
  counters.set(BackendCounter::connections, counters.value(BackendCounter::connections) + 1);
  c.phase = Phase::connecting;
  c.phase_deadline = turn.now + limits(c).backend_connect;
  pass_stage(c, HandshakeStage::backend_syn_sent, turn.now);
  mark_ready(c);
  return true;
}

bool Worker::draw_local_port(const snapshot::Pool& pool, FourTuple& tuple,
                             FlowTable::Hash& hash) noexcept {
  const std::uint32_t num_ports = std::uint32_t{pool.local_port_last} - pool.local_port_first + 1U;
  const auto num_sources = static_cast<std::uint32_t>(pool.source_addresses.size());
  const std::uint32_t num_sockets = num_ports * num_sources;
  for (std::uint32_t draw = 0; draw < kMaxPortDraws; ++draw) {
    const std::uint32_t at = port_order_.at(next_local_port_++ % num_sockets, num_sockets);
    const IpAddress& source = pool.source_addresses[at / num_ports];
    if (source.is_v4() != tuple.remote.ip.is_v4()) continue;
    tuple.local = {source, static_cast<std::uint16_t>(pool.local_port_first + at % num_ports)};
    const std::uint32_t toeplitz = frame::toeplitz(config_.toeplitz_key, tuple.remote, tuple.local);
    if (config_.reta.owner(toeplitz) != config_.index) continue;
    hash = flows_.hash(tuple);
    if (find_flow(tuple, hash).kind == FlowRef::Kind::none) return true;
  }
  return false;
}

void Worker::on_backend_established(Connection& c, Turn& turn) noexcept {
  if (c.phase != Phase::connecting) return;
  pass_stage(c, HandshakeStage::backend_established, turn.now);
  stats_.backends[c.backend_counter].count(BackendCounter::established);
  c.phase = Phase::greeting;
  c.last_activity = turn.now;
  c.phase_deadline = turn.now + limits(c).idle;
  // What takes frames comes with advance(), which has some.
  if (!c.notes) greet_backend(c, turn);
}

void Worker::greet_backend(Connection& c, Turn& turn) noexcept {
  const tls::HelloNotes* const notes = hello_notes_.get(c.notes);
  if (notes != nullptr && c.backend.has_tcp()) {
    std::array<std::uint8_t, wire::kMaxProxyHeader> room;
    wire::Writer w{room};
    write_introduction(w, c.client.tuple, c.tls, *(*snapshot_->listeners)[c.listener].tls, *notes,
                       client_of(c));
    if (!can_append(c, w.size(), turn)) {
      mark_ready(c);
      return;
    }
    append_to_backend(c, w.written(), turn);
  }
  if (BackendLeg* leg = leg_of(c)) {
    c.phase = Phase::connecting;  // another backend may have to be told the same
    begin_backend_tls(c, *leg, turn);
  } else {
    begin_relay(c, turn);
  }
}

void Worker::begin_relay(Connection& c, Turn& turn) noexcept {
  forget_notes(c);
  c.phase = Phase::relaying;
  c.last_activity = turn.now;
  c.phase_deadline = turn.now + limits(c).idle;
}

void Worker::on_backend_unreachable(Connection& c, HandshakeFailure failure, Turn& turn) noexcept {
  end_side(c.backend, turn);
  if (!c.seeks_backend()) return;
  stats_.backends[c.backend_counter].count(failure == HandshakeFailure::backend_refused
                                               ? BackendCounter::refused
                                               : BackendCounter::timed_out);
  try_another_backend(c, failure, turn);
}

void Worker::try_another_backend(Connection& c, HandshakeFailure failure, Turn& turn) noexcept {
  const snapshot::Pool& pool = (*snapshot_->pools)[c.pool.value];
  balance::Cursor probe = cursors_[c.pool.value % cursors_.size()];
  if (c.tried.size() < kMaxAttempts && balance::pick(pool.plan, probe, {}, c.tried)) {
    stats_.traffic.count(Traffic::backend_retries);
    open_backend(c, turn);
    return;
  }
  count_failure(c, failure);
  finish_client(c, Phase::ending, turn);
}

}  // namespace sallyport::worker
