// What can be said of DER without knowing what it is about (ITU-T X.690).
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/wire/reader.h"

namespace sallyport::wire {

// is_der_sequence: `bytes` are one SEQUENCE and nothing else, as every certificate is [X.690 8.1
// and 8.9].  What is in it remains to be seen.
[[nodiscard]] constexpr bool is_der_sequence(ByteView bytes) noexcept {
  constexpr std::uint8_t kSequence = 0x30;
  constexpr std::uint8_t kLongForm = 0x80;  // the rest says in how many bytes the length follows
  constexpr std::size_t kMaxLengthBytes = 3;
  Reader r{bytes};
  if (r.u8() != kSequence) return false;
  std::size_t len = r.u8();
  if (len >= kLongForm) {
    const std::size_t num_bytes = len - kLongForm;
    if (num_bytes == 0 || num_bytes > kMaxLengthBytes) return false;
    len = 0;
    for (std::size_t i = 0; i < num_bytes; ++i) len = len << 8 | r.u8();
  }
  return r.ok() && r.remaining() == len;
}

}  // namespace sallyport::wire
