// TLS with a backend: records in and out, jobs, sessions, and the next backend when it does not
// come about.  The counterpart of client.cc, with tls::Client in the place of tls::Server.
//
// Nothing of the client is sealed before tls::Client says that TLS is established, which is after
// the backend's certificate was judged good: until then the connection is not relaying, and records
// of the client are not even opened.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "lib/base/secret.h"
#include "lib/tls/pieces.h"
#include "lib/worker/worker.h"

namespace sallyport::worker {

using stats::BackendCounter;
using stats::BackendTlsFailure;
using stats::HandshakeFailure;
using stats::HandshakeStage;
using stats::Traffic;

namespace {

// What the first of several pieces of a record must have room for (tls::Client::seal).
constexpr std::size_t kLeastFirstPiece = 16;

[[nodiscard]] BackendTlsFailure failure_of(crypto::ClientVerdict verdict) noexcept {
  using crypto::ClientVerdict;
  switch (verdict) {
    case ClientVerdict::none:  // it showed more than is judged
    case ClientVerdict::malformed:
      return BackendTlsFailure::certificate_malformed;
    case ClientVerdict::unsupported:
      return BackendTlsFailure::certificate_unsupported;
    case ClientVerdict::unknown_authority:
      return BackendTlsFailure::unknown_authority;
    case ClientVerdict::expired:
      return BackendTlsFailure::certificate_expired;
    case ClientVerdict::wrong_name:
      return BackendTlsFailure::wrong_name;
    case ClientVerdict::wrong_scheme:
      return BackendTlsFailure::protocol_error;
    case ClientVerdict::bad_signature:
      return BackendTlsFailure::bad_signature;
    case ClientVerdict::ok:
    case ClientVerdict::revoked:
    case ClientVerdict::revocation_unknown:
    case ClientVerdict::not_trusted:
      break;
  }
  return BackendTlsFailure::certificate_untrusted;
}

// failure_of sums up what tls::Client has in common with tls::Server, and speaks of clients there.
[[nodiscard]] BackendTlsFailure failure_of(HandshakeFailure failure,
                                           crypto::ClientVerdict verdict) noexcept {
  if (failure == HandshakeFailure::server_refused) return failure_of(verdict);
  if (failure == HandshakeFailure::protocol_version || failure == HandshakeFailure::downgraded) {
    return BackendTlsFailure::protocol_version;
  }
  if (failure == HandshakeFailure::alert_received) return BackendTlsFailure::alert_received;
  if (failure == HandshakeFailure::server_closed) return BackendTlsFailure::closed;
  if (failure == HandshakeFailure::timed_out) return BackendTlsFailure::timed_out;
  if (failure == HandshakeFailure::bad_record_mac) return BackendTlsFailure::bad_record_mac;
  const bool is_ours = failure == HandshakeFailure::internal_error ||
                       failure == HandshakeFailure::verifier_failed ||
                       failure == HandshakeFailure::signer_failed;
  return is_ours ? BackendTlsFailure::internal_error : BackendTlsFailure::protocol_error;
}

}  // namespace

tls::ClientHandshake* Worker::handshake_of(const BackendLeg& leg) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  return state == nullptr ? nullptr : &state->tls;
}

tls::ClientAttached Worker::attached(const BackendLeg& leg) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  BackendSessions* const sessions = sessions_of(leg);
  return {.handshake = state == nullptr ? nullptr : &state->tls,
          .verify = state == nullptr ? nullptr : verify_jobs_.get(state->verify_job),
          .session = sessions == nullptr ? nullptr : &sessions->incoming()};
}

BackendSessions* Worker::sessions_of(const BackendLeg& leg) noexcept {
  return leg.sessions < sessions_.size() ? &sessions_[leg.sessions] : nullptr;
}

// --- The handshake -----------------------------------------------------------------------------

void Worker::begin_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  leg.has_begun = true;
  const snapshot::BackendTls* tls = (*snapshot_->pools)[c.pool.value].tls.get();
  if (tls == nullptr) {
    on_backend_tls_failed(c, leg, BackendTlsFailure::internal_error);
    return;
  }
  c.phase_deadline = turn.now + tls->handshake;
  leg.await = tls::Await::key_share;
  if (!say_hello(c, leg, turn)) wait_for_resource(c);
}

// say_hello writes the ClientHello, or after a HelloRetryRequest the second one.
bool Worker::say_hello(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  if (state == nullptr) {
    const snapshot::BackendTls* tls = (*snapshot_->pools)[c.pool.value].tls.get();
    const bool has_place = backend_handshake_shares_.may_take(c.pool.value);
    state = tls == nullptr || !has_place ? nullptr : backend_handshakes_.allocate(leg.handshake);
    if (state == nullptr) return false;
    backend_handshake_shares_.take(c.pool.value);
    state->pool = c.pool;
    state->job = {};
    state->verify_job = {};
    state->is_being_judged = false;
    state->configuration = snapshot_->configuration;
    pins_.pin(state->configuration);
    BackendSessions* const sessions = sessions_of(leg);
    state->era = sessions == nullptr ? 0 : sessions->era();
    const bool has_session = sessions != nullptr && sessions->take(state->session);
    std::destroy_at(&leg.tls);
    std::construct_at(&leg.tls, state->tls, tls->client, has_session ? &state->session : nullptr);
  }
  crypto::KeyShare key_share;
  const crypto::NamedGroup group = leg.tls.wants_key_share(state->tls);
  if (group != crypto::NamedGroup::none && !key_shares_.take(group, turn.now, key_share)) {
    return false;
  }
  const tls::Step step = leg.tls.start(tls_, state->tls, key_share);
  wipe_object(key_share);
  on_backend_step(c, leg, step, turn);
  return true;
}

void Worker::retry_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  bool has_waited = true;
  bool goes_on = true;
  switch (leg.await) {
    case tls::Await::key_share:
      goes_on = say_hello(c, leg, turn);
      break;
    case tls::Await::job:
      goes_on = submit_job(c, leg, turn);
      break;
    case tls::Await::verdict:
      goes_on = submit_verify_job(c, leg, turn);
      break;
    case tls::Await::verify_buffer:
      // The record that needed the buffer is still the first of the input.
      goes_on = lend_verify_job(c, leg, turn);
      break;
    case tls::Await::peer:
    case tls::Await::handshake:
    case tls::Await::message_buffer:
    case tls::Await::job_result:
    case tls::Await::nothing:
      has_waited = false;
      break;
  }
  if (!goes_on) {
    wait_for_resource(c);
  } else if (has_waited) {
    mark_ready(c);
  }
}

void Worker::on_backend_step(Connection& c, BackendLeg& leg, const tls::Step& step, Turn& turn,
                             crypto::ClientVerdict verdict) noexcept {
  if (leg.failure != BackendTlsFailure::none) return;  // too late
  leg.await = step.await;
  if (step.events.has(tls::Event::session)) sessions_[leg.sessions].keep();
  if (step.failed()) {
    // Before it was established there was nothing of it that could have been kept.
    if (c.phase != Phase::connecting) forget_sessions(leg);
    on_backend_tls_failed(c, leg, failure_of(step.failure, verdict));
    return;
  }
  if (step.events.has(tls::Event::close_notify)) {
    leg.has_ended = true;
    c.backend.input.clear(turn);
  }
  if (!leg.tls.needs_verify_job(handshake_of(leg))) release_verify_job(leg);
  bool waits = false;
  if (step.await == tls::Await::key_share) waits = !say_hello(c, leg, turn);
  if (step.await == tls::Await::job) waits = !submit_job(c, leg, turn);
  if (step.await == tls::Await::verdict) waits = !submit_verify_job(c, leg, turn);
  if (waits) wait_for_resource(c);
  if (step.events.has(tls::Event::established)) {
    on_backend_tls_established(c, leg, step.events.has(tls::Event::session), turn);
  }
}

// forget_sessions: [RFC 8446 6.2, RFC 5246 7.2.2] a session does not outlive a connection that
// failed.  Nobody remembers which of them it was, and a full handshake is all that the others cost.
void Worker::forget_sessions(const BackendLeg& leg) noexcept {
  if (BackendSessions* const sessions = sessions_of(leg); sessions != nullptr) sessions->forget();
}

void Worker::on_backend_tls_established(Connection& c, BackendLeg& leg, bool is_renewed,
                                        Turn& turn) noexcept {
  const snapshot::BackendTls* tls = (*snapshot_->pools)[c.pool.value].tls.get();
  const bool wants_protocol = tls != nullptr && !tls->client.alpn_protocols.empty();
  if (wants_protocol && leg.tls.alpn() == tls::Client::kNoAlpn) {
    // It would understand what the client says in its own way, or worse, misunderstand it.
    leg.tls.abort(wire::AlertDescription::no_application_protocol);
    forget_sessions(leg);
    on_backend_tls_failed(c, leg, BackendTlsFailure::no_application_protocol);
    return;
  }
  pass_stage(c, HandshakeStage::backend_tls_established, turn.now);
  auto& counters = stats_.backends[c.backend_counter];
  counters.count(BackendCounter::tls_established);
  if (leg.tls.is_resumed()) counters.count(BackendCounter::tls_resumed);
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  if (leg.tls.is_resumed() && leg.tls.version() == wire::ProtocolVersion::tls12 && !is_renewed &&
      state != nullptr) {
    // [RFC 5077 3.3, RFC 5246 7.3] A server of TLS 1.2 takes a ticket or session ID again.
    sessions_[leg.sessions].put_back(state->session, state->era);
  }
  begin_relay(c, turn);
  mark_ready(c);
}

void Worker::on_backend_tls_failed(Connection& c, BackendLeg& leg, BackendTlsFailure why) noexcept {
  if (leg.failure != BackendTlsFailure::none) return;
  stats_.backend_tls_failures.count(why);
  leg.failure = why;
  leg.await = tls::Await::nothing;
  mark_ready(c);
}

void Worker::say_to_backend(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  if (leg.failure == BackendTlsFailure::none) {
    pull_backend_output(c, leg, turn);
  } else {
    give_up_backend(c, leg, turn);
  }
}

void Worker::give_up_backend(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  // An alert, an ACK, and a RST to either side.
  constexpr std::size_t kMostFrames = 4;
  if (turn.out.frame_credit() < kMostFrames || turn.out.send_credit() < kMostFrames) {
    mark_ready(c);
    return;
  }
  const BackendTlsFailure why = std::exchange(leg.failure, BackendTlsFailure::none);
  pull_backend_output(c, leg, turn);
  if (c.backend.has_tcp()) transmit(c, c.backend, turn);
  reset_side(c.backend, turn);
  if (c.phase == Phase::connecting) {
    stats_.backends[c.backend_counter].count(BackendCounter::tls_failed);
    try_another_backend(c, HandshakeFailure::backend_tls, turn);
    return;
  }
  count_close(c, why == BackendTlsFailure::alert_received
                     ? stats::CloseCause::backend_alert
                     : stats::CloseCause::backend_protocol_error);
  reset_side(c.client, turn);
}

void Worker::release_verify_job(BackendLeg& leg) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  if (state == nullptr || !state->verify_job || state->is_being_judged) return;
  release(state->verify_job);
  state->verify_job = {};
}

void Worker::release_handshake(BackendLeg& leg) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  if (state == nullptr) return;
  release_verify_job(leg);
  state->tls.clear();
  state->session.clear();
  pins_.unpin(state->configuration);
  backend_handshake_shares_.give_back(state->pool.value);
  backend_handshakes_.release(leg.handshake);
  leg.handshake = {};
}

void Worker::end_leg(BackendLeg& leg) noexcept {
  release_handshake(leg);
  std::destroy_at(&leg.tls);
  std::construct_at(&leg.tls);
  leg.plaintext = 0;
  leg.trailer = 0;
  leg.await = tls::Await::nothing;
  leg.failure = BackendTlsFailure::none;
  leg.has_begun = false;
}

// --- Jobs --------------------------------------------------------------------------------------

bool Worker::submit_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  tls::Step step;
  if (state == nullptr || !put_job(c, leg.tls, *state, step, turn)) return false;
  if (step.failed()) {
    on_backend_step(c, leg, step, turn);
  } else {
    leg.await = step.await;
  }
  return true;
}

bool Worker::complete_backend_job(Connection& c, crypto::CryptoJob& job, Turn& turn) noexcept {
  BackendLeg* const leg = leg_of(c);
  BackendHandshake* state = leg == nullptr ? nullptr : backend_handshakes_.get(leg->handshake);
  if (state == nullptr || state->job != job.self || c.phase == Phase::ending) return false;
  state->job = {};
  const tls::Step step = leg->tls.job_done(tls_, state->tls, job);
  release_job(job);
  on_backend_step(c, *leg, step, turn);
  if (!release_if_done(c)) mark_ready(c);
  return true;
}

bool Worker::lend_verify_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  if (state == nullptr) return false;
  if (allocate_verify_job(c, state->pool.value, state->verify_job, turn) == nullptr) return false;
  leg.await = tls::Await::peer;
  return true;
}

bool Worker::waits_for_place(const BackendLeg& leg) const noexcept {
  const bool has_begun = backend_handshakes_.get(leg.handshake) != nullptr;
  return has_begun ? leg.await == tls::Await::verify_buffer : leg.await == tls::Await::key_share;
}

bool Worker::submit_verify_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  BackendHandshake* state = backend_handshakes_.get(leg.handshake);
  crypto::VerifyJob* job = state == nullptr ? nullptr : verify_jobs_.get(state->verify_job);
  if (job == nullptr || state->is_being_judged) return true;
  if (turn.out.verify_credit() == 0) return false;
  put(c, *job, state->verify_job, turn);
  state->is_being_judged = true;
  return true;
}

bool Worker::take_backend_verdict(Connection& c, crypto::VerifyJob& job, Turn& turn) noexcept {
  BackendLeg* const leg = leg_of(c);
  BackendHandshake* state = leg == nullptr ? nullptr : backend_handshakes_.get(leg->handshake);
  if (state == nullptr || state->verify_job != job.self) return false;
  state->is_being_judged = false;
  if (c.phase == Phase::ending) {
    stats_.traffic.count(Traffic::stale_jobs);
    release_verify_job(*leg);
    return true;
  }
  const tls::Step step = leg->tls.verify_done(tls_, state->tls, job);
  stats_.traffic.count(Traffic::backends_judged);
  on_backend_step(c, *leg, step, turn, job.identity.verdict);
  if (!release_if_done(c)) mark_ready(c);
  return true;
}

// --- Records -----------------------------------------------------------------------------------

void Worker::advance_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  open_backend_records(c, leg, turn);
  say_to_backend(c, leg, turn);
}

void Worker::open_backend_records(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  InputQueue& input = c.backend.input;
  RecordBudget budget{turn};
  while (leg.plaintext == 0 && leg.await == tls::Await::peer &&
         (c.phase == Phase::connecting || c.phase == Phase::relaying) &&
         input.size() >= tls::kRecordHeader) {
    std::array<std::uint8_t, tls::kRecordHeader> header;
    input.peek(header);
    const std::size_t size = tls::RecordLayer::record_size(header);
    if (input.size() < size) return;
    if (!budget.may_open()) {
      mark_ready(c);
      return;
    }
    std::array<MutableBytes, InputQueue::kMaxPieces> room;
    const tls::Step step = leg.tls.receive(tls_, attached(leg), input.pieces(size, room));
    if (step.await == tls::Await::verify_buffer) {
      if (lend_verify_job(c, leg, turn)) continue;  // the same record again
      leg.await = step.await;
      wait_for_resource(c);
      return;
    }
    budget.count();
    stats_.traffic.count(Traffic::backend_records_opened);
    if (const tls::ContentRange text = step.application_data; text.len > 0) {
      input.consume(text.offset, turn);
      leg.plaintext = text.len;
      leg.trailer = static_cast<std::uint16_t>(size - text.offset - text.len);
    } else {
      input.consume(size, turn);
    }
    on_backend_step(c, leg, step, turn);
  }
}

void Worker::pull_backend_output(Connection& c, BackendLeg& leg, Turn& turn) noexcept {
  if (!c.backend.has_tcp() || c.backend_fin_queued) return;
  tls::ClientHandshake* const handshake = handshake_of(leg);
  while (leg.tls.has_output(handshake)) {
    if (turn.out.frame_credit() == 0) {
      mark_ready(c);
      return;
    }
    frame::Frame& f = turn.out.take(kHeadRoom);
    const std::size_t room =
        std::max<std::size_t>(c.backend.tcb.snd_mss, tls::RecordLayer::kMinPullRoom);
    const tls::Pulled pulled =
        leg.tls.pull(tls_, handshake, MutableBytes{f.buffer + f.offset, f.tail_room()}.first(room));
    if (pulled.len == 0) {
      turn.out.untake(f);
      stats_.drops.count(stats::DropReason::internal_error);
      break;
    }
    f.len = static_cast<std::uint16_t>(pulled.len);
    c.backend.send.push_back(f, turn);
  }
  if (leg.handshake && !leg.tls.needs_handshake(handshake)) release_handshake(leg);
}

bool Worker::deliver_sealed(Connection& c, BackendLeg& leg, std::span<const MutableBytes> record,
                            tls::ContentRange range, Turn& turn) noexcept {
  Side& backend = c.backend;
  const std::size_t mss = backend.tcb.snd_mss;
  const std::size_t overhead = leg.tls.record_overhead();
  // One record becomes one record, unless its segments would be too many.
  const std::size_t most = std::min(leg.tls.max_fragment(), (tls::kMaxPieces - 1) * mss - overhead);
  for (std::size_t done = 0; done < range.len;) {
    const std::size_t len = std::min(range.len - done, most);
    const tls::PieceRange text{record, range.offset + done, len};
    std::array<ByteView, tls::kMaxPieces> plaintext;
    std::ranges::copy(text.pieces(), plaintext.begin());
    std::array<MutableBytes, tls::kMaxPieces> out;
    std::array<frame::Frame*, tls::kMaxPieces> frames;
    std::size_t num_frames = 0;
    std::size_t num_out = 0;
    std::size_t left = leg.tls.record_len(len);
    // The first piece has room for a header, or the record begins a segment of its own.
    std::size_t grown = 0;
    if (frame::Frame* last = backend.growing_frame()) {
      const Chunk chunk = Chunk::of(*last);
      const std::size_t room = mss - chunk.len;
      if (room >= kLeastFirstPiece) {
        grown = std::min(room, left);
        out[num_out++] = {last->buffer + chunk.offset + chunk.len, grown};
        left -= grown;
      }
    }
    for (; left > 0; left -= frames[num_frames++]->len) {
      frame::Frame& f = turn.out.take(kHeadRoom);
      f.len = static_cast<std::uint16_t>(std::min(left, mss));
      frames[num_frames] = &f;
      out[num_out++] = f.bytes();
    }
    const std::size_t sealed = leg.tls.seal(tls_, std::span{plaintext}.first(text.pieces().size()),
                                            std::span<const MutableBytes>{out}.first(num_out));
    if (sealed != 0 && grown != 0) backend.send.grow_back(static_cast<std::uint16_t>(grown));
    backend.send.push_back_first(sealed == 0 ? 0 : num_frames, std::span{frames}.first(num_frames),
                                 turn);
    if (sealed == 0) return false;
    stats_.traffic.count(Traffic::backend_records_sealed);
    done += len;
    // A record in several needs what one of them may have used up; see kLeastSegment.
    if (done < range.len && !leg.tls.can_seal(handshake_of(leg))) return false;
  }
  return true;
}

}  // namespace sallyport::worker
