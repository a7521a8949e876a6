#include "lib/crypto/sign/premaster.h"

#include "lib/base/constant_time.h"

namespace sallyport::crypto {

// 0x00 0x02, at least eight bytes that are not zero, 0x00, the message.  Only a message of 48 bytes
// is good, so every part has its place.
void choose_premaster(ByteView decrypted, std::uint16_t version, MutableBytes premaster) noexcept {
  constexpr std::size_t kLeastPadding = 8;
  const std::size_t len = decrypted.size();  // that of the modulus: public
  if (len < 2 + kLeastPadding + 1 + kPremasterLen) return;
  const ByteView message = decrypted.last(kPremasterLen);
  const std::size_t separator = len - kPremasterLen - 1;
  ct::Mask good = ct::is_zero(decrypted[0]) & ct::equal(decrypted[1], 2);
  for (const std::uint8_t byte : decrypted.subspan(2, separator - 2)) good &= ~ct::is_zero(byte);
  good &= ct::is_zero(decrypted[separator]);
  // [RFC 5246 7.4.7.1] a version of its own would be an oracle of its own (Klima, Pokorny, Rosa).
  good &= ct::equal(message[0], version >> 8U) & ct::equal(message[1], version & 0xffU);
  for (std::size_t i = 0; i < kPremasterLen; ++i) {
    premaster[i] = ct::select_byte(good, message[i], premaster[i]);
  }
}

}  // namespace sallyport::crypto
