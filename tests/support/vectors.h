// Reads test vectors in this project's format: sections of `key = hexadecimal` lines.
//
//   [name of the algorithm]
//   key = 00112233
//   result = valid
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/hex.h"

namespace sallyport::testing {

struct Vector {
  std::string algorithm;
  std::string comment;
  std::map<std::string, std::string, std::less<>> fields;

  [[nodiscard]] std::string_view text(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view{} : std::string_view{found->second};
  }
  [[nodiscard]] std::vector<std::uint8_t> bytes(std::string_view name) const {
    return unhex(text(name));
  }
  [[nodiscard]] bool is_valid() const { return text("result") == "valid"; }
};

[[nodiscard]] inline std::string read_text_file(const std::string& path) {
  std::string text;
  if (std::FILE* const in = std::fopen(path.c_str(), "rb"); in != nullptr) {
    char buffer[4096];
    for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, in)) > 0;) {
      text.append(buffer, got);
    }
    std::fclose(in);
  }
  return text;
}

[[nodiscard]] inline std::vector<Vector> read_vectors(const std::string& path) {
  const std::string text = read_text_file(path);
  std::vector<Vector> vectors;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('[')) {
      vectors.push_back(
          {.algorithm = line.substr(1, line.size() - 2), .comment = {}, .fields = {}});
    } else if (line.starts_with("# ") && !vectors.empty()) {
      vectors.back().comment = line.substr(2);
    } else if (const std::size_t equals = line.find(" ="); equals != std::string::npos) {
      const std::size_t value = std::min(equals + 3, line.size());
      if (!vectors.empty()) vectors.back().fields[line.substr(0, equals)] = line.substr(value);
    }
  }
  return vectors;
}

}  // namespace sallyport::testing
