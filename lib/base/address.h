// Addresses of links and hosts, and the tuple that names a TCP connection.  One representation for
// both families: an IPv4 address is kept in its IPv4-mapped form (RFC 4291 section 2.5.5.2).
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sallyport {

// MacAddress is an EUI-48.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) noexcept = default;
  [[nodiscard]] constexpr bool is_multicast() const noexcept { return (bytes[0] & 1U) != 0; }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return *this == MacAddress{}; }
  [[nodiscard]] static constexpr MacAddress broadcast() noexcept {
    return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  }
};

// IpAddress is an IPv4 or IPv6 address in network byte order.
class IpAddress {
  // The address as two words, for tests of many bytes at once; little-endian, so the mark of a
  // mapped address, 00 00 ff ff, is the lower half of the second.
  struct Words {
    std::uint64_t high;
    std::uint64_t low;
  };
  static constexpr std::uint32_t kMappedMark = 0xffff'0000;
  static_assert(std::endian::native == std::endian::little);

 public:
  using Bytes4 = std::array<std::uint8_t, 4>;
  using Bytes16 = std::array<std::uint8_t, 16>;

  constexpr IpAddress() noexcept = default;  // :: (unspecified)
  [[nodiscard]] static constexpr IpAddress v4(const Bytes4& octets) noexcept {
    IpAddress a;
    const std::uint64_t upper = std::bit_cast<std::uint32_t>(octets);
    a.bytes_ = std::bit_cast<Bytes16>(Words{0, (upper << 32) | kMappedMark});
    return a;
  }
  [[nodiscard]] static constexpr IpAddress v6(const Bytes16& octets) noexcept {
    IpAddress a;
    a.bytes_ = octets;
    return a;
  }
  [[nodiscard]] constexpr bool is_v4() const noexcept {
    const auto [high, low] = words();
    return high == 0 && static_cast<std::uint32_t>(low) == kMappedMark;
  }
  [[nodiscard]] constexpr const Bytes16& bytes() const noexcept { return bytes_; }
  // octets is the address as it stands in a packet: 4 or 16 bytes.
  [[nodiscard]] constexpr std::span<const std::uint8_t> octets() const noexcept {
    const std::span<const std::uint8_t> all{bytes_};
    return is_v4() ? all.last(4) : all;
  }
  [[nodiscard]] constexpr Bytes4 octets4() const noexcept {
    return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]};
  }
  [[nodiscard]] constexpr bool is_unspecified() const noexcept {
    const auto [high, low] = words();
    return high == 0 && (low == 0 || low == kMappedMark);
  }
  // 224.0.0.0/4, 255.255.255.255 or ff00::/8.
  [[nodiscard]] constexpr bool is_multicast_or_broadcast() const noexcept {
    if (!is_v4()) return bytes_[0] == 0xff;
    return bytes_[12] >= 224 && (bytes_[12] < 240 || octets4() == Bytes4{255, 255, 255, 255});
  }
  [[nodiscard]] constexpr bool is_loopback() const noexcept {
    if (is_v4()) return bytes_[12] == 127;
    return bytes_ == Bytes16{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  }
  [[nodiscard]] constexpr bool is_link_local_v6() const noexcept {
    return bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80;
  }
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;

 private:
  [[nodiscard]] constexpr Words words() const noexcept { return std::bit_cast<Words>(bytes_); }

  Bytes16 bytes_{};
};

// IpPrefix is an address with a prefix length: 0..32 for IPv4, 0..128 for IPv6.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;
  friend constexpr bool operator==(const IpPrefix&, const IpPrefix&) noexcept = default;
  // contains ignores the host bits of `address`; families never match each other.
  [[nodiscard]] bool contains(const IpAddress& host) const noexcept;
};

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) noexcept = default;
};

// FourTuple names a TCP connection as this host sees it.
struct FourTuple {
  SocketAddress local;
  SocketAddress remote;
  friend constexpr bool operator==(const FourTuple&, const FourTuple&) noexcept = default;
};

// Text forms.  Parsing accepts exactly one address: "198.18.0.1", "2001:db8::1", "198.18.0.1:443",
// "[2001:db8::1]:443", "2001:db8::/32", "02:00:00:00:00:01".  Control plane only: they allocate.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
[[nodiscard]] std::optional<IpPrefix> parse_prefix(std::string_view text);
[[nodiscard]] std::optional<SocketAddress> parse_socket_address(std::string_view text);
[[nodiscard]] std::string to_string(const MacAddress& mac);
[[nodiscard]] std::string to_string(const IpAddress& ip);
[[nodiscard]] std::string to_string(const IpPrefix& prefix);
[[nodiscard]] std::string to_string(const SocketAddress& address);

}  // namespace sallyport
