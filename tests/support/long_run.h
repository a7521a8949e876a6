// The long run: SALLYPORT_LONG_RUN=1 makes tests that can do more do it, for an hour in all.
#pragma once
#include <cstdlib>

namespace sallyport::testing {

[[nodiscard]] inline bool is_long_run() { return std::getenv("SALLYPORT_LONG_RUN") != nullptr; }
// rounds is how often to repeat: `usual`, or `many` in a long run.
[[nodiscard]] inline int rounds(int usual, int many) { return is_long_run() ? many : usual; }

}  // namespace sallyport::testing
