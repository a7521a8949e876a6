// sallyctl: what a running Sallyport says about itself.
#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "app/sallyctl/render.h"
#include "app/sallyctl/telemetry_client.h"

namespace sallyport::sallyctl {
namespace {

struct View {
  const char* name;
  const char* help;
  std::string (*render)(const Json& document, Detail detail);
  const char* list;  // a document that comes in parts has its entries here
};

constexpr auto kViews = std::to_array<View>({
    {"handshakes", "stages of the handshake, failures, latencies", render_handshakes, nullptr},
    {"connections", "connections and their states", render_connections, "list"},
    {"lcores", "what each core is busy with", render_lcores, nullptr},
    {"ports", "devices, links, offloads, traffic", render_ports, nullptr},
    {"backends", "servers, their health and their connections", render_backends, "backends"},
    {"drops", "frames dropped, by reason", render_drops, nullptr},
});

struct Options {
  std::string instance = "sallyport";
  bool json = false;
  bool all = false;
  double watch = 0;
  std::size_t limit = 200;
};

// fetch asks for a document, and for the rest of it while entries remain.
Json fetch(TelemetryClient& client, const View& view, std::size_t limit) {
  const std::string command = std::string{"/sallyport/"} + view.name;
  Json document = client.ask(command);
  if (view.list == nullptr || !document.contains(view.list)) return document;
  Json& list = document[view.list];
  for (std::size_t shown = list.size(); shown > 0 && list.size() < limit;) {
    const Json next = client.ask(command + "," + std::to_string(list.size()));
    if (!next.contains(view.list)) break;
    shown = next[view.list].size();
    for (const auto& [name, entry] : next[view.list].items()) {
      list[std::to_string(list.size())] = entry;
    }
  }
  document["shown"] = list.size();
  return document;
}

void print(const View& view, const Options& options) {
  TelemetryClient client{options.instance};
  const Json document = fetch(client, view, options.limit);
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

int main_with(int argc, char** argv) {
  CLI::App app{"Shows what a running Sallyport is doing."};
  app.require_subcommand(1);
  CLI::App* show = app.add_subcommand("show", "Show statistics");
  show->require_subcommand(1);
  Options options;
  const auto add_options = [&](CLI::App& command) {
    command.add_option("--instance", options.instance, "name of the instance (dataplane.name)")
        ->capture_default_str();
    command.add_flag("--json", options.json, "print the document as JSON");
    command.add_flag("--all", options.all, "also what is zero");
    command.add_option("--watch", options.watch, "repeat every so many seconds")
        ->check(CLI::Range(0.1, 86'400.0));
    command.add_option("--limit", options.limit, "list about so many entries at most")
        ->capture_default_str();
  };
  const View* chosen = nullptr;
  for (const View& view : kViews) {
    CLI::App* command = show->add_subcommand(view.name, view.help);
    add_options(*command);
    command->callback([&chosen, &view] { chosen = &view; });
  }
  CLI11_PARSE(app, argc, argv);
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
