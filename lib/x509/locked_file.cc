#include "lib/x509/locked_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/secret.h"

namespace sallyport::x509 {

LockedFile::LockedFile(const std::string& path) noexcept {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    error_ = errno;
    return;
  }
  // One byte more than allowed tells a file that is too long from one that just fits.
  constexpr std::size_t kPagesLen = kMaxLen + 1;
  void* const pages =
      ::mmap(nullptr, kPagesLen, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    error_ = errno;
    ::close(file);
    return;
  }
  pages_ = pages;
  static_cast<void>(::madvise(pages_, kPagesLen, MADV_DONTDUMP));
  static_cast<void>(::mlock2(pages_, kPagesLen, MLOCK_ONFAULT));  // subject to RLIMIT_MEMLOCK
  while (len_ < kPagesLen) {
    const ssize_t got = ::read(file, static_cast<std::uint8_t*>(pages_) + len_, kPagesLen - len_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error_ = errno;
    if (got <= 0) break;
    len_ += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (len_ > kMaxLen) error_ = EFBIG;
}

LockedFile::~LockedFile() {
  if (pages_ == nullptr) return;
  wipe({static_cast<std::uint8_t*>(pages_), len_});
  ::munmap(pages_, kMaxLen + 1);
}

}  // namespace sallyport::x509
