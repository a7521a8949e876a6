#include <concepts>
#include <optional>
#include <type_traits>

#include "lib/base/check.h"
#include "lib/config/bind.h"
#include "lib/config/load.h"
#include "lib/config/schema.h"
#include "lib/config/text.h"

namespace sallyport::config {
namespace {

std::string value_text(const Key&, bool value) { return value ? "true" : "false"; }
template <std::unsigned_integral T>
std::string value_text(const Key&, T value) {
  return std::to_string(value);
}
std::string value_text(const Key&, const std::string& value) { return in_quotes(value); }
template <class Enum>
requires std::is_enum_v<Enum> std::string value_text(const Key& key, Enum value) {
  return in_quotes(choices_of(key).built[static_cast<std::size_t>(value)]);
}
std::string value_text(const Key&, const IpAddress& value) { return in_quotes(to_string(value)); }
std::string value_text(const Key&, const IpPrefix& value) { return in_quotes(to_string(value)); }
std::string value_text(const Key&, const SocketAddress& value) {
  return in_quotes(to_string(value));
}
template <class T>
std::string value_text(const Key& key, const std::vector<T>& values) {
  std::string out = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ", ";
    out += value_text(key, values[i]);
  }
  return out + "]";
}
template <class T>
std::string value_text(const Key& key, const std::optional<T>& value) {
  return value_text(key, *value);
}

// What has no value is left out: reading the text again gives the same nothing.
template <class T>
bool is_absent(const T&) {
  return false;
}
template <class T>
bool is_absent(const std::optional<T>& value) {
  return !value.has_value();
}
template <class T>
bool is_absent(const std::vector<T>& values) {
  return values.empty();
}
bool is_absent(const std::string& value) { return value.empty(); }

class TableWriter {
 public:
  enum class Style : std::uint8_t {
    document,  // [table] and [[table]]
    lines,     // prefix.key = value, one per line
    in_line,   // key = value, key = value
  };
  TableWriter(std::string& out, Style style, std::string prefix, std::string pattern)
      : out_{out}, style_{style}, prefix_{std::move(prefix)}, pattern_{std::move(pattern)} {}

  template <class T>
  void field(std::string_view name, const T& value) {
    if (is_absent(value)) return;
    const Key* key = find_key(pattern_of(name));
    SALLYPORT_CHECK(key != nullptr);
    if (style_ == Style::in_line && !out_.ends_with("{ ")) out_ += ", ";
    out_ += prefix_ + std::string{name} + " = " + value_text(*key, value);
    if (style_ == Style::lines) out_ += "\n";
  }

  template <class T>
  void table(std::string_view name, T& value) {
    if (style_ == Style::document) {
      std::string body;
      TableWriter inner{body, Style::lines, {}, pattern_of(name)};
      bind(inner, value);
      if (!body.empty()) out_ += "[" + std::string{name} + "]\n" + body + "\n";
      return;
    }
    TableWriter inner{out_, Style::lines, prefix_ + std::string{name} + ".", pattern_of(name)};
    bind(inner, value);
  }

  template <class T>
  void table(std::string_view name, std::optional<T>& value) {
    if (value) table(name, *value);
  }

  template <class T>
  void tables(std::string_view name, std::vector<T>& values) {
    const std::string pattern = pattern_of(name) + "[]";
    if (style_ == Style::document) {
      for (T& value : values) {
        out_ += "[[" + std::string{name} + "]]\n";
        TableWriter inner{out_, Style::lines, {}, pattern};
        bind(inner, value);
        out_ += "\n";
      }
      return;
    }
    if (values.empty()) return;
    out_ += prefix_ + std::string{name} + " = [\n";
    for (T& value : values) {
      out_ += "  { ";
      TableWriter inner{out_, Style::in_line, {}, pattern};
      bind(inner, value);
      out_ += " },\n";
    }
    out_ += "]\n";
  }

 private:
  [[nodiscard]] std::string pattern_of(std::string_view name) const {
    return pattern_.empty() ? std::string{name} : pattern_ + "." + std::string{name};
  }

  std::string& out_;
  Style style_;
  std::string prefix_;
  std::string pattern_;
};

}  // namespace

std::string print(const Config& config) {
  Config copy = config;  // the binding is written for readers, which change what they visit
  std::string out;
  TableWriter writer{out, TableWriter::Style::document, {}, {}};
  bind(writer, copy);
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace sallyport::config
