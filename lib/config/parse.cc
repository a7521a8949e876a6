// Reads TOML into a Config, guided by the key table and the binding.  The only file that knows the
// TOML library.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <type_traits>

// Version 3.3 asserts in places where it reports an error right afterwards: a line of "[[" alone
// would end the program.  Without its assertions it reports the error; the fuzz harness watches
// that nothing else depended on them.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
// The library warns in ways that our own code may not.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <toml++/toml.h>
#pragma GCC diagnostic pop
#pragma pop_macro("NDEBUG")

#include "lib/base/check.h"
#include "lib/config/bind.h"
#include "lib/config/check.h"
#include "lib/config/file.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/config/text.h"

namespace sallyport::config {
namespace {

Position position_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string{name} : std::string{path} + "." + std::string{name};
}

// shown is a path as people read it: the position tells which of several tables is meant.
std::string shown(std::string_view pattern) {
  std::string out{pattern};
  std::erase(out, '[');
  std::erase(out, ']');
  return "`" + out + "`";
}

std::string describe(const toml::node& node) {
  if (const auto* text = node.as_string()) return shortened(text->get());
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  if (node.is_floating_point()) return "a number with a fraction";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return "a date or time";
}

std::string sentence(std::string text) { return "Write " + std::move(text) + "."; }

struct Context {
  Diagnostics& diagnostics;
  Positions& positions;
  std::filesystem::path directory;
};

// --- one value
// ------------------------------------------------------------------------------------

bool is_name(std::string_view text) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kMaxNameLength && is_alnum(text.front()) &&
         std::ranges::all_of(
             text, [&](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool convert(const Context&, const Key&, const toml::node& node, bool& out) {
  const auto* value = node.as_boolean();
  if (value == nullptr) return false;
  out = value->get();
  return true;
}

template <std::unsigned_integral T>
bool convert(const Context&, const Key& key, const toml::node& node, T& out) {
  const auto* value = node.as_integer();
  if (value == nullptr || value->get() < key.minimum || value->get() > key.maximum) return false;
  out = static_cast<T>(value->get());
  return true;
}

bool convert(const Context& context, const Key& key, const toml::node& node, std::string& out) {
  const auto* value = node.as_string();
  if (value == nullptr || !is_printable(value->get())) return false;
  const std::string& text = value->get();
  if (key.type == KeyType::path) {
    if (text.empty()) return false;
    out = (context.directory / text).lexically_normal().string();
    return true;
  }
  if (key.type == KeyType::name && !is_name(text)) return false;
  if (key.type == KeyType::text &&
      (std::cmp_less(text.size(), key.minimum) || std::cmp_greater(text.size(), key.maximum))) {
    return false;
  }
  out = text;
  return true;
}

// The enumerators of a choice stand in the order of Key::choices.
template <class Enum>
requires std::is_enum_v<Enum>
bool convert(const Context&, const Key& key, const toml::node& node, Enum& out) {
  const auto* value = node.as_string();
  if (value == nullptr) return false;
  const auto built = choices_of(key).built;
  const auto found = std::ranges::find(built, std::string_view{value->get()});
  if (found == built.end()) return false;
  out = static_cast<Enum>(found - built.begin());
  return true;
}

template <class T, class Parse>
bool convert_text(const toml::node& node, Parse parse, T& out) {
  const auto* value = node.as_string();
  if (value == nullptr) return false;
  const std::optional<T> parsed = parse(value->get());
  if (parsed) out = *parsed;
  return parsed.has_value();
}

bool convert(const Context&, const Key&, const toml::node& node, IpAddress& out) {
  return convert_text(node, parse_ip, out);
}
bool convert(const Context&, const Key&, const toml::node& node, IpPrefix& out) {
  return convert_text(node, parse_prefix, out);
}
bool convert(const Context&, const Key&, const toml::node& node, SocketAddress& out) {
  return convert_text(node, parse_socket_address, out);
}

// --- one table
// ------------------------------------------------------------------------------------

class TableReader {
 public:
  TableReader(Context& context, const toml::table& table, std::string path, std::string pattern)
      : context_{context}, table_{table}, path_{std::move(path)}, pattern_{std::move(pattern)} {}

  template <class T>
  void field(std::string_view name, T& out) {
    const Key& key = key_of(name);
    const toml::node* node = table_.get(name);
    if (node == nullptr) {
      if (key.presence == Presence::required) missing(key, name);
      return;
    }
    const std::string path = join(path_, name);
    context_.positions.put(path, position_of(node->source()));
    read(key, *node, path, out);
  }

  template <class T>
  void table(std::string_view name, T& out) {
    const std::string path = join(path_, name);
    const toml::node* node = table_.get(name);
    if (node == nullptr) {
      const toml::table nothing;
      read_table(nothing, path, join(pattern_, name), out);
      return;
    }
    context_.positions.put(path, position_of(node->source()));
    const toml::table* inner = node->as_table();
    if (inner == nullptr) {
      context_.diagnostics.error(
          position_of(node->source()), shown(join(pattern_, name)) + " must be one table",
          pattern_.empty() ? "Write [" + std::string{name} + "], once, with single brackets."
                           : "Write its keys as " + std::string{name} + ".KEY = VALUE.");
      return;
    }
    read_table(*inner, path, join(pattern_, name), out);
  }

  template <class T>
  void tables(std::string_view name, std::vector<T>& out) {
    const std::string path = join(path_, name);
    const std::string pattern = join(pattern_, name) + "[]";
    const Section& section = *find_section(pattern);
    const toml::node* node = table_.get(name);
    if (node == nullptr) {
      if (section.minimum > 0) missing_tables(section, name);
      return;
    }
    const Position at = position_of(node->source());
    context_.positions.put(path, at);
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      context_.diagnostics.error(
          at, shown(join(pattern_, name)) + " may stand several times, so it is an array of tables",
          pattern_.empty() ? "Write [[" + std::string{name} + "]] with double brackets."
                           : "Write " + std::string{name} + " = [{ ... }].");
      return;
    }
    if (array->size() < section.minimum) missing_tables(section, name);
    if (array->size() > section.maximum) {
      context_.diagnostics.error(
          at, shown(join(pattern_, name)) + " has " + std::to_string(array->size()) + " entries",
          "At most " + std::to_string(section.maximum) + " are possible.");
      return;
    }
    out.clear();
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::node& item = (*array)[i];
      const std::string item_path = path + "[" + std::to_string(i) + "]";
      context_.positions.put(item_path, position_of(item.source()));
      const toml::table* inner = item.as_table();
      if (inner == nullptr) {
        context_.diagnostics.error(position_of(item.source()),
                                   "an entry of " + shown(join(pattern_, name)) + " is " +
                                       describe(item) + ", not a table",
                                   "Write { KEY = VALUE, ... }.");
        continue;
      }
      read_table(*inner, item_path, pattern, out.emplace_back());
    }
  }

  // refuse_unknown looks for what neither the key table nor the sections name.
  void refuse_unknown() {
    for (auto&& [key, node] : table_) {
      const std::string pattern = join(pattern_, key.str());
      const Position at = position_of(key.source());
      if (const Key* known = find_key(pattern)) {
        if (known->presence == Presence::planned) {
          context_.diagnostics.error(at, shown(pattern) + " is not available in this version",
                                     "Remove it.");
        }
        continue;
      }
      if (find_section(pattern) != nullptr || find_section(pattern + "[]") != nullptr) continue;
      context_.diagnostics.error(at, "unknown key " + quoted(key.str()) + place(),
                                 suggestion(key.str()));
    }
  }

 private:
  template <class T>
  void read_table(const toml::table& table, std::string path, std::string pattern, T& out) {
    TableReader inner{context_, table, std::move(path), std::move(pattern)};
    bind(inner, out);
    inner.refuse_unknown();
  }

  template <class T>
  void read(const Key& key, const toml::node& node, const std::string& /*path*/, T& out) {
    if (!convert(context_, key, node, out)) refuse(key, node);
  }

  template <class T>
  void read(const Key& key, const toml::node& node, const std::string& path,
            std::optional<T>& out) {
    T value{};
    if (convert(context_, key, node, value)) {
      out = value;
    } else {
      refuse(key, node);
    }
    static_cast<void>(path);
  }

  template <class T>
  void read(const Key& key, const toml::node& node, const std::string& path, std::vector<T>& out) {
    out.clear();
    const toml::array* array = node.as_array();
    if (array == nullptr) {
      if (key.arity != Arity::one_or_many) return refuse(key, node);
      return read(key, node, path, out.emplace_back());
    }
    if (array->size() > kMaxItems) {
      context_.diagnostics.error(
          position_of(node.source()),
          shown(key.path) + " has " + std::to_string(array->size()) + " items",
          "At most " + std::to_string(kMaxItems) + " are possible.");
      return;
    }
    if (array->empty() && key.presence == Presence::required) return refuse(key, node);
    for (std::size_t i = 0; i < array->size(); ++i) {
      const toml::node& item = (*array)[i];
      context_.positions.put(path + "[" + std::to_string(i) + "]", position_of(item.source()));
      T value{};
      if (convert(context_, key, item, value)) {
        out.push_back(value);
      } else {
        refuse(key, item);
      }
    }
  }

  const Key& key_of(std::string_view name) const {
    const Key* key = find_key(join(pattern_, name));
    SALLYPORT_CHECK(key != nullptr);
    return *key;
  }

  // place names the table in a message: " in [[listener]]".
  [[nodiscard]] std::string place() const {
    return pattern_.empty() ? std::string{} : " in " + shown(pattern_);
  }

  void refuse(const Key& key, const toml::node& node) {
    const Position at = position_of(node.source());
    if (key.type == KeyType::choice && node.is_string()) {
      const auto planned = choices_of(key).planned;
      if (std::ranges::find(planned, std::string_view{node.as_string()->get()}) != planned.end()) {
        context_.diagnostics.error(
            at, shown(key.path) + " = " + describe(node) + " is not available in this version",
            sentence(expectation(key)));
        return;
      }
    }
    const std::string what = node.is_array() && node.as_array()->empty() ? "empty" : describe(node);
    context_.diagnostics.error(at, shown(key.path) + " cannot be " + what,
                               sentence(expectation(key)));
  }

  void missing(const Key& key, std::string_view name) {
    context_.diagnostics.error(context_.positions.of(path_), shown(key.path) + " is missing",
                               "Add " + std::string{name} + " = ...  " + std::string{key.help});
  }

  void missing_tables(const Section& section, std::string_view name) {
    context_.diagnostics.error(
        context_.positions.of(join(path_, name)), "there is no " + shown(section.path),
        pattern_.empty()
            ? "Add [[" + std::string{name} + "]].  " + std::string{section.help}
            : "Add " + std::string{name} + " = [{ ... }].  " + std::string{section.help});
  }

  // suggestion finds a sibling that is spelled much like `name`.
  [[nodiscard]] std::string suggestion(std::string_view name) const {
    constexpr std::size_t kMaxDistance = 3;
    std::string_view best;
    std::size_t best_distance = kMaxDistance;
    const auto consider = [&](std::string_view path) {
      if (!pattern_.empty()) {
        if (!path.starts_with(pattern_ + ".")) return;
        path.remove_prefix(pattern_.size() + 1);
      }
      path = path.substr(0, path.find_first_of(".["));
      const std::size_t distance =
          name.size() > 2 * kMaxNameLength ? kMaxDistance : edit_distance(name, path);
      if (distance < best_distance && distance < path.size()) {
        best = path;
        best_distance = distance;
      }
    };
    for (const Key& key : keys()) {
      if (key.presence != Presence::planned) consider(key.path);
    }
    for (const Section& section : sections()) consider(section.path);
    if (!best.empty()) return "Did you mean `" + std::string{best} + "`?";
    return "Remove it; `sallyport --help-config` lists every key.";
  }

  Context& context_;
  const toml::table& table_;
  std::string path_;
  std::string pattern_;
};

}  // namespace

Parsed parse(std::string_view text, std::string file) {
  Parsed parsed{.config = {}, .diagnostics = Diagnostics{file}, .positions = {}};
  const toml::parse_result result = toml::parse(text, file);
  if (!result) {
    parsed.diagnostics.error(position_of(result.error().source()),
                             std::string{result.error().description()},
                             "Correct the TOML syntax; what follows was not looked at.");
    return parsed;
  }
  Context context{parsed.diagnostics, parsed.positions, std::filesystem::path{file}.parent_path()};
  TableReader reader{context, result.table(), {}, {}};
  bind(reader, parsed.config);
  reader.refuse_unknown();
  // Values that were refused would only bring forth further complaints.
  if (parsed.ok()) check(parsed.config, parsed.positions, parsed.diagnostics);
  return parsed;
}

Parsed parse_file(const std::string& path) {
  constexpr std::size_t kMostBytes = 16U << 20U;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  std::string problem;
  const auto text = slurp(path, kMostBytes, problem);
  if (!text) {
    Parsed parsed{.config = {}, .diagnostics = Diagnostics{path}, .positions = {}};
    parsed.diagnostics.error({}, "the configuration cannot be read: " + problem,
                             "Check the path and its permissions.");
    return parsed;
  }
  return parse(*text, error ? path : absolute.string());
}

}  // namespace sallyport::config
