#include "lib/base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace sallyport {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text, unsigned long max, int base = 10) {
  unsigned long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return static_cast<Number>(value);
}

}  // namespace

bool IpPrefix::contains(const IpAddress& host) const noexcept {
  if (address.is_v4() != host.is_v4()) return false;
  const auto mine = address.octets();
  const auto theirs = host.octets();
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const unsigned covered = length > 8 * i ? length - 8 * static_cast<unsigned>(i) : 0;
    if (covered == 0) return true;
    const unsigned mask = covered >= 8 ? 0xffU : (0xff00U >> covered) & 0xffU;
    if (((mine[i] ^ theirs[i]) & mask) != 0) return false;
  }
  return true;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  constexpr std::size_t kTextLength = 17;  // xx:xx:xx:xx:xx:xx
  if (text.size() != kTextLength) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
    const auto byte = parse_number<std::uint8_t>(text.substr(3 * i, 2), 0xff, 16);
    if (!byte || (i > 0 && text[3 * i - 1] != ':')) return std::nullopt;
    mac.bytes[i] = *byte;
  }
  return mac;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  const std::string copy{text};
  IpAddress::Bytes4 four{};
  if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1) return IpAddress::v4(four);
  IpAddress::Bytes16 sixteen{};
  if (inet_pton(AF_INET6, copy.c_str(), sixteen.data()) == 1) return IpAddress::v6(sixteen);
  return std::nullopt;
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = parse_ip(text.substr(0, slash));
  if (!ip) return std::nullopt;
  const auto length = parse_number<std::uint8_t>(text.substr(slash + 1), ip->is_v4() ? 32 : 128);
  if (!length) return std::nullopt;
  return IpPrefix{*ip, *length};
}

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = parse_ip(host);
  // An IPv6 address needs its brackets, or the port could not be told from the last group.
  if (!ip || ip->is_v4() == bracketed) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1), 0xffff);
  if (!port) return std::nullopt;
  return SocketAddress{*ip, *port};
}

std::string to_string(const MacAddress& mac) {
  std::array<char, 18> text{};
  const auto& b = mac.bytes;
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
                b[4], b[5]);
  return text.data();
}

std::string to_string(const IpAddress& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ip.is_v4() ? AF_INET : AF_INET6, ip.octets().data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const SocketAddress& address) {
  const std::string host = to_string(address.ip);
  return (address.ip.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(address.port);
}

}  // namespace sallyport
