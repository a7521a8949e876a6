// Connection: one client, the TLS between us, and the backend that answers it.
#pragma once
#include <bit>
#include <cstdint>

#include "lib/balance/plan.h"
#include "lib/base/address.h"
#include "lib/base/slab.h"
#include "lib/base/units.h"
#include "lib/crypto/client_identity.h"
#include "lib/crypto/job.h"
#include "lib/crypto/verify_job.h"
#include "lib/snapshot/snapshot.h"
#include "lib/stats/reasons.h"
#include "lib/tcp/reassembly.h"
#include "lib/tcp/tcb.h"
#include "lib/tls/hello_notes.h"
#include "lib/tls/server.h"
#include "lib/worker/flow_table.h"
#include "lib/worker/index_list.h"
#include "lib/worker/input_queue.h"
#include "lib/worker/link_peer.h"
#include "lib/worker/send_queue.h"

namespace sallyport::worker {

// FrameAccess lets lib/tcp keep received frames in order of their text: the bytes of such a frame
// are the text; its first sequence number and a link lie in Frame::user.
struct FrameAccess {
  static frame::Frame*& next(frame::Frame& f) noexcept { return f.next; }
  static frame::Frame* run_end(const frame::Frame& f) noexcept {
    return std::bit_cast<frame::Frame*>(f.user[1]);
  }
  static void set_run_end(frame::Frame& f, frame::Frame* end) noexcept {
    f.user[1] = std::bit_cast<std::uint64_t>(end);
  }
  static tcp::SeqNum seq(const frame::Frame& f) noexcept {
    return {static_cast<std::uint32_t>(f.user[0])};
  }
  static std::uint32_t len(const frame::Frame& f) noexcept { return f.len; }
  // set says where the text of `f`, which is f.bytes() already, begins in the stream.
  static void set(frame::Frame& f, tcp::SeqNum seq, std::uint32_t len) noexcept {
    f.user[0] = seq.raw;
    f.len = static_cast<std::uint16_t>(len);
  }
  static void drop_front(frame::Frame& f, std::uint32_t n) noexcept {
    f.user[0] = (seq(f) + n).raw;
    f.offset = static_cast<std::uint16_t>(f.offset + n);
    f.len = static_cast<std::uint16_t>(f.len - n);
  }
  static void drop_back(frame::Frame& f, std::uint32_t n) noexcept {
    f.len = static_cast<std::uint16_t>(f.len - n);
  }
};
using OutOfOrderQueue = tcp::OutOfOrderQueue<frame::Frame, FrameAccess>;

// Side is one TCP connection: to the client or to the backend.  What stands here a worker has twice
// per connection, so members use the padding of those before them; its hash in the flow table is
// computed again at its end instead of being kept.
struct Side {
  // So many connections a worker may have: what names one shares its word with flags.
  static constexpr std::uint32_t kMaxConnections = 1U << 26U;

  FourTuple tuple;
  tcp::Tcb tcb;
  [[no_unique_address]] SendQueue send;
  [[no_unique_address]] InputQueue input;
  [[no_unique_address]] OutOfOrderQueue out_of_order;
  LinkPeer link;
  std::uint32_t index : 26 = 0;  // of the connection
  FlowRef::Kind kind : 3 = FlowRef::Kind::none;
  bool in_use : 1 = false;       // there is something of this side that is not finished
  bool tcp_done : 1 = false;     // TCP is over and the flow entry gone; `input` may hold last words
  bool peer_closed : 1 = false;  // FIN received, and everything before it

  [[nodiscard]] bool has_tcp() const noexcept { return in_use && !tcp_done; }
  // growing_frame is the last one to send, where it was never sent and may still grow to a full
  // segment; nullptr: it may not.
  [[nodiscard]] frame::Frame* growing_frame() noexcept {
    frame::Frame* const last = send.back();
    if (last == nullptr || last->is_shared()) return nullptr;
    const Chunk chunk = Chunk::of(*last);
    const bool may_grow = chunk.len < tcb.snd_mss && !tcp::before(chunk.seq, tcb.snd_max);
    return may_grow ? last : nullptr;
  }
  [[nodiscard]] std::uint32_t num_frames() const noexcept {
    return send.num_frames() + input.num_frames() + out_of_order.num_nodes();
  }
};

// Phase is what the connection as a whole is doing.
enum class Phase : std::uint8_t {
  handshake,   // TLS not established; there is no backend
  connecting,  // TLS established; a backend was sent a SYN, or TLS with it is not established
  greeting,    // the backend has answered and is not told yet whose connection it is
  relaying,    // both sides established
  ending,      // nothing is relayed any more; what is queued drains and the sides close
};

struct Connection;

// A handle travels through a job as one opaque number.
[[nodiscard]] constexpr std::uint64_t token_of(Handle<Connection> handle) noexcept {
  return std::uint64_t{handle.generation} << 32U | handle.index;
}
[[nodiscard]] constexpr Handle<Connection> handle_of(std::uint64_t token) noexcept {
  return {static_cast<std::uint32_t>(token), static_cast<std::uint32_t>(token >> 32U)};
}

// HandshakeState is what a connection needs until TLS is established; then the slot is given back.
// A client that is to send another ClientHello needs none until it does.
struct HandshakeState {
  tls::Handshake tls;
  Handle<Connection> owner;
  Handle<tls::MessageBuffer> message_buffer;
  Handle<crypto::CryptoJob> job;
  Handle<crypto::VerifyJob> verify_job;
  std::uint64_t configuration = 0;  // pinned for as long as this is held
};

// Connection, in the order of use: what every segment and every record touches, then times and
// queues, then what has its moment once.
struct Connection {
  Side client;
  Side backend;
  tls::Server tls;
  Handle<HandshakeState> handshake;
  SoleHandle<crypto::ClientIdentity> known_client;  // where a listener asks who its clients are
  SoleHandle<tls::HelloNotes> notes;  // where a pool wants to know it, until its backend does

  Tsc accepted;        // the cookie was
  Tsc stage_at;        // last handshake stage passed; after the last stage, last record sealed
  Tsc last_activity;   // bytes moved either way
  Tsc phase_deadline;  // what it means depends on the phase; Tsc{} = none
  Tsc armed;           // deadline in the timer wheel; Tsc{} = none
  IndexLink ready;     // work can be pulled
  IndexLink waiting;   // for a job slot, a key pair, a message buffer or the verifier

  std::uint32_t sealed_since_pause = 0;  // bytes, up to where a transfer counts as bulk
  std::uint16_t backend_counter = 0;     // place of the backend in WorkerStats
  std::uint16_t listener = 0;
  snapshot::PoolIndex pool;
  balance::Tried tried;
  Phase phase = Phase::handshake;
  tls::Await await = tls::Await::peer;
  bool client_finishing : 1 = false;   // close_notify or an alert, then our FIN
  bool client_fin_queued : 1 = false;  // our FIN to the client follows what is queued
  bool backend_fin_queued : 1 = false;
  bool bytes_to_client : 1 = false;     // any application data was sent yet
  bool is_being_judged : 1 = false;     // the VerifyJob is away
  bool close_counted : 1 = false;       // a CloseCause or HandshakeFailure was counted
  bool backend_speaks_tls : 1 = false;  // what that takes stands in a BackendLeg
  bool cut_off : 1 = false;             // the client gets a FIN without close_notify, as we did
  bool handshake_counted : 1 = false;   // among the unfinished ones of its listener

  // seeks_backend: no backend has read a word of the client yet, so another one may do as well.
  [[nodiscard]] bool seeks_backend() const noexcept {
    return phase == Phase::connecting || phase == Phase::greeting;
  }
};
// What an idle connection costs: this, and beside it its timer, its place in the slab and its two
// entries in a flow table that is half full (docs/performance.md).
inline constexpr std::size_t kBytesBesideConnection = 16 + 8 + 32;
static_assert(sizeof(Connection) + kBytesBesideConnection <= 1'024);
static_assert(sizeof(Side) <= sizeof(tcp::Tcb) + 120);

}  // namespace sallyport::worker
