#include "lib/control/file_version.h"

#include <sys/stat.h>

namespace sallyport::control {

FileVersion FileVersion::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  return {.changed_ns = status.st_mtim.tv_sec * kNanosPerSecond + status.st_mtim.tv_nsec,
          .inode = status.st_ino,
          .size = status.st_size};
}

}  // namespace sallyport::control
