// WorkerStats: everything one I/O lcore counts.  The lcore is its only writer; the control thread
// reads it at any time, without locks.
#pragma once
#include <array>
#include <cstdint>

#include "lib/base/histogram.h"
#include "lib/stats/counters.h"
#include "lib/stats/reasons.h"
#include "lib/stats/resumption.h"

#define SALLYPORT_TRAFFIC_COUNTERS(X)                                             \
  X(rx_frames, "frames received")                                                 \
  X(rx_bytes, "bytes received, Ethernet header included")                         \
  X(tx_frames, "frames sent")                                                     \
  X(tx_bytes, "bytes sent, Ethernet header included")                             \
  X(steered_in, "frames that another lcore received for us")                      \
  X(steered_out, "frames that we received for another lcore")                     \
  X(arp_replies, "ARP requests answered")                                         \
  X(nd_replies, "neighbour solicitations answered")                               \
  X(echo_replies, "echo requests answered")                                       \
  X(rst_sent, "RST segments sent")                                                \
  X(rst_rate_limited, "RST segments not sent: above the rate")                    \
  X(challenge_acks, "challenge ACKs sent (RFC 5961)")                             \
  X(retransmitted_segments, "segments sent again")                                \
  X(fast_retransmits, "losses that were detected before a time-out")              \
  X(path_mtu_reductions, "connections that learned of a smaller path MTU")        \
  X(tail_loss_probes, "ends of a flight that were sent again early")              \
  X(spurious_recoveries, "repairs that turned out to have had no reason")         \
  X(ecn_ce_received, "segments that a router had marked for congestion")          \
  X(syn_ack_repetitions, "SYN-ACKs of tracked handshakes sent again")             \
  X(syn_tracking_suspended, "times that tracking SYNs gave way to cookies alone") \
  X(keep_alive_probes, "probes of peers that had said nothing for long")          \
  X(ecn_reductions, "reductions of cwnd because the peer echoed a mark")          \
  X(retransmission_timeouts, "losses found by the retransmission timer")          \
  X(out_of_order_segments, "segments that arrived ahead of a gap")                \
  X(duplicate_segments, "segments that brought nothing new")                      \
  X(zero_window_probes, "probes of a closed window")                              \
  X(client_plaintext_bytes, "application bytes received from clients")            \
  X(backend_plaintext_bytes, "application bytes received from backends")          \
  X(records_opened, "TLS records decrypted")                                      \
  X(records_sealed, "TLS records encrypted")                                      \
  X(clients_judged, "clients' certificates that came back with a verdict")        \
  X(backend_records_opened, "TLS records of backends decrypted")                  \
  X(backend_records_sealed, "TLS records for backends encrypted")                 \
  X(backends_judged, "backends' certificates that came back with a verdict")      \
  X(stale_jobs, "results for connections that were gone")                         \
  X(backend_retries, "another backend tried after a refusal or time-out")         \
  X(timers_fired, "timer entries that fired")

#define SALLYPORT_GAUGES(X)                                       \
  X(connections, "connections in any state")                      \
  X(handshakes, "handshake buffers in use")                       \
  X(jobs, "asymmetric jobs in flight")                            \
  X(backend_handshakes, "TLS handshakes with backends under way") \
  X(verify_jobs, "certificates of peers received or judged")      \
  X(time_wait, "TIME_WAIT records")                               \
  X(syn_received, "tracked handshakes before their first data")   \
  X(frames_held, "frames kept for retransmission or reassembly")  \
  X(key_shares, "ephemeral key pairs ready")                      \
  X(timers, "armed timers")

// LcoreRegime: what the ticks of an lcore were spent on.
#define SALLYPORT_LCORE_REGIMES(X)                       \
  X(idle, "iterations with nothing to do")               \
  X(busy, "iterations that moved something")             \
  X(backpressured, "iterations without transmit credit") \
  X(crypto, "executor running on this lcore")

// BackendCounter: what one worker knows of one backend.
#define SALLYPORT_BACKEND_COUNTERS(X)                        \
  X(connections, "connections now, being opened included")   \
  X(established, "connections that the backend accepted")    \
  X(refused, "connections that it refused")                  \
  X(timed_out, "connections that it did not answer in time") \
  X(tls_established, "of the accepted ones, those with TLS") \
  X(tls_resumed, "of these, those resumed with a ticket")    \
  X(tls_failed, "accepted ones with which TLS did not come about")

SALLYPORT_STATS_ENUM(BackendCounter, SALLYPORT_BACKEND_COUNTERS)
SALLYPORT_STATS_ENUM(Traffic, SALLYPORT_TRAFFIC_COUNTERS)
SALLYPORT_STATS_ENUM(Gauge, SALLYPORT_GAUGES)
SALLYPORT_STATS_ENUM(LcoreRegime, SALLYPORT_LCORE_REGIMES)

namespace sallyport::stats {

// Backends that are counted one by one; those beyond share the last place.
constexpr std::size_t kMaxBackends = 1024;

struct WorkerStats {
  Counters<Traffic> traffic;
  Counters<Gauge> gauges;
  Counters<LcoreRegime> regime_ticks;
  Counters<DropReason> drops;
  Counters<HandshakeStage> stages;
  Counters<HandshakeFailure> failures;
  Counters<CookieRefusal> cookie_refusals;
  Counters<Resumption> resumptions;
  Counters<TicketRefusal> ticket_refusals;
  Counters<CloseCause> closes;
  Counters<BackendTlsFailure> backend_tls_failures;
  // Time from the previous stage of the same connection to this one, in nanoseconds.  From
  // syn_received to cookie_accepted nothing is known: that time passes without state.
  std::array<Histogram, Descriptions<HandshakeStage>::all.size()> stage_nanoseconds;
  // By snapshot::Backend::counter.
  std::array<Counters<BackendCounter>, kMaxBackends> backends;
  // From cookie_accepted to tls_established.
  Histogram handshake_nanoseconds;
};

}  // namespace sallyport::stats
