// ServerConfig: what one listener's TLS may do.  Immutable; built by the control thread, read by
// every worker through the snapshot.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/crypto/algorithms.h"
#include "lib/tls/client_auth.h"
#include "lib/tls/credential_set.h"

namespace sallyport::tls {

// UnknownName: what a client hears that asks for a name which no credential has, or for none.
enum class UnknownName : std::uint8_t {
  show_default,  // the default credential, as if it had asked for that
  refuse,        // [RFC 6066 3, RFC 8446 9.2] unrecognized_name, or missing_extension
};

// TicketPolicy is how sessions may be resumed.
struct TicketPolicy {
  bool enabled = false;
  // Whether sessions of TLS 1.2 clients that were given no ticket are kept under session IDs.  They
  // are judged as tickets are.
  bool session_ids = false;
  // Also without a key exchange, for clients that offer nothing else.  Whoever has the ticket key
  // then can read those connections.
  bool psk_only = false;
  std::uint32_t lifetime_seconds = 7'200;  // not longer than an epoch of the ticket keys
  // Which tickets are good here: those of the same domain, 64 bytes at most.
  std::string domain;
};

// SuitePreference: whose order of cipher suites counts.
enum class SuitePreference : std::uint8_t {
  server,  // ours, but ChaCha20 first for a client that puts it first: it has no AES in hardware
  client,
};

struct ServerConfig {
  CredentialSet credentials;  // never empty
  UnknownName unknown_name = UnknownName::show_default;
  std::vector<std::string> alpn_protocols;  // in our order of preference; empty: none offered
  bool tls12 = true;
  bool tls13 = true;
  // In our order of preference, IANA numbers; names that this build does not implement are refused
  // by the configuration, so every entry can be negotiated.
  std::vector<std::uint16_t> cipher_suites;  // 1.3 and 1.2 suites in one list
  SuitePreference suite_preference = SuitePreference::server;
  std::vector<crypto::NamedGroup> groups;
  TicketPolicy tickets;
  ClientAuth client_auth;
  bool fingerprints = false;  // note JA3 and JA4 of each client
};

}  // namespace sallyport::tls
