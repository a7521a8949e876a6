// The client's side of TLS: records in, jobs out and back, records out.
#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/base/siphash.h"
#include "lib/base/text.h"
#include "lib/tcp/options.h"
#include "lib/tcp/output.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

static_assert(InputQueue::kMaxPieces <= tls::kMaxPieces, "a record is opened where it lies");

// More than a record needs in the smallest segments that we send to a backend: those of a client
// with kSmallestMss, less what connect_to() keeps free for the record and for options.
constexpr std::size_t kFramesPerRecord = tls::kMaxRecord / (tcp::kSmallestMss - 64) + 2;

[[nodiscard]] stats::Resumption kind_of(const tls::Server& tls) noexcept {
  if (tls.version() == wire::ProtocolVersion::tls13) {
    return tls.is_resumed() ? stats::Resumption::tls13_resumed : stats::Resumption::tls13_full;
  }
  return tls.is_resumed() ? stats::Resumption::tls12_resumed : stats::Resumption::tls12_full;
}

}  // namespace

tls::Handshake* Worker::handshake_of(const Connection& c) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  return state == nullptr ? nullptr : &state->tls;
}

tls::Attached Worker::attached(const Connection& c) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr) return {};
  return {&state->tls, message_buffers_.get(state->message_buffer),
          verify_jobs_.get(state->verify_job), hello_notes_.get(c.notes)};
}

// --- Records in --------------------------------------------------------------------------------

void Worker::open_records(Connection& c, Turn& turn) noexcept {
  RecordBudget budget{turn};
  // While a backend is being opened records wait: what they hold could not be passed on.
  while (c.client.in_use && (c.phase == Phase::handshake || c.phase == Phase::relaying) &&
         c.await == tls::Await::peer && c.client.input.size() >= tls::kRecordHeader) {
    InputQueue& input = c.client.input;
    std::array<std::uint8_t, tls::kRecordHeader> header;
    input.peek(header);
    const std::size_t size = tls::Server::record_size(header);
    if (input.size() < size) return;
    if (c.phase == Phase::relaying && !can_deliver(c, size, turn)) {
      // What the backend acknowledges makes room; for frames nobody calls us.
      if (c.backend.send.empty() || turn.out.frame_credit() < kFramesPerRecord) mark_ready(c);
      return;
    }
    if (!budget.may_open()) {
      mark_ready(c);
      return;
    }
    std::array<MutableBytes, InputQueue::kMaxPieces> room;
    const auto record = input.pieces(size, room);
    tls::Step step = c.tls.receive(tls_, attached(c), record);
    if (step.await == tls::Await::handshake || step.await == tls::Await::message_buffer) {
      c.await = step.await;
      if (!lend_what_it_waits_for(c, turn)) {
        wait_for_resource(c);
        return;
      }
      continue;  // the same record again
    }
    if (step.await == tls::Await::verify_buffer) {
      if (lend_verify_job(c, turn)) continue;
      // A queue of clients that wait for their turn would be as easy to fill as the slab is.
      step = c.tls.refuse_verification(*handshake_of(c));
    }
    budget.count();
    stats_.traffic.count(Traffic::records_opened);
    if (step.application_data.len > 0) deliver(c, record, step.application_data, turn);
    // Where that went wrong both sides have ended, and their input with them.
    if (!c.client.in_use) return;
    input.consume(size, turn);
    on_step(c, step, turn);
  }
}

bool Worker::lend_what_it_waits_for(Connection& c, Turn& turn) noexcept {
  return c.await == tls::Await::handshake ? lend_handshake(c, turn) : lend_message_buffer(c);
}

void Worker::renew(HandshakeState& state, Handle<Connection> owner) noexcept {
  state.owner = owner;
  state.message_buffer = {};
  state.job = {};
  state.verify_job = {};
  state.configuration = snapshot_->configuration;
  pins_.pin(state.configuration);
}

bool Worker::lend_handshake(Connection& c, Turn& turn) noexcept {
  if (handshakes_.full()) evict_handshake(turn);
  HandshakeState* const state = handshakes_.allocate(c.handshake);
  if (state == nullptr) return false;
  renew(*state, connections_.handle_of(c));
  c.tls.resume(state->tls, *(*snapshot_->listeners)[c.listener].tls, clients_.get(c.known_client));
  c.await = tls::Await::peer;
  return true;
}

bool Worker::lend_message_buffer(Connection& c) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr || message_buffers_.allocate(state->message_buffer) == nullptr) return false;
  c.await = tls::Await::peer;
  return true;
}

bool Worker::lend_verify_job(Connection& c, Turn& turn) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  if (state == nullptr) return false;
  return allocate_verify_job(c, kClients, state->verify_job, turn) != nullptr;
}

crypto::VerifyJob* Worker::allocate_verify_job(const Connection& c, std::uint16_t holder,
                                               Handle<crypto::VerifyJob>& handle,
                                               Turn& turn) noexcept {
  if (holder != kClients && !verify_job_shares_.may_take(holder)) return nullptr;
  if (verify_jobs_.full()) evict_verify_job(turn);
  crypto::VerifyJob* const job = verify_jobs_.allocate(handle);
  if (job == nullptr) return nullptr;
  job->reset();
  job->connection = token_of(connections_.handle_of(c));
  job->holder = holder;
  if (holder != kClients) verify_job_shares_.take(holder);
  return job;
}

void Worker::release(Handle<crypto::VerifyJob> handle) noexcept {
  const crypto::VerifyJob* const job = verify_jobs_.get(handle);
  if (job == nullptr) return;
  if (job->holder != kClients) verify_job_shares_.give_back(job->holder);
  verify_jobs_.release(handle);
}

void Worker::evict_verify_job(Turn& turn) noexcept {
  evict_slowest(verify_jobs_.capacity(), next_verify_job_to_evict_, turn,
                [this](std::uint32_t index) noexcept -> Connection* {
                  const auto* job = verify_jobs_.get(verify_jobs_.handle_at(index));
                  Connection* c =
                      job == nullptr ? nullptr : connections_.get(handle_of(job->connection));
                  return c == nullptr || c->is_being_judged ? nullptr : c;
                });
}

void Worker::count_fingerprint(Connection& c) noexcept {
  tls::HelloNotes& notes = *hello_notes_.get(c.notes);
  if (!notes.fingerprint.known || notes.fingerprint_counted) return;
  notes.fingerprint_counted = true;
  const std::uint64_t tag = siphash(fingerprint_key_, as_bytes(notes.fingerprint.ja4()));
  fingerprints_.count(tag).note(notes);
}

void Worker::on_step(Connection& c, const tls::Step& step, Turn& turn) noexcept {
  c.await = step.await;
  if (c.notes) count_fingerprint(c);
  if (step.events.has(tls::Event::hello_retry)) {
    stats_.resumptions.count(stats::Resumption::tls13_retried);
  }
  if (step.events.has(tls::Event::client_hello)) {
    stats_.ticket_refusals.count(step.ticket_refusal);
    if (step.events.has(tls::Event::ticket_age)) {
      stats_.resumptions.count(stats::Resumption::ticket_age_differs);
    }
    pass_stage(c, HandshakeStage::client_hello, turn.now);
    c.phase_deadline = c.accepted + limits(c).handshake;
  }
  if (step.failed()) {
    on_tls_failed(c, step.failure, turn);
  } else if (step.events.has(tls::Event::established)) {
    on_tls_established(c, turn);
  }
  // Nobody will read what came after the client's last word.
  if (step.await == tls::Await::nothing) c.client.input.clear(turn);
  if (!c.tls.needs_message_buffer(handshake_of(c))) release_message_buffer(c);
  if (!c.tls.needs_verify_job(handshake_of(c))) release_verify_job(c);
  if (step.await == tls::Await::verdict && !submit_verify_job(c, turn)) wait_for_resource(c);
  if (step.await == tls::Await::job && !submit_job(c, turn)) wait_for_resource(c);
}

void Worker::on_tls_established(Connection& c, Turn& turn) noexcept {
  pass_stage(c, HandshakeStage::tls_established, turn.now);
  stats_.resumptions.count(kind_of(c.tls));
  if (c.tls.is_named_session()) stats_.resumptions.count(stats::Resumption::known_session_id);
  if (const crypto::ClientIdentity* client = clients_.get(c.known_client)) {
    if (client->verdict == crypto::ClientVerdict::ok) {
      stats_.resumptions.count(stats::Resumption::known_client);
    } else {
      forget_client(c);
    }
  }
  const Nanos took = config_.tsc_rate.nanos(turn.now - c.accepted);
  stats_.handshake_nanoseconds.record(static_cast<std::uint64_t>(took.count()));
  // The client's first request may wait for this ACK (Nagle's algorithm), and in TLS 1.3 we have
  // nothing to say now that would carry it: a delay here would be added to every handshake.
  c.client.tcb.ack_now = true;
  const snapshot::Listener& listener = (*snapshot_->listeners)[c.listener];
  if (const std::uint8_t alpn = c.tls.alpn();
      alpn != tls::Server::kNoAlpn && alpn < listener.alpn_pools.size()) {
    c.pool = listener.alpn_pools[alpn];
  }
  if ((*snapshot_->pools)[c.pool.value].proxy_protocol == snapshot::ProxyProtocol::off) {
    forget_notes(c);
  }
  open_backend(c, turn);
}

void Worker::on_tls_failed(Connection& c, HandshakeFailure failure, Turn& turn) noexcept {
  if (c.phase == Phase::handshake) {
    count_failure(c, failure);
    count_handshake_over(c);
  } else {
    count_close(c, failure == HandshakeFailure::alert_received
                       ? stats::CloseCause::client_alert
                       : stats::CloseCause::client_protocol_error);
  }
  abort_backend(c, turn);
  finish_client(c, Phase::ending, turn);
}

// --- Jobs --------------------------------------------------------------------------------------

template <class Tls, class State>
bool Worker::put_job(const Connection& c, Tls& tls, State& state, tls::Step& step,
                     Turn& turn) noexcept {
  if (jobs_.full() || turn.out.job_credit() == 0) return false;
  crypto::KeyShare key_share;
  const crypto::NamedGroup group = tls.wants_key_share(state.tls);
  if (group != crypto::NamedGroup::none && !key_shares_.take(group, turn.now, key_share)) {
    return false;
  }
  Handle<crypto::CryptoJob> self;
  crypto::CryptoJob& job = *jobs_.allocate(self);
  job = {};
  job.connection = token_of(connections_.handle_of(c));
  job.self = self;
  job.worker = config_.index;
  job.submitted = turn.now;
  job.deadline = c.phase_deadline;
  step = tls.start_job(tls_, state.tls, job, key_share);
  wipe_object(key_share);
  if (step.failed()) {
    release_job(job);
    return true;
  }
  state.job = self;
  turn.out.put(job);
  return true;
}
template bool Worker::put_job(const Connection&, tls::Server&, HandshakeState&, tls::Step&,
                              Turn&) noexcept;
template bool Worker::put_job(const Connection&, tls::Client&, BackendHandshake&, tls::Step&,
                              Turn&) noexcept;

bool Worker::submit_job(Connection& c, Turn& turn) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  tls::Step step;
  if (state == nullptr || !put_job(c, c.tls, *state, step, turn)) return false;
  if (step.failed()) {
    on_step(c, step, turn);
    return true;
  }
  c.await = step.await;
  pass_stage(c, HandshakeStage::job_submitted, turn.now);
  return true;
}

void Worker::complete(crypto::CryptoJob& job, Turn& turn) noexcept {
  if (job.kind == crypto::JobKind::make_key_shares) {
    key_shares_.absorb(job);
    release_job(job);
    return;
  }
  Connection* c = connections_.get(handle_of(job.connection));
  if (c != nullptr && complete_backend_job(*c, job, turn)) return;
  HandshakeState* state = c == nullptr ? nullptr : handshakes_.get(c->handshake);
  if (state == nullptr || state->job != job.self || c->phase == Phase::ending) {
    stats_.traffic.count(Traffic::stale_jobs);
    release_job(job);
    return;
  }
  state->job = {};
  pass_stage(*c, HandshakeStage::job_completed, turn.now);
  const tls::Step step = c->tls.job_done(tls_, state->tls, job);
  release_job(job);
  on_step(*c, step, turn);
  if (!release_if_done(*c)) mark_ready(*c);
}

void Worker::release_job(crypto::CryptoJob& job) noexcept {
  const Handle<crypto::CryptoJob> self = job.self;
  wipe_object(job);
  jobs_.release(self);
}

// --- Clients' certificates ---------------------------------------------------------------------

bool Worker::submit_verify_job(Connection& c, Turn& turn) noexcept {
  HandshakeState* state = handshakes_.get(c.handshake);
  crypto::VerifyJob* job = state == nullptr ? nullptr : verify_jobs_.get(state->verify_job);
  if (job == nullptr || c.is_being_judged) return true;
  if (turn.out.verify_credit() == 0) return false;
  put(c, *job, state->verify_job, turn);
  c.is_being_judged = true;
  return true;
}

void Worker::put(const Connection& c, crypto::VerifyJob& job, Handle<crypto::VerifyJob> self,
                 Turn& turn) noexcept {
  job.self = self;
  job.worker = config_.index;
  job.status = crypto::VerifyStatus::pending;
  job.submitted = turn.now;
  job.deadline = c.phase_deadline;
  turn.out.put(job);
}

void Worker::take_verdict(crypto::VerifyJob& job, Turn& turn) noexcept {
  Connection* c = connections_.get(handle_of(job.connection));
  if (c != nullptr && take_backend_verdict(*c, job, turn)) return;
  HandshakeState* state = c == nullptr ? nullptr : handshakes_.get(c->handshake);
  if (state == nullptr || state->verify_job != job.self) {
    stats_.traffic.count(Traffic::stale_jobs);
    release(job.self);
    return;
  }
  c->is_being_judged = false;
  if (c->phase == Phase::ending) {
    stats_.traffic.count(Traffic::stale_jobs);
    release_verify_job(*c);
    return;
  }
  const tls::Step step = c->tls.verify_done(tls_, state->tls, job);
  stats_.traffic.count(Traffic::clients_judged);
  on_step(*c, step, turn);
  if (!release_if_done(*c)) mark_ready(*c);
}

// --- Records out -------------------------------------------------------------------------------

void Worker::pull_tls_output(Connection& c, Turn& turn) noexcept {
  if (!c.client.has_tcp()) return;
  tls::Handshake* handshake = handshake_of(c);
  while (c.tls.has_output(handshake)) {
    if (turn.out.frame_credit() == 0) {
      mark_ready(c);
      return;
    }
    frame::Frame& f = turn.out.take(kHeadRoom);
    const std::size_t room = std::max<std::size_t>(c.client.tcb.snd_mss, tls::Server::kMinPullRoom);
    const tls::Pulled pulled =
        c.tls.pull(tls_, handshake, MutableBytes{f.buffer + f.offset, f.tail_room()}.first(room));
    if (pulled.len == 0) {
      turn.out.untake(f);
      stats_.drops.count(stats::DropReason::internal_error);
      break;
    }
    f.len = static_cast<std::uint16_t>(pulled.len);
    c.client.send.push_back(f, turn);
    if (pulled.flight_complete) pass_stage(c, HandshakeStage::flight_sent, turn.now);
  }
  // A hello that waits for its buffer is not in the handshake yet, but will be.
  const bool waits = c.await == tls::Await::message_buffer;
  if (c.handshake && !waits && !c.tls.needs_handshake(handshake)) {
    release_handshake(c);
    // Whoever is to retry holds no memory, but is not through yet.
    if (c.phase != Phase::handshake || c.tls.is_established()) count_handshake_over(c);
  }
}

}  // namespace sallyport::worker
