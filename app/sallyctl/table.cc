#include "app/sallyctl/table.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sallyport::sallyctl {
namespace {

template <class... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), pattern, arguments...);
  return text.data();
}

}  // namespace

std::string Table::text() const {
  if (rows_.empty()) return {};
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = columns_[i].title.size();
    for (const auto& row : rows_) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string padding(widths[i] - cell.size(), ' ');
      if (i > 0) text += "  ";
      text += columns_[i].align == Align::right ? padding + cell : cell + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) {
    line([&](std::size_t i) -> const std::string& { return row[i]; });
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr auto kUnits = std::to_array<const char*>({"KiB", "MiB", "GiB", "TiB", "PiB"});
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return format("%.1f %s", value, kUnits[unit]);
}

std::string age_text(std::uint64_t milliseconds) {
  struct Unit {
    const char* name;
    double of_smaller;
  };
  constexpr auto kLarger = std::to_array<Unit>({{"min", 60}, {"h", 60}, {"d", 24}});
  double value = static_cast<double>(milliseconds) / 1000;
  const char* name = "s";
  for (const Unit& unit : kLarger) {
    if (value < 99.95) break;
    value /= unit.of_smaller;
    name = unit.name;
  }
  return format("%.1f %s", value, name);
}

std::string duration_text(std::uint64_t nanoseconds) {
  constexpr auto kUnits = std::to_array<const char*>({"ns", "us", "ms", "s"});
  auto value = static_cast<double>(nanoseconds);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return format("%.*f %s", digits, value, kUnits[unit]);
}

std::string microseconds_text(std::uint64_t nanoseconds) {
  const std::uint64_t tenths = (nanoseconds + 50) / 100;
  return grouped(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return format("%.1f %%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string permille_text(std::uint64_t permille) {
  return std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " %";
}

}  // namespace sallyport::sallyctl
