// What the searches for secrets share: how far a connection with OpenSSL's end in another process
// goes, and which of its secrets are then still there.
#pragma once
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tests/interop/memory_scan.h"
#include "tests/interop/other_process.h"

namespace sallyport::testing {

// Until is what the connection has come to when its secrets are looked for.
enum class Until : std::uint8_t {
  established,
  keys_updated,      // in both directions
  finished_refused,  // the other end's, because one of its bits has changed on the way
};

// go_on does for OpenSSL's end what comes behind the handshake; false: its keys could not be
// changed.
[[nodiscard]] inline bool go_on(SSL* ssl, Until until) {
  // It is sent with the next call that sends.
  if (until == Until::keys_updated &&
      (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1)) {
    return false;
  }
  Bytes some(100);
  while (SSL_read(ssl, some.data(), 100) > 0) {
  }
  return true;
}

constexpr int kNone = std::numeric_limits<int>::max();

// converse lets `ours`, a driver, talk with the other end until is_over(ours).  From the flight
// `spoilt` on a bit of what the other end says changes on the way.
template <class Driver, class IsOver>
void converse(Driver& ours, const OtherProcess& other, std::size_t connection,
              const IsOver& is_over, int spoilt = kNone) {
  Bytes room(20'000);
  other.send(connection, ours.take_output());
  for (int flight = 0; !is_over(ours); ++flight) {
    const MutableBytes received = other.receive(connection, room);
    ASSERT_FALSE(received.empty());
    if (flight >= spoilt) received.back() ^= 1;
    ours.feed(received);
    other.send(connection, ours.take_output());
  }
}

// expect_only expects one copy of each secret whose label has `needed` in it, because whoever seals
// records needs it; that it is found shows that the search works.  There is to be none of others.
inline void expect_only(std::string_view needed, const Secrets& secrets, const char* when) {
  for (const auto& [label, secret] : secrets) {
    const bool is_needed = !needed.empty() && label.find(needed) != std::string::npos;
    EXPECT_EQ(copies_of(secret), is_needed ? 1 : 0) << label << " " << when;
  }
}

}  // namespace sallyport::testing
