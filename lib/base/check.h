// SALLYPORT_CHECK: a broken invariant of ours at start-up, in control code or in a test.  The data
// path never aborts: it counts internal_error and resets the one connection instead.
#pragma once

namespace sallyport {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace sallyport

#define SALLYPORT_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::sallyport::check_failed(#expression, __FILE__, __LINE__))
