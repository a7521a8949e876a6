#include "app/sallyport/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sallyport {
namespace {

// Parsed is what comes of the words, and what was said about them.
struct Parsed {
  std::optional<Options> options;
  int exit_code = 0;
  std::string complaint;
};

Parsed parse(std::vector<std::string> words) {
  words.insert(words.begin(), "sallyport");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  Parsed parsed;
  testing::internal::CaptureStderr();
  parsed.options =
      parse_options(static_cast<int>(pointers.size()), pointers.data(), parsed.exit_code);
  parsed.complaint = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Options, ExplainEachPolicy) {
  const std::pair<const char*, config::TlsPolicy> names[] = {
      {"modern", config::TlsPolicy::modern},
      {"intermediate", config::TlsPolicy::intermediate},
      {"compatible", config::TlsPolicy::compatible}};
  for (const auto& [name, policy] : names) {
    const Parsed parsed = parse({"--explain-policy", name});
    ASSERT_TRUE(parsed.options) << parsed.complaint;
    EXPECT_EQ(parsed.options->action, Action::explain_policy);
    EXPECT_EQ(parsed.options->policy, policy) << name;
  }
}

TEST(Options, SayWhichPoliciesThereAre) {
  for (const char* name : {"strange", "Modern", ""}) {
    const Parsed parsed = parse({"--explain-policy", name});
    EXPECT_FALSE(parsed.options);
    EXPECT_EQ(parsed.exit_code, 2);
    EXPECT_NE(parsed.complaint.find("is modern, intermediate or compatible, not \"" +
                                    std::string{name} + '"'),
              std::string::npos)
        << parsed.complaint;
  }
}

TEST(Options, SayWhichLevelsThereAre) {
  const Parsed parsed = parse({"--config", "a.toml", "--log-level", "loud"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_NE(parsed.complaint.find("is debug, info, warning or error, not \"loud\""),
            std::string::npos)
      << parsed.complaint;
  const Parsed good = parse({"--config", "a.toml", "--log-level", "warning"});
  ASSERT_TRUE(good.options) << good.complaint;
  EXPECT_EQ(good.options->action, Action::run);
  EXPECT_EQ(good.options->log_level, admin::LogLevel::warning);
}

// The actions exclude each other.
TEST(Options, AskForOneAction) {
  EXPECT_EQ(parse({}).exit_code, 2);
  EXPECT_EQ(parse({"--check", "a.toml", "--print-config", "a.toml"}).exit_code, 2);
  EXPECT_EQ(parse({"--explain-policy", "modern", "--help-config"}).exit_code, 2);
}

}  // namespace
}  // namespace sallyport
