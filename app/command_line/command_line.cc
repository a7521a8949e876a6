#include "app/command_line/command_line.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "lib/base/nearest.h"

namespace sallyport {
namespace {

std::string in_quotes(std::string_view word) { return "\"" + std::string{word} + "\""; }

bool is_option(std::string_view word) noexcept { return word.size() > 1 && word.front() == '-'; }

// name_in is the option's name in "--name=value" and in "-nvalue".
std::string name_in(std::string_view word) {
  return std::string{word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2)};
}

// Groups of options are commands without a name to CLI11.
std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

const CLI::App* find_command(const CLI::App& app, std::string_view name) {
  for (const CLI::App* command : commands_of(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string_view> names_of_commands(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : commands_of(app)) names.emplace_back(command->get_name());
  return names;
}

// add_options names the long options of a command and of those below it.
void add_options(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    add_options(*below, names);
  }
}

bool belongs_to_a_command_below(const CLI::App& app, const std::string& option) {
  return std::ranges::any_of(commands_of(app), [&](const CLI::App* command) {
    return command->get_option_no_throw(option) != nullptr ||
           belongs_to_a_command_below(*command, option);
  });
}

std::string with_suggestion(std::string text, std::string_view word,
                            std::span<const std::string_view> known) {
  const std::string_view meant = nearest(word, known);
  if (!meant.empty()) text += "\nDid you mean " + in_quotes(meant) + "?";
  return text;
}

std::string unknown_option(const CLI::App& app, const std::string& path, const std::string& name) {
  if (belongs_to_a_command_below(app, name)) {
    return "option " + in_quotes(name) + " goes behind the words of the command";
  }
  std::vector<std::string> options;
  add_options(app, options);
  const std::vector<std::string_view> known{options.begin(), options.end()};
  return with_suggestion(in_quotes(path) + " has no option " + in_quotes(name), name, known);
}

std::string unknown_word(const CLI::App& app, const std::string& path, const std::string& word) {
  const std::vector<std::string_view> known = names_of_commands(app);
  if (!known.empty()) {
    return with_suggestion(in_quotes(path) + " has no command " + in_quotes(word), word, known);
  }
  return in_quotes(word) + " is not expected behind " + in_quotes(path);
}

std::string missing_command(const CLI::App& app, const std::string& path) {
  std::string list;
  for (const std::string_view name : names_of_commands(app)) {
    list += (list.empty() ? "" : ", ") + std::string{name};
  }
  return in_quotes(path) + " needs a command: " + list;
}

}  // namespace

Misplaced find_misplaced(const CLI::App& app, std::span<const std::string> words) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (is_option(word)) {
      const std::string name = name_in(word);
      const CLI::Option* option = command->get_option_no_throw(name);
      if (option == nullptr) return {unknown_option(*command, path, name), path};
      const bool value_follows = option->get_items_expected_max() > 0 && name == word;
      if (value_follows) ++i;
      continue;
    }
    const CLI::App* below = find_command(*command, word);
    if (below == nullptr) return {unknown_word(*command, path, word), path};
    command = below;
    path += " " + word;
  }
  if (command->get_require_subcommand_min() > 0 && !commands_of(*command).empty()) {
    return {missing_command(*command, path), path};
  }
  return {"", path};
}

std::optional<int> parse_command_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return {};
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::vector<std::string> words{argv + 1, argv + argc};
    const Misplaced misplaced = find_misplaced(app, words);
    const std::string& text = misplaced.complaint;
    std::fprintf(stderr, "%s: %s\n`%s --help` says more.\n", app.get_name().c_str(),
                 text.empty() ? error.what() : text.c_str(), misplaced.command.c_str());
    return kUsageError;
  }
}

}  // namespace sallyport
