// LockedFile: the contents of a file that may hold a private key: locked in memory where the limits
// allow it, left out of core dumps, wiped at the end.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/byteorder.h"

namespace sallyport::x509 {

class LockedFile {
 public:
  static constexpr std::size_t kMaxLen = 1U << 20;

  // Reads the whole file; error() is 0 or an errno (EFBIG above kMaxLen).
  explicit LockedFile(const std::string& path) noexcept;
  ~LockedFile();
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] ByteView bytes() const noexcept {
    return {static_cast<const std::uint8_t*>(pages_), len_};
  }

 private:
  void* pages_ = nullptr;
  std::size_t len_ = 0;
  int error_ = 0;
};

}  // namespace sallyport::x509
