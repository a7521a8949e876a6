#include "lib/admin/log.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace sallyport::admin {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return {};
}

}  // namespace

std::string Log::line(LogLevel level, std::uint64_t unix_ms, std::string_view message) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> date{};
  const std::size_t length = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03uZ ", static_cast<unsigned>(unix_ms % 1000));
  std::string out{date.data(), length};
  out += fraction.data();
  out += name_of(level);
  out += ' ';
  for (const char c : message) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? '?' : c;
  }
  out += '\n';
  return out;
}

bool Log::take(Bucket& bucket, std::uint64_t unix_ms) noexcept {
  if (bucket.refilled_ms == 0) bucket.refilled_ms = unix_ms;
  // A clock that was set back refills nothing until it has caught up with itself.
  if (unix_ms > bucket.refilled_ms) {
    const std::uint64_t earned = (unix_ms - bucket.refilled_ms) / 1000;
    bucket.refilled_ms += earned * 1000;
    bucket.tokens = earned >= kBurst - bucket.tokens
                        ? kBurst
                        : bucket.tokens + static_cast<std::uint32_t>(earned);
  }
  if (bucket.tokens == 0) return false;
  --bucket.tokens;
  return true;
}

void Log::write(LogLevel level, LogTopic topic, std::uint64_t unix_ms, std::string_view message) {
  if (level < lowest_) return;
  Bucket& bucket = buckets_[static_cast<std::size_t>(topic)];
  if (level != LogLevel::error && !take(bucket, unix_ms)) {
    ++bucket.held_back;
    return;
  }
  std::string text = line(level, unix_ms, message);
  if (bucket.held_back > 0) {
    text.insert(text.size() - 1, " (" + std::to_string(bucket.held_back) + " lines held back)");
    bucket.held_back = 0;
  }
  // One call per line, so that lines of several writers do not mix.  A log that cannot be written
  // has nobody to complain to.
  static_cast<void>(!::write(descriptor_, text.data(), text.size()));
}

}  // namespace sallyport::admin
