// NoAllocScope: while one is alive, its thread must not allocate.  The scope only keeps a count; an
// executable that links the interposer (tests/support/no_malloc.cc) aborts with a message at the
// first malloc inside.  Elsewhere it costs two increments of a thread-local.
#pragma once

namespace sallyport {

class NoAllocScope {
 public:
  NoAllocScope() noexcept { ++depth_; }
  ~NoAllocScope() { --depth_; }
  NoAllocScope(const NoAllocScope&) = delete;
  NoAllocScope& operator=(const NoAllocScope&) = delete;

  [[nodiscard]] static bool active() noexcept { return depth_ != 0; }
  // suspend ends all scopes of this thread: for the interposer, which is about to abort.
  static void suspend() noexcept { depth_ = 0; }

 private:
  static inline thread_local unsigned depth_ = 0;
};

}  // namespace sallyport
