#include "tests/scenario/random_transfer.h"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <utility>

namespace sallyport::testing {
namespace {

constexpr Nanos kLimit = seconds{2 * 3600};

// byte_at is a stream in which no two places within reach look alike.
std::uint8_t byte_at(std::size_t at, std::uint8_t key) {
  const auto x = static_cast<std::uint32_t>(at) * 0x9e37'79b1U;
  return static_cast<std::uint8_t>((x >> 24U) ^ (x >> 9U) ^ key);
}

template <class T>
T one_of(VirtualRandom& random, std::initializer_list<T> values) {
  return *(values.begin() + random.below(values.size()));
}

Nanos duration(VirtualRandom& random, Nanos most) {
  return Nanos{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count())))};
}

// draw_path: mostly one or two faults at a time, so that each is seen with and without the others.
LinkOptions draw_path(VirtualRandom& random, bool ipv6) {
  LinkOptions path;
  path.rate = one_of<std::uint64_t>(random, {0, 0, 1'000'000, 10'000'000, 100'000'000});
  path.delay = one_of<Nanos>(random, {microseconds{10}, milliseconds{1}, milliseconds{15},
                                      milliseconds{60}, milliseconds{150}});
  if (path.rate != 0 && random.chance(0.7)) path.queue = random.between(5'000, 200'000);
  if (path.rate != 0 && random.chance(0.4)) path.ecn_threshold = random.between(2'000, 60'000);
  if (random.chance(0.5)) path.loss = random.unit() * 0.06;
  // A burst lasts for frames, not for a time: a long one outlives all repetitions of one segment.
  if (random.chance(0.15)) path.burst = {.begin = random.unit() * 0.02, .end = 0.8, .loss = 0.8};
  if (random.chance(0.3)) path.duplication = random.unit() * 0.1;
  if (random.chance(0.4)) {
    path.reordering = random.unit() * 0.3;
    path.reordering_delay = duration(random, milliseconds{60}) + microseconds{1};
  }
  if (random.chance(0.2)) path.corruption = random.unit() * 0.02;
  if (random.chance(0.2)) {
    path.mtu = static_cast<std::uint16_t>(random.between(ipv6 ? 1'280 : 576, 1'500));
    path.reports_mtu = random.chance(0.7);
    if (!path.reports_mtu) {
      // A black hole costs time-outs; with much loss besides, the peer would be given up.
      path.loss = std::min(path.loss, 0.01);
      path.burst = {};
    }
  }
  return path;
}

EndpointOptions draw_endpoint(VirtualRandom& random) {
  EndpointOptions e;
  e.mss = one_of<std::uint16_t>(random, {1460, 1460, 1440, 1220, 536, 8960});
  e.receive_buffer = static_cast<std::uint32_t>(
      random.chance(0.3) ? random.between(400, 10'000)
                         : one_of<std::uint64_t>(random, {65'535, 262'144, 4'194'304}));
  e.chunk = random.chance(0.7) ? 0 : static_cast<std::uint32_t>(random.between(1, 3'000));
  e.max_kept_nodes = random.chance(0.8) ? std::uint16_t{1024} : std::uint16_t{8};
  // Half of all streams wrap around soon.
  e.iss = {random.chance(0.5) ? random.u32()
                              : 0U - static_cast<std::uint32_t>(random.below(90'000))};
  e.ts_offset = random.u32();
  e.timestamps = random.chance(0.7);
  e.sack = random.chance(0.8);
  e.window_scaling = random.chance(0.7);
  e.ecn = random.chance(0.5);
  e.congestion =
      random.chance(0.5) ? tcp::CongestionAlgorithm::cubic : tcp::CongestionAlgorithm::new_reno;
  return e;
}

Application draw_application(VirtualRandom& random, std::uint64_t slowest_rate) {
  Application a;
  const std::size_t most = slowest_rate == 1'000'000 ? 60'000 : 250'000;
  a.len = random.chance(0.1) ? random.below(3) : random.below(most);
  a.piece = random.chance(0.5) ? a.len : random.between(1 + a.len / 40, 1 + a.len / 3);
  a.pause = random.chance(0.6) ? Nanos{0} : duration(random, milliseconds{400});
  if (random.chance(0.3)) {
    a.read_at_once = random.between(1 + most / 200, 20'000);
    a.read_pause = duration(random, milliseconds{50}) + microseconds{1};
  }
  a.closes_last = random.chance(0.2);
  return a;
}

}  // namespace

TransferPlan draw_plan(std::uint64_t seed) {
  VirtualRandom random{seed};
  TransferPlan plan;
  NetworkOptions& n = plan.network;
  n.seed = seed;
  n.ipv6 = random.chance(0.3);
  n.to_server = draw_path(random, n.ipv6);
  n.to_client = random.chance(0.3) ? draw_path(random, n.ipv6) : n.to_server;
  n.client = draw_endpoint(random);
  n.server = draw_endpoint(random);
  // The 32 bits of a Stamp wrap around every 71 minutes: in a third of the runs, during the run.
  n.start = {random.chance(0.3)
                 ? (std::uint64_t{random.between(1, 9)} << 32U) - random.below(20'000'000)
                 : random.between(1'000'000, 1ULL << 40U)};
  plan.opening = one_of(random, {Opening::cookie, Opening::tracked, Opening::simultaneous});
  const std::uint64_t slowest = n.to_server.rate == 1'000'000 ? n.to_server.rate : n.to_client.rate;
  for (Application& a : plan.applications) a = draw_application(random, slowest);
  if (plan.applications[0].closes_last) plan.applications[1].closes_last = false;
  // Nothing tells the server of a client that is silent, when its ACK of the SYN-ACK was lost; and
  // who closes in SYN_SENT, with nothing to send, was never there [RFC 9293 3.10.4].
  for (Application& a : plan.applications) a.len = std::max<std::size_t>(a.len, 1);
  // A second SYN-ACK makes the client say where it is (RFC 5961 section 4), and when its first data
  // is late that is an ACK of nothing to whoever kept no state; only timestamps tell that it is
  // new.
  if (plan.opening == Opening::cookie && !(n.client.timestamps && n.server.timestamps)) {
    n.to_client.duplication = 0;
  }
  plan.aborts = random.chance(0.05);
  plan.server_aborts = random.chance(0.5);
  plan.abort_at = duration(random, seconds{3});
  return plan;
}

std::string describe(const TransferPlan& plan) {
  std::string text;
  const auto add = [&](const char* format, auto... values) {
    std::array<char, 300> line{};
    (void)std::snprintf(line.data(), line.size(), format, values...);
    text += line.data();
  };
  const NetworkOptions& n = plan.network;
  add("%s, %s\n", n.ipv6 ? "IPv6" : "IPv4",
      plan.opening == Opening::cookie    ? "cookie"
      : plan.opening == Opening::tracked ? "tracked"
                                         : "simultaneous open");
  for (const LinkOptions* l : {&n.to_server, &n.to_client}) {
    add("  path: %.0f Mbit/s, %.2f ms, queue %zd, marks at %zu, loss %.3f, burst %.3f, duplication "
        "%.3f, "
        "reordering %.3f (%.1f ms), corruption %.3f, MTU %u%s\n",
        static_cast<double>(l->rate) / 1e6, static_cast<double>(l->delay.count()) / 1e6,
        static_cast<std::ptrdiff_t>(l->queue), l->ecn_threshold, l->loss, l->burst.begin,
        l->duplication, l->reordering, static_cast<double>(l->reordering_delay.count()) / 1e6,
        l->corruption, l->mtu, l->reports_mtu ? " reported" : "");
  }
  for (int i = 0; i < 2; ++i) {
    const EndpointOptions& e = i == 0 ? n.client : n.server;
    const Application& a = plan.applications[static_cast<std::size_t>(i)];
    add("  %s: MSS %u, buffer %u, chunk %u, keeps %u,%s%s%s%s %s; sends %zu by %zu every %.1f ms, "
        "reads %zd every %.1f ms%s\n",
        i == 0 ? "client" : "server", e.mss, e.receive_buffer, e.chunk, e.max_kept_nodes,
        e.timestamps ? " timestamps" : "", e.sack ? " SACK" : "",
        e.window_scaling ? " scaling" : "", e.ecn ? " ECN" : "",
        e.congestion == tcp::CongestionAlgorithm::cubic ? "CUBIC" : "NewReno", a.len, a.piece,
        static_cast<double>(a.pause.count()) / 1e6, static_cast<std::ptrdiff_t>(a.read_at_once),
        static_cast<double>(a.read_pause.count()) / 1e6, a.closes_last ? ", closes last" : "");
  }
  if (plan.aborts) {
    add("  %s aborts at %.1f ms\n", plan.server_aborts ? "server" : "client",
        static_cast<double>(plan.abort_at.count()) / 1e6);
  }
  return text;
}

Transfer::Transfer(const TransferPlan& plan, PcapWriter pcap)
    : plan_{plan}, network_{plan.network} {
  network_.set_pcap(std::move(pcap));
  TcpEndpoint* ends[2] = {&network_.client, &network_.server};
  for (std::size_t i = 0; i < 2; ++i) {
    sides_[i] = {.tcp = ends[i],
                 .peer = ends[1 - i],
                 .application = plan.applications[i],
                 .expected = plan.applications[1 - i].len,
                 .key = static_cast<std::uint8_t>(i * 0x55),
                 .peer_key = static_cast<std::uint8_t>((1 - i) * 0x55)};
  }
}

void Transfer::write_piece(Side& side) {
  if (side.tcp->is_over()) return;
  const Application& a = side.application;
  const std::size_t len = std::min(a.len - side.num_written, std::max<std::size_t>(a.piece, 1));
  Bytes bytes(len);
  for (std::size_t i = 0; i < len; ++i) bytes[i] = byte_at(side.num_written + i, side.key);
  side.tcp->write(bytes);
  side.num_written += len;
  if (side.num_written < a.len) {
    network_.at(network_.now() + a.pause, [this, &side] { write_piece(side); });
  }
  close_if_done(side);
}

void Transfer::close_if_done(Side& side) {
  if (side.closed || side.num_written < side.application.len) return;
  if (side.application.closes_last && !side.tcp->peer_closed()) return;
  side.closed = true;
  side.tcp->close();
}

void Transfer::read_some(Side& side) {
  const Bytes bytes = side.tcp->read(side.application.read_at_once);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    side.garbled = side.garbled || bytes[i] != byte_at(side.num_read + i, side.peer_key);
  }
  side.num_read += bytes.size();
}

// read_all is the slow reader: one piece after the other, until the end.
void Transfer::read_all(Side& side) {
  read_some(side);
  if (side.num_read >= side.expected || side.tcp->is_over()) return;
  network_.at(network_.now() + side.application.read_pause, [this, &side] { read_all(side); });
}

void Transfer::begin_side(Side& side) {
  write_piece(side);
  if (side.application.read_pause.count() > 0) read_all(side);
}

std::string Transfer::run() {
  if (plan_.opening == Opening::simultaneous) {
    network_.server.open(network_.instant());
  } else {
    network_.server.listen(plan_.opening == Opening::cookie ? Listening::cookie
                                                            : Listening::tracked);
  }
  network_.client.open(network_.instant());
  for (Side& side : sides_) begin_side(side);
  if (plan_.aborts) {
    network_.at(plan_.abort_at, [this] {
      (plan_.server_aborts ? network_.server : network_.client).abort(network_.instant());
    });
  }
  const bool ended = network_.run(
      [this] {
        for (Side& side : sides_) {
          if (side.application.read_pause.count() == 0 || side.tcp->is_over()) read_some(side);
          close_if_done(side);
        }
        // A client that gave up early may never have reached the server.
        const bool unheard = plan_.aborts && network_.server.is_listening();
        return network_.client.is_over() && (network_.server.is_over() || unheard);
      },
      kLimit);
  for (Side& side : sides_) {
    while (side.tcp->unread() > 0) read_some(side);
  }
  if (!network_.violation().empty()) return network_.violation();
  // Nobody repeats a RST: when it is lost, a peer with nothing to send waits for ever.
  const Side& other = sides_[plan_.server_aborts ? 0 : 1];
  const bool is_reset_lost = plan_.aborts && other.tcp->unsent_or_unacked() == 0 &&
                             !other.tcp->next_deadline(network_.instant());
  if (!ended && !is_reset_lost) return "the connection does not end";
  return judge();
}

std::string Transfer::judge() const {
  for (const Side& side : sides_) {
    const std::string who = side.tcp == &network_.client ? "client" : "server";
    if (side.garbled) return who + " read other bytes than were sent";
    if (side.num_read > side.expected) return who + " read more than was sent";
    if (plan_.aborts) continue;
    if (side.tcp->timed_out()) return who + " gave its peer up";
    if (side.tcp->was_reset()) return who + " was reset";
    if (side.num_read < side.expected) return who + " read less than was sent";
    if (!side.tcp->peer_closed()) return who + " never heard that its peer closed";
    if (side.tcp->unsent_or_unacked() > 0) return who + " still has bytes to send";
    if (side.tcp->num_kept() > 0) return who + " keeps text for a gap that was filled";
  }
  return {};
}

}  // namespace sallyport::testing
