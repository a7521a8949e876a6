// Command lines: what all programs have in common.  CLI11 reads the words; a word that it cannot
// place is named here, beside the one that was probably meant.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>

namespace sallyport {

// The programs end with this code when they were called wrongly, and with 1 when they failed.
constexpr int kUsageError = 2;

// Misplaced is what is wrong with the words behind a program's name.
struct Misplaced {
  std::string complaint;  // empty when each word can stand where it does
  std::string command;    // as far as the words made sense: "sallyctl show"
};

// find_misplaced looks for a word that is no command or option where it stands, and for a command
// that is missing.  Values of options are not looked at.
[[nodiscard]] Misplaced find_misplaced(const CLI::App& app, std::span<const std::string> words);

// parse_command_line returns the code to exit with when the program is to end now: after --help and
// --version, and after it has printed what is wrong.
[[nodiscard]] std::optional<int> parse_command_line(CLI::App& app, int argc,
                                                    const char* const* argv);

}  // namespace sallyport
