// Handshake: what a server needs to know only until its connection is established, and
// MessageBuffer, which it needs only while a ClientHello is incomplete.  Both live in slabs of the
// worker; Server says when each may go back.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/crypto/client_identity.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/job.h"
#include "lib/crypto/sign/schemes.h"
#include "lib/tls/flight.h"
#include "lib/tls/key_schedule.h"
#include "lib/tls/negotiation.h"
#include "lib/tls/server_config.h"
#include "lib/tls/ticket.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {

// A ClientHello above this is refused.  Without a limit a peer that has proven nothing but its
// address could hold as much memory as a 24-bit length names.
constexpr std::size_t kMaxClientHello = 16'384;

// MessageBuffer collects a ClientHello that lies in several pieces or records.
struct MessageBuffer {
  std::array<std::uint8_t, 4 + kMaxClientHello> bytes;
};

// Handshake is the working memory of Server; nobody else looks into it.
class Handshake {
 public:
  Handshake() noexcept = default;
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake() = default;

  // clear wipes every secret.  Server does so itself when it needs the handshake no longer; whoever
  // gives up a connection before that calls it.
  void clear() noexcept;

 private:
  friend class Server;

  // Every message of a client but ClientHello is shorter: ClientKeyExchange with a number below an
  // RSA-4096 modulus or in ffdhe4096 is 518 bytes.
  static constexpr std::size_t kMaxSmallMessage =
      sizeof(wire::HandshakeHeader) + 2 + crypto::kMaxWide;

  [[nodiscard]] const Credential& credential() const noexcept {
    return config->credentials[parameters.credential];
  }
  // told_session_id stands in ServerHello.
  [[nodiscard]] ByteView told_session_id() const noexcept {
    return ByteView{session_id}.first(session_id_len);
  }
  [[nodiscard]] ByteView alpn_protocol() const noexcept;
  // certificate_request is the whole message.
  [[nodiscard]] ByteView certificate_request() const noexcept {
    return config->client_auth.request(parameters.version);
  }

  // [RFC 5246 7.4.8] What a client signs may be under another hash than Finished, and which one is
  // not known before it has.  So as long as it may sign there are two transcripts.
  void keep_other_transcript() noexcept {
    using crypto::HashAlgorithm;
    has_other_transcript = true;
    other_transcript = crypto::TranscriptHash{
        parameters.hash == HashAlgorithm::sha256 ? HashAlgorithm::sha384 : HashAlgorithm::sha256};
  }
  // transcript_for is the one that a client signs with `scheme`.
  [[nodiscard]] const crypto::TranscriptHash& transcript_for(
      crypto::SignatureScheme scheme) const noexcept {
    const auto signed_hash = crypto::hash_of(scheme) == crypto::SchemeHash::sha384
                                 ? crypto::HashAlgorithm::sha384
                                 : crypto::HashAlgorithm::sha256;
    const bool is_other = has_other_transcript && signed_hash != parameters.hash;
    return is_other ? other_transcript : transcript;
  }
  void transcribe(ByteView messages) noexcept {
    transcript.update(messages);
    if (has_other_transcript) other_transcript.update(messages);
  }
  void transcribe(const CertificateMessage& message) noexcept {
    message.update(transcript);
    if (has_other_transcript) message.update(other_transcript);
  }

  const ServerConfig* config = nullptr;
  Parameters parameters;
  crypto::TranscriptHash transcript;
  crypto::TranscriptHash other_transcript;
  std::array<std::uint8_t, wire::ClientHello::kRandomLen> client_random{};
  std::array<std::uint8_t, 32> server_random{};
  std::array<std::uint8_t, wire::ClientHello::kMaxSessionIdLen> session_id{};
  std::uint8_t session_id_len = 0;
  std::uint8_t peer_share_len = 0;
  bool hello_retried = false;
  bool has_other_transcript = false;
  std::uint16_t buffered = 0;         // bytes of a ClientHello in the MessageBuffer
  std::uint16_t small_fragments = 0;  // records below kSmallFragment that ended within a message
  bool resumed = false;               // a ticket was accepted, or a session ID
  std::uint16_t selected_identity = 0;
  SessionBinding binding{};                  // of this handshake, if it may be resumed
  std::uint64_t authenticated_ms = 0;        // when the session that is resumed began
  bool client_shown = false;                 // a VerifyJob holds certificates of the client
  crypto::ClientIdentity* client = nullptr;  // where the worker keeps who the client is
  std::array<std::uint8_t, crypto::kMaxPublicShare> peer_share{};
  std::array<std::uint8_t, kMaxSmallMessage> partial{};

  // TLS 1.3.
  crypto::Digest hello_hash;  // transcript up to ServerHello
  TrafficSecret client_application;
  TrafficSecret server_application;
  EarlySecret early_secret;  // with the pre-shared key in it, once one was accepted
  MasterSecret master;       // until client Finished, if tickets follow it

  // TLS 1.2.
  std::uint16_t offered_version = 0;  // ClientHello.client_version
  std::uint16_t wide_len = 0;         // of the number that waits in `partial` for its job
  crypto::KeyShare key_share;         // between ServerKeyExchange and ClientKeyExchange
  MasterSecret12 master_secret;

  Flight flight;
};
static_assert(sizeof(Handshake) <= 3'200);

}  // namespace sallyport::tls
