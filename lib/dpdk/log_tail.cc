#include "lib/dpdk/log_tail.h"

#include <rte_log.h>
#include <sys/types.h>

#include <algorithm>

namespace sallyport::dpdk {

LogTail::LogTail() {
  // The stream is unbuffered, so every line is there when its call returns.
  constexpr cookie_io_functions_t kFunctions{
      .read = nullptr,
      .write = [](void* self, const char* data, std::size_t size) -> ssize_t {
        std::string& text = static_cast<LogTail*>(self)->text_;
        if (text.size() + size < kMaxText) text.append(data, size);
        return static_cast<ssize_t>(size);
      },
      .seek = nullptr,
      .close = nullptr};
  stream_ = fopencookie(this, "w", kFunctions);
  if (stream_ == nullptr) return;
  setvbuf(stream_, nullptr, _IONBF, 0);
  rte_openlog_stream(stream_);
}

LogTail::~LogTail() {
  if (stream_ == nullptr) return;
  rte_openlog_stream(nullptr);  // back to DPDK's own
  std::fclose(stream_);
}

std::string LogTail::text() const {
  std::string line = text_;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::ranges::replace(line, '\n', ';');
  return line;
}

}  // namespace sallyport::dpdk
