// Marks secrets for valgrind's memcheck, which then reports every branch and every address that
// depends on them: "uninitialised" is its word for secret here [Langley 2010, ctgrind].
#pragma once
#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstdlib>
#include <type_traits>

#include "lib/base/byteorder.h"

namespace sallyport::ct {

inline void poison(MutableBytes bytes) { VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size()); }
// publish ends the secret: what was decided may now be looked at.
inline void publish(MutableBytes bytes) { VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size()); }
template <class T>
inline void publish(T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
}

// expect that holds without valgrind too, so that the programs test something by themselves.
inline void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

// must_run_under_memcheck ends a program that would prove nothing.
inline void must_run_under_memcheck() {
  if (RUNNING_ON_VALGRIND != 0) return;
  std::fprintf(stderr, "run me under valgrind\n");
  std::exit(2);
}

}  // namespace sallyport::ct
