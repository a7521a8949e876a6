#include "lib/wire/distinguished_name.h"

#include "lib/base/text.h"

namespace sallyport::wire {
namespace {

[[nodiscard]] constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// value_len is up to the end of the attribute that `text` begins with: RDNs are separated by ",",
// attributes of one of them by "+".
[[nodiscard]] std::size_t value_len(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',' || text[i] == '+') {
      return i;
    }
  }
  return text.size();
}

[[nodiscard]] bool is_common_name(std::string_view attribute) noexcept {
  return attribute.size() >= 3 && to_lower(attribute[0]) == 'c' && to_lower(attribute[1]) == 'n' &&
         attribute[2] == '=';
}

[[nodiscard]] std::size_t unescape(std::string_view value, std::span<char> out) noexcept {
  std::size_t len = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (c == '\\') {
      if (++i == value.size()) return 0;
      c = value[i];
      if (const int high = hex_digit(c); high >= 0) {
        if (++i == value.size()) return 0;
        const int low = hex_digit(value[i]);
        if (low < 0) return 0;
        c = static_cast<char>(high * 16 + low);
      }
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || len == out.size()) return 0;
    out[len++] = c;
  }
  return len;
}

}  // namespace

std::size_t common_name(std::string_view name, std::span<char> out) noexcept {
  for (;;) {
    const std::size_t len = value_len(name);
    if (is_common_name(name.substr(0, len))) {
      const std::string_view value = name.substr(3, len - 3);
      // [RFC 4514 2.4] a value that is no string stands there as the DER of whatever it is.
      return value.starts_with('#') ? 0 : unescape(value, out);
    }
    if (len == name.size()) return 0;
    name.remove_prefix(len + 1);
  }
}

}  // namespace sallyport::wire
