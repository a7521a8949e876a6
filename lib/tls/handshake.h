// Handshake: what a server needs to know only until its connection is established, and
// MessageBuffer, which it needs only while a ClientHello is incomplete.  Both live in slabs of the
// worker; Server says when each may go back.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/crypto/job.h"
#include "lib/tls/server_config.h"

namespace sallyport::tls {

// A ClientHello above this is refused.  Without a limit a peer that has proven nothing but its
// address could hold as much memory as a 24-bit length names.
constexpr std::size_t kMaxClientHello = 16'384;

// MessageBuffer collects a ClientHello that lies in several pieces or records.
struct MessageBuffer {
  std::array<std::uint8_t, 4 + kMaxClientHello> bytes;
};

struct Handshake {
  const ServerConfig* config = nullptr;
};

}  // namespace sallyport::tls
