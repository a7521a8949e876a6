#include "lib/worker/worker.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "lib/base/check.h"
#include "lib/base/secret.h"
#include "lib/tcp/close.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/timers.h"
#include "lib/worker/transmitter.h"

namespace sallyport::worker {

using stats::CloseCause;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

// Work of one call that does not come from a received frame, so that a burst of deadlines or of
// ready connections is spread over several calls instead of holding up the receive queue.
constexpr std::uint32_t kTimersPerCall = 64;
constexpr std::uint32_t kTimeWaitPerCall = 64;
constexpr std::uint32_t kReadyPerCall = 128;
constexpr std::uint32_t kWaitingPerCall = 32;
constexpr std::uint32_t kSheddingPerCall = 32;

// How long a connection may hold frames without moving a byte while others have none.  Without this
// limit a few hundred clients that stop reading, or stop in the middle of a record, would stop all.
constexpr seconds kLongestStandstill{5};

[[nodiscard]] SipKey draw_key(Random& random) noexcept { return {random.u64(), random.u64()}; }

}  // namespace

Worker::Worker(const WorkerConfig& config, Arena& arena, snapshot::Reader& pins,
               stats::WorkerStats& stats, Tsc now)
    : config_{config},
      pins_{pins},
      stats_{stats},
      random_{config.seed},
      clock_{config.tsc_rate},
      connections_{arena, config.max_connections},
      handshakes_{arena, config.max_handshakes},
      message_buffers_{arena, config.max_message_buffers},
      jobs_{arena, config.max_jobs},
      verify_jobs_{arena, config.max_verify_jobs},
      clients_{arena, config.max_known_clients},
      legs_{arena, config.backends_speak_tls ? config.max_connections : 0},
      backend_handshakes_{arena, config.max_backend_handshakes},
      backend_handshake_shares_{config.max_backend_handshakes},
      verify_job_shares_{config.max_verify_jobs},
      sessions_{arena, config.tls_backends},
      hello_notes_{arena, config.max_hello_notes},
      // Each connection has two tuples, and so may have a TIME_WAIT record.
      flows_{arena, 2 * config.max_connections + config.max_time_wait + config.max_syn_received,
             draw_key(random_)},
      time_wait_{arena, config.max_time_wait, flows_},
      syn_received_{arena, config.max_syn_received, flows_, config.tsc_rate, now},
      admission_{arena, config.max_handshakes, draw_key(random_), config.tsc_rate},
      timers_{arena, config.max_connections, config.tsc_rate.ticks(milliseconds{1}), now},
      key_shares_{{.capacity = config.key_shares,
                   .low_water = static_cast<std::uint16_t>(config.key_shares / 2),
                   .max_age = config.tsc_rate.ticks(seconds{60})}},
      tls_{random_, config.key_limits, config.client_sessions},
      local_{config.tsc_rate, config.local_replies_per_second, stats},
      syns_{stats},
      resets_{config.tsc_rate, config.resets_per_second, config.resets_per_second / 10 + 1},
      time_wait_acks_{config.tsc_rate, config.time_wait_acks_per_second,
                      config.time_wait_acks_per_second / 10 + 1},
      fingerprints_{arena, config.max_fingerprints},
      isn_secret_{draw_key(random_)},
      port_order_{draw_key(random_)},
      next_local_port_{random_.u32()} {
  fingerprint_key_ = draw_key(random_);
  SALLYPORT_CHECK(config.max_connections <= Side::kMaxConnections);
  // Workers begin at different backends, or the first would see the first client of each of them.
  for (balance::Cursor& cursor : cursors_) cursor.next = config.index;
  wipe_object(config_.seed);
}

Worker::~Worker() = default;

void Worker::process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> done,
                     std::span<crypto::VerifyJob* const> judged, Tsc now,
                     frame::Outbox& out) noexcept {
  Turn turn{now, out, held_};
  instant_ = clock_.instant(now);
  tls_.begin_burst(now, config_.tsc_rate);
  tls_.use_tickets(snapshot_->ticket_keys.get(), snapshot_->wall);
  for (crypto::CryptoJob* job : done) complete(*job, turn);
  for (crypto::VerifyJob* job : judged) take_verdict(*job, turn);
  receive_burst(rx, turn);
  const std::uint32_t fired =
      timers_.expire(now, kTimersPerCall, [&](std::uint32_t index) { on_timer(index, turn); });
  if (fired > 0) stats_.traffic.count(Traffic::timers_fired, fired);
  time_wait_.expire(instant_, kTimeWaitPerCall);
  repeat_syn_acks(turn);
  refill_key_shares(turn);
  retry_waiting(turn);
  visit_ready(turn);
  shed_holders(turn);
  publish_gauges();
}

void Worker::renew(Connection& c) noexcept {
  std::destroy_at(&c);
  std::construct_at(&c);
}

Connection& Worker::at(std::uint32_t index) noexcept {
  return *connections_.get(connections_.handle_at(index));
}

std::uint32_t Worker::index_of(const Connection& c) const noexcept {
  return connections_.handle_of(c).index;
}

void Worker::mark_ready(Connection& c) noexcept {
  ready_.push_back(index_of(c), [this](auto i) -> Connection& { return at(i); });
}

void Worker::wait_for_resource(Connection& c) noexcept {
  waiting_.push_back(index_of(c), [this](auto i) -> Connection& { return at(i); });
}

void Worker::refill_key_shares(Turn& turn) noexcept {
  // Half of the job slots stay for handshakes: a pair without a job to use it in is no use.
  while (jobs_.live() < jobs_.capacity() / 2 && turn.out.job_credit() > 0) {
    const crypto::NamedGroup group = key_shares_.refill_due();
    if (group == crypto::NamedGroup::none) return;
    Handle<crypto::CryptoJob> handle;
    crypto::CryptoJob* job = jobs_.allocate(handle);
    if (job == nullptr) return;
    *job = {};
    job->self = handle;
    job->worker = config_.index;
    job->kind = crypto::JobKind::make_key_shares;
    job->group = group;
    job->submitted = turn.now;
    job->deadline = turn.now + config_.tsc_rate.ticks(seconds{60});
    key_shares_.requested(group);
    turn.out.put(*job);
  }
}

void Worker::retry_waiting(Turn& turn) noexcept {
  const auto connection_at = [this](auto i) -> Connection& { return at(i); };
  std::uint32_t budget = std::min(kWaitingPerCall, waiting_.size());
  for (; budget > 0; --budget) {
    Connection& c = at(waiting_.pop_front(connection_at));
    if (c.phase == Phase::ending) {
      (void)release_if_done(c);
      continue;
    }
    if (BackendLeg* leg = leg_of(c)) retry_backend_tls(c, *leg, turn);
    if (c.await == tls::Await::job && !submit_job(c, turn)) wait_for_resource(c);
    if (c.await == tls::Await::verdict && !submit_verify_job(c, turn)) wait_for_resource(c);
    if (c.await == tls::Await::handshake || c.await == tls::Await::message_buffer) {
      // The record that needed it is still the first of the input.
      if (lend_what_it_waits_for(c, turn)) {
        mark_ready(c);
      } else {
        wait_for_resource(c);
      }
    }
  }
}

void Worker::visit_ready(Turn& turn) noexcept {
  const auto connection_at = [this](auto i) -> Connection& { return at(i); };
  std::uint32_t budget = std::min(kReadyPerCall, ready_.size());
  for (; budget > 0; --budget) {
    if (turn.out.frame_credit() == 0 || turn.out.send_credit() == 0 || turn.records == 0) return;
    advance(at(ready_.pop_front(connection_at)), turn);
  }
}

void Worker::shed_holders(Turn& turn) noexcept {
  if (!frames_are_scarce()) return;
  const Tsc moved_before = turn.now - config_.tsc_rate.ticks(kLongestStandstill);
  for (std::uint32_t budget = kSheddingPerCall; budget > 0; --budget) {
    if (++next_to_shed_ >= connections_.capacity()) next_to_shed_ = 0;
    Connection* c = connections_.get(connections_.handle_at(next_to_shed_));
    if (c == nullptr || c->last_activity > moved_before) continue;
    if (c->client.num_frames() + c->backend.num_frames() == 0) continue;
    count_close(*c, CloseCause::buffers_low);
    abort_backend(*c, turn);
    reset_side(c->client, turn);
    (void)release_if_done(*c);
  }
}

void Worker::advance(Connection& c, Turn& turn) noexcept {
  if (release_if_done(c)) return;
  if (c.phase == Phase::greeting) greet_backend(c, turn);
  BackendLeg* const leg = leg_of(c);
  if (leg != nullptr) advance_backend_tls(c, *leg, turn);
  open_records(c, turn);
  pull_tls_output(c, turn);
  seal_plaintext(c, turn);
  if (leg != nullptr) say_to_backend(c, *leg, turn);
  pass_on_ends(c, turn);
  offer_room(c);
  for (Side* side : {&c.client, &c.backend}) {
    if (side->has_tcp()) transmit(c, *side, turn);
    if (side->tcp_done && side->input.empty()) end_side(*side, turn);
  }
  if (release_if_done(c)) return;
  rearm(c);
}

// --- Timers ------------------------------------------------------------------------------------

Tsc Worker::next_deadline(const Connection& c) const noexcept {
  Tsc earliest = c.phase_deadline;
  const auto consider = [&earliest](Tsc t) {
    if (earliest == Tsc{} || t < earliest) earliest = t;
  };
  for (const Side* side : {&c.client, &c.backend}) {
    if (!side->has_tcp()) continue;
    if (const auto due = tcp::next_deadline(side->tcb, instant_)) consider(clock_.tsc(*due));
  }
  return earliest;
}

void Worker::rearm(Connection& c) noexcept {
  const Tsc due = next_deadline(c);
  // A later deadline costs nothing: the entry fires early and is armed again then.
  if (due == Tsc{} || (c.armed != Tsc{} && c.armed <= due)) return;
  c.armed = due;
  timers_.arm(index_of(c), due);
}

void Worker::on_timer(std::uint32_t index, Turn& turn) noexcept {
  Connection& c = at(index);
  c.armed = {};
  for (Side* side : {&c.client, &c.backend}) {
    if (!side->has_tcp()) continue;
    const tcp::Expired expired = tcp::on_deadline(side->tcb, side->send, instant_);
    if (expired.retransmission_timeout) stats_.traffic.count(Traffic::retransmission_timeouts);
    if (expired.tail_probe) stats_.traffic.count(Traffic::tail_loss_probes);
    if (expired.keep_alive) stats_.traffic.count(Traffic::keep_alive_probes);
    if (expired.window_probe) stats_.traffic.count(Traffic::zero_window_probes);
    if (!expired.timed_out) continue;
    if (side == &c.client) {
      count_close(c, CloseCause::client_timed_out);
      end_side(c.client, turn);
      abort_backend(c, turn);
    } else if (c.seeks_backend()) {
      on_backend_unreachable(c, HandshakeFailure::backend_timed_out, turn);
    } else {
      count_close(c, CloseCause::backend_timed_out);
      end_side(c.backend, turn);
      reset_side(c.client, turn);
    }
  }
  if (release_if_done(c)) return;
  if (c.phase_deadline != Tsc{} && c.phase_deadline <= turn.now) {
    on_phase_deadline(c, turn);
    if (release_if_done(c)) return;
  }
  mark_ready(c);
}

void Worker::on_phase_deadline(Connection& c, Turn& turn) noexcept {
  switch (c.phase) {
    case Phase::handshake:
      count_failure(c, HandshakeFailure::timed_out);
      reset_side(c.client, turn);
      return;
    case Phase::connecting:
      if (BackendLeg* leg = leg_of(c); leg != nullptr && leg->has_begun) {
        using stats::BackendTlsFailure;
        on_backend_tls_failed(
            c, *leg,
            waits_for_place(*leg) ? BackendTlsFailure::no_place : BackendTlsFailure::timed_out);
      } else {
        on_backend_unreachable(c, HandshakeFailure::backend_timed_out, turn);
      }
      return;
    case Phase::greeting:
    case Phase::relaying: {
      const bool half_open = c.client_fin_queued || c.backend_fin_queued;
      const TscSpan allowed = half_open ? limits(c).half_close : limits(c).idle;
      const Tsc due = c.last_activity + allowed;
      if (due > turn.now) {
        c.phase_deadline = due;
        return;
      }
      count_close(c, half_open ? CloseCause::half_close_timed_out : CloseCause::idle_timed_out);
      abort_backend(c, turn);
      reset_side(c.client, turn);
      return;
    }
    case Phase::ending:
      count_close(c, CloseCause::half_close_timed_out);
      reset_side(c.backend, turn);
      reset_side(c.client, turn);
      return;
  }
}

// --- Counting ----------------------------------------------------------------------------------

void Worker::pass_stage(Connection& c, HandshakeStage stage, Tsc now) noexcept {
  stats_.stages.count(stage);
  const Nanos since = config_.tsc_rate.nanos(now - c.stage_at);
  stats_.stage_nanoseconds[static_cast<std::size_t>(stage)].record(
      static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0)));
  c.stage_at = now;
}

void Worker::count_failure(Connection& c, HandshakeFailure failure) noexcept {
  if (c.close_counted) return;
  c.close_counted = true;
  stats_.failures.count(failure);
}

void Worker::count_close(Connection& c, CloseCause cause) noexcept {
  if (c.close_counted) return;
  c.close_counted = true;
  if (c.phase == Phase::handshake) {
    stats_.failures.count(HandshakeFailure::client_closed);
  } else {
    stats_.closes.count(cause);
  }
}

void Worker::publish_gauges() noexcept {
  using stats::Gauge;
  stats_.gauges.set(Gauge::connections, connections_.live());
  stats_.gauges.set(Gauge::handshakes, handshakes_.live());
  stats_.gauges.set(Gauge::jobs, jobs_.live());
  stats_.gauges.set(Gauge::backend_handshakes, backend_handshakes_.live());
  stats_.gauges.set(Gauge::verify_jobs, verify_jobs_.live());
  stats_.gauges.set(Gauge::time_wait, time_wait_.size());
  stats_.gauges.set(Gauge::syn_received, syn_received_.size());
  stats_.gauges.set(Gauge::frames_held, held_.rx_held + held_.tx_held);
  stats_.gauges.set(Gauge::key_shares, key_shares_.available(crypto::NamedGroup::x25519) +
                                           key_shares_.available(crypto::NamedGroup::secp256r1));
  stats_.gauges.set(Gauge::timers, timers_.num_armed());
}

// --- The end of a connection -------------------------------------------------------------------

void Worker::release_message_buffer(Connection& c) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr || !state->message_buffer) return;
  message_buffers_.release(state->message_buffer);
  state->message_buffer = {};
}

void Worker::release_verify_job(Connection& c) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr || !state->verify_job || c.is_being_judged) return;
  release(state->verify_job);
  state->verify_job = {};
}

void Worker::forget_client(Connection& c) noexcept { clients_.release(c.known_client); }

void Worker::forget_notes(Connection& c) noexcept { hello_notes_.release(c.notes); }

void Worker::release_handshake(Connection& c) noexcept {
  release_message_buffer(c);
  release_verify_job(c);
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr) return;
  state->tls.clear();
  pins_.unpin(state->configuration);
  handshakes_.release(c.handshake);
  c.handshake = {};
}

void Worker::count_handshake_over(Connection& c) noexcept {
  if (!c.handshake_counted) return;
  c.handshake_counted = false;
  admission_.handshake_over((*snapshot_->listeners)[c.listener].group, c.client.tuple.remote.ip);
}

void Worker::end_side(Side& side, Turn& turn) noexcept {
  if (!side.in_use) return;
  side.send.clear(turn);
  side.input.clear(turn);
  while (frame::Frame* f = side.out_of_order.take_any()) {
    turn.out.release(*f);
    --held_.rx_held;
  }
  if (!side.tcp_done) flows_.erase(flows_.hash(side.tuple), {side.kind, side.index});
  side.in_use = false;
  if (side.kind == FlowRef::Kind::backend) {
    Connection& c = at(side.index);
    if (BackendLeg* leg = leg_of(c)) end_leg(*leg);
    auto& counters = stats_.backends[c.backend_counter];
    counters.set(stats::BackendCounter::connections,
                 counters.value(stats::BackendCounter::connections) - 1);
  }
}

void Worker::retire_tcp(Side& side, bool time_wait) noexcept {
  const FlowRef flow{side.kind, side.index};
  const FlowTable::Hash hash = flows_.hash(side.tuple);
  if (time_wait) {
    time_wait_.enter(tcp::make_time_wait(side.tcb, instant_), side.tuple, hash, flow);
  } else {
    flows_.erase(hash, flow);
  }
  side.tcp_done = true;
}

void Worker::reset_side(Side& side, Turn& turn) noexcept {
  if (!side.in_use) return;
  const auto rst = side.tcp_done ? std::nullopt : tcp::abort(side.tcb, instant_);
  if (rst && turn.out.frame_credit() > 0 && turn.out.send_credit() > 0) {
    stats_.traffic.count(Traffic::rst_sent);
    send_bare(side.link, side.tuple, *rst, turn);
  }
  end_side(side, turn);
}

bool Worker::release_if_done(Connection& c) noexcept {
  if (c.client.in_use || c.backend.in_use) return false;
  // A connection that a list still holds is released by the list's next visit.
  c.phase = Phase::ending;
  release_handshake(c);
  count_handshake_over(c);
  if (c.ready.is_linked() || c.waiting.is_linked()) return true;
  timers_.cancel(index_of(c));
  admission_.ended((*snapshot_->listeners)[c.listener].group);
  forget_client(c);
  forget_notes(c);
  const Handle<Connection> handle = connections_.handle_of(c);
  renew(c);  // wipes the keys
  connections_.release(handle);
  return true;
}

std::size_t Worker::reset_all(Tsc now, frame::Outbox& out) noexcept {
  Turn turn{now, out, held_};
  instant_ = clock_.instant(now);
  for (std::uint32_t i = 0; i < connections_.capacity() && connections_.live() > 0; ++i) {
    if (out.frame_credit() < 2 || out.send_credit() < 2) break;
    Connection* c = connections_.get(connections_.handle_at(i));
    if (c == nullptr) continue;
    count_close(*c, CloseCause::drained);
    reset_side(c->backend, turn);
    reset_side(c->client, turn);
    (void)release_if_done(*c);
  }
  publish_gauges();
  return connections_.live();
}

void Worker::abandon(frame::Outbox& out) noexcept {
  Turn turn{{}, out, held_};
  for (std::uint32_t i = 0; i < connections_.capacity() && connections_.live() > 0; ++i) {
    Connection* c = connections_.get(connections_.handle_at(i));
    if (c == nullptr) continue;
    end_side(c->backend, turn);
    end_side(c->client, turn);
    (void)release_if_done(*c);
  }
  publish_gauges();
}

}  // namespace sallyport::worker
