#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "app/sallyport/daemon.h"
#include "app/sallyport/options.h"
#include "app/sallyport/profile.h"
#include "app/sallyport/start_report.h"
#include "lib/base/secret.h"
#include "lib/config/credentials.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/control/tls_policy.h"

namespace sallyport {
namespace {

// load_files reads everything that the configuration names, for its diagnostics.
void load_files(config::Parsed& parsed) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  static_cast<void>(
      config::load_credentials(parsed.config, parsed.positions, now.count(), parsed.diagnostics));
  std::vector<std::uint8_t> secret =
      config::load_cluster_secret(parsed.config, parsed.positions, parsed.diagnostics);
  wipe(secret);
}

int check(config::Parsed parsed) {
  load_files(parsed);
  bool good = parsed.ok();
  std::fputs(parsed.diagnostics.text().c_str(), stderr);
  for (const config::Port& port : parsed.config.ports) {
    dpdk::PortProfile profile;
    const auto failure = load_profile(port.profile, parsed.diagnostics.file(), profile);
    if (!failure) continue;
    std::fprintf(stderr, "port %s: %s\n", port.name.c_str(), failure->c_str());
    good = false;
  }
  if (good) std::printf("%s: valid\n", parsed.diagnostics.file().c_str());
  return good ? 0 : 1;
}

int with_configuration(const Options& options) {
  config::Parsed parsed = config::parse_file(options.file);
  if (!parsed.ok()) {
    std::fputs(parsed.diagnostics.text().c_str(), stderr);
    return 1;
  }
  if (options.action == Action::check) return check(std::move(parsed));
  if (options.action == Action::print_config) {
    std::fputs(config::print(parsed.config).c_str(), stdout);
    return 0;
  }
  Daemon daemon{std::move(parsed), options.log_level};
  return daemon.run();
}

int run(const Options& options) {
  switch (options.action) {
    case Action::version:
      std::puts(version_text().c_str());
      return 0;
    case Action::explain_policy:
      std::fputs(control::explain_policy(options.policy).c_str(), stdout);
      return 0;
    case Action::help_config:
      std::fputs(config::manual().c_str(), stdout);
      return 0;
    case Action::run:
    case Action::check:
    case Action::print_config:
      return with_configuration(options);
  }
  return 1;
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = sallyport::parse_options(argc, argv, exit_code);
  return options ? sallyport::run(*options) : exit_code;
}
