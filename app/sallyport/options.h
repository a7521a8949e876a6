// Options: the command line of the daemon.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/admin/log.h"
#include "lib/config/config.h"

namespace sallyport {

enum class Action : std::uint8_t {
  run,
  check,
  print_config,
  help_config,
  explain_policy,
  version,
};

struct Options {
  Action action = Action::run;
  std::string file;                                            // of run, check and print_config
  config::TlsPolicy policy = config::TlsPolicy::intermediate;  // of explain_policy
  admin::LogLevel log_level = admin::LogLevel::info;
};

// parse_options returns nothing when the program is to end now, with `exit_code`: the message has
// been printed.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace sallyport
