#include "tests/support/worker_host.h"

#include <algorithm>

#include "lib/base/check.h"
#include "lib/wire/ethernet.h"
#include "tests/support/tcp_frame.h"
#include "tests/support/tls_client.h"

namespace sallyport::testing {
namespace {

// Those of the hosts that a Simulation knows, whose place the script takes.
constexpr MacAddress kClientMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr MacAddress kBackendMac{{0x02, 0, 0, 0, 0, 0x20}};
constexpr std::uint16_t kClientPort = 50'000;
// Longer than everything that happens between a client and us before we turn to a backend.
constexpr Nanos kAWhile = milliseconds{100};

}  // namespace

// --- WorkerHost ----------------------------------------------------------------------------------

WorkerHost::WorkerHost(const SimulationOptions& options, Simulation::To peer)
    : sim_{options}, start_{sim_.now()} {
  sim_.set_filter([this, peer](Simulation::To to, ByteView frame) -> std::optional<Nanos> {
    if (to != peer) return Nanos{0};
    sent_frame(frame);
    sent_.emplace_back(now(), Bytes{frame.begin(), frame.end()});
    return std::nullopt;
  });
}

Nanos WorkerHost::now() const { return Simulation::kRate.nanos(sim_.now() - start_); }

void WorkerHost::advance(Nanos until) {
  if (until <= now()) return;
  sim_.run(
      [this] {
        step();
        return !sent_.empty();
      },
      until - now());
}

std::optional<std::pair<Nanos, Bytes>> WorkerHost::take_sent() {
  if (sent_.empty()) return std::nullopt;
  auto first = std::move(sent_.front());
  sent_.erase(sent_.begin());
  return first;
}

std::optional<std::string> WorkerHost::value(const std::string& name) const {
  if (name == "connections") return std::to_string(sim_.num_connections());
  return std::nullopt;
}

std::string WorkerHost::violation() const {
  const auto errors = sim_.stats().drops.value(stats::DropReason::internal_error);
  return errors == 0 ? std::string{} : "the worker found an internal error";
}

// --- ListenerHost --------------------------------------------------------------------------------

namespace {

SimulationOptions with_fake_jobs(SimulationOptions options) {
  options.fake_jobs = true;  // the same flight every time
  return options;
}

}  // namespace

ListenerHost::ListenerHost(const SimulationOptions& options, std::uint16_t port)
    : WorkerHost{with_fake_jobs(options), Simulation::To::client}, port_{port} {}

FourTuple ListenerHost::tuple() const {
  const SocketAddress listener = sim_.listener();
  const IpAddress client =
      listener.ip.is_v4() ? IpAddress::v4({198, 18, 0, 2}) : *parse_ip("2001:db8::2");
  return {{listener.ip, port_}, {client, kClientPort}};
}

wire::Ethernet ListenerHost::ethernet() const { return {kClientMac, sim_.worker_mac()}; }

std::string ListenerHost::command(const std::vector<std::string>&) { return "no such command"; }

Bytes ListenerHost::client_hello() {
  HelloBuilder builder = HelloBuilder::tls13();
  const auto hello = [&] { return record(ContentType::handshake, builder.message(), 0x0301); };
  constexpr std::size_t kExtensionHeader = 4;
  const std::size_t padding = kClientHello - hello().size() - kExtensionHeader;
  builder.add(ExtensionType{21}, Bytes(padding));  // [RFC 7685 3]
  const Bytes bytes = hello();
  SALLYPORT_CHECK(bytes.size() == kClientHello);
  return bytes;
}

// --- BackendHost ---------------------------------------------------------------------------------

BackendHost::BackendHost(SimulationOptions options)
    : WorkerHost{[&] {
                   options.num_backends = 1;
                   return options;
                 }(),
                 Simulation::To::backend} {}

wire::Ethernet BackendHost::ethernet() const { return {kBackendMac, sim_.worker_mac()}; }

void BackendHost::sent_frame(ByteView frame) {
  const auto received = read_tcp_frame(frame);
  // The tuple as the backend sees it, from the first SYN on.
  if (received && received->segment.flags.syn()) {
    tuple_ = {received->tuple.remote, received->tuple.local};
  }
}

void BackendHost::step() {
  if (client_) client_->step();
}

std::string BackendHost::read(std::size_t len) {
  const std::size_t wanted = num_read_ + len;
  sim_.run(
      [&] {
        step();
        return client_->received().size() >= wanted;
      },
      kAWhile);
  const Bytes& received = client_->received();
  if (received.size() < wanted) {
    return "only " + std::to_string(received.size() - num_read_) + " bytes are there";
  }
  const Bytes right = script_bytes(ScriptSide::peer, static_cast<std::int64_t>(1 + num_read_), len);
  const bool equal = std::ranges::equal(ByteView{received}.subspan(num_read_, len), right);
  num_read_ = wanted;
  return equal ? std::string{} : "they are not the right ones";
}

std::string BackendHost::command(const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  std::size_t count = 0;
  const bool has_count = takes_count(words, count);
  if (verb == "connect") {
    client_ = std::make_unique<OpensslClient>(sim_.connect());
    advance(now() + kAWhile);
    return {};
  }
  if (!client_) return "connect comes first";
  if (verb == "write" && has_count) {
    client_->write(script_bytes(ScriptSide::host, 1 + num_written_, count));
    num_written_ += static_cast<std::int64_t>(count);
  } else if (verb == "read" && has_count) {
    return read(count);
  } else if (verb == "close") {
    client_->shutdown();
    step();
    client_->socket().close();
  } else {
    return "no such command";
  }
  step();
  return {};
}

}  // namespace sallyport::testing
