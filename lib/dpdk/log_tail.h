// LogTail: what DPDK logs while one of its calls runs, for our own message: it tells a log what is
// wrong, and its caller little more than a number.  Only for the sources of this module.
#pragma once
#include <cstddef>
#include <cstdio>
#include <string>

namespace sallyport::dpdk {

// While one lives, DPDK's log goes into it.  One at a time; control thread only.
class LogTail {
 public:
  LogTail();
  ~LogTail();
  LogTail(const LogTail&) = delete;
  LogTail& operator=(const LogTail&) = delete;

  // text is what was logged so far, in one line.
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t kMaxText = 2048;
  std::string text_;
  std::FILE* stream_ = nullptr;
};

}  // namespace sallyport::dpdk
