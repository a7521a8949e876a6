// Worker: everything one I/O lcore knows, and one function that moves it forward.
//
// process() is pure: its result depends on the worker's state and on what it is given, never on a
// clock, a device or another thread.  The lcore loop, the scenario tests, the fuzzers and the
// benchmarks all call the same function.
//
// One call goes in one direction: finished jobs, received frames, timers, connections that wait for
// a resource, and last the ready list, where everything larger than a direct reply is pulled while
// there is credit for it.  The parts of the class are in files of their own:
//
//   worker.cc      the order of a call, slabs, lists and timers, the end of a connection
//   receive.cc     frame -> packet -> connection; TIME_WAIT; segments of a connection
//   icmp_error.cc  what a router says about a segment of ours
//   accept.cc      from a SYN to a connection: cookies, tracked handshakes, strays, limits
//   client.cc      TLS: records, steps, jobs
//   backend.cc     choosing and opening a backend, and another one when it does not answer
//   backend_tls.cc TLS with a backend, where its pool wants it
//   relay.cc       plaintext both ways, and how one side's end becomes the other's
//   transmit.cc    segments out
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "lib/balance/plan.h"
#include "lib/base/arena.h"
#include "lib/base/random.h"
#include "lib/base/slab.h"
#include "lib/base/timer_wheel.h"
#include "lib/base/token_bucket.h"
#include "lib/crypto/job.h"
#include "lib/crypto/key_share_cache.h"
#include "lib/frame/outbox.h"
#include "lib/snapshot/publication.h"
#include "lib/stats/top_table.h"
#include "lib/stats/worker_stats.h"
#include "lib/tcp/input.h"
#include "lib/tcp/output.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/time.h"
#include "lib/tls/engine.h"
#include "lib/wire/icmp.h"
#include "lib/wire/packet.h"
#include "lib/worker/admission.h"
#include "lib/worker/backend_leg.h"
#include "lib/worker/burst_look.h"
#include "lib/worker/client_count.h"
#include "lib/worker/connection.h"
#include "lib/worker/flow_table.h"
#include "lib/worker/index_list.h"
#include "lib/worker/local_responder.h"
#include "lib/worker/port_order.h"
#include "lib/worker/shares.h"
#include "lib/worker/syn_responder.h"
#include "lib/worker/syn_table.h"
#include "lib/worker/time_wait_table.h"
#include "lib/worker/turn.h"
#include "lib/worker/worker_config.h"

namespace sallyport::worker {

class Worker {
 public:
  // Allocates everything that the worker will ever need, the large tables from `arena`, which must
  // outlive it.  `pins` counts the handshakes that point into a configuration; `stats` is written
  // here and by the lcore only.
  Worker(const WorkerConfig& config, Arena& arena, snapshot::Reader& pins,
         stats::WorkerStats& stats, Tsc now);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // use sets what process() reads until the next call of use().  `snapshot` must stay alive until
  // then, and its configuration for as long as `pins` says.
  void use(const snapshot::Snapshot& snapshot) noexcept { snapshot_ = &snapshot; }

  // process moves this worker's world forward to `now`, which never goes backwards.
  // Precondition: use() was called; `out` has credit for two frames and one job per element of
  // `rx`.  A frame of `rx` whose `kept` is set afterwards belongs to the worker, the others to the
  // caller; every job of `done` belongs to the worker.
  void process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> done, Tsc now,
               frame::Outbox& out) noexcept {
    process(rx, done, {}, now, out);
  }
  // The same with clients whose certificates were judged meanwhile; each needs credit as an element
  // of `rx` does, and its job belongs to the worker.
  void process(std::span<frame::Frame* const> rx, std::span<crypto::CryptoJob* const> done,
               std::span<crypto::VerifyJob* const> judged, Tsc now, frame::Outbox& out) noexcept;

  // reset_all ends connections with an RST to both sides, as far as `out` has credit, and returns
  // how many are left: for the end of draining.
  std::size_t reset_all(Tsc now, frame::Outbox& out) noexcept;
  // abandon gives back every frame that connections hold, without a word to anybody: for the end
  // of the lcore.
  void abandon(frame::Outbox& out) noexcept;

  [[nodiscard]] std::size_t num_connections() const noexcept { return connections_.live(); }
  // has_backlog tells that process() has left work, and wants to be called although nothing comes.
  [[nodiscard]] bool has_backlog() const noexcept { return ready_.size() != 0; }
  // for_each_connection calls visit(const Connection&) for up to `limit` of them; for tests, and
  // for reports made on this worker's own lcore.
  template <class Visit>
  void for_each_connection(std::size_t limit, Visit&& visit) const {
    for (std::uint32_t i = 0; i < connections_.capacity() && limit > 0; ++i) {
      const Connection* c = connections_.get(connections_.handle_at(i));
      if (c == nullptr) continue;
      visit(*c);
      --limit;
    }
  }
  // client_of is who has proven to be at the other end of `c`; nullptr: nobody was asked, or nobody
  // answered.
  [[nodiscard]] const crypto::ClientIdentity* client_of(const Connection& c) const noexcept {
    return c.tls.is_established() ? clients_.get(c.known_client) : nullptr;
  }
  // leg_of is nullptr where the backend of `c` is spoken to in plaintext.
  [[nodiscard]] const BackendLeg* leg_of(const Connection& c) const noexcept {
    return c.backend_speaks_tls ? &legs_[connections_.handle_of(c).index] : nullptr;
  }
  // fingerprints is what listeners with that option have counted; for reports made on this worker's
  // own lcore.
  [[nodiscard]] const stats::TopTable<ClientCount>& fingerprints() const noexcept {
    return fingerprints_;
  }
  [[nodiscard]] const FrameAccount& frames_held() const noexcept { return held_; }

 private:
  // --- worker.cc -----------------------------------------------------------------------------
  [[nodiscard]] Connection& at(std::uint32_t index) noexcept;
  static void renew(Connection& c) noexcept;
  [[nodiscard]] std::uint32_t index_of(const Connection& c) const noexcept;
  void mark_ready(Connection& c) noexcept;
  void wait_for_resource(Connection& c) noexcept;
  void retry_waiting(Turn& turn) noexcept;
  void refill_key_shares(Turn& turn) noexcept;
  void visit_ready(Turn& turn) noexcept;
  // shed_holders ends, while frames are scarce, connections that hold some and move nothing.
  void shed_holders(Turn& turn) noexcept;
  // advance does everything that `c` can do now; the connection may be gone afterwards.
  void advance(Connection& c, Turn& turn) noexcept;
  void on_timer(std::uint32_t index, Turn& turn) noexcept;
  void on_phase_deadline(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] Tsc next_deadline(const Connection& c) const noexcept;
  void rearm(Connection& c) noexcept;
  void pass_stage(Connection& c, stats::HandshakeStage stage, Tsc now) noexcept;
  void count_failure(Connection& c, stats::HandshakeFailure failure) noexcept;
  void count_close(Connection& c, stats::CloseCause cause) noexcept;
  void release_handshake(Connection& c) noexcept;
  void count_handshake_over(Connection& c) noexcept;
  void release_message_buffer(Connection& c) noexcept;
  // release_verify_job keeps one that is away: it is released when it comes back.
  void release_verify_job(Connection& c) noexcept;
  void forget_client(Connection& c) noexcept;
  void forget_notes(Connection& c) noexcept;
  // end_side forgets one side without a word to its peer; release_if_done frees the slot when both
  // have ended.
  void end_side(Side& side, Turn& turn) noexcept;
  // retire_tcp gives up the tuple; what the peer sent last may still be relayed.
  void retire_tcp(Side& side, bool time_wait) noexcept;
  bool release_if_done(Connection& c) noexcept;
  // reset_side sends an RST, if the state has one, and forgets the side.
  void reset_side(Side& side, Turn& turn) noexcept;
  void publish_gauges() noexcept;

  // --- receive.cc ----------------------------------------------------------------------------
  void receive_burst(std::span<frame::Frame* const> rx, Turn& turn) noexcept;
  void receive(frame::Frame& f, Turn& turn) noexcept;
  // refuse_acks deals with the bare ACKs of nobody that syns_ has taken.
  void refuse_acks(Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason receive_packet(frame::Frame& f, Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason receive_tcp(frame::Frame& f, const wire::Packet& packet,
                                              snapshot::InterfaceIndex interface,
                                              Turn& turn) noexcept;
  [[nodiscard]] FlowRef find_flow(const FourTuple& tuple, FlowTable::Hash hash) noexcept;
  [[nodiscard]] stats::DropReason receive_time_wait(std::uint32_t index, const wire::Packet& packet,
                                                    const tcp::Segment& segment,
                                                    snapshot::InterfaceIndex interface,
                                                    Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason receive_segment(Connection& c, Side& side, frame::Frame& f,
                                                  const wire::Packet& packet,
                                                  const tcp::Segment& segment, Turn& turn) noexcept;
  [[nodiscard]] stats::DropReason take_text(Connection& c, Side& side, frame::Frame& f,
                                            const wire::Packet& packet, tcp::Arrival& arrival,
                                            Turn& turn) noexcept;
  void on_tcp_events(Connection& c, Side& side, tcp::Events events, Turn& turn) noexcept;
  // answer_stray does what the interface says with a segment that belongs to nothing; with a RST
  // where that is the answer.
  void answer_stray(const wire::Packet& packet, const tcp::Segment& segment,
                    snapshot::InterfaceIndex interface, Turn& turn) noexcept;
  void answer_with_reset(const wire::Packet& packet, const tcp::Segment& segment,
                         snapshot::InterfaceIndex interface, Turn& turn) noexcept;
  [[nodiscard]] bool reads(const Connection& c, const Side& side) const noexcept;

  // --- icmp_error.cc -------------------------------------------------------------------------
  [[nodiscard]] stats::DropReason receive_icmp_error(const wire::IcmpError& error) noexcept;

  // --- accept.cc -----------------------------------------------------------------------------
  [[nodiscard]] const snapshot::Listener* find_listener(const SocketAddress& address,
                                                        std::uint16_t& index) const noexcept;
  [[nodiscard]] stats::DropReason receive_syn(const wire::Packet& packet,
                                              const tcp::Segment& segment, FlowTable::Hash hash,
                                              snapshot::InterfaceIndex interface,
                                              Turn& turn) noexcept;
  // receive_syn_received takes a segment of a tracked handshake.
  [[nodiscard]] stats::DropReason receive_syn_received(
      std::uint32_t index, frame::Frame& f, const wire::Packet& packet, const tcp::Segment& segment,
      FlowTable::Hash hash, snapshot::InterfaceIndex interface, Turn& turn) noexcept;
  void repeat_syn_acks(Turn& turn) noexcept;
  // When all places of a kind are taken, the slowest of so many clients goes, if it has let us wait
  // for this long.  Without it as many silent clients as there are places keep everybody out for
  // the whole time that a ClientHello or a handshake may take.
  static constexpr std::uint32_t kEvictionWalk = 32;
  static constexpr seconds kPatienceWhenFull{1};
  // evict_slowest looks at the next places, after `next`, of those who hold something of which
  // there are `places`: holder(index) is one of them, or nullptr.  Only who is in its handshake and
  // keeps us waiting may have to go.
  template <class Holder>
  void evict_slowest(std::size_t places, std::uint32_t& next, Turn& turn,
                     Holder&& holder) noexcept {
    Connection* slowest = nullptr;
    for (std::uint32_t budget = kEvictionWalk; budget > 0; --budget) {
      if (++next >= places) next = 0;
      Connection* c = holder(next);
      if (c == nullptr || c->phase != Phase::handshake || c->await != tls::Await::peer) continue;
      if (slowest == nullptr || c->accepted < slowest->accepted) slowest = c;
    }
    if (slowest != nullptr) give_place(*slowest, turn);
  }
  // evict_handshake frees the place of a client that lets us wait, evict_verify_job that of one
  // whose certificates come slowly.
  void evict_handshake(Turn& turn) noexcept;
  // evict_unfinished does so among all that are not through with TLS, or those with notes alone.
  void evict_unfinished(bool with_notes, Turn& turn) noexcept;
  void evict_verify_job(Turn& turn) noexcept;
  void give_place(Connection& slowest, Turn& turn) noexcept;
  // refuse_closed_port takes a segment to where nobody listens; `why` if the address is ours.
  [[nodiscard]] stats::DropReason refuse_closed_port(const wire::Packet& packet,
                                                     const tcp::Segment& segment,
                                                     snapshot::InterfaceIndex interface,
                                                     stats::DropReason why, Turn& turn) noexcept;
  // receive_stray takes a segment of no connection: perhaps the first data of a new one.
  [[nodiscard]] stats::DropReason receive_stray(frame::Frame& f, const wire::Packet& packet,
                                                const tcp::Segment& segment, FlowTable::Hash hash,
                                                snapshot::InterfaceIndex interface,
                                                Turn& turn) noexcept;
  // open_connection takes the segment that completes a handshake.
  [[nodiscard]] stats::DropReason open_connection(frame::Frame& f, const wire::Packet& packet,
                                                  const tcp::Segment& segment,
                                                  const tcp::PeerOptions& options,
                                                  FlowTable::Hash hash, std::uint16_t listener,
                                                  snapshot::InterfaceIndex interface,
                                                  Turn& turn) noexcept;
  [[nodiscard]] Connection* accept(const FourTuple& tuple, FlowTable::Hash hash,
                                   const tcp::Segment& segment, const tcp::PeerOptions& options,
                                   std::uint16_t listener_index, const LinkPeer& peer,
                                   Turn& turn) noexcept;

  // --- client.cc -----------------------------------------------------------------------------
  void complete(crypto::CryptoJob& job, Turn& turn) noexcept;
  // put_job lets `tls`, whose handshake `state` is, fill a job, and submits it; what it said is in
  // `step`.  False: there is no slot or no key pair at the moment.
  template <class Tls, class State>
  [[nodiscard]] bool put_job(const Connection& c, Tls& tls, State& state, tls::Step& step,
                             Turn& turn) noexcept;
  // allocate_verify_job is nullptr when there is none for this holder; put submits one that was
  // filled.
  [[nodiscard]] crypto::VerifyJob* allocate_verify_job(const Connection& c, std::uint16_t holder,
                                                       Handle<crypto::VerifyJob>& handle,
                                                       Turn& turn) noexcept;
  void release(Handle<crypto::VerifyJob> handle) noexcept;
  void put(const Connection& c, crypto::VerifyJob& job, Handle<crypto::VerifyJob> self,
           Turn& turn) noexcept;
  void release_job(crypto::CryptoJob& job) noexcept;
  void take_verdict(crypto::VerifyJob& job, Turn& turn) noexcept;
  [[nodiscard]] bool submit_verify_job(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] bool lend_verify_job(Connection& c, Turn& turn) noexcept;
  // open_records takes whole records off the client's input, as long as their contents have room.
  void open_records(Connection& c, Turn& turn) noexcept;
  void on_step(Connection& c, const tls::Step& step, Turn& turn) noexcept;
  // count_fingerprint counts the client once its ClientHello is complete, whatever becomes of it.
  void count_fingerprint(Connection& c) noexcept;
  [[nodiscard]] bool submit_job(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] bool lend_message_buffer(Connection& c) noexcept;
  // lend_what_it_waits_for lends what c.await names, a handshake or a message buffer; false: there
  // is none.
  [[nodiscard]] bool lend_what_it_waits_for(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] bool lend_handshake(Connection& c, Turn& turn) noexcept;
  void renew(HandshakeState& state, Handle<Connection> owner) noexcept;
  void pull_tls_output(Connection& c, Turn& turn) noexcept;
  void on_tls_established(Connection& c, Turn& turn) noexcept;
  void on_tls_failed(Connection& c, stats::HandshakeFailure failure, Turn& turn) noexcept;
  // handshake_of is null once TLS is established.
  [[nodiscard]] tls::Handshake* handshake_of(const Connection& c) noexcept;
  [[nodiscard]] tls::Attached attached(const Connection& c) noexcept;

  // --- backend.cc ----------------------------------------------------------------------------
  void open_backend(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] bool connect_to(Connection& c, const snapshot::Pool& pool,
                                const snapshot::Backend& backend, Turn& turn) noexcept;
  [[nodiscard]] bool draw_local_port(const snapshot::Pool& pool, FourTuple& tuple,
                                     FlowTable::Hash& hash) noexcept;
  void on_backend_established(Connection& c, Turn& turn) noexcept;
  // greet_backend queues what a backend is to read before anything of the client's, and lets TLS
  // or the relay begin; without frames for it the phase stays, and the connection asks again.
  void greet_backend(Connection& c, Turn& turn) noexcept;
  void begin_relay(Connection& c, Turn& turn) noexcept;
  void on_backend_unreachable(Connection& c, stats::HandshakeFailure failure, Turn& turn) noexcept;
  // try_another_backend ends the connection with `failure` when none is left.
  void try_another_backend(Connection& c, stats::HandshakeFailure failure, Turn& turn) noexcept;

  // --- backend_tls.cc ------------------------------------------------------------------------
  [[nodiscard]] BackendLeg* leg_of(Connection& c) noexcept {
    return c.backend_speaks_tls ? &legs_[index_of(c)] : nullptr;
  }
  [[nodiscard]] tls::ClientHandshake* handshake_of(const BackendLeg& leg) noexcept;
  [[nodiscard]] tls::ClientAttached attached(const BackendLeg& leg) noexcept;
  void begin_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // advance_backend_tls takes records of the backend and pulls what TLS has to say to it.
  void advance_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // open_backend_records opens records up to one whose plaintext waits to be relayed.
  void open_backend_records(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  void pull_backend_output(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  void on_backend_step(Connection& c, BackendLeg& leg, const tls::Step& step, Turn& turn,
                       crypto::ClientVerdict verdict = crypto::ClientVerdict::none) noexcept;
  // is_renewed: with the handshake came a session to resume next time.
  void on_backend_tls_established(Connection& c, BackendLeg& leg, bool is_renewed,
                                  Turn& turn) noexcept;
  // sessions_of is nullptr where none of the backend's are kept.
  [[nodiscard]] BackendSessions* sessions_of(const BackendLeg& leg) noexcept;
  void forget_sessions(const BackendLeg& leg) noexcept;
  // on_backend_tls_failed leaves what takes frames to give_up_backend, which comes with advance():
  // there may be none to spare where it is called.
  void on_backend_tls_failed(Connection& c, BackendLeg& leg, stats::BackendTlsFailure why) noexcept;
  void give_up_backend(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // say_to_backend pulls what TLS has to say, or gives the backend up.
  void say_to_backend(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // retry_backend_tls goes on with what waited for a resource.
  void retry_backend_tls(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // These answer false when they have to wait.
  [[nodiscard]] bool say_hello(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  [[nodiscard]] bool submit_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  [[nodiscard]] bool submit_verify_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  [[nodiscard]] bool lend_verify_job(Connection& c, BackendLeg& leg, Turn& turn) noexcept;
  // waits_for_place: what holds the handshake up is not the backend.
  [[nodiscard]] bool waits_for_place(const BackendLeg& leg) const noexcept;
  // These answer false when the job is not that of a backend.
  [[nodiscard]] bool complete_backend_job(Connection& c, crypto::CryptoJob& job,
                                          Turn& turn) noexcept;
  [[nodiscard]] bool take_backend_verdict(Connection& c, crypto::VerifyJob& job,
                                          Turn& turn) noexcept;
  void release_verify_job(BackendLeg& leg) noexcept;
  void release_handshake(BackendLeg& leg) noexcept;
  // end_leg wipes what TLS has of a side that has ended.
  void end_leg(BackendLeg& leg) noexcept;
  // deliver_sealed is deliver() with records; false: broken.
  [[nodiscard]] bool deliver_sealed(Connection& c, BackendLeg& leg,
                                    std::span<const MutableBytes> record, tls::ContentRange range,
                                    Turn& turn) noexcept;

  // --- relay.cc ------------------------------------------------------------------------------
  // deliver copies opened application data to the backend's send queue.
  void deliver(Connection& c, std::span<const MutableBytes> record, tls::ContentRange range,
               Turn& turn) noexcept;
  [[nodiscard]] bool can_deliver(const Connection& c, std::size_t len,
                                 const Turn& turn) const noexcept;
  // can_append: there are frames for so many bytes more, as they are.
  [[nodiscard]] bool can_append(const Connection& c, std::size_t len,
                                const Turn& turn) const noexcept;
  // append_to_backend copies `bytes` to the end of that queue.  Precondition: can_append().
  static void append_to_backend(Connection& c, ByteView bytes, Turn& turn) noexcept;
  void seal_plaintext(Connection& c, Turn& turn) noexcept;
  // plaintext_len is how much of the backend's input can be relayed now.
  [[nodiscard]] std::size_t plaintext_len(const Connection& c) const noexcept;
  void consume_plaintext(Connection& c, std::size_t len, Turn& turn) noexcept;
  // end_broken ends both sides after an invariant of ours did not hold.
  void end_broken(Connection& c, Turn& turn) noexcept;
  // seal_record seals some of the backend's plaintext and returns how many bytes; 0: broken.
  [[nodiscard]] std::size_t seal_record(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] std::size_t seal_burst(Connection& c, std::size_t mss, Turn& turn) noexcept;
  [[nodiscard]] std::size_t segments_to_seal(Connection& c, std::size_t mss,
                                             const Turn& turn) noexcept;
  [[nodiscard]] std::size_t seal_short_records(Connection& c, Turn& turn) noexcept;
  void pass_on_ends(Connection& c, Turn& turn) noexcept;
  void pass_on_client_end(Connection& c, Turn& turn) noexcept;
  void pass_on_backend_end(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] static bool has_whole_record(const InputQueue& input) noexcept;
  // comes_in_records: what arrives on this side is of use only record by record.
  [[nodiscard]] static bool comes_in_records(const Connection& c, const Side& side) noexcept {
    return side.kind == FlowRef::Kind::client || c.backend_speaks_tls;
  }
  void offer_room(Connection& c) noexcept;
  // abort_backend and abort_client end one side because of the other.
  void abort_backend(Connection& c, Turn& turn) noexcept;
  // finish_client queues close_notify, unless an alert is on its way; close_client queues our FIN
  // when that has been pulled.
  void finish_client(Connection& c, Phase next, Turn& turn) noexcept;
  void close_client(Connection& c, Turn& turn) noexcept;
  [[nodiscard]] const snapshot::Limits& limits(const Connection& c) const noexcept;
  // frames_are_scarce: who holds some and stands still is reset.
  [[nodiscard]] bool frames_are_scarce() const noexcept;
  [[nodiscard]] bool has_frames_for_another() const noexcept;
  // receive_share is how many bytes one side may be promised: a part of what all others leave.
  [[nodiscard]] std::uint32_t receive_share() const noexcept;
  // holds_scarce_frames: received frames become scarce and `side` has more than `allowed` of them.
  [[nodiscard]] bool holds_scarce_frames(const Side& side, std::uint32_t allowed) const noexcept;
  // send_limit is how many bytes may wait for an ACK: what the path takes, within the limit.
  [[nodiscard]] std::uint32_t send_limit(const Connection& c, const Side& side) const noexcept;
  // frames_left is how many frames for sending nobody holds.
  [[nodiscard]] std::uint32_t frames_left() const noexcept;
  // frames_for is how many more frames `queue` may hold.  Those of a peer that does not acknowledge
  // must never be all: whoever has none yet finds some.
  [[nodiscard]] std::size_t frames_for(const SendQueue& queue) const noexcept;

  // --- transmit.cc ---------------------------------------------------------------------------
  void transmit(Connection& c, Side& side, Turn& turn) noexcept;
  void send_queued(Side& side, const tcp::Transmission& t, const tcp::Segment& header,
                   Turn& turn) noexcept;
  // send_bare sends a segment without payload; counts a drop when the next hop is unknown.
  void send_bare(const LinkPeer& peer, const FourTuple& tuple, const tcp::Segment& segment,
                 Turn& turn) noexcept;
  // send_ack reports text that came twice when there is some (RFC 2883).
  void send_ack(Side& side, Turn& turn, const tcp::SackBlock& duplicate = {}) noexcept;

  WorkerConfig config_;
  snapshot::Reader& pins_;
  stats::WorkerStats& stats_;
  Random random_;
  tcp::Clock clock_;
  tcp::Instant instant_;  // of the current call
  const snapshot::Snapshot* snapshot_ = nullptr;

  Slab<Connection> connections_;
  Slab<HandshakeState> handshakes_;
  Slab<tls::MessageBuffer> message_buffers_;
  Slab<crypto::CryptoJob> jobs_;
  Slab<crypto::VerifyJob> verify_jobs_;
  Slab<crypto::ClientIdentity> clients_;
  ArenaArray<BackendLeg> legs_;  // by the connection's index; empty where no pool speaks TLS
  Slab<BackendHandshake> backend_handshakes_;
  Shares backend_handshake_shares_;  // of pools
  // Of pools.  Clients have some of these places too, and need no share: a client that lets us wait
  // loses its place to the next.
  Shares verify_job_shares_;
  static constexpr std::uint16_t kClients = 0xffff;  // in the place of a pool
  ArenaArray<BackendSessions> sessions_;
  Slab<tls::HelloNotes> hello_notes_;
  FlowTable flows_;
  TimeWaitTable time_wait_;
  SynTable syn_received_;
  Admission admission_;
  TimerWheel timers_;
  crypto::KeyShareCache key_shares_;
  tls::Engine tls_;
  LocalResponder local_;
  BurstLook look_;
  SynResponder syns_;
  TokenBucket resets_;
  TokenBucket time_wait_acks_;
  FrameAccount held_;
  IndexList<Connection, &Connection::ready> ready_;
  IndexList<Connection, &Connection::waiting> waiting_;
  // Pools beyond share cursors, which costs evenness and nothing else.
  std::array<balance::Cursor, 256> cursors_{};
  stats::TopTable<ClientCount> fingerprints_;
  SipKey fingerprint_key_;
  SipKey isn_secret_;
  PortOrder port_order_;
  std::uint32_t next_local_port_ = 0;
  std::uint32_t next_to_shed_ = 0;
  std::uint32_t next_to_evict_ = 0;
  std::uint32_t next_connection_to_evict_ = 0;
  std::uint32_t next_verify_job_to_evict_ = 0;
};

}  // namespace sallyport::worker
