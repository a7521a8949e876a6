// Does what must not be done: a program that memcheck has to complain about, or the others prove
// nothing.
#include <array>
#include <cstdint>

#include "tests/ct/secret.h"

int main(int argc, char** argv) {
  namespace ct = sallyport::ct;
  ct::must_run_under_memcheck();
  std::array<std::uint8_t, 2> secret{1, 2};
  ct::poison(secret);
  const std::array<std::uint8_t, 256> table{};
  const std::uint8_t* at = secret.data();
  const std::uint8_t* in = table.data();
  // The compiler must not know what lies there.
  __asm__ __volatile__("" : "+r"(at), "+r"(in) : : "memory");
  if (argc > 1 && argv[1][0] == 'b') {
    if (at[0] == 1) std::puts("a branch");
  } else {
    secret[0] = in[at[1]];
    __asm__ __volatile__("" : : "r"(secret.data()) : "memory");
  }
  return 0;
}
