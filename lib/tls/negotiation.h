// Negotiation: what a ClientHello and a configuration agree on, as a pure function (RFC 8446 4.1.1
// and 4.2, RFC 5246 7.4.1, RFC 8422, RFC 7301, RFC 6066, RFC 7507, RFC 5746, RFC 7627).
#pragma once
#include <cstdint>

#include "lib/base/result.h"
#include "lib/crypto/algorithms.h"
#include "lib/stats/reasons.h"
#include "lib/tls/cipher_suites.h"
#include "lib/tls/record.h"
#include "lib/tls/server_config.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

constexpr std::uint8_t kNoAlpnIndex = 0xff;

// PskMode is how a pre-shared key is, or will be, used (RFC 8446 4.2.9).
enum class PskMode : std::uint8_t { none, psk_ke, psk_dhe_ke };

// Parameters of one handshake.
struct Parameters {
  wire::ProtocolVersion version{};
  wire::CipherSuite cipher_suite = wire::CipherSuite::none;
  crypto::HashAlgorithm hash{};
  crypto::AeadAlgorithm aead{};
  crypto::CbcAlgorithm cbc{};  // TLS 1.2; none: the AEAD
  KeyExchange key_exchange{};
  crypto::NamedGroup group = crypto::NamedGroup::none;
  crypto::SignatureScheme signature_scheme = crypto::SignatureScheme::none;
  std::uint16_t credential = 0;      // index into ServerConfig::credentials
  std::uint8_t alpn = kNoAlpnIndex;  // index into ServerConfig::alpn_protocols
  // The client supports the group but sent no share of it: ask for one.
  bool hello_retry = false;
  bool server_name_matched = false;
  bool staple = false;  // the client wants to see the credential's OCSP response, and there is one
  wire::CertificateCompression certificate_compression{};
  bool early_data_offered = false;
  wire::FragmentLimits fragment_limits;       // our answers
  std::uint16_t max_fragment = kMaxFragment;  // the most that one of our records may carry
  bool downgraded = false;  // TLS 1.2 although we would speak 1.3: mark ServerHello.random
  // TLS 1.3 only.
  PskMode psk_mode = PskMode::none;  // of those that both sides know
  // What ends the handshake if the client's pre-shared keys are of no use: a hello that offers some
  // may leave out what a certificate would need.
  stats::HandshakeFailure without_psk = stats::HandshakeFailure::none;
  // TLS 1.2 only.
  bool secure_renegotiation = false;
  bool extended_master_secret = false;
  bool encrypt_then_mac = false;
  bool ec_point_formats = false;
  bool session_ticket = false;  // NewSessionTicket will follow
};

[[nodiscard]] Result<Parameters, stats::HandshakeFailure> negotiate(
    const wire::ClientHello& hello, const ServerConfig& config) noexcept;

// is_valid_share: `key_exchange` has the form that a share of `group` must have.  Whether it is a
// point of the curve is for the executor to find out.
[[nodiscard]] bool is_valid_share(crypto::NamedGroup group, ByteView key_exchange) noexcept;

// alert_of is the alert that answers a failure.  Both enums are separate because counters tell more
// than a peer should hear.
[[nodiscard]] wire::AlertDescription alert_of(stats::HandshakeFailure failure) noexcept;
// failure_of names what a parser's alert means to us.
[[nodiscard]] stats::HandshakeFailure failure_of(wire::AlertDescription alert) noexcept;

}  // namespace sallyport::tls
