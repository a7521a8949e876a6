// The cookie of a HelloRetryRequest (RFC 8446 4.2.2): what a server has to know when the second
// ClientHello comes.  The client carries it, so a server that has asked for another share keeps no
// Handshake, and a flood of clients that never come back holds none.
//
//   cookie = cipher suite | group | hash of the first ClientHello | HMAC-SHA256 tag
//
// The tag covers also what both ClientHellos have in common [4.1.2], random included: a cookie is
// of no use with another hello than the one that it was made for.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/byteorder.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/hash/hmac.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

struct HelloCookie {
  wire::CipherSuite cipher_suite = wire::CipherSuite::none;
  crypto::NamedGroup group = crypto::NamedGroup::none;
  crypto::Digest hello;  // of the first ClientHello, in the hash of the cipher suite
};

// SealedCookie is a cookie as it goes over the wire.
class SealedCookie {
 public:
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes_}.first(len_); }

 private:
  friend SealedCookie seal_cookie(const crypto::HmacKey& key, const HelloCookie& cookie,
                                  const wire::ClientHello& hello) noexcept;
  static constexpr std::size_t kMaxLen = 2 + 2 + crypto::kMaxDigestLen + 32;
  std::array<std::uint8_t, kMaxLen> bytes_{};
  std::size_t len_ = 0;
};

// seal_cookie makes the cookie for the client that has sent `hello`; open_cookie reads the one that
// came with a second hello, and gives nothing if it was not made with `key` for this client, or if
// what must stay the same between its hellos has not.  Precondition: `key` is of SHA-256.
[[nodiscard]] SealedCookie seal_cookie(const crypto::HmacKey& key, const HelloCookie& cookie,
                                       const wire::ClientHello& hello) noexcept;
[[nodiscard]] std::optional<HelloCookie> open_cookie(const crypto::HmacKey& key,
                                                     const wire::ClientHello& hello) noexcept;

}  // namespace sallyport::tls
