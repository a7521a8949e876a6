// Key log: the secrets of every connection as lines of NSS's key log format, with which Wireshark
// and others decrypt captures.
//
// Whoever has the file reads everything, forward secrecy or not.  So the code exists only in builds
// with the option unsafe_keylog; in all others log_secret() is nothing.
#pragma once
#include <cstdint>

#include "lib/base/byteorder.h"

namespace sallyport::tls {

// LoggedSecret: which secret of a connection a line tells.
enum class LoggedSecret : std::uint8_t {
  master12,
  client_handshake,
  server_handshake,
  client_application,
  server_application,
};

#ifdef SALLYPORT_UNSAFE_KEYLOG

inline constexpr bool kHasKeyLog = true;

// log_secret appends a line to the file that SSLKEYLOGFILE names when it is first called; nothing
// where the variable is not set or the file cannot be opened.  Any thread may call it.
void log_secret(LoggedSecret which, ByteView client_random, ByteView secret) noexcept;

#else

inline constexpr bool kHasKeyLog = false;

inline void log_secret(LoggedSecret, ByteView, ByteView) noexcept {}

#endif

}  // namespace sallyport::tls
