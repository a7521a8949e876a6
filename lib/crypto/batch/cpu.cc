#include "lib/crypto/batch/cpu.h"

namespace sallyport::crypto::batch {

// The compiler's library asks CPUID, and XGETBV for what the operating system saves.
bool available() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512ifma") != 0;
}

}  // namespace sallyport::crypto::batch
