#include "tests/support/tcp_host.h"

#include <algorithm>

#include "lib/base/check.h"
#include "lib/tcp/close.h"
#include "lib/tcp/open.h"
#include "lib/tcp/options.h"
#include "lib/tcp/output.h"
#include "lib/tcp/receive.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/stray.h"
#include "lib/tcp/syn_cookie.h"
#include "lib/tcp/timers.h"
#include "lib/worker/transmitter.h"
#include "tests/support/tcp_frame.h"

namespace sallyport::testing {
namespace {

constexpr SipKey kSecret{0x1234, 0x5678};
const CookieKeys kCookieKeys{.epoch = 0, .current = {1, 2}, .adjacent = {3, 4}};

}  // namespace

tcp::Segment Socket::make_ack(tcp::Instant now) {
  std::vector<tcp::SackBlock> blocks;
  std::size_t latest = 0;
  for (const auto& [at, text] : ahead_) {
    const tcp::SeqNum left = tcb_.irs + at;
    const tcp::SeqNum right = left + static_cast<std::uint32_t>(text.size());
    if (!blocks.empty() && tcp::at_or_after(blocks.back().right, left)) {
      blocks.back().right = tcp::later(blocks.back().right, right);
    } else {
      blocks.push_back({left, right});
    }
    if (at == latest_ahead_) latest = blocks.size() - 1;
  }
  // [RFC 2018 4] The block with the most recent segment comes first.
  if (latest < blocks.size())
    std::rotate(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(latest), blocks.end());
  return tcp::make_ack(tcb_, now, blocks);
}

void Socket::close() {
  if (!over_) (void)tcp::close(tcb_);
}

void Socket::abort() {
  if (over_) return;
  if (const auto rst = tcp::abort(tcb_, host_->now_)) {
    host_->send_segment(tuple_, peer_mac_, *rst, {});
  }
  over_ = true;
}

Socket& TcpHost::connect(const SocketAddress& local, const SocketAddress& remote,
                         const MacAddress& peer_mac, tcp::Instant now) {
  now_ = now;
  sockets_.push_back(std::make_unique<Socket>());
  Socket& s = *sockets_.back();
  s.host_ = this;
  s.tuple_ = {local, remote};
  s.peer_mac_ = peer_mac;
  s.tcb_ = tcp::open_active(s.tuple_,
                            {.iss = tcp::initial_sequence(s.tuple_, kSecret, now),
                             .ts_offset = tcp::timestamp_offset(s.tuple_, kSecret),
                             .our_mss = tcp::mss_for_mtu(mtu_, local.ip.is_v4()),
                             .receive_buffer = kReceiveBuffer},
                            now);
  s.chunks_.restart(s.tcb_.iss + 1U);
  by_tuple_[{local, remote}] = &s;
  pump(s, now);
  return s;
}

void TcpHost::send_segment(const FourTuple& tuple, const MacAddress& to,
                           const tcp::Segment& segment, ByteView payload) {
  if (silent_) return;
  transmit_(tcp_frame({mac_, to, vlan_}, tuple, segment, payload));
}

void TcpHost::receive(ByteView frame, tcp::Instant now) {
  now_ = now;
  if (silent_) return;
  const auto packet = wire::parse_packet(frame, 0, {});
  if (!packet || packet->kind != wire::PacketKind::tcp) return;
  const SocketAddress local{packet->destination, packet->tcp.destination_port};
  const SocketAddress remote{packet->source, packet->tcp.source_port};
  const auto found = by_tuple_.find({local, remote});
  if (found != by_tuple_.end() && !found->second->over_) {
    on_segment(*found->second, *packet, frame, now);
  } else {
    stray(*packet, frame, now);
  }
}

void TcpHost::stray(const wire::Packet& packet, ByteView frame, tcp::Instant now) {
  const FourTuple tuple = worker::tuple_of(packet);
  const tcp::Segment segment = worker::segment_of(packet);
  const MacAddress& to = packet.ethernet.source;
  const tcp::SynAckParameters ours{.our_mss = tcp::mss_for_mtu(mtu_, tuple.local.ip.is_v4()),
                                   .receive_buffer = kReceiveBuffer};
  const tcp::WallTime wall{now.us / 1000};
  const auto listener = listeners_.find(tuple.local);
  if (listener != listeners_.end()) {
    if (segment.flags.syn() && !segment.flags.ack()) {
      send_segment(tuple, to, tcp::make_syn_ack(tuple, segment, ours, kCookieKeys, wall), {});
      return;
    }
    const auto cookie = tcp::check_cookie(tuple, segment, kCookieKeys, wall);
    if (cookie && (segment.payload_len > 0 || !segment.flags.fin())) {
      sockets_.push_back(std::make_unique<Socket>());
      Socket& s = *sockets_.back();
      s.host_ = this;
      s.tuple_ = tuple;
      s.peer_mac_ = to;
      s.tcb_ = tcp::open_passive(tuple, segment, *cookie, ours, now);
      s.chunks_.restart(s.tcb_.snd_nxt);
      s.established_ = true;
      by_tuple_[{tuple.local, tuple.remote}] = &s;
      listener->second(s);
      on_segment(s, packet, frame, now);
      return;
    }
    if (tcp::overtakes(tuple, segment, kCookieKeys, wall)) return;
  }
  if (const auto rst = tcp::reset_for(segment)) send_segment(tuple, to, *rst, {});
}

void TcpHost::on_segment(Socket& s, const wire::Packet& packet, ByteView frame, tcp::Instant now) {
  const tcp::Segment segment = worker::segment_of(packet);
  tcp::Arrival a = tcp::segment_arrives(s.tcb_, segment, now);
  tcp::process_ack(s.tcb_, s.chunks_, segment, a, now);
  s.chunks_.acknowledge(s.tcb_.snd_una);
  const std::size_t acked = std::min<std::size_t>(a.bytes_acked, s.unacked_.size());
  SALLYPORT_CHECK(acked == a.bytes_acked);
  s.unacked_.erase(s.unacked_.begin(), s.unacked_.begin() + static_cast<std::ptrdiff_t>(acked));
  tcp::Events events = a.events;
  const ByteView text =
      packet.payload(frame).subspan(a.text.kind == tcp::Text::Kind::none ? 0 : a.text.offset,
                                    a.text.kind == tcp::Text::Kind::none ? 0 : a.text.len);
  if (a.text.kind == tcp::Text::Kind::in_order) {
    s.received_.insert(s.received_.end(), text.begin(), text.end());
    // Text kept ahead of the gap: cut what came twice.
    for (auto it = s.ahead_.begin(); it != s.ahead_.end();) {
      const std::uint32_t next = tcp::distance(s.tcb_.irs, s.tcb_.rcv_nxt);
      if (it->first > next) break;
      const std::size_t skip = next - it->first;
      if (skip < it->second.size()) {
        s.received_.insert(s.received_.end(),
                           it->second.begin() + static_cast<std::ptrdiff_t>(skip),
                           it->second.end());
        events.add(tcp::buffered_text_delivered(
            s.tcb_, static_cast<std::uint32_t>(it->second.size() - skip)));
      }
      it = s.ahead_.erase(it);
    }
  } else if (a.text.kind == tcp::Text::Kind::out_of_order) {
    s.latest_ahead_ = tcp::distance(s.tcb_.irs, a.text.seq);
    Bytes& kept = s.ahead_[s.latest_ahead_];
    if (kept.size() < text.size()) kept.assign(text.begin(), text.end());
  }
  if (a.reply == tcp::Reply::challenge_ack) {
    send_segment(s.tuple_, s.peer_mac_, s.make_ack(now), {});
  } else if (a.reply == tcp::Reply::reset) {
    send_segment(s.tuple_, s.peer_mac_, a.rst, {});
  }
  on_events(s, events);
  if (!s.over_) pump(s, now);
}

void TcpHost::on_events(Socket& s, tcp::Events events) {
  if (events.has(tcp::Event::established)) s.established_ = true;
  if (events.has(tcp::Event::peer_closed)) s.peer_closed_ = true;
  if (events.has(tcp::Event::reset) || events.has(tcp::Event::refused)) s.reset_ = true;
  if (events.has(tcp::Event::time_wait)) {
    // The last ACK goes out before the connection is forgotten.
    if (tcp::wants_ack(s.tcb_)) {
      send_segment(s.tuple_, s.peer_mac_, s.make_ack(now_), {});
    }
  }
  if (events.ended()) s.over_ = true;
}

void TcpHost::pump(Socket& s, tcp::Instant now) {
  const std::size_t held = s.reading_ ? 0 : s.received_.size();
  tcp::set_receive_room(
      s.tcb_, held >= kReceiveBuffer ? 0 : static_cast<std::uint32_t>(kReceiveBuffer - held));
  // One chunk per segment; what is small is not held back for more.
  if (s.tcb_.snd_mss > 0) {
    for (; s.num_new_ > 0; s.num_new_ -= std::min<std::size_t>(s.num_new_, s.tcb_.snd_mss)) {
      s.chunks_.push(static_cast<std::uint32_t>(std::min<std::size_t>(s.num_new_, s.tcb_.snd_mss)));
    }
  }
  for (;;) {
    const tcp::Transmission t = tcp::next_transmission(s.tcb_, s.chunks_, now);
    if (!t) break;
    const tcp::Segment header = tcp::transmit(s.tcb_, s.chunks_, t, now);
    const auto begin = s.unacked_.begin() + static_cast<std::ptrdiff_t>(t.offset);
    const Bytes payload{begin, begin + static_cast<std::ptrdiff_t>(t.len)};
    send_segment(s.tuple_, s.peer_mac_, header, payload);
  }
  if (tcp::wants_ack(s.tcb_)) {
    send_segment(s.tuple_, s.peer_mac_, s.make_ack(now), {});
  }
}

void TcpHost::poll(tcp::Instant now) {
  now_ = now;
  for (const auto& s : sockets_) {
    if (s->over_) continue;
    if (tcp::on_deadline(s->tcb_, s->chunks_, now).timed_out) {
      s->over_ = true;
      s->reset_ = true;
      continue;
    }
    pump(*s, now);
  }
}

std::size_t TcpHost::num_sockets_open() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sockets_, [](const auto& s) { return !s->over_; }));
}

}  // namespace sallyport::testing
