// Any bytes as a configuration file: never a crash, and what is accepted prints as TOML that parses
// to an equal Config.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport::config;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const Parsed first = parse(text, "/etc/sallyport/sallyport.toml");
  if (first.diagnostics.text().empty() && !first.ok()) std::abort();
  if (!first.ok()) return 0;
  const Parsed second = parse(print(first.config), "/elsewhere/printed.toml");
  if (!second.ok() || !(second.config == first.config)) std::abort();
  return 0;
}
