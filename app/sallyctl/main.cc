// sallyctl: what a running Sallyport says about itself.
#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "app/command_line/command_line.h"
#include "app/sallyctl/fetch.h"
#include "app/sallyctl/render.h"
#include "app/sallyctl/telemetry_client.h"

namespace sallyport::sallyctl {
namespace {

struct View {
  const char* name;
  const char* help;
  std::string (*render)(const Json& document, Detail detail);
  const char* list;  // a document that comes in parts has its entries here
  bool may_be_long;  // too long to read: --limit ends it
};

constexpr auto kViews = std::to_array<View>({
    {"handshakes", "Stages of the handshake, failures, latencies", render_handshakes, "", false},
    {"connections", "Connections and their states", render_connections, "list", true},
    {"lcores", "What each core is busy with", render_lcores, "lcores", false},
    {"ports", "Devices, links, offloads, traffic", render_ports, "ports", false},
    {"backends", "Servers, their health and their connections", render_backends, "backends", false},
    {"fingerprints", "Kinds of client programs, by what their ClientHello offers",
     render_fingerprints, "fingerprints", true},
    {"drops", "Frames dropped, by reason", render_drops, "", false},
});

struct Options {
  std::string instance = "sallyport";
  bool json = false;
  bool all = false;
  double watch = 0;
  std::size_t limit = 200;
};

void print(const View& view, const Options& options) {
  TelemetryClient client{options.instance};
  const Ask ask = [&client](const std::string& command) { return client.ask(command); };
  const Json document = fetch(ask, std::string{"/sallyport/"} + view.name, view.list,
                              view.may_be_long ? options.limit : kAllEntries);
  const std::string text =
      options.json ? document.dump(2) + "\n"
                   : view.render(document, options.all ? Detail::all : Detail::relevant);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void run(const View& view, const Options& options) {
  constexpr const char* kClearScreen = "\x1b[H\x1b[2J";
  print(view, options);
  while (options.watch > 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(options.watch));
    if (!options.json) std::fputs(kClearScreen, stdout);
    print(view, options);
  }
}

void add_options(CLI::App& command, const View& view, Options& options) {
  command.add_option("--instance", options.instance, "Name of the instance (dataplane.name)")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_flag("--json", options.json, "Print the document as JSON");
  command.add_flag("--all", options.all, "Also what is zero");
  command.add_option("--watch", options.watch, "Repeat every so many seconds")
      ->check(CLI::Range(0.1, 86'400.0).description(""))
      ->type_name("SECONDS");
  if (!view.may_be_long) return;
  command.add_option("--limit", options.limit, "List so many entries at most")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""))
      ->type_name("NUMBER")
      ->capture_default_str();
}

int main_with(int argc, char** argv) {
  CLI::App app{"Shows what a running Sallyport is doing.", "sallyctl"};
  app.set_version_flag("--version", "sallyctl " SALLYPORT_VERSION, "Print the version");
  app.require_subcommand(1);
  CLI::App* show = app.add_subcommand("show", "Show statistics");
  show->require_subcommand(1);
  Options options;
  const View* chosen = nullptr;
  for (const View& view : kViews) {
    CLI::App* command = show->add_subcommand(view.name, view.help);
    add_options(*command, view, options);
    command->callback([&chosen, &view] { chosen = &view; });
  }
  if (const auto exit_code = parse_command_line(app, argc, argv)) return *exit_code;
  try {
    run(*chosen, options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sallyctl: %s\n", e.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::sallyctl

int main(int argc, char** argv) { return sallyport::sallyctl::main_with(argc, argv); }
