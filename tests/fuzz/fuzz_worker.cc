// A worker between clients, backends and an attacker.  The input is a program: its bytes choose who
// does what next.  After every step the worker's accounts must agree with what it really holds, no
// window may have shrunk, and nothing may have been counted as an error of ours; at the end, when
// everybody has left, nothing may remain.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/check.h"
#include "lib/base/internet_sum.h"
#include "lib/wire/headers.h"
#include "tests/support/sample_frames.h"
#include "tests/support/simulation.h"
#include "tests/support/tls_client.h"
#include "tests/support/tls_server.h"

namespace sallyport {
namespace {

using testing::Bytes;
using testing::HelloBuilder;
using testing::ScriptedClient;
using testing::ScriptedServer;
using testing::ServerHelloBuilder;
using testing::Simulation;
using testing::Socket;
using wire::ContentType;

// Choices is the program; behind its end everything is zero.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : rest_{bytes} {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  std::uint8_t u8() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint16_t u16() {
    const auto high = static_cast<std::uint16_t>(u8() << 8U);
    return static_cast<std::uint16_t>(high | u8());
  }
  Bytes bytes(std::size_t len) {
    len = std::min(len, rest_.size());
    Bytes out(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(len));
    rest_ = rest_.subspan(len);
    return out;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// Client is a host that can do the honest thing, among others.
struct Client {
  Socket* socket = nullptr;
  ScriptedClient tls;
  bool is_13 = true;
  enum class At : std::uint8_t { start, hello_sent, established } at = At::start;

  [[nodiscard]] bool flight_arrived() const {
    // Finished ends the flight of TLS 1.3, ServerHelloDone that of 1.2.
    const std::uint8_t last = is_13 ? 20 : 14;
    Bytes stream;
    for (const auto& r : tls.received()) {
      if (r.type == ContentType::handshake) testing::append(stream, r.content);
    }
    for (std::size_t i = 0; i + 4 <= stream.size();) {
      if (stream[i] == last) return true;
      i += 4 +
           (std::size_t{stream[i + 1]} << 16U | std::size_t{stream[i + 2]} << 8U | stream[i + 3]);
    }
    return false;
  }
  // proceed does what an honest client would do next.
  void proceed(std::uint8_t arg) {
    tls.hear(socket->take_received());
    switch (at) {
      case At::start: {
        is_13 = arg % 2 == 0;
        HelloBuilder hello = is_13 ? HelloBuilder::tls13() : HelloBuilder::tls12();
        if (arg % 8 == 4) hello.alpn({"no-such-protocol"});
        socket->send(tls.hello(hello));
        at = At::hello_sent;
        return;
      }
      case At::hello_sent:
        if (!flight_arrived()) return;
        if (is_13) {
          socket->send(tls.finish());
        } else {
          socket->send(tls.client_key_exchange());
          socket->send(testing::kChangeCipherSpec);
          socket->send(tls.seal(ContentType::handshake, tls.finished12_message()));
        }
        at = At::established;
        return;
      case At::established:
        socket->send(tls.seal(ContentType::application_data, Bytes(std::size_t{arg} * 64, arg)));
        return;
    }
  }
};

// Server is a backend that can do the honest thing in TLS, among others.
struct Server {
  explicit Server(Socket& s) : socket{&s} {}

  Socket* socket;
  ScriptedServer tls{};
  enum class At : std::uint8_t { start, flight_sent, established } at = At::start;

  // proceed does what an honest server would do next, or says something when all is done.
  void proceed(std::uint8_t arg) {
    tls.hear(socket->take_received());
    switch (at) {
      case At::start:
        if (!tls.heard(wire::HandshakeType::client_hello)) return;
        if (arg % 2 == 0) {
          socket->send(tls.hello(ServerHelloBuilder::tls13()));
          for (const Bytes& message :
               {ScriptedServer::encrypted_extensions(), ScriptedServer::certificate13(),
                ScriptedServer::certificate_verify()}) {
            socket->send(tls.say(message));
          }
          socket->send(tls.finish());
          at = At::established;
        } else {
          socket->send(tls.hello(ServerHelloBuilder::tls12()));
          for (const Bytes& message :
               {ScriptedServer::certificate12(), ScriptedServer::key_exchange(),
                ScriptedServer::hello_done()}) {
            socket->send(tls.say(message));
          }
          at = At::flight_sent;
        }
        return;
      case At::flight_sent:
        if (!tls.heard(wire::HandshakeType::finished)) return;
        socket->send(tls.change_cipher_spec());
        socket->send(tls.finish());
        at = At::established;
        return;
      case At::established:
        say(arg);
        return;
    }
  }
  void say(std::uint8_t arg) {
    const std::uint8_t what = arg % 8;
    if (what == 0) {
      socket->send(tls.seal(ContentType::alert, {1, 0}));
    } else if (what == 1) {
      socket->send(tls.seal(ContentType::handshake, ScriptedServer::ticket13()));
    } else if (what == 2) {
      socket->send(
          tls.seal(ContentType::handshake, {24, 0, 0, 1, static_cast<std::uint8_t>(arg / 128)}));
      tls.update_write_keys();
    } else {
      socket->send(tls.seal(ContentType::application_data, Bytes(std::size_t{arg} * 64, arg)));
    }
  }
};

class Program {
 public:
  Program(std::span<const std::uint8_t> input)
      : choices_{input}, setting_{choices_.u8()}, sim_{options(setting_)} {
    for (std::size_t i = 0; i < kBackends; ++i) listen(i);
    sim_.set_filter([this](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
      if (to == Simulation::To::worker) {
        seen_[next_seen_++ % seen_.size()].assign(frame.begin(), frame.end());
      }
      return Nanos{0};
    });
  }

  void run() {
    for (int steps = 0; !choices_.at_end() && steps < 400; ++steps) {
      step();
      check();
    }
    leave();
  }

 private:
  static constexpr std::size_t kBackends = 2;
  static constexpr std::size_t kMaxClients = 8;

  // The lowest bits of the first byte choose between settings.
  static testing::SimulationOptions options(std::uint8_t setting) {
    testing::SimulationOptions o;
    o.num_backends = kBackends;
    o.nic_holds_frames = setting % 2 != 0;
    if ((setting & 2U) != 0) o.tcp.syn_mode = snapshot::SynMode::tracked;
    if ((setting & 4U) != 0) o.tcp.ecn = snapshot::EcnPolicy::offer;
    if ((setting & 8U) != 0) o.max_connections = 2;
    if ((setting & 16U) != 0) o.backend_tls = testing::BackendTls{};
    o.fake_jobs = true;
    o.rx_frames = 256;
    o.tx_frames = 1'024;
    o.send_buffer = 40'000;
    o.receive_buffer = 20'000;
    o.worker = {.max_connections = 4,
                .max_handshakes = 3,
                .max_message_buffers = 1,
                .max_jobs = 4,
                .max_verify_jobs = 3,
                .max_backend_handshakes = 3,  // so a pool has two of them
                .max_time_wait = 4,
                .max_syn_received = 8,
                .key_shares = 8,
                .max_rx_frames_held = 48,
                .max_tx_frames_held = 64};
    return o;
  }
  void listen(std::size_t i) {
    sim_.backends.listen(sim_.backend(i),
                         [this](Socket& s) { accepted_.push_back(std::make_unique<Server>(s)); });
  }
  Client* client() {
    const std::uint8_t which = choices_.u8();
    return clients_.empty() ? nullptr : clients_[which % clients_.size()].get();
  }
  Server* accepted() {
    const std::uint8_t which = choices_.u8();
    return accepted_.empty() ? nullptr : accepted_[which % accepted_.size()].get();
  }
  void jump(Nanos time) { sim_.jump(time); }

  void step() {
    switch (choices_.u8() % 16) {
      case 0:
        if (clients_.size() >= kMaxClients) return;
        clients_.push_back(std::make_unique<Client>());
        clients_.back()->socket = &sim_.connect();
        sim_.run_for(microseconds{500});
        return;
      case 1:
      case 2: {
        Client* c = client();
        const std::uint8_t arg = choices_.u8();
        if (c != nullptr && !c->socket->is_over()) c->proceed(arg);
        sim_.run_for(microseconds{800});
        return;
      }
      case 3: {
        Client* c = client();
        const Bytes raw = choices_.bytes(choices_.u8());
        if (c != nullptr) c->socket->send(raw);
        return;
      }
      case 4: {
        Client* c = client();
        const std::uint8_t how = choices_.u8();
        if (c == nullptr) return;
        if (how % 4 == 0) c->socket->abort();
        if (how % 4 == 1) c->socket->close();
        if (how % 4 == 2 && c->at == Client::At::established) {
          c->socket->send(c->tls.seal(ContentType::alert, {1, static_cast<std::uint8_t>(how / 4)}));
        }
        if (how % 4 == 3) c->socket->set_reading(how >= 128);
        return;
      }
      case 5:
        sim_.run_for(microseconds{50U * choices_.u8()});
        return;
      case 6:
        jump(milliseconds{20U * choices_.u8()});
        return;
      case 7:
        replay_changed();
        return;
      case 8: {
        Client* c = client();
        if (c != nullptr) forge(*c->socket, sim_.client.mac());
        return;
      }
      case 9:
        if (Server* server = accepted()) forge(*server->socket, sim_.backends.mac());
        return;
      case 10: {
        Server* server = accepted();
        const std::uint8_t how = choices_.u8();
        const std::uint16_t len = choices_.u16();
        if (server == nullptr) return;
        Socket* const s = server->socket;
        if ((setting_ & 16U) != 0 && (how & 4U) != 0) {
          if (!s->is_over()) server->proceed(static_cast<std::uint8_t>(len));
          sim_.run_for(microseconds{800});
          return;
        }
        (void)s->take_received();
        if (how % 4 == 0) s->abort();
        if (how % 4 == 1) s->close();
        if (how % 4 == 2) s->send(Bytes(len, how));
        if (how % 4 == 3) s->set_reading(how >= 128);
        return;
      }
      case 11: {
        const std::uint8_t how = choices_.u8();
        const std::size_t i = how / 4U % kBackends;
        if (how % 4 == 0) sim_.backends.stop_listening(sim_.backend(i));
        if (how % 4 == 1) listen(i);
        if (how % 4 == 2) sim_.backends.silence(how >= 128);
        if (how % 4 == 3) sim_.client.silence(how >= 128);
        return;
      }
      case 12:
        sim_.hold_jobs(choices_.u8() % 2 != 0);
        return;
      case 13:
        sim_.set_draining(choices_.u8() % 4 == 0);
        return;
      case 14: {
        const std::size_t which = choices_.u8() % testing::kSampleFrames.size();
        Bytes frame = testing::unhex(testing::kSampleFrames[which].hex);
        if (frame[0] == 2) std::ranges::copy(sim_.worker_mac().bytes, frame.begin());
        sim_.inject(change(std::move(frame)));
        return;
      }
      case 15: {
        const std::uint8_t how = choices_.u8();
        const double p = (how % 4) * 0.1;
        sim_.set_faults({.loss = how & 4 ? p : 0,
                         .duplication = how & 8 ? p : 0,
                         .reordering = how & 16 ? p : 0,
                         .corruption = how & 32 ? p : 0});
        return;
      }
    }
  }

  // change overwrites some bytes, and makes the checksums right again if asked.
  Bytes change(Bytes frame) {
    const std::uint8_t how = choices_.u8();
    for (std::uint8_t n = how % 4; n > 0 && !frame.empty(); --n) {
      const std::size_t at = choices_.u16() % frame.size();
      frame[at] = choices_.u8();
    }
    if (how & 4 && !frame.empty()) frame.resize(choices_.u16() % frame.size());
    if (how & 8) repair(frame);
    return frame;
  }
  static void repair(Bytes& frame) {
    if (frame.size() < 54 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45) return;
    const MutableBytes l3 = MutableBytes{frame}.subspan(14);
    const std::size_t total = load<Be16>(l3.subspan(2)).host();
    if (total < 40 || total > l3.size()) return;
    store(l3.subspan(10), Be16{});
    store(l3.subspan(10), InternetSum{}.add(l3.first(20)).checksum());
    const MutableBytes l4 = l3.subspan(20, total - 20);
    store(l4.subspan(16), Be16{});
    Bytes pseudo(l3.begin() + 12, l3.begin() + 20);
    for (const std::size_t b :
         {std::size_t{0}, std::size_t{6}, l4.size() >> 8U, l4.size() & 0xff}) {
      pseudo.push_back(static_cast<std::uint8_t>(b));
    }
    store(l4.subspan(16), InternetSum{}.add(pseudo).add(l4).checksum());
  }
  void replay_changed() {
    const Bytes& frame = seen_[choices_.u8() % seen_.size()];
    if (!frame.empty()) sim_.inject(change(frame));
  }
  // forge makes a segment on the tuple of a connection, near to what it expects.
  void forge(const Socket& s, const MacAddress& source) {
    wire::TcpHeaders headers;
    headers.ethernet = {source, sim_.worker_mac(), 0};
    headers.ip = {.source = s.tuple().local.ip, .destination = s.tuple().remote.ip};
    headers.tcp.source_port = s.tuple().local.port;
    headers.tcp.destination_port = s.tuple().remote.port;
    headers.tcp.flags = {static_cast<std::uint8_t>(choices_.u8() & 0x3fU)};
    const auto near = [this](std::uint32_t at) {
      const auto off = static_cast<std::int16_t>(choices_.u16());
      // Most offsets are small; the rest reaches across a window.
      return at + static_cast<std::uint32_t>(off % 4 == 0 ? off : off % 64);
    };
    headers.tcp.sequence_number = near(s.tcb().snd_nxt.raw);
    headers.tcp.acknowledgment_number = near(s.tcb().rcv_nxt.raw);
    headers.tcp.window = choices_.u16();
    if (s.tcb().timestamps) {
      headers.tcp.options.has_timestamps = true;
      headers.tcp.options.tsval = near(tcp::timestamp_clock(sim_.instant()) + s.tcb().ts_offset);
      headers.tcp.options.tsecr = s.tcb().ts_recent;
    }
    const Bytes payload(choices_.u16() % 1'400, 0x17);
    const std::size_t total = wire::header_lengths(headers).total();
    Bytes frame(total + payload.size());
    std::ranges::copy(payload, frame.begin() + static_cast<std::ptrdiff_t>(total));
    wire::write_tcp_headers(MutableBytes{frame}.first(total), headers, payload,
                            wire::Completion::software);
    sim_.inject(frame);
  }

  void check() {
    const worker::Worker& w = sim_.worker();
    std::uint32_t rx = 0;
    std::uint32_t tx = 0;
    std::size_t live = 0;
    std::uint64_t handshakes = 0;
    std::uint64_t backend_handshakes = 0;
    w.for_each_connection(1'000, [&](const worker::Connection& c) {
      ++live;
      handshakes += c.handshake ? 1U : 0U;
      if (const worker::BackendLeg* leg = w.leg_of(c)) {
        backend_handshakes += leg->handshake ? 1U : 0U;
        SALLYPORT_CHECK(c.backend.input.size() >= std::size_t{leg->plaintext} + leg->trailer);
      }
      for (const worker::Side* side : {&c.client, &c.backend}) {
        rx += side->input.num_frames() + side->out_of_order.num_nodes();
        tx += side->send.num_frames();
        check_window(c, *side);
      }
    });
    const stats::WorkerStats& s = sim_.stats();
    SALLYPORT_CHECK(w.frames_held().rx_held == rx);
    SALLYPORT_CHECK(w.frames_held().tx_held == tx);
    SALLYPORT_CHECK(setting_ % 2 != 0 || sim_.frames_in_use() == rx + tx);
    SALLYPORT_CHECK(w.num_connections() == live);
    SALLYPORT_CHECK(sim_.pins() == handshakes + backend_handshakes);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::backend_handshakes) == backend_handshakes);
    SALLYPORT_CHECK(s.backend_tls_failures.value(stats::BackendTlsFailure::internal_error) == 0);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::connections) == live);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::handshakes) == handshakes);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::frames_held) == rx + tx);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::timers) <= live);
    SALLYPORT_CHECK(s.drops.value(stats::DropReason::internal_error) == 0);
    SALLYPORT_CHECK(s.failures.value(stats::HandshakeFailure::internal_error) == 0);
    SALLYPORT_CHECK(s.closes.value(stats::CloseCause::internal_error) == 0);
  }
  // [RFC 9293 3.8.6] What was offered once is never taken back.
  void check_window(const worker::Connection& c, const worker::Side& side) {
    if (!side.has_tcp() || side.tcb.state == tcp::State::syn_sent) return;
    const auto [at, is_new] = edges_.try_emplace({side.tuple.local, side.tuple.remote});
    Edge& edge = at->second;
    const bool same = !is_new && edge.accepted == c.accepted && edge.irs == side.tcb.irs;
    SALLYPORT_CHECK(!same || !tcp::before(side.tcb.rcv_adv, edge.right));
    edge = {c.accepted, side.tcb.irs, side.tcb.rcv_adv};
  }

  // leave: all hosts go away, jobs come back, and time passes until every limit has been reached.
  void leave() {
    sim_.hold_jobs(false);
    sim_.client.silence(true);
    sim_.backends.silence(true);
    sim_.set_faults({});
    for (int i = 0; i < 80; ++i) {
      jump(seconds{4});
      check();
    }
    const stats::WorkerStats& s = sim_.stats();
    SALLYPORT_CHECK(sim_.num_connections() == 0);
    SALLYPORT_CHECK(sim_.frames_in_use() == 0);
    SALLYPORT_CHECK(sim_.pins() == 0);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::jobs) == 0);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::verify_jobs) == 0);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::timers) == 0);
    SALLYPORT_CHECK(s.gauges.value(stats::Gauge::time_wait) == 0);
  }

  struct Edge {
    Tsc accepted;
    tcp::SeqNum irs;
    tcp::SeqNum right;
  };

  Choices choices_;
  std::uint8_t setting_;
  Simulation sim_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Server>> accepted_;
  std::array<Bytes, 64> seen_;
  std::size_t next_seen_ = 0;
  std::map<std::pair<SocketAddress, SocketAddress>, Edge> edges_;
};

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto program = std::make_unique<sallyport::Program>(std::span{data, size});
  program->run();
  return 0;
}
