// Interposer for NoAllocScope: an executable that links this file aborts at the first allocation of
// a thread that is inside such a scope.  Freeing is left to the C library, whose heap it still is.
//
// Under a sanitizer this file is empty: those bring an allocator of their own.
#include <cstddef>

#include "lib/base/no_alloc.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <execinfo.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

extern "C" {
// The allocator of the GNU C library under its own names.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

void check() noexcept {
  if (!sallyport::NoAllocScope::active()) return;
  sallyport::NoAllocScope::suspend();  // what follows may allocate
  constexpr char kMessage[] = "allocation inside a NoAllocScope, from:\n";
  if (write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1) < 0) std::abort();
  constexpr int kMaxDepth = 24;
  void* frames[kMaxDepth];
  backtrace_symbols_fd(frames, backtrace(frames, kMaxDepth), STDERR_FILENO);
  std::abort();
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) {
  check();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  check();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  check();
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  check();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  check();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  check();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}

#endif
