#include "tests/support/tcp_endpoint.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <utility>

#include "lib/base/check.h"
#include "lib/tcp/close.h"
#include "lib/tcp/open.h"
#include "lib/tcp/output.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/stray.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/timers.h"

namespace sallyport::testing {
namespace {

using tcp::Event;
using tcp::Instant;
using tcp::Segment;
using tcp::State;
using tcp::Transmission;

const CookieKeys kCookieKeys{.epoch = 3, .current = {21, 22}, .adjacent = {23, 24}};
constexpr std::uint64_t kUnixMilliseconds = 1'700'000'000'000;

tcp::WallTime wall(Instant now) { return {kUnixMilliseconds + now.us / 1000}; }

// forget drops options that a side does not want.
Segment forget(Segment syn, const EndpointOptions& options) {
  syn.options.has_timestamps = syn.options.has_timestamps && options.timestamps;
  syn.options.sack_permitted = syn.options.sack_permitted && options.sack;
  syn.options.has_window_scale = syn.options.has_window_scale && options.window_scaling;
  return syn;
}

}  // namespace

TcpEndpoint::TcpEndpoint(const FourTuple& tuple, const EndpointOptions& options, Transmit transmit)
    : tuple_{tuple}, options_{options}, transmit_{std::move(transmit)} {}

TcpEndpoint::~TcpEndpoint() {
  while (Kept* k = kept_.take_any()) delete k;
}

// --- beginning -----------------------------------------------------------------------------------

void TcpEndpoint::begin(const tcp::Tcb& tcb) {
  tcb_ = tcb;
  chunks_.restart(tcb.syn_acked ? tcb.snd_una : tcb.iss + 1U);
}

void TcpEndpoint::open(Instant now) {
  tcp::Tcb tcb = tcp::open_active(tuple_,
                                  {.iss = options_.iss,
                                   .ts_offset = options_.ts_offset,
                                   .our_mss = options_.mss,
                                   .receive_buffer = options_.receive_buffer,
                                   .congestion = options_.congestion,
                                   .ecn = options_.ecn,
                                   .keep_alive = options_.keep_alive},
                                  now);
  tcb.timestamps = options_.timestamps;
  tcb.sack = options_.sack;
  tcb.window_scaling = options_.window_scaling;
  if (!options_.window_scaling) tcb.rcv_wscale = 0;
  begin(tcb);
}

void TcpEndpoint::receive_listening(const Segment& segment, ByteView payload, Instant now) {
  const bool is_syn = segment.flags.syn() && !segment.flags.ack() && !segment.flags.rst();
  if (segment.flags.rst()) return;
  if (*listening_ == Listening::tracked) {
    if (!is_syn) return reset(*tcp::reset_for(segment));
    // An active open whose own SYN was never sent goes to SYN_RECEIVED when the peer's arrives.
    open(now);
    tcb_.passive = true;
    listening_.reset();
    return receive(segment, payload, now);
  }
  const tcp::SynAckParameters ours{.our_mss = options_.mss,
                                   .receive_buffer = options_.receive_buffer,
                                   .congestion = options_.congestion,
                                   .ecn = options_.ecn,
                                   .keep_alive = options_.keep_alive};
  if (is_syn) {
    emit(tcp::make_syn_ack(tuple_, forget(segment, options_), ours, kCookieKeys, wall(now)), {});
    return;
  }
  // Without the option in our SYN-ACK, the peer does not send it.
  const auto cookie = tcp::check_cookie(tuple_, segment, kCookieKeys, wall(now));
  if (cookie) {
    begin(tcp::open_passive(tuple_, segment, *cookie, ours, now));
    listening_.reset();
    established_ = true;
    return receive(segment, payload, now);
  }
  if (tcp::overtakes(tuple_, segment, kCookieKeys, wall(now))) return;
  if (const auto rst = tcp::reset_for(segment)) reset(*rst);
}

// --- application ---------------------------------------------------------------------------------

void TcpEndpoint::write(ByteView bytes) {
  SALLYPORT_CHECK(!close_asked_);
  if (num_acked_ > queue_.size() / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(num_acked_));
    num_acked_ = 0;
  }
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  num_uncut_ += bytes.size();
}

void TcpEndpoint::close() { close_asked_ = true; }

void TcpEndpoint::abort(Instant now) {
  listening_.reset();
  time_wait_.reset();
  if (tcb_.state == State::closed) return;
  if (const auto rst = tcp::abort(tcb_, now)) reset(*rst);
}

Bytes TcpEndpoint::read(std::size_t most) {
  const auto begin = received_.begin() + static_cast<std::ptrdiff_t>(num_read_);
  const std::size_t len = std::min(most, unread());
  Bytes bytes{begin, begin + static_cast<std::ptrdiff_t>(len)};
  num_read_ += len;
  if (num_read_ > received_.size() / 2) {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(num_read_));
    num_read_ = 0;
  }
  return bytes;
}

// --- arriving ------------------------------------------------------------------------------------

void TcpEndpoint::receive(const Segment& segment, ByteView payload, Instant now) {
  if (listening_) return receive_listening(segment, payload, now);
  ++counters_.segments_received;
  if (time_wait_) {
    const tcp::TimeWaitArrival a = tcp::segment_arrives(*time_wait_, segment, now);
    if (a.reply == tcp::TimeWaitReply::ack) emit(a.segment, {});
    return;
  }
  if (tcb_.state == State::closed) {
    if (const auto rst = tcp::reset_for(segment)) reset(*rst);
    return;
  }
  take_segment(segment, payload, now);
  check(now);
}

void TcpEndpoint::take_segment(const Segment& segment, ByteView payload, Instant now) {
  const tcp::SeqNum edge = tcb_.rcv_adv;
  const bool was_synchronized = tcp::is_synchronized(tcb_.state);
  tcp::Arrival a = tcp::segment_arrives(tcb_, segment, now);
  tcp::process_ack(tcb_, chunks_, segment, a, now);
  chunks_.acknowledge(tcb_.snd_una);
  drop_acked(a.bytes_acked);
  if (was_synchronized && a.text.kind != tcp::Text::Kind::none &&
      tcp::after(a.text.seq + a.text.len, edge)) {
    violate("text beyond the promised window was taken");
  }
  if (tcp::is_synchronized(tcb_.state)) {
    const tcp::SeqNum usable = tcb_.snd_una + tcb_.snd_wnd;
    peer_edge_ = peer_edge_ ? tcp::later(*peer_edge_, usable) : usable;
  }
  take_text(a, payload);
  if (tcb_.state != State::closed) update_room();
  switch (a.reply) {
    case tcp::Reply::none:
      break;
    case tcp::Reply::ack:
    case tcp::Reply::challenge_ack:
      acknowledge(now, a.duplicate);
      break;
    case tcp::Reply::reset:
      reset(a.rst);
      break;
  }
  take_events(a.events);
  if (tcb_.state == State::time_wait) {
    if (tcp::wants_ack(tcb_)) acknowledge(now);
    time_wait_ = tcp::make_time_wait(tcb_, now);
    tcb_.state = State::closed;
  }
}

void TcpEndpoint::take_text(tcp::Arrival& arrival, ByteView payload) {
  const tcp::Text& text = arrival.text;
  if (text.kind == tcp::Text::Kind::none) return;
  const ByteView bytes = payload.subspan(text.offset, text.len);
  if (text.kind == tcp::Text::Kind::out_of_order) {
    auto node =
        std::make_unique<Kept>(Kept{nullptr, nullptr, text.seq, {bytes.begin(), bytes.end()}});
    using Insert = tcp::OutOfOrderQueue<Kept, KeptAccess>::Insert;
    switch (kept_.insert(
        *node, {.max_nodes = options_.max_kept_nodes, .max_runs = options_.max_kept_nodes})) {
      case Insert::kept:
        (void)node.release();
        return;
      case Insert::duplicate:
        ++counters_.duplicates_received;
        arrival.duplicate = {text.seq, text.seq + text.len};
        return;
      case Insert::full:
        return;
    }
    return;
  }
  received_.insert(received_.end(), bytes.begin(), bytes.end());
  counters_.bytes_received += bytes.size();
  while (Kept* k = kept_.pop(tcb_.rcv_nxt)) {
    const std::unique_ptr<Kept> owned{k};
    received_.insert(received_.end(), k->bytes.begin(), k->bytes.end());
    counters_.bytes_received += k->bytes.size();
    arrival.events.add(tcp::buffered_text_delivered(tcb_, KeptAccess::len(*k)));
  }
}

void TcpEndpoint::take_events(tcp::Events events) {
  if (events.has(Event::established)) established_ = true;
  if (events.has(Event::peer_closed)) peer_closed_ = true;
  if (events.has(Event::reset) || events.has(Event::refused)) reset_ = true;
  if (events.has(Event::duplicate_text)) ++counters_.duplicates_received;
  if (events.has(Event::fast_retransmit)) ++counters_.fast_retransmits;
  if (events.has(Event::spurious_recovery)) ++counters_.undone;
  if (events.has(Event::ce_received)) ++counters_.marks_received;
  if (events.has(Event::ecn_reduction)) ++counters_.ecn_reductions;
}

void TcpEndpoint::drop_acked(std::uint32_t bytes) {
  if (bytes > unsent_or_unacked()) return violate("more was acknowledged than was queued");
  num_acked_ += bytes;
}

void TcpEndpoint::packet_too_big(tcp::SeqNum quoted, std::uint32_t mtu) {
  if (tcb_.state == State::closed) return;
  (void)tcp::packet_too_big(tcb_, chunks_, quoted, mtu);
}

// --- leaving -------------------------------------------------------------------------------------

void TcpEndpoint::update_room() {
  const std::size_t held = unread();
  const std::size_t buffer = options_.tunes_window
                                 ? tcp::receive_window(tcb_, options_.receive_buffer)
                                 : options_.receive_buffer;
  tcp::set_receive_room(tcb_, held < buffer ? static_cast<std::uint32_t>(buffer - held) : 0);
}

// One chunk per segment.  What is smaller than that waits for more only while nothing forces it:
// the test decides with its writes.
void TcpEndpoint::cut_chunks() {
  const std::size_t most = options_.chunk != 0 ? options_.chunk : tcb_.snd_mss;
  while (num_uncut_ > 0) {
    const std::size_t len = std::min(num_uncut_, most);
    chunks_.push(static_cast<std::uint32_t>(len));
    num_uncut_ -= len;
  }
}

void TcpEndpoint::pump(Instant now) {
  if (time_wait_ && time_wait_->expires_at.has_come(now)) time_wait_.reset();
  if (tcb_.state == State::closed) return;
  const tcp::Expired expired = tcp::on_deadline(tcb_, chunks_, now);
  if (expired.retransmission_timeout) ++counters_.timeouts;
  if (expired.tail_probe) ++counters_.tail_probes;
  if (expired.timed_out) {
    timed_out_ = true;
    return;
  }
  update_room();
  if (tcp::is_synchronized(tcb_.state)) {
    cut_chunks();
    if (close_asked_ && !tcb_.fin_queued) (void)tcp::close(tcb_);
  } else if (close_asked_ && num_uncut_ == 0 && !tcp::close(tcb_)) {
    return;
  }
  for (std::size_t sent = 0;; ++sent) {
    const Transmission t = tcp::next_transmission(tcb_, chunks_, now);
    if (!t) break;
    if (sent > 100'000) return violate("sending does not end");
    check_transmission(t);
    const Segment header = tcp::transmit(tcb_, chunks_, t, now);
    const ByteView payload = ByteView{queue_}.subspan(num_acked_ + t.offset, t.len);
    if (t.len > 0) ++counters_.data_segments_sent;
    counters_.bytes_sent += t.len;
    if (t.kind == Transmission::Kind::retransmission) ++counters_.retransmissions;
    if (t.kind == Transmission::Kind::window_probe) ++counters_.window_probes;
    check_window(header);
    emit(header, payload);
  }
  if (tcp::wants_ack(tcb_)) acknowledge(now);
  check(now);
}

void TcpEndpoint::acknowledge(Instant now, const tcp::SackBlock& duplicate) {
  std::array<tcp::SackBlock, tcp::Options::kMaxSackBlocks> blocks;
  const std::size_t n = kept_.sack_blocks(duplicate, blocks);
  const Segment header = tcp::make_ack(tcb_, now, std::span{blocks}.first(n));
  ++counters_.acks_sent;
  check_window(header);
  emit(header, {});
}

void TcpEndpoint::emit(const Segment& segment, ByteView payload) {
  ++counters_.segments_sent;
  transmit_(segment, payload);
}

void TcpEndpoint::reset(const Segment& rst) {
  ++counters_.resets_sent;
  emit(rst, {});
}

std::optional<Instant> TcpEndpoint::next_deadline(Instant now) const {
  if (time_wait_) return time_wait_->expires_at.instant(now);
  if (tcb_.state == State::closed) return std::nullopt;
  return tcp::next_deadline(tcb_, now);
}

// --- invariants ----------------------------------------------------------------------------------

void TcpEndpoint::violate(const char* invariant) {
  if (violation_.empty()) violation_ = std::string{invariant} + " | " + describe();
}

// What is about to be sent lies in the queue, and within what the peer has ever allowed.
void TcpEndpoint::check_transmission(const Transmission& t) {
  if (t.len == 0) {
    if (!t.flags.syn() && !t.flags.fin()) violate("an empty transmission");
    return;
  }
  if (t.offset + t.len > unsent_or_unacked()) violate("sends what is not queued");
  if (t.len > tcb_.snd_mss) violate("a segment above SND.MSS");
  const bool is_probe = t.kind == Transmission::Kind::window_probe;
  const tcp::SeqNum end = t.seq + t.len;
  // A retransmission was within the window when it was sent first, or was a probe.
  if (!is_probe && tcp::after(end, tcb_.snd_max) && peer_edge_ && tcp::after(end, *peer_edge_)) {
    violate("new data beyond the peer's window");
  }
  if (is_probe && tcp::after(end, tcb_.snd_una + std::max(tcb_.snd_wnd, 1U))) {
    violate("a window probe of more than one byte beyond the window");
  }
}

// [RFC 9293 3.8.6.2.1] The right edge that the peer reads never moves left, but for what the
// window scale cannot express.
void TcpEndpoint::check_window(const Segment& header) {
  if (header.flags.syn() || header.flags.rst() || !header.flags.ack()) return;
  const std::uint32_t unit = 1U << tcb_.rcv_wscale;
  const tcp::SeqNum edge = header.ack + (std::uint32_t{header.window} << tcb_.rcv_wscale);
  if (advertised_edge_ && edge - *advertised_edge_ <= -static_cast<std::int32_t>(unit)) {
    violate("the right edge of our window retreated");
  }
  advertised_edge_ = advertised_edge_ ? tcp::later(*advertised_edge_, edge) : edge;
  if (tcp::after(edge, tcb_.rcv_adv)) violate("a window was offered that is not accepted");
}

void TcpEndpoint::check(Instant now) {
  const tcp::Tcb& t = tcb_;
  if (t.state == State::closed) return;
  if (tcp::after(t.snd_una, t.snd_nxt)) violate("SND.UNA is above SND.NXT");
  if (tcp::after(t.snd_nxt, t.snd_max)) violate("SND.NXT is above SND.MAX");
  if (t.snd_mss == 0) violate("SND.MSS is zero");
  if (!tcp::is_synchronized(t.state)) return;
  if (tcp::after(t.rcv_nxt, t.rcv_adv)) violate("RCV.NXT is beyond the promised window");
  if (promised_edge_ && tcp::before(t.rcv_adv, *promised_edge_)) violate("RCV.ADV retreated");
  promised_edge_ = t.rcv_adv;
  if (t.congestion.cwnd < t.snd_mss) violate("the congestion window is below one segment");
  if (unread() > options_.receive_buffer + 1U) violate("more was received than there was room for");
  if (t.snd_una != t.snd_max && t.timer == tcp::SendTimer::none && t.snd_nxt != t.snd_una) {
    violate("nothing watches what is in flight");
  }
  const auto deadline = tcp::next_deadline(t, now);
  if (deadline && deadline->us > now.us + 61'000'000) violate("a timer is armed too far ahead");
  if (!options_.check_marks) return;
  if (kept_.num_bytes() > options_.receive_buffer) violate("too much is kept out of order");
  check_send_marks();
}

// What the Tcb counts is what the marks of the queue say.
void TcpEndpoint::check_send_marks() {
  std::uint32_t lost = tcb_.fin_lost ? 1 : 0;
  std::uint32_t sacked = 0;
  const ChunkNode* last_of_run = nullptr;  // the furthest that a chunk of this run has named
  for (const ChunkNode* c = chunks_.first_chunk(); c != nullptr; c = c->next) {
    if (tcp::after(c->seq + c->len, tcb_.snd_nxt)) break;
    if (c->mark.lost && c->mark.sacked) violate("a chunk is both lost and received");
    if (c->mark.lost) lost += c->len - c->mark.resent;
    if (!c->mark.sacked) {
      if (last_of_run != nullptr && tcp::after(last_of_run->seq, c->seq)) {
        violate("a run has a gap");
      }
      last_of_run = nullptr;
      continue;
    }
    sacked += c->len;
    if (c->run_end == nullptr || tcp::before(c->run_end->seq, c->seq)) violate("a run ends before");
    if (last_of_run == nullptr || tcp::after(c->run_end->seq, last_of_run->seq)) {
      last_of_run = c->run_end;
    }
  }
  if (tcb_.lost != lost) violate("`lost` is not the sum of the marks");
  if (tcb_.sack && tcb_.sacked != sacked) violate("`sacked` is not the sum of the marks");
}

std::string TcpEndpoint::describe() const {
  std::array<char, 400> line{};
  const tcp::Tcb& t = tcb_;
  (void)std::snprintf(
      line.data(), line.size(),
      "%s una +%u nxt +%u max +%u wnd %u cwnd %u mss %u sacked %u lost %u queued %zu | "
      "rcv +%u adv +%u kept %u unread %zu%s%s%s",
      time_wait_   ? "TIME_WAIT"
      : listening_ ? "LISTEN"
                   : tcp::name_of(t.state),
      tcp::distance(t.iss, t.snd_una), tcp::distance(t.iss, t.snd_nxt),
      tcp::distance(t.iss, t.snd_max), t.snd_wnd, t.congestion.cwnd, t.snd_mss, t.sacked, t.lost,
      unsent_or_unacked(), tcp::distance(t.irs, t.rcv_nxt), tcp::distance(t.irs, t.rcv_adv),
      kept_.num_nodes(), unread(), reset_ ? " reset" : "", timed_out_ ? " timed out" : "",
      peer_closed_ ? " peer closed" : "");
  return line.data();
}

}  // namespace sallyport::testing
