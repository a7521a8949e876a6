// From a file to a validated Config, and back to text.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "lib/config/config.h"
#include "lib/config/diagnostic.h"

namespace sallyport::config {

struct Parsed {
  // config is meaningful only when diagnostics has no errors.
  Config config;
  Diagnostics diagnostics;
  Positions positions;
  [[nodiscard]] bool ok() const noexcept { return !diagnostics.has_errors(); }
};

// parse reads TOML and makes every check that needs no other file.  `file` names the source in
// messages, and its directory is where relative paths start; it should be absolute.
[[nodiscard]] Parsed parse(std::string_view text, std::string file);

// parse_file reads the file first; one that cannot be read is an error like any other.
[[nodiscard]] Parsed parse_file(const std::string& path);

// print writes the effective values as TOML, defaults included.  Parsing that text again gives an
// equal Config.
[[nodiscard]] std::string print(const Config& config);

}  // namespace sallyport::config
