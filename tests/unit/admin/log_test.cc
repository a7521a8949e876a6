#include "lib/admin/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace sallyport::admin {
namespace {

// Pipe is where the log writes to, and where the test reads.
class LogTest : public testing::Test {
 protected:
  LogTest() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~LogTest() override {
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  std::string written() {
    close(ends_[1]);
    ends_[1] = -1;
    std::string out;
    std::array<char, 4096> chunk{};
    ssize_t got = 0;
    while ((got = read(ends_[0], chunk.data(), chunk.size())) > 0) {
      out.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return out;
  }
  std::array<int, 2> ends_{-1, -1};
};

constexpr std::uint64_t kNow = 1'769'860'800'123;  // 2026-01-31T12:00:00.123Z

TEST_F(LogTest, ALineHasTimeLevelAndMessage) {
  EXPECT_EQ(Log::line(LogLevel::warning, kNow, "port wan0: link is down"),
            "2026-01-31T12:00:00.123Z warning port wan0: link is down\n");
}

TEST_F(LogTest, AMessageCannotForgeALine) {
  EXPECT_EQ(Log::line(LogLevel::info, kNow, "a\nb\x1b[2J"),
            "2026-01-31T12:00:00.123Z info a?b?[2J\n");
}

TEST_F(LogTest, LowerLevelsAreNotWritten) {
  Log log{ends_[1], LogLevel::warning};
  log.write(LogLevel::info, LogTopic::port, kNow, "no");
  log.write(LogLevel::error, LogTopic::port, kNow, "yes");
  EXPECT_EQ(written(), Log::line(LogLevel::error, kNow, "yes"));
}

TEST_F(LogTest, ATopicThatRepeatsIsHeldBackAndOthersAreNot) {
  Log log{ends_[1]};
  for (std::uint32_t i = 0; i < Log::kBurst + 30; ++i) {
    log.write(LogLevel::info, LogTopic::neighbour, kNow, "conflict");
  }
  log.write(LogLevel::info, LogTopic::port, kNow, "other");
  log.write(LogLevel::info, LogTopic::neighbour, kNow + 1000, "conflict");
  const std::string text = written();
  EXPECT_EQ(std::ranges::count(text, '\n'), Log::kBurst + 2);
  EXPECT_NE(text.find("info other\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("conflict (30 lines held back)\n")) << text;
}

TEST_F(LogTest, ErrorsAlwaysPass) {
  Log log{ends_[1]};
  for (std::uint32_t i = 0; i < 2 * Log::kBurst; ++i) {
    log.write(LogLevel::error, LogTopic::start, kNow, "bad");
  }
  const std::string text = written();
  EXPECT_EQ(std::ranges::count(text, '\n'), 2 * Log::kBurst);
}

TEST_F(LogTest, AClockSetBackHoldsNothingBackForEver) {
  Log log{ends_[1]};
  log.write(LogLevel::info, LogTopic::start, kNow, "x");
  for (std::uint32_t i = 0; i < Log::kBurst - 1; ++i) {
    log.write(LogLevel::info, LogTopic::start, kNow - 3'600'000, "x");
  }
  const std::string text = written();
  EXPECT_EQ(std::ranges::count(text, '\n'), Log::kBurst);
}

}  // namespace
}  // namespace sallyport::admin
