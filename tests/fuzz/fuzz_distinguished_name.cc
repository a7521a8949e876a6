// Any text as the name of a certificate's holder.  Properties: what is taken out of it fits, has no
// control characters, and is the same wherever the name goes on behind it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lib/wire/distinguished_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sallyport::wire::common_name;
  const std::string name{data, data + size};
  std::array<char, 64> out{};
  const std::size_t len = common_name(name, out);
  if (len > out.size()) std::abort();
  const std::string value{out.data(), len};
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  if (std::ranges::any_of(value, is_control)) std::abort();
  // An escape at the very end would take the comma with it.
  if (len > 0 && !name.ends_with('\\')) {
    const std::size_t again = common_name(name + ",O=Example", out);
    if (std::string{out.data(), again} != value) std::abort();
  }
  return 0;
}
