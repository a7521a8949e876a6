#include "lib/crypto/cbc/mac_then_encrypt.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"

namespace sallyport::crypto {
namespace {

constexpr std::size_t kMaxPadding = 255;  // and one byte that says how much
constexpr std::size_t kMaxMacLen = 32;

using Mac = std::array<std::uint8_t, kMaxMacLen>;

// check_padding: the last byte says how long the padding is, and all of it repeats that byte.
[[nodiscard]] ct::Mask check_padding(ByteView plaintext, std::size_t mac_len) noexcept {
  const std::size_t len = plaintext.size();
  const std::uint64_t padding_len = plaintext[len - 1];
  const ct::Mask fits = ct::at_least(len, padding_len + 1 + mac_len);
  std::uint64_t difference = 0;
  const std::size_t to_check = std::min(kMaxPadding + 1, len);  // public
  for (std::size_t i = 0; i < to_check; ++i) {
    const std::uint64_t byte = plaintext[len - 1 - i];
    difference |= ct::at_least(padding_len, i) & (padding_len ^ byte);
  }
  return fits & ct::is_zero(difference);
}

// copy_from_secret_offset copies mac_len bytes that begin somewhere at or behind `begin`.  Every
// byte that may belong to them is visited once and lands where it would for the first offset modulo
// mac_len; what comes out is rotated, and rotated back bit by bit of the amount.
void copy_from_secret_offset(ByteView text, std::size_t offset, std::size_t begin, Mac& out,
                             std::size_t mac_len) noexcept {
  Mac rotated{};
  std::uint64_t amount = 0;  // by which the first byte has been moved
  std::size_t to = 0;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const ct::Mask inside = ct::at_least(at, offset) & ct::less(at, offset + mac_len);
    rotated[to] |= static_cast<std::uint8_t>(inside & text[at]);
    amount |= ct::equal(at, offset) & to;
    if (++to == mac_len) to = 0;
  }
  for (std::size_t step = 1; step < mac_len; step *= 2) {
    const ct::Mask move = ~ct::is_zero(amount & step);
    Mac moved{};
    for (std::size_t i = 0; i < mac_len; ++i) {
      const std::size_t from = i + step < mac_len ? i + step : i + step - mac_len;
      moved[i] = ct::select_byte(move, rotated[from], rotated[i]);
    }
    rotated = moved;
  }
  out = rotated;
}

}  // namespace

Unsealed unseal(const RecordMac& mac, MacHeader header, ByteView plaintext) noexcept {
  const std::size_t mac_len = mac.len();
  const ct::Mask padding_good = check_padding(plaintext, mac_len);
  // [RFC 5246 6.2.3.2] With a wrong padding the MAC is computed all the same, as if there were
  // none.
  const std::size_t max_len = plaintext.size() - mac_len - 1;
  const std::size_t padding_len = padding_good & plaintext.back();
  const std::size_t content_len = max_len - padding_len;
  const std::size_t min_len = max_len - std::min(max_len, kMaxPadding);

  header[11] = static_cast<std::uint8_t>(content_len >> 8);
  header[12] = static_cast<std::uint8_t>(content_len);
  Mac computed{};
  mac.mac_of_secret_len(header, plaintext.first(max_len), content_len, min_len, computed);
  Mac received{};
  copy_from_secret_offset(plaintext, content_len, min_len, received, mac_len);
  const ct::Mask mac_good =
      ct::equal(ByteView{computed}.first(mac_len), ByteView{received}.first(mac_len));
  wipe(computed);
  wipe(received);
  return {.good = padding_good & mac_good, .content_len = content_len};
}

}  // namespace sallyport::crypto
