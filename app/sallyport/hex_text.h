// Bytes as text for reports.
#pragma once
#include <string>

#include "lib/base/byteorder.h"
#include "lib/base/text.h"

namespace sallyport {

// hex_text is lower case, without separators.
[[nodiscard]] inline std::string hex_text(ByteView bytes) {
  std::string out;
  put_hex(bytes, [&out](char digit) { out += digit; });
  return out;
}

}  // namespace sallyport
