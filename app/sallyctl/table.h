// Table and numbers as people read them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::sallyctl {

enum class Align : std::uint8_t { left, right };

// Table lines up columns.  The last column is not padded, and a table without rows prints nothing.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// grouped: 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
// bytes_text: 1536 -> "1.5 KiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// age_text: 61500 ms -> "61.5 s"; minutes, hours and days from 100 of the smaller unit on.
[[nodiscard]] std::string age_text(std::uint64_t milliseconds);
// duration_text: 1234567 ns -> "1.23 ms"; three significant digits.
[[nodiscard]] std::string duration_text(std::uint64_t nanoseconds);
// microseconds_text: 1234567 ns -> "1,234.6".
[[nodiscard]] std::string microseconds_text(std::uint64_t nanoseconds);
// percent_text: 1 of 3 -> "33.3 %"; "-" when there is nothing to compare with.
[[nodiscard]] std::string percent_text(std::uint64_t part, std::uint64_t whole);
// permille_text: 753 -> "75.3 %".
[[nodiscard]] std::string permille_text(std::uint64_t permille);

}  // namespace sallyport::sallyctl
