#include "app/sallyport/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "app/command_line/command_line.h"

namespace sallyport {
namespace {

struct LevelName {
  std::string_view name;
  admin::LogLevel level;
};

constexpr auto kLevelNames = std::to_array<LevelName>({
    {"debug", admin::LogLevel::debug},
    {"info", admin::LogLevel::info},
    {"warning", admin::LogLevel::warning},
    {"error", admin::LogLevel::error},
});

admin::LogLevel log_level_of(const std::string& name) {
  const auto* found = std::ranges::find(kLevelNames, name, &LevelName::name);
  if (found != kLevelNames.end()) return found->level;
  throw CLI::ValidationError("--log-level",
                             "is debug, info, warning or error, not \"" + name + "\"");
}

struct PolicyName {
  std::string_view name;
  config::TlsPolicy policy;
};

constexpr auto kPolicyNames = std::to_array<PolicyName>({
    {"modern", config::TlsPolicy::modern},
    {"intermediate", config::TlsPolicy::intermediate},
    {"compatible", config::TlsPolicy::compatible},
});

config::TlsPolicy policy_of(const std::string& name) {
  const auto* found = std::ranges::find(kPolicyNames, name, &PolicyName::name);
  if (found != kPolicyNames.end()) return found->policy;
  throw CLI::ValidationError("--explain-policy",
                             "is modern, intermediate or compatible, not \"" + name + "\"");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  CLI::App app{
      "Sallyport ends TCP and TLS in front of servers, on its own cores and network ports.",
      "sallyport"};
  app.footer("Example: sallyport --config /etc/sallyport/sallyport.toml");
  CLI::Option_group* actions = app.add_option_group("actions");
  actions->require_option(1);
  const auto takes_file = [&](const char* name, Action action, const char* help) {
    actions
        ->add_option_function<std::string>(
            name,
            [&options, action](const std::string& file) {
              options.action = action;
              options.file = std::filesystem::absolute(file).lexically_normal().string();
            },
            help)
        ->type_name("FILE");
  };
  const auto takes_nothing = [&](const char* name, Action action, const char* help) {
    actions->add_flag_callback(
        name, [&options, action] { options.action = action; }, help);
  };
  takes_file("-c,--config", Action::run, "Run with this configuration");
  takes_file("--check", Action::check,
             "Check a configuration and the files that it names, then exit");
  takes_file("--print-config", Action::print_config, "Print the effective values, then exit");
  takes_nothing("--help-config", Action::help_config, "Explain every key of the configuration");
  actions
      ->add_option_function<std::string>(
          "--explain-policy",
          [&options](const std::string& name) {
            options.action = Action::explain_policy;
            options.policy = policy_of(name);
          },
          "List versions, groups and cipher suites of a TLS policy, then exit")
      ->type_name("modern|intermediate|compatible");
  takes_nothing("--version", Action::version, "Print the versions of Sallyport and DPDK");
  app.add_option_function<std::string>(
         "--log-level", [&](const std::string& name) { options.log_level = log_level_of(name); },
         "Least severe line to log")
      ->type_name("debug|info|warning|error");
  if (const auto code = parse_command_line(app, argc, argv)) {
    exit_code = *code;
    return {};
  }
  return options;
}

}  // namespace sallyport
