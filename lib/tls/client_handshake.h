// ClientHandshake: what a client needs to know only until its connection is established.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/job.h"
#include "lib/tls/cipher_suites.h"
#include "lib/tls/client_config.h"
#include "lib/tls/flight.h"
#include "lib/tls/key_schedule.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_server_messages.h"

namespace sallyport::tls {

// ClientHandshake is the working memory of Client; nobody else looks into it.  The worker lends it,
// and Client says when it may go back.
class ClientHandshake {
 public:
  ClientHandshake() noexcept = default;
  ClientHandshake(const ClientHandshake&) = delete;
  ClientHandshake& operator=(const ClientHandshake&) = delete;
  ~ClientHandshake() = default;

  // clear wipes every secret.  Client does so itself when it needs the handshake no longer; whoever
  // gives up a connection before that calls it.
  void clear() noexcept;

 private:
  friend class Client;

  // A longer one is refused: it would have to be kept and sent back.
  static constexpr std::size_t kMaxCookie = 1'024;
  // The messages that no VerifyJob takes: ServerHello with a cookie, EncryptedExtensions,
  // NewSessionTicket and, behind that, Finished.
  static constexpr std::size_t kFinishedLen = sizeof(wire::HandshakeHeader) + crypto::kMaxDigestLen;
  static constexpr std::size_t kMaxMessage =
      sizeof(wire::HandshakeHeader) + 6 + ClientSession::kMaxTicket + kFinishedLen;

  const ClientConfig* config = nullptr;
  const ClientSession* session = nullptr;  // that is shown to the server, or nullptr
  const SuiteInfo* suite = nullptr;        // once the server has chosen
  crypto::TranscriptHash transcript;       // once its hash is known
  ByteView hello;                          // our last ClientHello, in the flight
  ByteView cookie;                         // of a HelloRetryRequest, in `partial`
  wire::Extensions offered;
  std::array<std::uint8_t, 32> client_random{};
  std::array<std::uint8_t, 32> server_random{};
  // What our hello says; once a server of TLS 1.2 begins a new session, the ID that it has given.
  std::array<std::uint8_t, wire::ClientHello::kMaxSessionIdLen> session_id{};
  std::uint8_t session_id_len = 0;
  std::uint8_t peer_share_len = 0;
  std::uint16_t kept = 0;  // bytes of `partial` that hold a whole message, which is needed later
  bool hello_retried = false;
  bool ticket_follows = false;         // TLS 1.2: the server has announced one
  bool certificate_requested = false;  // the server asks for one of ours
  bool server_shown = false;           // a VerifyJob holds certificates of the server
  crypto::NamedGroup group = crypto::NamedGroup::none;  // in which keys are agreed on
  crypto::KeyShare key_share;
  std::array<std::uint8_t, crypto::kMaxPublicShare> peer_share{};
  std::array<std::uint8_t, kMaxMessage> partial{};

  // TLS 1.3.
  crypto::Digest hello_hash;  // transcript up to ServerHello; TLS 1.2: up to ClientKeyExchange
  TrafficSecret client_application;
  EarlySecret early_secret;  // with the pre-shared key in it, if one was offered
  MasterSecret master;

  MasterSecret12 master_secret;

  ClientFlight flight;
};
static_assert(sizeof(ClientHandshake) <= 7'680);

}  // namespace sallyport::tls
