// The key table: every key of the configuration file, once.  It drives parsing (type, range,
// choices, whether required), refuses what it does not name, and prints the reference manual.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::config {

enum class KeyType : std::uint8_t {
  text,  // printable, minimum..maximum bytes
  name,  // letters, digits, '-', '_' and '.', starting with a letter or a digit
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
  live,     // may change while running, once the configuration can be reloaded
};

struct Key {
  // "listener[].tls.policy": [] follows a name that may stand several times.
  std::string_view path{};
  KeyType type{};
  Arity arity = Arity::one;
  Presence presence = Presence::optional;
  std::string_view unit{};   // "seconds", "bytes"; empty for a plain number
  std::int64_t minimum = 0;  // of an integer, or of the length of a text
  std::int64_t maximum = 0;
  std::string_view choices{};       // "modern intermediate"; those not built yet follow a '|'
  std::string_view default_text{};  // as it would stand in the file; empty: none
  Reload reload = Reload::restart;
  std::string_view help{};
};

// Section is a table of the file: "dataplane", "port[]", "listener[].tls".
struct Section {
  std::string_view path;
  // How many of it there may be, and must be.  One that stands once has 0 or 1 as minimum.
  std::size_t minimum = 0;
  std::size_t maximum = 1;
  std::string_view help;
};

// An array of values holds at most this many.
constexpr std::size_t kMaxItems = 256;
// Names of instances, ports, listeners and pools.
constexpr std::size_t kMaxNameLength = 32;

[[nodiscard]] std::span<const Key> keys() noexcept;
[[nodiscard]] std::span<const Section> sections() noexcept;
// find_key and find_section take a path whose indices have been removed ("pool[].name"), and return
// nullptr when the table does not hold it.
[[nodiscard]] const Key* find_key(std::string_view path) noexcept;
[[nodiscard]] const Section* find_section(std::string_view path) noexcept;

// choices_of splits Key::choices: those that exist, and those that are planned.
struct Choices {
  std::vector<std::string_view> built;
  std::vector<std::string_view> planned;
};
[[nodiscard]] Choices choices_of(const Key& key);

// expectation says in words what a key wants: "a whole number of seconds from 1 to 3600".
[[nodiscard]] std::string expectation(const Key& key);

// manual is the reference of the configuration file (`--help-config`).
[[nodiscard]] std::string manual();

}  // namespace sallyport::config
