// The key table: every key of the configuration file, once.  It drives parsing (type, range,
// choices, whether required), refuses what it does not name, and prints the reference manual.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sallyport::config {

enum class KeyType : std::uint8_t {
  text,
  boolean,
  integer,
  choice,          // one of Key::choices
  ip_address,      // "198.18.0.1"
  ip_prefix,       // "198.18.0.1/24"
  socket_address,  // "198.18.0.1:443"
  path,            // relative ones start at the configuration file's directory
};

enum class Arity : std::uint8_t {
  one,
  many,         // an array
  one_or_many,  // a single value may stand for an array of one
};

enum class Presence : std::uint8_t {
  optional,
  required,
  planned,  // part of the schema, not built yet: refused with a message that says so
};

enum class Reload : std::uint8_t {
  restart,  // takes effect at the next start
  live,     // may change while running
};

struct Key {
  // "listener[].tls.policy": [] follows a name that may stand several times.
  std::string_view path;
  KeyType type{};
  Arity arity = Arity::one;
  Presence presence = Presence::optional;
  std::string_view unit;     // "seconds", "bytes"; empty for a plain number
  std::int64_t minimum = 0;  // integers; for texts the bounds of the length
  std::int64_t maximum = 0;  // 0 = no bound for a text
  std::string_view choices;  // "modern intermediate"; those that are not built yet follow a '|'
  std::string_view default_text;  // as it would stand in the file; empty: none
  Reload reload = Reload::restart;
  std::string_view help;
};

// Section is a table of the file: "dataplane", "port[]", "listener[].tls".
struct Section {
  std::string_view path;
  std::string_view help;
};

[[nodiscard]] std::span<const Key> keys() noexcept;
[[nodiscard]] std::span<const Section> sections() noexcept;
// find_key takes a path whose indices have been removed; nullptr: there is no such key.
[[nodiscard]] const Key* find_key(std::string_view path) noexcept;

// manual is the reference of the configuration file (`--help-config`).
[[nodiscard]] std::string manual();

}  // namespace sallyport::config
