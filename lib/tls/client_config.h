// ClientConfig: what a client of TLS asks of one kind of server.  ClientSession: what it keeps of a
// connection to come back with (RFC 8446 2.2, RFC 5077, RFC 5246 7.3).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/byteorder.h"
#include "lib/base/secret.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/client_identity.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// Immutable, and shared by all connections of its kind.
struct ClientConfig {
  // Whom to ask for (RFC 6066 3), 255 bytes at most; empty: nobody in particular.  Whether the
  // certificate has the name is for the authority to judge.
  std::string server_name;
  std::vector<std::string> alpn_protocols;  // most wanted first; together 255 bytes at most
  bool tls12 = true;
  bool tls13 = true;
  // Most wanted first, sixteen at most.  Those that a client does not speak are not offered: only
  // ECDHE, and only AEAD.
  std::vector<std::uint16_t> cipher_suites;
  // Most wanted first, eight at most.  TLS 1.3 sends a share of the first one.
  std::vector<crypto::NamedGroup> groups;
  crypto::AuthorityId authority;  // who vouches for the server
};

// ClientSession is one ticket, or the ID of a session that a server of TLS 1.2 keeps itself, and
// what goes with it.  Whoever keeps it shows it to the server that made it and to no other; one of
// TLS 1.3 once only, or an observer could tell that two connections belong together [RFC 8446 C.4].
struct ClientSession {
  // A longer ticket is not kept.
  static constexpr std::size_t kMaxTicket = 2'048;

  wire::ProtocolVersion version = wire::ProtocolVersion::none;  // none: there is nothing here
  wire::CipherSuite cipher_suite = wire::CipherSuite::none;
  std::uint8_t secret_len = 0;
  std::uint8_t session_id_len = 0;  // 0 where there is a ticket
  std::uint16_t ticket_len = 0;     // 0 where there is a session ID
  std::uint32_t age_add = 0;
  crypto::AuthorityId authority;       // who vouched for the server
  std::uint64_t received_ms = 0;       // Unix time, as all below
  std::uint64_t expires_ms = 0;        // of the ticket or ID
  std::uint64_t chain_expires_ms = 0;  // of the certificates that the server has shown
  Secret<48> secret;                   // pre-shared key, or master secret of TLS 1.2
  std::array<std::uint8_t, wire::ClientHello::kMaxSessionIdLen> session_id{};
  std::array<std::uint8_t, kMaxTicket> ticket{};

  [[nodiscard]] ByteView session_id_bytes() const noexcept {
    return ByteView{session_id}.first(session_id_len);
  }
  [[nodiscard]] ByteView ticket_bytes() const noexcept {
    return ByteView{ticket}.first(ticket_len);
  }
  [[nodiscard]] ByteView secret_bytes() const noexcept { return secret.expose().first(secret_len); }
  void clear() noexcept {
    version = wire::ProtocolVersion::none;
    session_id_len = 0;
    ticket_len = 0;
    secret_len = 0;
    secret.clear();
  }
  // take_over moves what `from` holds, and leaves nothing there.
  void take_over(ClientSession& from) noexcept {
    version = from.version;
    cipher_suite = from.cipher_suite;
    secret_len = from.secret_len;
    session_id_len = from.session_id_len;
    ticket_len = from.ticket_len;
    age_add = from.age_add;
    authority = from.authority;
    received_ms = from.received_ms;
    expires_ms = from.expires_ms;
    chain_expires_ms = from.chain_expires_ms;
    secret.take_over(from.secret);
    session_id = from.session_id;
    ticket = from.ticket;
    from.clear();
  }
};

}  // namespace sallyport::tls
