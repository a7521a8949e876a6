// Tickets: what a server gives a client so that a later handshake needs no certificate (RFC 5077,
// RFC 8446 4.6.1).  The whole state of the session travels in the ticket, sealed; nothing of it is
// kept here, so every appliance with the same keys can open it.
//
//   ticket = key name | salt | AES-256-GCM(state) | tag
//
// Each ticket has a key of its own, HKDF-Expand(ticket key, salt | domain), used once with a nonce
// of zeros.  Tickets of a fleet soon outnumber what random 96-bit nonces are good for under one
// key; 128 bits of salt are enough for all that can be made in an epoch.  And a ticket that is
// shown to another domain does not open there, whatever else goes wrong.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/byteorder.h"
#include "lib/base/random.h"
#include "lib/base/secret.h"
#include "lib/crypto/aead/aead.h"
#include "lib/crypto/client_identity.h"
#include "lib/stats/resumption.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// TicketKey is the key of one epoch.  Its name tells nothing but whether two tickets are of one
// epoch.
struct TicketKey {
  static constexpr std::size_t kNameLen = 16;
  static constexpr std::size_t kKeyLen = 32;

  std::array<std::uint8_t, kNameLen> name{};
  Secret<kKeyLen> bytes;
};

// TicketKeys are those of the present epoch and of its neighbours.  Tickets are sealed with
// `current`.  `previous` opens those of the epoch before; `next` those of appliances whose clocks
// are ahead.
struct TicketKeys {
  TicketKey current;
  TicketKey previous;
  TicketKey next;
};

// SessionBinding says what a session was about beside its keys: server name and application
// protocol, as a digest.
using SessionBinding = std::array<std::uint8_t, 16>;

// bind digests both; DNS names do not depend on upper and lower case [RFC 4343].
[[nodiscard]] SessionBinding bind_session(ByteView server_name, ByteView alpn_protocol) noexcept;

// SessionState is what a ticket carries from one connection to the next.
struct SessionState {
  static constexpr std::size_t kMaxSecretLen = 48;

  wire::ProtocolVersion version{};
  wire::CipherSuite cipher_suite = wire::CipherSuite::none;
  bool extended_master_secret = false;  // TLS 1.2
  std::uint8_t secret_len = 0;
  std::uint32_t lifetime_seconds = 0;
  std::uint32_t age_add = 0;           // TLS 1.3: obfuscates the age that the client tells
  std::uint64_t issued_ms = 0;         // Unix time
  std::uint64_t authenticated_ms = 0;  // when the certificate was last shown
  SessionBinding binding{};
  // Where clients may show certificates, tickets are longer, and say who the client is.
  bool names_client = false;
  crypto::ClientIdentity client;
  // The pre-shared key of TLS 1.3, or the master secret of TLS 1.2.
  Secret<kMaxSecretLen> secret;

  [[nodiscard]] ByteView secret_bytes() const noexcept { return secret.expose().first(secret_len); }
};

// All tickets of a listener have the same length, so it tells nothing of what is inside.
constexpr std::size_t kSessionStateLen =
    1 + 2 + 2 + 1 + 1 + 4 + 4 + 8 + 8 + sizeof(SessionBinding) +
    sizeof(crypto::ClientIdentity::fingerprint) + SessionState::kMaxSecretLen;
constexpr std::size_t kNamingStateLen =
    kSessionStateLen + 8 + 1 + crypto::ClientIdentity::kMaxSubject;
constexpr std::size_t kTicketSaltLen = 16;
constexpr std::size_t kTicketLen =
    TicketKey::kNameLen + kTicketSaltLen + kSessionStateLen + crypto::kAeadTagLen;
constexpr std::size_t kNamingTicketLen = kTicketLen - kSessionStateLen + kNamingStateLen;
[[nodiscard]] constexpr std::size_t ticket_len(const SessionState& state) noexcept {
  return state.names_client ? kNamingTicketLen : kTicketLen;
}
using Ticket = std::array<std::uint8_t, kTicketLen>;
// TicketRoom has room for any ticket.
using TicketRoom = std::span<std::uint8_t, kNamingTicketLen>;

// seal_ticket makes a ticket that open_ticket() accepts for the same domain, at most 64 bytes long,
// as long as the key is among the keys.  Precondition: `out` is ticket_len() long.
void seal_ticket(const TicketKeys& keys, std::string_view domain, const SessionState& state,
                 const crypto::AeadEngine& aead, Random& random, MutableBytes out) noexcept;

// open_ticket fills `out` when it returns `none`, and leaves nothing secret in it otherwise.  It
// knows nothing of time and of what the client offers: see the callers for those rules.
[[nodiscard]] stats::TicketRefusal open_ticket(const TicketKeys& keys, std::string_view domain,
                                               ByteView ticket, const crypto::AeadEngine& aead,
                                               SessionState& out) noexcept;

}  // namespace sallyport::tls
