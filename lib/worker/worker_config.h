// WorkerConfig: what a worker is built with, once.  Everything that may change while it runs comes
// with the snapshot instead.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/random.h"
#include "lib/base/units.h"
#include "lib/frame/toeplitz.h"
#include "lib/tls/engine.h"

namespace sallyport::worker {

struct WorkerConfig {
  std::uint16_t index = 0;  // which worker this is, below num_workers
  frame::Reta reta{1};      // who owns which tuple; the same on every worker
  frame::ToeplitzKey toeplitz_key = frame::symmetric_toeplitz_key();
  TscRate tsc_rate{};
  Random::Seed seed{};  // from the operating system; fixed in tests

  // Sizes of the slabs.  Each may be full; then the rule beside it holds.
  std::size_t max_connections = 1'024;   // full: no cookie is accepted, the client tries again
  std::size_t max_handshakes = 256;      // full: as above
  std::size_t max_message_buffers = 64;  // full: the handshake waits for one
  std::size_t max_jobs = 128;            // full: the handshake waits for one
  // Full: a client that shows a certificate is refused.  A handshake with a backend waits while its
  // pool has as many as are left (Shares).
  std::size_t max_verify_jobs = 16;
  // Whether there are pools that speak TLS; it takes memory for each connection.  Without it no
  // connection to such a pool is made.
  bool backends_speak_tls = false;
  std::size_t max_backend_handshakes = 1;  // a handshake with a backend waits, as above
  std::size_t tls_backends = 0;            // whose sessions are kept
  // Clients of listeners that ask for certificates.  Full: no cookie of those is accepted.
  std::size_t max_known_clients = 1'024;
  // Clients that some backend wants to be introduced to, until it is.  Full: as above.
  std::size_t max_hello_notes = 512;
  std::size_t max_fingerprints = 256;    // counted; full: a new one takes the place of the rarest
  std::size_t max_time_wait = 4'096;     // full: the oldest record goes early
  std::size_t max_syn_received = 1'024;  // three quarters full: SYNs are not tracked for a while
  std::uint16_t key_shares = 64;         // ephemeral key pairs kept ready per group
  tls::KeyLimits key_limits{};           // lower ones only make keys change more often
  // One for all workers, which it outlives; nullptr: no session is kept under an ID.
  tls::SessionCache* client_sessions = nullptr;

  // Frames that connections may hold beyond one call.  Nobody may hold more than a part of what the
  // others leave: see Worker::receive_share and Worker::frames_for.  Close to a limit new data of
  // those who hold some is no longer accepted or sealed; what is under way goes on, and ACKs free
  // frames again.  Connections that hold frames without moving a byte for some seconds are reset.
  std::uint32_t max_rx_frames_held = 4'096;
  std::uint32_t max_tx_frames_held = 8'192;

  // Stateless answers (ARP, ND, echo) and RSTs per second: without these bounds a flood of requests
  // would be a flood of replies.
  std::uint32_t local_replies_per_second = 1'000;
  std::uint32_t resets_per_second = 1'000;
  std::uint32_t time_wait_acks_per_second = 1'000;
};

}  // namespace sallyport::worker
