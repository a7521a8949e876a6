#include "lib/dpdk/telemetry.h"

#include <rte_telemetry.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <variant>

namespace sallyport::dpdk {
namespace {

// DPDK's callback has no context argument, so the commands have to be found by their names: the one
// table of this process.  Entries are written before num_commands counts them, and never change.
constexpr std::size_t kMaxCommands = 32;
std::array<TelemetryCommand, kMaxCommands> commands;
std::atomic<std::size_t> num_commands{0};
std::atomic<unsigned> num_running{0};
std::atomic<bool> closed{false};

// fill copies `document` into a dictionary that has been started.
bool fill(rte_tel_data* data, const Document& document);

bool fill_entry(rte_tel_data* data, const Document::Entry& entry) {
  const char* name = entry.name.c_str();
  if (const auto* number = std::get_if<std::uint64_t>(&entry.value)) {
    return rte_tel_data_add_dict_u64(data, name, *number) == 0;
  }
  if (const auto* text = std::get_if<std::string>(&entry.value)) {
    return rte_tel_data_add_dict_string(data, name, text->c_str()) == 0;
  }
  rte_tel_data* child = rte_tel_data_alloc();
  if (child == nullptr) return false;
  rte_tel_data_start_dict(child);
  // Once it is part of its parent, the child is freed with the answer.
  constexpr int kDoNotKeep = 0;
  if (fill(child, std::get<Document>(entry.value)) &&
      rte_tel_data_add_dict_container(data, name, child, kDoNotKeep) == 0) {
    return true;
  }
  rte_tel_data_free(child);
  return false;
}

bool fill(rte_tel_data* data, const Document& document) {
  for (const Document::Entry& entry : document.entries()) {
    if (!fill_entry(data, entry)) return false;
  }
  return true;
}

const TelemetryCommand* find(const char* path) noexcept {
  const std::size_t num = num_commands.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < num; ++i) {
    if (std::strcmp(commands[i].path, path) == 0) return &commands[i];
  }
  return nullptr;
}

int answer(const TelemetryCommand& command, const char* parameters, rte_tel_data* data) {
  Document document =
      command.source(command.context, parameters == nullptr ? std::string_view{} : parameters);
  // {"<path>":<document>} and a terminating zero.
  const std::size_t bytes = to_json(document).size() + std::strlen(command.path) + 6;
  if (!document.fits() || bytes > kMaxTelemetryBytes) {
    document = Document{};
    document.add("error", "the answer does not fit; ask for a part of it");
    document.add("bytes", std::uint64_t{bytes});
  }
  rte_tel_data_start_dict(data);
  return fill(data, document) ? 0 : -1;
}

int on_command(const char* path, const char* parameters, rte_tel_data* data) {
  num_running.fetch_add(1);
  const TelemetryCommand* command = closed.load() ? nullptr : find(path);
  const int result = command == nullptr ? -1 : answer(*command, parameters, data);
  num_running.fetch_sub(1);
  return result;
}

}  // namespace

Failure add_telemetry_command(const TelemetryCommand& command) {
  const std::size_t num = num_commands.load(std::memory_order_relaxed);
  const std::string name = std::string{"telemetry command "} + command.path;
  if (num == kMaxCommands) return name + ": more than " + std::to_string(kMaxCommands);
  commands[num] = command;
  num_commands.store(num + 1, std::memory_order_release);
  if (rte_telemetry_register_cmd(command.path, on_command, command.help) == 0) return {};
  num_commands.store(num, std::memory_order_release);
  return name + ": DPDK refuses it (its path or its help is too long)";
}

void close_telemetry() noexcept {
  closed.store(true);
  while (num_running.load() != 0) std::this_thread::yield();
}

}  // namespace sallyport::dpdk
