// HelloNotes: what somebody beside the handshake wants to know of a ClientHello, when that itself
// has long been overwritten.  Server fills it in where it is given one.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/tls/client_fingerprint.h"

namespace sallyport::tls {

struct HelloNotes {
  // [RFC 1035 2.3.4] No name is longer.
  static constexpr std::size_t kMaxServerName = 255;

  std::uint8_t server_name_len = 0;
  std::uint16_t credential = 0;   // ours: index into ServerConfig::credentials
  ClientFingerprint fingerprint;  // where ServerConfig asks for it
  bool fingerprint_counted = false;
  std::array<std::uint8_t, kMaxServerName> server_name_bytes{};

  // server_name is as the client sent it; empty also when that could be no name of a host.
  [[nodiscard]] ByteView server_name() const noexcept {
    return ByteView{server_name_bytes}.first(server_name_len);
  }
  // note_server_name keeps `name` if it is made of what names of hosts are made of.  Whoever reads
  // it later may be a log, which must not be told of line ends by a client.
  void note_server_name(ByteView name) noexcept {
    const auto may_stand = [](std::uint8_t c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '.' || c == '_';
    };
    server_name_len = 0;
    if (name.size() > kMaxServerName || !std::ranges::all_of(name, may_stand)) return;
    std::ranges::copy(name, server_name_bytes.begin());
    server_name_len = static_cast<std::uint8_t>(name.size());
  }
};

}  // namespace sallyport::tls
