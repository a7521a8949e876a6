// TcpEndpoint: one TCP connection built on lib/tcp and plain byte buffers, without TLS, frames or a
// clock.  It is what a worker keeps around a Tcb, in the simplest form: a send queue with one chunk
// per segment, text ahead of a gap, a TIME_WAIT record.  It watches itself: after each step the
// invariants of a connection hold, or violation() says which one does not.
//
// It is the only place of the simulator that knows the interface of lib/tcp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lib/base/address.h"
#include "lib/tcp/input.h"
#include "lib/tcp/output.h"
#include "lib/tcp/reassembly.h"
#include "lib/tcp/segment.h"
#include "lib/tcp/tcb.h"
#include "lib/tcp/time_wait.h"
#include "lib/wire/ip.h"
#include "tests/support/bytes.h"
#include "tests/support/chunk_queue.h"

namespace sallyport::testing {

struct EndpointOptions {
  std::uint16_t mss = 1460;                // announced, and the limit of what we send
  std::uint32_t receive_buffer = 262'144;  // bytes
  std::uint32_t chunk = 0;  // bytes per chunk of the send queue; 0: one MSS, as a worker cuts them
  std::uint16_t max_kept_nodes = 1024;  // segments ahead of a gap
  tcp::SeqNum iss{1'000};
  std::uint32_t ts_offset = 0;
  // What this side offers, or takes when offered.
  bool timestamps = true;
  bool sack = true;
  bool window_scaling = true;
  bool ecn = false;
  bool tunes_window = false;     // begins with 64 KiB, up to `receive_buffer`
  std::uint16_t keep_alive = 0;  // seconds
  tcp::CongestionAlgorithm congestion = tcp::CongestionAlgorithm::cubic;
  // Checks that take time in proportion to what is queued, after each step.
  bool check_marks = true;
};

// Listening: how a passive open keeps the SYN.
enum class Listening : std::uint8_t {
  cookie,   // not at all, as the worker does
  tracked,  // in a connection in SYN_RECEIVED, which repeats its SYN-ACK
};

struct EndpointCounters {
  std::uint64_t segments_sent = 0;
  std::uint64_t data_segments_sent = 0;
  std::uint64_t bytes_sent = 0;  // of text, repeated or not
  std::uint64_t retransmissions = 0;
  std::uint64_t window_probes = 0;
  std::uint64_t timeouts = 0;          // RTO
  std::uint64_t tail_probes = 0;       // RFC 8985 section 7
  std::uint64_t fast_retransmits = 0;  // recoveries that began without a time-out
  std::uint64_t undone = 0;            // recoveries that turned out to have had no reason
  std::uint64_t marks_received = 0;    // segments that a router had marked (RFC 3168)
  std::uint64_t ecn_reductions = 0;
  std::uint64_t segments_received = 0;
  std::uint64_t bytes_received = 0;  // in order, delivered
  // Segments with text that had arrived before: where the path duplicates nothing, the peer's
  // spurious retransmissions.
  std::uint64_t duplicates_received = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t acks_sent = 0;  // without text, SYN or FIN
};

class TcpEndpoint {
 public:
  using Transmit = std::function<void(const tcp::Segment&, ByteView payload)>;
  TcpEndpoint(const FourTuple& tuple, const EndpointOptions& options, Transmit transmit);
  ~TcpEndpoint();
  TcpEndpoint(const TcpEndpoint&) = delete;
  TcpEndpoint& operator=(const TcpEndpoint&) = delete;

  // One of these comes first; without it the endpoint is a closed port.
  void open(tcp::Instant now);
  void listen(Listening how) { listening_ = how; }

  // --- application -------------------------------------------------------------------------------
  // write queues bytes; they leave with the next pump().
  void write(ByteView bytes);
  // close ends our stream after what is queued.
  void close();
  void abort(tcp::Instant now);
  // read takes up to `most` of the bytes that have arrived in order.
  Bytes read(std::size_t most = SIZE_MAX);

  // --- network and time --------------------------------------------------------------------------
  void receive(const tcp::Segment& segment, ByteView payload, tcp::Instant now);
  // packet_too_big is the message of a router about a segment of ours.
  void packet_too_big(tcp::SeqNum quoted, std::uint32_t mtu);
  // pump runs due timers and sends whatever may be sent: call it after anything above.
  void pump(tcp::Instant now);
  [[nodiscard]] std::optional<tcp::Instant> next_deadline(tcp::Instant now) const;

  // --- what is to be seen ------------------------------------------------------------------------
  [[nodiscard]] const tcp::Tcb& tcb() const { return tcb_; }
  [[nodiscard]] tcp::State state() const { return tcb_.state; }
  [[nodiscard]] bool is_listening() const { return listening_.has_value(); }
  // is_over: nothing is left, not even a TIME_WAIT record.
  [[nodiscard]] bool is_over() const {
    return tcb_.state == tcp::State::closed && !listening_ && !time_wait_;
  }
  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] bool peer_closed() const { return peer_closed_; }
  [[nodiscard]] bool was_reset() const { return reset_; }      // or refused
  [[nodiscard]] bool timed_out() const { return timed_out_; }  // the peer was given up
  [[nodiscard]] std::size_t unread() const { return received_.size() - num_read_; }
  [[nodiscard]] std::size_t unsent_or_unacked() const { return queue_.size() - num_acked_; }
  [[nodiscard]] std::uint16_t num_kept() const { return kept_.num_nodes(); }
  [[nodiscard]] std::uint32_t num_kept_bytes() const { return kept_.num_bytes(); }
  [[nodiscard]] const EndpointCounters& counters() const { return counters_; }
  // violation is the first invariant that was broken; empty: none.
  [[nodiscard]] const std::string& violation() const { return violation_; }
  // describe is one line for a failure message.
  [[nodiscard]] std::string describe() const;

 private:
  // Kept is a payload ahead of a gap.
  struct Kept {
    Kept* next = nullptr;
    Kept* run_end = nullptr;
    tcp::SeqNum seq;
    Bytes bytes;
  };
  struct KeptAccess {
    static Kept*& next(Kept& k) noexcept { return k.next; }
    static Kept* run_end(const Kept& k) noexcept { return k.run_end; }
    static void set_run_end(Kept& k, Kept* end) noexcept { k.run_end = end; }
    static tcp::SeqNum seq(const Kept& k) noexcept { return k.seq; }
    static std::uint32_t len(const Kept& k) noexcept {
      return static_cast<std::uint32_t>(k.bytes.size());
    }
    static void drop_front(Kept& k, std::uint32_t n) noexcept {
      k.seq += n;
      k.bytes.erase(k.bytes.begin(), k.bytes.begin() + n);
    }
    static void drop_back(Kept& k, std::uint32_t n) noexcept { k.bytes.resize(k.bytes.size() - n); }
  };

  void begin(const tcp::Tcb& tcb);
  void receive_listening(const tcp::Segment& segment, ByteView payload, tcp::Instant now);
  void take_segment(const tcp::Segment& segment, ByteView payload, tcp::Instant now);
  void take_events(tcp::Events events);
  void take_text(tcp::Arrival& arrival, ByteView payload);
  void drop_acked(std::uint32_t bytes);
  void cut_chunks();
  void update_room();
  void acknowledge(tcp::Instant now, const tcp::SackBlock& duplicate = {});
  void emit(const tcp::Segment& segment, ByteView payload);
  void reset(const tcp::Segment& rst);

  void violate(const char* invariant);
  void check_transmission(const tcp::Transmission& t);
  void check_window(const tcp::Segment& header);
  void check(tcp::Instant now);
  void check_send_marks();

  FourTuple tuple_;
  EndpointOptions options_;
  Transmit transmit_;
  tcp::Tcb tcb_;
  std::optional<Listening> listening_;
  std::optional<tcp::TimeWait> time_wait_;
  ChunkQueue chunks_;
  Bytes queue_;                // the bytes of chunks_, and those in no chunk yet, from ...
  std::size_t num_acked_ = 0;  // ... here on
  std::size_t num_uncut_ = 0;  // at the end, in no chunk yet
  Bytes received_;
  std::size_t num_read_ = 0;
  tcp::OutOfOrderQueue<Kept, KeptAccess> kept_;
  bool close_asked_ = false;
  bool established_ = false;
  bool peer_closed_ = false;
  bool reset_ = false;
  bool timed_out_ = false;
  EndpointCounters counters_;
  std::string violation_;
  std::optional<tcp::SeqNum> peer_edge_;        // the furthest that the peer has ever let us send
  std::optional<tcp::SeqNum> advertised_edge_;  // ... and we it, as the fields of headers said
  std::optional<tcp::SeqNum> promised_edge_;
};

}  // namespace sallyport::testing
