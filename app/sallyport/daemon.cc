#include "app/sallyport/daemon.h"

#include <malloc.h>
#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "app/sallyport/hardening.h"
#include "app/sallyport/multicast_groups.h"
#include "app/sallyport/start_report.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/crypto/hash/hkdf.h"

namespace sallyport {
namespace {

using admin::LogLevel;
using admin::LogTopic;

constexpr milliseconds kTick{5};
constexpr milliseconds kWatchPortsEvery{500};
constexpr milliseconds kForgetSessionsEvery{60'000};
// How long connections may go on after the first signal.
constexpr seconds kDrainTime{30};
// How long workers may take to send their last RSTs.
constexpr milliseconds kResetTime{500};

// How often the process was asked to end.  Handlers may touch nothing else.
std::atomic<unsigned> num_stop_requests{0};
static_assert(std::atomic<unsigned>::is_always_lock_free);

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { num_stop_requests.fetch_add(1); };
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  // A lost terminal, or a request to reload from habit, must not end every connection at once.
  for (const int signal : {SIGPIPE, SIGHUP}) sigaction(signal, &action, nullptr);
}

std::uint64_t unix_ms() {
  using std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
}

milliseconds monotonic() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(since);
}

std::int64_t unix_seconds() { return static_cast<std::int64_t>(unix_ms() / 1000); }
WallClock wall_clock() { return {dpdk::now(), unix_ms()}; }

LogLevel level_of(control::NeighbourEvent::Kind kind) {
  using Kind = control::NeighbourEvent::Kind;
  switch (kind) {
    case Kind::next_hop_resolved:
    case Kind::address_regained:
      return LogLevel::info;
    case Kind::next_hop_stale:
    case Kind::address_conflict:
      return LogLevel::warning;
    case Kind::address_lost:
      return LogLevel::error;
  }
  return LogLevel::info;
}

Random::Seed system_seed() {
  Random::Seed seed{};
  if (getrandom(seed.data(), seed.size(), 0) != static_cast<ssize_t>(seed.size())) std::abort();
  return seed;
}

// derive_key is HKDF-SHA256 with the purpose and the epoch as its info.
void derive_key(ByteView secret, std::string_view purpose, std::uint64_t epoch,
                MutableBytes out) noexcept {
  constexpr std::string_view kSalt = "sallyport cluster secret";
  Secret<32> prk;
  crypto::hkdf_extract(crypto::HashAlgorithm::sha256, as_bytes(kSalt), secret,
                       prk.expose_for_write());
  std::array<std::uint8_t, 64> info{};
  const std::size_t purpose_len = std::min(purpose.size(), info.size() - sizeof(Be64));
  std::memcpy(info.data(), purpose.data(), purpose_len);
  store(MutableBytes{info}.subspan(purpose_len), Be64::of(epoch));
  crypto::hkdf_expand(crypto::HmacKey{crypto::HashAlgorithm::sha256, prk.expose()},
                      ByteView{info}.first(purpose_len + sizeof(Be64)), out);
}

}  // namespace

Daemon::Daemon(config::Parsed parsed, admin::LogLevel log_level)
    : parsed_{std::move(parsed)},
      config_{parsed_.config},
      log_{2, log_level},
      random_{system_seed()},
      staples_{config_},
      authorities_{config_},
      watch_files_every_{control::StapleWatch::kInterval},
      forget_sessions_every_{kForgetSessionsEvery},
      publisher_{config_.dataplane.io_lcores.size()},
      dataplane_{config_, plan_, parsed_.diagnostics.file()},
      watch_ports_every_{kWatchPortsEvery} {}

int Daemon::run() {
  watch_signals();
  if (const dpdk::Failure failure = start()) {
    std::fprintf(stderr, "%s\n", failure->c_str());
    return 1;
  }
  serve();
  drain();
  return finish();
}

dpdk::Failure Daemon::load(config::LoadedCredentials& credentials) {
  config::Diagnostics& diagnostics = parsed_.diagnostics;
  credentials = config::load_credentials(config_, parsed_.positions, unix_seconds(), diagnostics);
  std::vector<std::uint8_t> secret =
      config::load_cluster_secret(config_, parsed_.positions, diagnostics);
  if (diagnostics.has_errors()) return diagnostics.text();
  if (secret.empty()) {
    secret.resize(config::kMinClusterSecretBytes);
    random_.fill(secret);
  }
  cookie_keyring_.emplace(secret, derive_key);
  ticket_keyring_.emplace(secret, derive_key);
  wipe(secret);
  if (!diagnostics.all().empty()) std::fputs(diagnostics.text().c_str(), stderr);
  return {};
}

dpdk::Failure Daemon::start() {
  StartFacts facts{.exposed = harden_process(), .lacks_x448 = !libcrypto_.missing_groups().empty()};
  const std::size_t heap_before = mallinfo2().uordblks;
  config::LoadedCredentials credentials;
  if (dpdk::Failure failure = load(credentials)) return failure;
  constexpr std::uint32_t kFirstGeneration = 1;
  identities_ =
      control::identify(config_, std::move(credentials), kFirstGeneration, unix_seconds());
  if (!identities_.error.empty()) return identities_.error;
  facts.certificates = identities_.keys.size();
  facts.certificate_bytes = mallinfo2().uordblks - heap_before;

  plan_ = plan_memory(config_);
  if (dpdk::Failure failure = dataplane_.open()) return failure;
  for (const auto& port : dataplane_.ports()) port_facts_.push_back({port->mac()});
  // What is wrong with a staple was told with the certificates.
  static_cast<void>(staples_.look(identities_.of_listener, unix_seconds()));
  control::Compiled compiled = compile();
  for (std::uint8_t i = 0; i < dataplane_.ports().size(); ++i) {
    const auto groups = multicast_groups(*compiled.interfaces, i);
    if (dpdk::Failure failure = dataplane_.ports()[i]->set_groups(groups)) return failure;
  }
  const bool has_tls_pools =
      std::ranges::any_of(config_.pools, [](const config::Pool& p) { return p.tls.has_value(); });
  if (!authorities_.empty() || has_tls_pools) {
    verifier_.emplace(identities_.clients.of_listener, identities_.clients.generation,
                      identities_.servers);
  }
  if (dpdk::Failure failure =
          dataplane_.add_workers(publisher_, identities_.keys, verifier_ ? &*verifier_ : nullptr)) {
    return failure;
  }
  identities_.keys.clear();
  // Publishes the first snapshot.
  control_.emplace(
      control::ControlLoop::Dependencies{publisher_, *cookie_keyring_, *ticket_keyring_, random_,
                                         dpdk::Eal::tsc_rate()},
      std::move(compiled), wall_clock());
  if (dpdk::Failure failure = dataplane_.start()) return failure;
  for (const auto& port : dataplane_.ports()) {
    ports_seen_.push_back({port->link().up, port->steering()});
  }
  telemetry_.emplace(dataplane_, publisher_, mutex_);
  if (dpdk::Failure failure = telemetry_->add()) return failure;
  std::fputs(start_report(config_, plan_, dataplane_, identities_, facts).c_str(), stdout);
  std::fflush(stdout);
  return {};
}

control::Compiled Daemon::compile() const {
  return control::compile({config_, port_facts_, identities_.of_listener, dpdk::Eal::tsc_rate(),
                           identities_.clients, libcrypto_.missing_groups()});
}

void Daemon::serve() {
  while (num_stop_requests == 0) {
    tick();
    if (!settled_ && control_->is_settled()) {
      settled_ = true;
      std::puts("ready");
      std::fflush(stdout);
    }
    std::this_thread::sleep_for(kTick);
  }
}

void Daemon::drain() {
  control_->drain();
  const auto wait_until = [this](milliseconds deadline, unsigned patience, auto done) {
    while (!done()) {
      if (monotonic() > deadline || num_stop_requests > patience) return false;
      tick();
      std::this_thread::sleep_for(kTick);
    }
    return true;
  };
  // A first signal asks to drain, a second one to end at once.
  constexpr unsigned kPatience = 1;
  log(LogLevel::info, LogTopic::start,
      "draining " + std::to_string(num_connections()) +
          " connections; a second signal ends at once");
  const auto empty = [this] {
    return publisher_.current()->draining && all_passed() && num_connections() == 0;
  };
  if (wait_until(monotonic() + kDrainTime, kPatience, empty)) return;
  log(LogLevel::warning, LogTopic::start,
      std::to_string(num_connections()) + " connections are reset");
  for (const auto& worker : dataplane_.workers()) worker->processor->request_reset();
  constexpr unsigned kNoMore = 1'000'000;
  wait_until(monotonic() + kResetTime, kNoMore, empty);
}

int Daemon::finish() {
  telemetry_.reset();
  dataplane_.stop();
  const std::uint32_t leaked = dataplane_.close();
  if (leaked != 0) {
    log(LogLevel::error, LogTopic::start, std::to_string(leaked) + " frames were not given back");
  }
  std::printf("stopped, %u frames leaked\n", leaked);
  std::fflush(stdout);
  return 0;
}

void Daemon::tick() {
  hear();
  to_send_.clear();
  {
    const std::lock_guard lock{mutex_};
    publisher_.reclaim();
    control_->tick(wall_clock(), to_send_);
  }
  send();
  for (const control::NeighbourEvent& event : control_->take_events()) {
    log(level_of(event.kind), LogTopic::neighbour, control::to_string(event));
  }
  watch_ports();
  watch_files();
  forget_old_sessions();
}

void Daemon::forget_old_sessions() {
  const std::uint64_t now = unix_ms();
  if (forget_sessions_every_.is_due(now)) dataplane_.forget_old_sessions(now);
}

void Daemon::watch_files() {
  static_assert(control::StapleWatch::kInterval == control::AuthorityWatch::kInterval);
  if (!watch_files_every_.is_due(unix_ms())) return;
  const bool has_new_staples = watch_staples();
  const bool has_new_authorities = watch_authorities();
  if (has_new_staples || has_new_authorities) {
    control_->replace_listeners(compile().listeners);
  }
}

bool Daemon::watch_authorities() {
  const control::AuthorityWatch::Outcome outcome = authorities_.look(identities_.clients);
  for (const std::string& message : outcome.messages) {
    log(LogLevel::info, LogTopic::configuration, message);
  }
  for (const std::size_t index : outcome.changed) {
    verifier_->replace(index, identities_.clients.of_listener[index]);
  }
  return !outcome.changed.empty();
}

bool Daemon::watch_staples() {
  const control::StapleWatch::Outcome outcome =
      staples_.look(identities_.of_listener, unix_seconds());
  for (const std::string& message : outcome.messages) {
    log(LogLevel::info, LogTopic::configuration, message);
  }
  return outcome.changed;
}

void Daemon::hear() {
  frame::ControlMessage message;
  // As many as the rings hold, so that a flood cannot keep us here.
  for (unsigned i = 0; i < 1024 && dataplane_.receive(message); ++i) {
    const std::size_t len = std::min<std::size_t>(message.len, message.bytes.size());
    control_->on_frame(message.port.value, message.vlan, ByteView{message.bytes}.first(len),
                       dpdk::now());
  }
}

void Daemon::send() {
  for (const control::ControlFrame& frame : to_send_) {
    frame::ControlMessage message;
    if (frame.len > message.bytes.size()) continue;
    message.port = {frame.port};
    message.vlan = frame.vlan;
    message.len = frame.len;
    std::copy_n(frame.bytes.begin(), frame.len, message.bytes.begin());
    // What does not fit the ring is asked again by its own timer.
    static_cast<void>(dataplane_.send(message));
  }
}

void Daemon::watch_ports() {
  if (!watch_ports_every_.is_due(unix_ms())) return;
  for (std::size_t i = 0; i < ports_seen_.size(); ++i) {
    const dpdk::Port& port = *dataplane_.ports()[i];
    const PortSeen seen{port.link().up, port.steering()};
    if (seen.up != ports_seen_[i].up) {
      log(LogLevel::warning, LogTopic::port,
          "port " + port.name() + (seen.up ? ": link is up" : ": link is down"));
    }
    if (seen.steering != ports_seen_[i].steering) {
      log(LogLevel::warning, LogTopic::port,
          "port " + port.name() + ": steering in software now, " + port.report().steering_reason);
    }
    ports_seen_[i] = seen;
  }
}

std::size_t Daemon::num_connections() const {
  std::size_t sum = 0;
  for (const auto& worker : dataplane_.workers()) {
    sum += worker->processor->stats().gauges.value(stats::Gauge::connections);
  }
  return sum;
}

bool Daemon::all_passed() const {
  const std::uint64_t epoch = publisher_.current()->epoch;
  return std::ranges::all_of(dataplane_.workers(), [&](const auto& worker) {
    return worker->processor->reader().passed() >= epoch;
  });
}

void Daemon::log(LogLevel level, LogTopic topic, std::string_view message) {
  log_.write(level, topic, unix_ms(), message);
}

}  // namespace sallyport
