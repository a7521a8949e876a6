// Log: lines for the operator, on one file descriptor.  Used by the control thread only; the data
// path counts and never logs.  A line is "2026-01-31T12:00:00.123Z warning message\n".
//
// A message is given a topic; when one topic is repeated faster than the rate, lines are held back
// and the next one that passes says how many there were.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::admin {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

// LogTopic groups lines that share a rate limit.
enum class LogTopic : std::uint8_t {
  start,
  configuration,
  port,
  neighbour,
  snapshot,
  backend,
  admin
};
constexpr std::size_t kNumLogTopics = 7;

class Log {
 public:
  // Each topic may write this many lines at once and one more per second.  Errors always pass.
  static constexpr std::uint32_t kBurst = 20;

  // `descriptor` stays the caller's (2 = standard error).
  explicit Log(int descriptor, LogLevel lowest = LogLevel::info) noexcept
      : descriptor_{descriptor}, lowest_{lowest} {}

  void write(LogLevel level, LogTopic topic, std::uint64_t unix_ms, std::string_view message);

  // line formats without writing; control characters in the message become '?', so that what a
  // peer or a file put into it cannot forge a line.
  [[nodiscard]] static std::string line(LogLevel level, std::uint64_t unix_ms,
                                        std::string_view message);

 private:
  struct Bucket {
    std::uint64_t refilled_ms = 0;
    std::uint32_t tokens = kBurst;
    std::uint32_t held_back = 0;
  };
  [[nodiscard]] bool take(Bucket& bucket, std::uint64_t unix_ms) noexcept;

  int descriptor_;
  LogLevel lowest_;
  std::array<Bucket, kNumLogTopics> buckets_{};
};

}  // namespace sallyport::admin
