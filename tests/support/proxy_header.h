// Reads a header of the PROXY protocol, version 2, as a backend does: written from the protocol's
// text, sharing nothing with lib/wire/proxy_protocol.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::testing {

struct ProxyValues {
  std::map<int, std::string> by_type;
  [[nodiscard]] bool has(int type) const { return by_type.contains(type); }
  [[nodiscard]] std::string operator[](int type) const {
    const auto found = by_type.find(type);
    return found == by_type.end() ? std::string{} : found->second;
  }
};

struct ReceivedProxyHeader {
  std::size_t len = 0;  // bytes of the whole header
  int command = -1;
  int family = -1;          // 1: IPv4, 2: IPv6
  int transport = -1;       // 1: a stream
  std::string source;       // the address in network byte order
  std::string destination;  // as above
  unsigned source_port = 0;
  unsigned destination_port = 0;
  ProxyValues values;
  // Of the value 0x20.
  unsigned client = 0;
  unsigned verify = 0;
  ProxyValues tls;
  bool checksum_good = false;
};

namespace proxy_detail {

// big_endian reads a number at the front of `text` and takes it away.
inline std::optional<unsigned> big_endian(std::string_view& text, std::size_t len) {
  if (text.size() < len) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, len)) value = value << 8U | static_cast<unsigned char>(c);
  text.remove_prefix(len);
  return value;
}

// values reads to the end of `text`; nothing when a length does not fit or a type stands twice.
inline std::optional<ProxyValues> values(std::string_view text) {
  ProxyValues out;
  while (!text.empty()) {
    const auto type = big_endian(text, 1);
    const auto len = big_endian(text, 2);
    if (!type || !len || text.size() < *len) return std::nullopt;
    if (!out.by_type.emplace(static_cast<int>(*type), text.substr(0, *len)).second) {
      return std::nullopt;
    }
    text.remove_prefix(*len);
  }
  return out;
}

// crc32c, bit by bit: polynomial 0x1edc6f41, reflected.
inline unsigned crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffff'ffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82f6'3b78U : 0U);
  }
  return ~crc;
}

}  // namespace proxy_detail

// read_proxy_header takes what begins `bytes`; nothing when that is no whole header.
inline std::optional<ReceivedProxyHeader> read_proxy_header(std::span<const std::uint8_t> bytes) {
  using namespace proxy_detail;
  const std::string all(bytes.begin(), bytes.end());
  std::string_view text = all;
  constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
  if (!text.starts_with(kSignature)) return std::nullopt;
  text.remove_prefix(kSignature.size());
  const auto version_and_command = big_endian(text, 1);
  const auto family_and_transport = big_endian(text, 1);
  const auto len = big_endian(text, 2);
  if (!len || text.size() < *len || *version_and_command >> 4U != 2) return std::nullopt;
  ReceivedProxyHeader header;
  header.len = 16 + *len;
  header.command = static_cast<int>(*version_and_command & 15U);
  header.family = static_cast<int>(*family_and_transport >> 4U);
  header.transport = static_cast<int>(*family_and_transport & 15U);
  text = text.substr(0, *len);
  const std::size_t address_len = header.family == 1 ? 4 : 16;
  if (text.size() < 2 * address_len + 4) return std::nullopt;
  header.source = text.substr(0, address_len);
  header.destination = text.substr(address_len, address_len);
  text.remove_prefix(2 * address_len);
  header.source_port = *big_endian(text, 2);
  header.destination_port = *big_endian(text, 2);
  const auto outer = values(text);
  if (!outer) return std::nullopt;
  header.values = *outer;
  if (outer->has(0x20)) {
    const std::string ssl = (*outer)[0x20];
    std::string_view inner = ssl;
    const auto client = big_endian(inner, 1);
    const auto verify = big_endian(inner, 4);
    const auto tls = values(inner);
    if (!client || !verify || !tls) return std::nullopt;
    header.client = *client;
    header.verify = *verify;
    header.tls = *tls;
  }
  if (const std::string sent = (*outer)[0x03]; sent.size() == 4) {
    std::string zeroed = all.substr(0, header.len);
    const std::size_t at = zeroed.rfind(std::string{"\x03\x00\x04", 3} + sent);
    zeroed.replace(at + 3, 4, 4, '\0');
    std::string_view number = sent;
    header.checksum_good = big_endian(number, 4) == crc32c(zeroed);
  }
  return header;
}

}  // namespace sallyport::testing
