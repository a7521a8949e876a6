// Fingerprints of TLS clients: JA3 (Althouse, Atkinson, Atkins 2017) and JA4 (FoxIO 2023, its TLS
// part alone).  They tell programs apart by what their ClientHello offers, and prove nothing:
// anybody can send the ClientHello of somebody else.
//
// Values of GREASE (RFC 8701) count nowhere.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/wire/tls_client_hello.h"

namespace sallyport::tls {

struct ClientFingerprint {
  // Client programs name some 150 suites at most.  Beyond this many in a list there is no
  // fingerprint: sorting and hashing all that fits into a ClientHello would cost us more than the
  // rest of the handshake.
  static constexpr std::size_t kMaxListed = 256;

  std::array<std::uint8_t, 16> ja3{};  // MD5
  std::array<char, 36> ja4_text{};     // "t13d1516h2_8daaf6152771_b186095e22b6"
  bool known = false;

  [[nodiscard]] std::string_view ja4() const noexcept {
    return {ja4_text.data(), known ? ja4_text.size() : 0};
  }
};

// fingerprint_of allocates nothing.  A hello with too much in it has none.
[[nodiscard]] ClientFingerprint fingerprint_of(const wire::ClientHello& hello) noexcept;

}  // namespace sallyport::tls
