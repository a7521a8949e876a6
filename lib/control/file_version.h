// FileVersion: how a replaced file is told from the one that was read.
#pragma once
#include <cstdint>
#include <string>

namespace sallyport::control {

// A file that is not there has the version of a default one.
struct FileVersion {
  std::int64_t changed_ns = -1;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  [[nodiscard]] static FileVersion of(const std::string& path);
  friend bool operator==(const FileVersion&, const FileVersion&) = default;
};

}  // namespace sallyport::control
