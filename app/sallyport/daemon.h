// Daemon: the life of the process: start, serve, drain, end.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "app/sallyport/dataplane.h"
#include "app/sallyport/interval.h"
#include "app/sallyport/memory_plan.h"
#include "app/sallyport/options.h"
#include "app/sallyport/telemetry_commands.h"
#include "lib/admin/log.h"
#include "lib/base/random.h"
#include "lib/config/credentials.h"
#include "lib/config/load.h"
#include "lib/control/client_auth.h"
#include "lib/control/compile.h"
#include "lib/control/control_loop.h"
#include "lib/control/cookie_keyring.h"
#include "lib/control/identities.h"
#include "lib/control/publisher.h"
#include "lib/control/staple_watch.h"
#include "lib/crypto/openssl/context.h"
#include "lib/offload/verifier.h"

namespace sallyport {

class Daemon {
 public:
  // `parsed` has no errors.
  Daemon(config::Parsed parsed, admin::LogLevel log_level);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // run returns the exit code: 0 after a clean shutdown, 1 when it could not start.
  [[nodiscard]] int run();

 private:
  // start returns what is wrong and what to do about it.
  [[nodiscard]] dpdk::Failure start();
  [[nodiscard]] dpdk::Failure load(config::LoadedCredentials& credentials);
  void serve();
  void drain();
  [[nodiscard]] int finish();

  [[nodiscard]] control::Compiled compile() const;

  // tick is what the control thread does every few milliseconds.
  void tick();
  void hear();
  void send();
  void watch_ports();
  void watch_files();
  void forget_old_sessions();
  [[nodiscard]] bool watch_staples();
  [[nodiscard]] bool watch_authorities();
  [[nodiscard]] std::size_t num_connections() const;
  [[nodiscard]] bool all_passed() const;
  void log(admin::LogLevel level, admin::LogTopic topic, std::string_view message);

  config::Parsed parsed_;
  const config::Config& config_;
  admin::Log log_;
  MemoryPlan plan_;
  Random random_;
  crypto::openssl::Context libcrypto_;  // to ask what it can do
  control::Identities identities_;
  std::optional<offload::Verifier> verifier_;
  control::StapleWatch staples_;
  control::AuthorityWatch authorities_;
  Interval watch_files_every_;
  Interval forget_sessions_every_;
  std::vector<control::PortFacts> port_facts_;
  std::optional<control::CookieKeyring> cookie_keyring_;
  std::optional<control::TicketKeyring> ticket_keyring_;

  std::mutex mutex_;  // publisher_ against the telemetry threads
  control::Publisher publisher_;
  std::optional<control::ControlLoop> control_;
  Dataplane dataplane_;
  std::optional<TelemetryCommands> telemetry_;

  bool settled_ = false;
  Interval watch_ports_every_;
  std::vector<control::ControlFrame> to_send_;
  struct PortSeen {
    bool up = false;
    dpdk::Steering steering{};
  };
  std::vector<PortSeen> ports_seen_;
};

}  // namespace sallyport
