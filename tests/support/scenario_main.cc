#include "tests/support/scenario_main.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sallyport::testing {
namespace {

RunOptions& mutable_options() {
  static RunOptions options;
  return options;
}

// value_of is what follows "--name=", or nothing.
std::optional<std::string> value_of(std::string_view argument, std::string_view name) {
  if (!argument.starts_with(name)) return std::nullopt;
  argument.remove_prefix(name.size());
  return std::string{argument};
}

bool take(std::string_view argument, RunOptions& options) {
  if (argument == "--regenerate") return options.regenerate = true;
  if (const auto value = value_of(argument, "--pcap=")) {
    options.pcap = *value;
    return true;
  }
  if (const auto value = value_of(argument, "--seed=")) {
    options.seed = std::strtoull(value->c_str(), nullptr, 10);
    return true;
  }
  if (const auto value = value_of(argument, "--seeds=")) {
    options.seeds = std::strtoull(value->c_str(), nullptr, 10);
    return true;
  }
  return false;
}

}  // namespace

const RunOptions& run_options() { return mutable_options(); }

PcapWriter RunOptions::writer() const {
  return pcap.empty() ? PcapWriter::from_environment() : PcapWriter{pcap};
}

std::string RunOptions::repeat(std::uint64_t failed_seed) const {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string line = "repeat with: " + program;
  if (test != nullptr) {
    line += std::string{" --gtest_filter="} + test->test_suite_name() + "." + test->name();
  }
  return line + " --seed=" + std::to_string(failed_seed) + " --pcap=failure.pcap";
}

}  // namespace sallyport::testing

int main(int argc, char** argv) {
  using sallyport::testing::mutable_options;
  ::testing::InitGoogleTest(&argc, argv);
  mutable_options().program = argv[0];
  for (int i = 1; i < argc; ++i) {
    if (sallyport::testing::take(argv[i], mutable_options())) continue;
    (void)std::fprintf(stderr, "unknown option %s\n", argv[i]);
    return 2;
  }
  return RUN_ALL_TESTS();
}
