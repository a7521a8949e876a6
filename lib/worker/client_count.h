// ClientCount: what is shown beside the number of clients with one fingerprint.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/tls/hello_notes.h"

namespace sallyport::worker {

// Clients are counted by JA4.  Of what may differ between clients with the same the last is kept:
// JA3 depends on the order of extensions, which some programs draw anew for each connection.
struct ClientCount {
  static constexpr std::size_t kMaxName = 63;

  tls::ClientFingerprint fingerprint;
  std::uint8_t server_name_len = 0;
  std::array<char, kMaxName> server_name_text{};  // cut there

  [[nodiscard]] std::string_view server_name() const noexcept {
    return {server_name_text.data(), server_name_len};
  }
  void note(const tls::HelloNotes& notes) noexcept {
    const ByteView name = notes.server_name();
    fingerprint = notes.fingerprint;
    server_name_len = static_cast<std::uint8_t>(std::min(name.size(), kMaxName));
    std::copy_n(name.begin(), server_name_len, server_name_text.begin());
  }
};

}  // namespace sallyport::worker
