// What benchmark programs share: `metric NAME VALUE UNIT` lines, and choosing figures by name.
//
//   bench_x          all figures
//   bench_x NAME...  only figures whose name contains one of the words
//   bench_x --list   the names
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::bench {

struct Figure {
  const char* name;
  const char* unit;
  std::function<double()> measure;
};

[[nodiscard]] inline std::uint64_t ticks() { return __builtin_ia32_rdtsc(); }

[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline int run(int argc, char** argv, const std::vector<Figure>& figures) {
  const std::vector<std::string_view> words{argv + 1, argv + argc};
  for (const Figure& figure : figures) {
    if (!words.empty() && words[0] == "--list") {
      std::puts(figure.name);
      continue;
    }
    const bool wanted = words.empty() || std::ranges::any_of(words, [&](std::string_view word) {
                          return std::string_view{figure.name}.find(word) != std::string_view::npos;
                        });
    if (!wanted) continue;
    std::printf("metric %s %.3f %s\n", figure.name, figure.measure(), figure.unit);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace sallyport::bench
