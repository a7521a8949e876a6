#include "app/sallyport/options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>

namespace sallyport {
namespace {

const std::map<std::string, admin::LogLevel> kLogLevels{
    {"debug", admin::LogLevel::debug},
    {"info", admin::LogLevel::info},
    {"warning", admin::LogLevel::warning},
    {"error", admin::LogLevel::error},
};

const std::map<std::string, config::TlsPolicy> kPolicies{
    {"modern", config::TlsPolicy::modern},
    {"intermediate", config::TlsPolicy::intermediate},
    {"compatible", config::TlsPolicy::compatible},
};

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  CLI::App app{
      "Sallyport ends TCP and TLS in front of servers, on its own cores and network ports."};
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
      ->add_option_function<config::TlsPolicy>(
          "--explain-policy",
          [&options](const config::TlsPolicy& policy) {
            options.action = Action::explain_policy;
            options.policy = policy;
          },
          "List versions, groups and cipher suites of a TLS policy, then exit")
      ->transform(CLI::CheckedTransformer(kPolicies, CLI::ignore_case).description(""))
      ->type_name("modern|intermediate|compatible");
  takes_nothing("--version", Action::version, "Print the versions of Sallyport and DPDK");
  app.add_option("--log-level", options.log_level, "Least severe line to log")
      ->transform(CLI::CheckedTransformer(kLogLevels, CLI::ignore_case).description(""))
      ->type_name("debug|info|warning|error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 1;
    return {};
  }
  return options;
}

}  // namespace sallyport
