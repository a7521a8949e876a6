#include "app/sallyport/daemon.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "app/sallyport/hardening.h"
#include "app/sallyport/start_report.h"
#include "lib/base/secret.h"
#include "lib/crypto/hash/hkdf.h"

namespace sallyport {
namespace {

using admin::LogLevel;
using admin::LogTopic;

constexpr milliseconds kTick{5};
// Snapshots carry the time of day; workers extrapolate it in between.
constexpr std::uint64_t kPublishEveryMs = 10'000;
constexpr std::uint64_t kWatchPortsEveryMs = 500;
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
  sigaction(SIGPIPE, &action, nullptr);
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
  crypto::hkdf_extract(crypto::HashAlgorithm::sha256,
                       {reinterpret_cast<const std::uint8_t*>(kSalt.data()), kSalt.size()}, secret,
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
      publisher_{config_.dataplane.io_lcores.size()},
      dataplane_{config_, plan_, parsed_.diagnostics.file()} {}

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
  credentials = config::load_credentials(config_, parsed_.positions,
                                         static_cast<std::int64_t>(unix_ms() / 1000), diagnostics);
  std::vector<std::uint8_t> secret =
      config::load_cluster_secret(config_, parsed_.positions, diagnostics);
  if (diagnostics.has_errors()) return diagnostics.text();
  if (secret.empty()) {
    secret.resize(config::kMinClusterSecretBytes);
    random_.fill(secret);
  }
  keyring_.emplace(secret, derive_key);
  wipe(secret);
  if (!diagnostics.all().empty()) std::fputs(diagnostics.text().c_str(), stderr);
  return {};
}

dpdk::Failure Daemon::start() {
  if (const std::string missing = harden_process(); !missing.empty()) {
    log(LogLevel::debug, LogTopic::start, missing);
  }
  config::LoadedCredentials credentials;
  if (dpdk::Failure failure = load(credentials)) return failure;
  constexpr std::uint32_t kFirstGeneration = 1;
  identities_ = control::identify(config_, std::move(credentials), kFirstGeneration,
                                  static_cast<std::int64_t>(unix_ms() / 1000));
  if (!identities_.error.empty()) return identities_.error;

  plan_ = plan_memory(config_);
  if (dpdk::Failure failure = dataplane_.open()) return failure;
  std::vector<control::PortFacts> facts;
  for (const auto& port : dataplane_.ports()) facts.push_back({port->mac()});
  compiled_ = control::compile({config_, facts, identities_.of_listener, dpdk::Eal::tsc_rate()});
  for (std::uint8_t i = 0; i < dataplane_.ports().size(); ++i) {
    const auto groups = multicast_groups(*compiled_.interfaces, i);
    if (dpdk::Failure failure = dataplane_.ports()[i]->set_groups(groups)) return failure;
  }
  if (dpdk::Failure failure = dataplane_.add_workers(publisher_, identities_.keys)) return failure;
  identities_.keys.clear();
  neighbourhood_.emplace(compiled_.interfaces, monotonic(), random_);
  publish();
  if (dpdk::Failure failure = dataplane_.start()) return failure;
  for (const auto& port : dataplane_.ports()) {
    ports_seen_.push_back({port->link().up, port->steering()});
  }
  telemetry_.emplace(dataplane_, publisher_, mutex_);
  if (dpdk::Failure failure = telemetry_->add()) return failure;
  std::fputs(start_report(config_, plan_, dataplane_, identities_).c_str(), stdout);
  std::fflush(stdout);
  return {};
}

void Daemon::serve() {
  while (num_stop_requests == 0) {
    tick();
    if (!settled_ && neighbourhood_->settled()) {
      settled_ = true;
      std::puts("ready");
      std::fflush(stdout);
    }
    std::this_thread::sleep_for(kTick);
  }
}

void Daemon::drain() {
  draining_ = true;
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
  {
    const std::lock_guard lock{mutex_};
    if (publisher_.can_publish(1)) publish();
  }
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
  hear_and_probe();
  publish_if_due();
  watch_ports();
}

void Daemon::hear_and_probe() {
  const milliseconds now = monotonic();
  frame::ControlMessage message;
  // As many as the rings hold, so that a flood cannot keep us here.
  for (unsigned i = 0; i < 1024 && dataplane_.receive(message); ++i) {
    control::ControlFrame heard;
    heard.port = message.port.value;
    heard.vlan = message.vlan;
    heard.len = std::min<std::uint16_t>(message.len, frame::ControlMessage::kMaxBytes);
    std::copy_n(message.bytes.begin(), heard.len, heard.bytes.begin());
    neighbourhood_->heard(heard, now);
  }
  to_send_.clear();
  neighbourhood_->advance(now, to_send_);
  for (const control::ControlFrame& frame : to_send_) {
    frame::ControlMessage out;
    out.port = {frame.port};
    out.vlan = frame.vlan;
    if (frame.len > out.bytes.size()) continue;
    out.len = frame.len;
    std::copy_n(frame.bytes.begin(), frame.len, out.bytes.begin());
    // What does not fit the ring is asked again by its own timer.
    static_cast<void>(dataplane_.send(out));
  }
  for (const std::string& news : neighbourhood_->take_news()) {
    log(LogLevel::warning, LogTopic::neighbour, news);
  }
}

void Daemon::publish_if_due() {
  const std::lock_guard lock{mutex_};
  publisher_.reclaim();
  const std::uint64_t now = unix_ms();
  const bool due = now - published_ms_ > kPublishEveryMs ||
                   control::CookieKeyring::period_of(now) != cookie_period_ ||
                   neighbourhood_->publishable() != interfaces_ ||
                   publisher_.current()->draining != draining_;
  constexpr std::uint64_t kConfiguration = 1;
  if (due && publisher_.can_publish(kConfiguration)) publish();
}

void Daemon::publish() {
  auto next = std::make_unique<snapshot::Snapshot>();
  next->configuration = 1;
  next->wall = {dpdk::now(), unix_ms()};
  next->tsc_rate = dpdk::Eal::tsc_rate();
  next->draining = draining_;
  next->cookie_keys = keyring_->at(next->wall.unix_ms);
  next->interfaces = interfaces_ = neighbourhood_->publishable();
  next->listeners = compiled_.listeners;
  next->pools = compiled_.pools;
  published_ms_ = next->wall.unix_ms;
  cookie_period_ = control::CookieKeyring::period_of(published_ms_);
  publisher_.publish(std::move(next));
}

void Daemon::watch_ports() {
  const std::uint64_t now = unix_ms();
  if (now - ports_watched_ms_ < kWatchPortsEveryMs) return;
  ports_watched_ms_ = now;
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
