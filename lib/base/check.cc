#include "lib/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sallyport {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "sallyport: invariant broken at %s:%d: %s\n", file, line, expression);
  std::abort();
}

}  // namespace sallyport
