// Diagnostic: what is wrong with a configuration, where, and what to do about it.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::config {

enum class Severity : std::uint8_t {
  warning,  // the configuration can be used
  error,    // it cannot
};

// Position counts lines and columns from 1; line 0 means "the file as a whole".
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Diagnostic {
  Severity severity = Severity::error;
  Position at;
  std::string message;  // what is wrong, without a full stop
  std::string remedy;   // what to do, a sentence in the imperative; may be empty
};

// Diagnostics collects everything that is wrong with one file, in the order of its lines.
class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_{std::move(file)} {}

  void error(Position at, std::string message, std::string remedy);
  void warning(Position at, std::string message, std::string remedy);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const noexcept { return all_; }
  [[nodiscard]] bool has_errors() const noexcept { return has_errors_; }
  // text is one paragraph per diagnostic: "file:3:9: error: what is wrong\n    What to do.\n".
  [[nodiscard]] std::string text() const;

 private:
  void insert(Diagnostic diagnostic);

  std::string file_;
  std::vector<Diagnostic> all_;
  std::size_t num_hidden_ = 0;
  bool has_errors_ = false;
};

// Positions tells where the value of a key stands: "listener[0].tls.certificates[1].key".  A key
// that the file leaves out has the position of the table that it would stand in.
class Positions {
 public:
  void put(std::string path, Position at) { at_.insert_or_assign(std::move(path), at); }
  [[nodiscard]] Position of(std::string_view path) const;

 private:
  std::map<std::string, Position, std::less<>> at_;
};

}  // namespace sallyport::config
