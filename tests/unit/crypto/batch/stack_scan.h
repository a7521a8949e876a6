// Looks for secrets that a function left on the stack below its caller.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sallyport::testing {

// In builds with AddressSanitizer a frame may lie elsewhere, and reading below one is an error.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kStackCanBeScanned = false;
#else
constexpr bool kStackCanBeScanned = true;
#endif

// words_below_stack counts the 8-byte words equal to `word` in the 32 KiB below the caller's frame,
// which is where functions that it called before had theirs.
[[gnu::noinline, gnu::no_sanitize("address", "undefined")]] inline int words_below_stack(
    std::uint64_t word) {
  constexpr std::size_t kDepth = 32 * 1024;
  const volatile std::uint8_t* const top =
      static_cast<const std::uint8_t*>(__builtin_frame_address(0)) - 256;
  int found = 0;
  for (std::size_t i = 8; i < kDepth; i += 8) {
    const std::uint64_t there = *reinterpret_cast<const volatile std::uint64_t*>(top - i);
    found += there == word ? 1 : 0;
  }
  return found;
}

}  // namespace sallyport::testing
