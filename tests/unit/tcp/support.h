// What the tests of lib/tcp share: connections in a chosen state, segments in one line, and an
// Endpoint, which is a Tcb with the bytes that a worker would keep beside it.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/address.h"
#include "lib/tcp/close.h"
#include "lib/tcp/input.h"
#include "lib/tcp/open.h"
#include "lib/tcp/options.h"
#include "lib/tcp/output.h"
#include "lib/tcp/reassembly.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/stray.h"
#include "lib/tcp/time_wait.h"
#include "lib/tcp/timers.h"
#include "tests/support/chunk_queue.h"

namespace sallyport::tcp::test {

inline const FourTuple kTuple4{{IpAddress::v4({198, 18, 0, 10}), 443},
                               {IpAddress::v4({198, 18, 0, 99}), 50'000}};
inline const FourTuple kTuple6{{*parse_ip("2001:db8::10"), 443},
                               {*parse_ip("2001:db8::99"), 50'000}};

inline constexpr SeqNum kOurIss{1000};
inline constexpr SeqNum kPeerIss{5000};
inline constexpr std::uint32_t kWindow = 60'000;
inline constexpr std::uint16_t kMss = 1460;
inline constexpr Instant kStart{3'600'000'000};

// segment_of builds what the peer sends.
inline Segment segment_of(Flags flags, std::uint32_t seq, std::uint32_t ack = 0,
                          std::uint32_t payload_len = 0, std::uint16_t window = 60'000) {
  Segment s;
  s.flags = flags;
  s.seq = {seq};
  s.ack = {ack};
  s.payload_len = payload_len;
  s.window = window;
  return s;
}

// Conn is a Tcb with its send queue.
struct Conn : Tcb {
  explicit Conn(const Tcb& tcb) : Tcb{tcb}, queue{tcb.syn_acked ? tcb.snd_una : tcb.iss + 1U} {}
  testing::ChunkQueue queue;
};

inline Arrival segment_arrives(Conn& tcb, const Segment& segment, Instant now,
                               TextPolicy policy = TextPolicy::accept) {
  Arrival a = segment_arrives(static_cast<Tcb&>(tcb), segment, now, policy);
  process_ack(tcb, tcb.queue, segment, a, now);
  tcb.queue.acknowledge(tcb.snd_una);
  return a;
}
inline Expired on_deadline(Conn& tcb, Instant now) { return on_deadline(tcb, tcb.queue, now); }

// tcb_in is a connection whose handshake is over: SND.NXT 1001, RCV.NXT 5001, no options; where the
// state says that a FIN was sent or received, it was.
inline Conn tcb_in(State state) {
  Tcb tcb;
  tcb.state = state;
  tcb.iss = kOurIss;
  tcb.irs = kPeerIss;
  tcb.our_mss = tcb.snd_mss = kMss;
  tcb.rcv_room = kWindow;
  tcb.rcv_buffer = kWindow;
  tcb.rcv_nxt = tcb.last_ack_sent = kPeerIss + 1;
  tcb.rcv_adv = tcb.rcv_nxt + kWindow;
  tcb.snd_wnd = tcb.max_snd_wnd = kWindow;
  tcb.snd_wl1 = kPeerIss;
  tcb.snd_wl2 = kOurIss + 1;
  tcb.snd_una = tcb.snd_nxt = tcb.snd_max = kOurIss + 1;
  tcb.recover = kOurIss;
  tcb.syn_acked = true;
  tcb.algorithm = CongestionAlgorithm::new_reno;
  on_start(tcb.congestion, kMss, false);
  const auto send_fin = [&] {
    tcb.fin_queued = tcb.fin_sent = true;
    tcb.snd_nxt = tcb.snd_max = tcb.snd_max + 1;
    tcb.timer = SendTimer::retransmission;
    tcb.retransmit_at = Stamp{kStart + kInitialRto};
  };
  const auto receive_fin = [&] {
    tcb.fin_known = tcb.fin_received = true;
    tcb.fin_seq = tcb.rcv_nxt;
    tcb.rcv_nxt += 1;
  };
  switch (state) {
    case State::closed:
    case State::established:
    case State::time_wait:
      break;
    case State::syn_sent:
      tcb.snd_una = kOurIss;
      tcb.syn_acked = false;
      tcb.rcv_nxt = {};
      tcb.rcv_adv = SeqNum{kWindow};
      break;
    case State::syn_received:
      tcb.snd_una = kOurIss;
      tcb.syn_acked = false;
      break;
    case State::fin_wait_1:
      send_fin();
      break;
    case State::fin_wait_2:
      send_fin();
      tcb.snd_una = tcb.snd_max;
      tcb.fin_acked = true;
      tcb.timer = SendTimer::none;
      break;
    case State::close_wait:
      receive_fin();
      break;
    case State::closing:
      send_fin();
      receive_fin();
      break;
    case State::last_ack:
      receive_fin();
      send_fin();
      break;
  }
  return Conn{tcb};
}

// send_all lets `tcb` send everything it may out of `queued` bytes in chunks of one MSS.
inline std::vector<Segment> send_all(Conn& tcb, std::uint32_t queued, Instant now,
                                     std::uint32_t chunk = kMss) {
  const SeqNum begin = tcb.syn_acked ? tcb.snd_una : tcb.iss + 1U;
  if (tcb.queue.num_chunks() == 0) tcb.queue.restart(begin);  // a test may have moved it
  const SeqNum end = begin + queued;
  while (before(tcb.queue.end(), end)) {
    tcb.queue.push(std::min(chunk, distance(tcb.queue.end(), end)));
  }
  std::vector<Segment> sent;
  for (;;) {
    const Transmission t = next_transmission(tcb, tcb.queue, now);
    if (!t) return sent;
    sent.push_back(transmit(tcb, tcb.queue, t, now));
  }
}

// Kept is a payload held out of order.
struct Kept {
  Kept* next = nullptr;
  Kept* run_end = nullptr;
  SeqNum seq;
  std::string bytes;
};
struct KeptAccess {
  static Kept*& next(Kept& k) noexcept { return k.next; }
  static Kept* run_end(const Kept& k) noexcept { return k.run_end; }
  static void set_run_end(Kept& k, Kept* end) noexcept { k.run_end = end; }
  static SeqNum seq(const Kept& k) noexcept { return k.seq; }
  static std::uint32_t len(const Kept& k) noexcept {
    return static_cast<std::uint32_t>(k.bytes.size());
  }
  static void drop_front(Kept& k, std::uint32_t n) noexcept {
    k.seq += n;
    k.bytes.erase(0, n);
  }
  static void drop_back(Kept& k, std::uint32_t n) noexcept { k.bytes.resize(k.bytes.size() - n); }
};
using KeptQueue = OutOfOrderQueue<Kept, KeptAccess>;

struct Packet {
  Segment header;
  std::string payload;
};

// Endpoint: one side, with its queues.  What it sends is collected in `out`.
class Endpoint {
 public:
  explicit Endpoint(const Tcb& connection) : tcb{connection} {}
  ~Endpoint() {
    while (Kept* k = kept_.take_any()) delete k;
  }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // write queues bytes in chunks of `chunk` (one segment each, if the MSS allows).
  void write(std::string_view bytes, std::size_t chunk) {
    for (std::size_t i = 0; i < bytes.size(); i += chunk) {
      tcb.queue.push(static_cast<std::uint32_t>(std::min(chunk, bytes.size() - i)));
    }
    queue_.append(bytes);
  }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }

  void receive(const Packet& packet, Instant now) {
    if (time_wait_) {
      const TimeWaitArrival a = segment_arrives(*time_wait_, packet.header, now);
      if (a.reply == TimeWaitReply::ack) out.push_back({a.segment, {}});
      return;
    }
    if (is_over()) {
      if (const auto rst = reset_for(packet.header)) out.push_back({*rst, {}});
      return;
    }
    const Arrival a = segment_arrives(tcb, packet.header, now);
    events.add(a.events);
    queue_.erase(0, a.bytes_acked);
    if (a.text.kind == Text::Kind::in_order) {
      received += packet.payload.substr(a.text.offset, a.text.len);
      deliver_kept();
    } else if (a.text.kind == Text::Kind::out_of_order) {
      auto* k =
          new Kept{nullptr, nullptr, a.text.seq, packet.payload.substr(a.text.offset, a.text.len)};
      if (kept_.insert(*k, {}) != KeptQueue::Insert::kept) {
        delete k;
      }
    }
    update_room();
    if (a.reply == Reply::ack || a.reply == Reply::challenge_ack) acknowledge(now);
    if (a.reply == Reply::reset) out.push_back({a.rst, {}});
    if (tcb.state == State::time_wait) time_wait_ = make_time_wait(tcb, now);
  }

  // pull sends whatever may be sent.
  void pull(Instant now) {
    if (tcb.state == State::closed) return;
    for (;;) {
      const Transmission t = next_transmission(tcb, tcb.queue, now);
      if (!t) break;
      ASSERT_LE(t.offset + t.len, queue_.size());
      if (t.kind == Transmission::Kind::retransmission) ++retransmissions;
      const Segment header = transmit(tcb, tcb.queue, t, now);
      out.push_back({header, queue_.substr(t.offset, t.len)});
      check_edge(header);
    }
    if (wants_ack(tcb)) acknowledge(now);
  }

  // consume is the application reading.  `limit` is the receive buffer.
  void consume(std::size_t bytes) {
    consumed += std::min(bytes, received.size() - consumed);
    update_room();
  }
  std::size_t limit = kWindow;
  std::size_t consumed = 0;

  [[nodiscard]] bool is_over() const {
    return tcb.state == State::closed || tcb.state == State::time_wait;
  }

  Conn tcb;
  Events events;
  std::string received;
  std::vector<Packet> out;
  unsigned retransmissions = 0;

 private:
  void update_room() {
    const std::size_t unread = received.size() - consumed;
    set_receive_room(tcb, static_cast<std::uint32_t>(limit > unread ? limit - unread : 0));
  }
  void acknowledge(Instant now) {
    std::array<SackBlock, 4> blocks;
    const std::size_t n = kept_.sack_blocks(blocks);
    const Segment header = make_ack(tcb, now, std::span{blocks}.first(n));
    out.push_back({header, {}});
    check_edge(header);
  }
  // The right edge that the peer reads never moves left by a whole unit of the window scale.
  void check_edge(const Segment& header) {
    const std::uint32_t unit = 1U << tcb.rcv_wscale;
    const SeqNum edge = header.ack + (std::uint32_t{header.window} << tcb.rcv_wscale);
    if (header.flags.syn() || header.flags.rst()) return;
    if (edge_) {
      EXPECT_GT(edge - *edge_, -static_cast<std::int32_t>(unit));
    }
    edge_ = edge_ ? later(edge, *edge_) : edge;
    EXPECT_TRUE(at_or_before(edge, tcb.rcv_adv));
  }
  void deliver_kept() {
    while (Kept* k = kept_.pop(tcb.rcv_nxt)) {
      received += k->bytes;
      events.add(buffered_text_delivered(tcb, KeptAccess::len(*k)));
      delete k;
    }
  }
  std::optional<TimeWait> time_wait_;
  KeptQueue kept_;
  std::string queue_;
  std::optional<SeqNum> edge_;
};

}  // namespace sallyport::tcp::test
