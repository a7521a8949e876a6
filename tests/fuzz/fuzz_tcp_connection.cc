// Drives one connection with a program read from the input: segments near and far from what it
// expects, time steps, queueing, reading, closing.  Whatever the peer does, the invariants of a Tcb
// hold after each step, nothing beyond the send queue is ever sent, and the stream that is
// delivered has no gap.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "lib/base/check.h"
#include "lib/tcp/close.h"
#include "lib/tcp/input.h"
#include "lib/tcp/open.h"
#include "lib/tcp/output.h"
#include "lib/tcp/reassembly.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/time_wait.h"
#include "lib/tcp/timers.h"
#include "tests/support/chunk_queue.h"

namespace {

using namespace sallyport;
using namespace sallyport::tcp;

class Program {
 public:
  explicit Program(std::span<const std::uint8_t> bytes) : bytes_{bytes} {}
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  std::uint8_t u8() {
    if (bytes_.empty()) return 0;
    const std::uint8_t b = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return b;
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  // near is a distance: mostly small, of either sign, now and then anything.
  std::uint32_t near() {
    const std::uint8_t kind = u8();
    if (kind < 96) return 0;
    if (kind < 160) return u8();
    if (kind < 224) return 0U - u8();
    if (kind < 250) return std::uint32_t{u16()} << 2;
    return std::uint32_t{u16()} << 16 | u16();
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

struct Node {
  Node* next = nullptr;
  Node* run_end = nullptr;
  SeqNum seq;
  std::uint32_t len = 0;
};
struct NodeAccess {
  static Node*& next(Node& n) noexcept { return n.next; }
  static Node* run_end(const Node& n) noexcept { return n.run_end; }
  static void set_run_end(Node& n, Node* end) noexcept { n.run_end = end; }
  static SeqNum seq(const Node& n) noexcept { return n.seq; }
  static std::uint32_t len(const Node& n) noexcept { return n.len; }
  static void drop_front(Node& n, std::uint32_t bytes) noexcept {
    n.seq += bytes;
    n.len -= bytes;
  }
  static void drop_back(Node& n, std::uint32_t bytes) noexcept { n.len -= bytes; }
};

class Connection {
 public:
  explicit Connection(Program& program) : program_{program} {
    const FourTuple tuple{{IpAddress::v4({198, 18, 0, 10}), 443},
                          {IpAddress::v4({198, 18, 0, 99}), 50'000}};
    const SynAckParameters ours{.our_mss = 1460, .receive_buffer = 20'000};
    const std::uint8_t kind = program.u8();
    const SeqNum iss{std::uint32_t{program.u16()} << 16 | 0xff00U};
    if ((kind & 1U) != 0) {
      tcb_ = open_active(tuple, {.iss = iss, .receive_buffer = 20'000}, now_);
      return;
    }
    Segment first;
    first.flags = kAck;
    first.seq = {std::uint32_t{program.u16()} << 16 | 0xffffU};
    first.ack = iss;
    first.window = program.u16();
    PeerOptions options;
    options.mss = program.u16();
    options.has_window_scale = (kind & 2U) != 0;
    options.window_scale = static_cast<std::uint8_t>(program.u8() % 15);
    options.sack_permitted = (kind & 4U) != 0;
    options.has_timestamps = (kind & 8U) != 0;
    tcb_ = open_passive(tuple, first, options, ours, now_);
  }

  void run() {
    queue_.restart(tcb_.syn_acked ? tcb_.snd_una : tcb_.iss + 1U);
    while (!program_.at_end() && !is_over()) {
      step();
      check();
    }
  }

 private:
  [[nodiscard]] bool is_over() const {
    return tcb_.state == State::closed || tcb_.state == State::time_wait;
  }
  void step() {
    switch (program_.u8() % 8) {
      case 0:
        if (!tcb_.fin_queued) write(program_.u16() % 20'000U);
        break;
      case 1:
        now_.us += std::uint64_t{program_.u16()} * 1000;
        SALLYPORT_CHECK(!on_deadline(tcb_, queue_, now_).timed_out || tcb_.state == State::closed);
        break;
      case 2:
        if (const auto at = next_deadline(tcb_, now_)) now_.us = std::max(now_.us, at->us);
        (void)on_deadline(tcb_, queue_, now_);
        break;
      case 3:
        unread_ -= std::min<std::uint32_t>(unread_, program_.u16());
        set_receive_room(tcb_, unread_ < 20'000 ? 20'000 - unread_ : 0);
        break;
      case 4:
        if (program_.u8() < 32) (void)close(tcb_);
        break;
      default:
        segment();
        break;
    }
    pull();
  }
  void segment() {
    Segment s;
    const std::uint8_t kind = program_.u8();
    // Mostly an ACK, sometimes with FIN, seldom anything.
    s.flags = kind < 160 ? kAck : kind < 200 ? kAck | kFin : Flags{program_.u8()};
    s.seq = tcb_.rcv_nxt + program_.near();
    s.ack = (program_.u8() & 1U) != 0 ? tcb_.snd_max : tcb_.snd_una + program_.near();
    s.window = program_.u16();
    s.payload_len = program_.u16() % 1461U;
    s.options.has_timestamps = tcb_.timestamps && program_.u8() < 250;
    s.options.tsval = tcb_.ts_recent + program_.near();
    s.options.tsecr = timestamp_clock(now_) + tcb_.ts_offset + program_.near();
    s.options.mss = program_.u16();
    s.options.window_scale = program_.u8();
    s.options.has_window_scale = s.flags.syn();

    const SeqNum edge = tcb_.rcv_adv;
    const SeqNum next = tcb_.rcv_nxt;
    const std::size_t num_blocks = tcb_.sack ? program_.u8() % 5U : 0;
    for (std::size_t i = 0; i < num_blocks; ++i) {
      const SeqNum left = tcb_.snd_una + program_.near();
      s.options.sack_blocks[s.options.num_sack_blocks++] = {left, left + program_.near()};
    }
    Arrival a = segment_arrives(tcb_, s, now_);
    process_ack(tcb_, queue_, s, a, now_);
    queue_.acknowledge(tcb_.snd_una);
    SALLYPORT_CHECK(a.bytes_acked <= queued_);
    queued_ -= a.bytes_acked;
    if (a.text.kind != Text::Kind::none) {
      SALLYPORT_CHECK(a.text.len > 0 && a.text.offset + a.text.len <= s.payload_len);
      if (s.flags.syn()) return;
      SALLYPORT_CHECK(at_or_before(a.text.seq + a.text.len, edge));
    }
    if (a.text.kind == Text::Kind::in_order) {
      SALLYPORT_CHECK(a.text.seq == next);
      unread_ += a.text.len;
      while (Node* n = kept_.pop(tcb_.rcv_nxt)) {
        unread_ += n->len;
        (void)buffered_text_delivered(tcb_, n->len);
      }
    } else if (a.text.kind == Text::Kind::out_of_order && num_nodes_ < std::size(nodes_)) {
      Node& n = nodes_[num_nodes_++];
      n.seq = a.text.seq;
      n.len = a.text.len;
      (void)kept_.insert(n, {.max_nodes = 16, .max_runs = 5});
    }
  }
  // write queues bytes in chunks of many sizes, some above the MSS.
  void write(std::uint32_t bytes) {
    queued_ += bytes;
    while (bytes > 0) {
      const std::uint32_t len = std::min(bytes, 1 + queue_.end().raw % 3000);
      queue_.push(len);
      bytes -= len;
    }
  }
  void pull() {
    for (unsigned sent = 0; tcb_.state != State::closed; ++sent) {
      SALLYPORT_CHECK(sent < 5000);  // whatever the windows say, this ends
      const Transmission t = next_transmission(tcb_, queue_, now_);
      if (!t) break;
      SALLYPORT_CHECK(t.offset + t.len <= queued_ || t.len == 0);
      SALLYPORT_CHECK(t.len > 0 || t.flags.syn() || t.flags.fin());
      const Segment header = transmit(tcb_, queue_, t, now_);
      SALLYPORT_CHECK(header.seq == t.seq);
    }
    if (!wants_ack(tcb_)) return;
    SackBlock blocks[4];
    (void)make_ack(tcb_, now_, std::span{blocks}.first(kept_.sack_blocks(blocks)));
    SALLYPORT_CHECK(!wants_ack(tcb_));
  }
  // What the Tcb counts is what the marks of the queue say.
  void check_marks() {
    if (!is_synchronized(tcb_.state) || is_over()) return;
    std::uint32_t lost = tcb_.fin_lost ? 1 : 0;
    std::uint32_t sacked = 0;
    std::uint32_t segments = 0;
    for (auto* c = queue_.first_chunk(); c != nullptr; c = c->next) {
      if (after(c->seq + c->len, tcb_.snd_nxt)) break;
      SALLYPORT_CHECK(!(c->mark.lost && c->mark.sacked));
      if (c->mark.lost) lost += c->len - c->mark.resent;
      if (c->mark.sacked) sacked += c->len;
      if (c->mark.sacked) ++segments;
    }
    SALLYPORT_CHECK(tcb_.lost == lost);
    SALLYPORT_CHECK(!tcb_.sack || tcb_.sacked == sacked);
    SALLYPORT_CHECK(tcb_.rack.segments_sacked == segments);
  }
  void check() {
    SALLYPORT_CHECK(at_or_before(tcb_.snd_una, tcb_.snd_nxt));
    SALLYPORT_CHECK(at_or_before(tcb_.snd_nxt, tcb_.snd_max));
    SALLYPORT_CHECK(rcv_wnd(tcb_) <= 65'535U + 20'000U);
    SALLYPORT_CHECK(tcb_.snd_mss > 0);
    SALLYPORT_CHECK(tcb_.congestion.cwnd >= tcb_.snd_mss || tcb_.state == State::syn_sent ||
                    tcb_.state == State::syn_received || tcb_.state == State::closed);
    if (is_synchronized(tcb_.state) && !is_over() && tcb_.snd_una != tcb_.snd_max) {
      // What is in flight is watched by a timer, unless it is about to be sent again.
      SALLYPORT_CHECK(tcb_.timer != SendTimer::none || tcb_.snd_nxt == tcb_.snd_una);
    }
    check_marks();
    SALLYPORT_CHECK(kept_.num_nodes() <= 16 && kept_.num_runs() <= 5);
  }

  Program& program_;
  Tcb tcb_;
  testing::ChunkQueue queue_;
  Instant now_{1'000'000'000};
  std::uint32_t queued_ = 0;
  std::uint32_t unread_ = 0;
  OutOfOrderQueue<Node, NodeAccess> kept_;
  Node nodes_[512];
  std::size_t num_nodes_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Program program{{data, size}};
  Connection{program}.run();
  return 0;
}
