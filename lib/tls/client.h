// Client: the client side of TLS 1.3 (RFC 8446) and TLS 1.2 (RFC 5246, 5077, 5746, 7627, 8422) of
// one connection, as a state machine without I/O; Server's counterpart, and driven like it.
//
// It speaks ECDHE with AEAD cipher suites only, keeps one session at a time, shows no certificate
// of its own, sends no early data, and does not renegotiate.  What the server shows is collected in
// a VerifyJob and judged elsewhere: nothing is sent under keys that the server's certificate does
// not vouch for.
//
//     Client client{handshake, config, session};     // pinned until !needs_handshake()
//     ... and after any call that returns a Step, and first of all, look at step.await:
//       key_share       take a key pair of wants_key_share(), or none, and start()
//       peer            give the next record (when it has arrived)
//       verify_buffer   attach a VerifyJob and give the same record again, or refuse_verification()
//       job             take a job slot and, if wants_key_share(), a key pair; start_job(); submit
//       job_result      give no records until job_done()
//       verdict         have the VerifyJob judged; give no records until verify_done()
//       nothing         the server will be heard no more (close_notify or failure)
//     while (client.has_output(&handshake)) n = client.pull(engine, &handshake, room).len;
//     when !client.needs_verify_job() / !needs_handshake(): give them back to their slabs
//
// Nothing changes while it waits for a resource, so a call that could not go on is simply repeated.
// After a failure the alert is output like any other: pull it, then close.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/crypto/job.h"
#include "lib/crypto/verify_job.h"
#include "lib/stats/reasons.h"
#include "lib/tls/client_config.h"
#include "lib/tls/client_handshake.h"
#include "lib/tls/engine.h"
#include "lib/tls/record_layer.h"
#include "lib/tls/step.h"
#include "lib/wire/tls_server_messages.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// ClientAttached is what the worker has lent to a connection at the moment; all but `session` may
// be null when Client says that it needs them not.
struct ClientAttached {
  ClientHandshake* handshake = nullptr;
  crypto::VerifyJob* verify = nullptr;
  // Where a ticket or session ID is put, with Event::session; null: none is kept.  Not the session
  // that is shown.
  ClientSession* session = nullptr;
};

class Client : public RecordLayer {
 public:
  // A default Client is closed; it stands in slots that no connection uses.
  Client() noexcept = default;
  // Resets `handshake` and pins `config` and `session` in it.  A session that has run out, or that
  // does not go with `config`, is not shown.
  Client(ClientHandshake& handshake, const ClientConfig& config,
         const ClientSession* session = nullptr) noexcept;

  // await is what the first Step would say.
  [[nodiscard]] Await await() const noexcept { return step().await; }

  // --- ClientHello ---

  // wants_key_share names the group in which start() or start_job() needs a key pair; none: it
  // needs none.
  [[nodiscard]] crypto::NamedGroup wants_key_share(const ClientHandshake& handshake) const noexcept;

  // start writes a ClientHello.  It takes over `key_share` and wipes it there.
  [[nodiscard]] Step start(Engine& engine, ClientHandshake& handshake,
                           crypto::KeyShare& key_share) noexcept;

  // --- Bytes from the server: as in Server ---

  [[nodiscard]] Step receive(Engine& engine, ClientAttached attached,
                             std::span<const MutableBytes> pieces) noexcept;

  // --- Asymmetric work: as in Server ---

  [[nodiscard]] Step start_job(Engine& engine, ClientHandshake& handshake, crypto::CryptoJob& job,
                               crypto::KeyShare& key_share) noexcept;
  [[nodiscard]] Step job_done(Engine& engine, ClientHandshake& handshake,
                              const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step verify_done(Engine& engine, ClientHandshake& handshake,
                                 const crypto::VerifyJob& job) noexcept;
  // refuse_verification ends a handshake for which there is no VerifyJob.
  [[nodiscard]] Step refuse_verification(ClientHandshake& handshake) noexcept;

  // --- Records to the server: as in Server ---

  [[nodiscard]] bool has_output(const ClientHandshake* handshake) const noexcept;
  [[nodiscard]] Pulled pull(Engine& engine, ClientHandshake* handshake, MutableBytes room) noexcept;
  [[nodiscard]] bool can_seal(const ClientHandshake* handshake) const noexcept;
  [[nodiscard]] std::size_t seal(Engine& engine, std::span<const ByteView> plaintext,
                                 MutableBytes out) noexcept;
  [[nodiscard]] std::size_t seal(Engine& engine, std::span<const ByteView> plaintext,
                                 std::span<const MutableBytes> out) noexcept;

  // --- Ending ---

  // close queues close_notify; nothing is sealed after it.  The server may still send.
  void close() noexcept;
  // abort queues a fatal alert and stops reading.  Replaces an alert that was not yet pulled.
  void abort(wire::AlertDescription alert) noexcept;

  // --- What was agreed ---

  [[nodiscard]] bool is_established() const noexcept { return phase_ == Phase::established; }
  [[nodiscard]] bool needs_handshake(const ClientHandshake* handshake) const noexcept;
  [[nodiscard]] bool needs_verify_job(const ClientHandshake* handshake) const noexcept;
  // alpn is the index into ClientConfig::alpn_protocols that the server chose, or kNoAlpn.
  static constexpr std::uint8_t kNoAlpn = 0xff;
  [[nodiscard]] std::uint8_t alpn() const noexcept { return alpn_; }

 private:
  enum class Phase : std::uint8_t {
    closed,
    start,         // nothing was said yet
    server_hello,  // or, once, a HelloRetryRequest
    retry,         // a key pair of another group is wanted
    start_derive,  // a job slot is wanted to derive the shared secret
    derive,        // that job is away
    encrypted_extensions,
    certificate,          // in TLS 1.3 perhaps a CertificateRequest first
    certificate_verify,   // TLS 1.3
    server_key_exchange,  // TLS 1.2
    server_hello_done,    // TLS 1.2, perhaps a CertificateRequest first
    verification,         // what the server has shown is being judged
    new_session_ticket,   // TLS 1.2, when it was announced
    change_cipher_spec,   // TLS 1.2: the server's
    finished,
    established,
    failed,
  };
  [[nodiscard]] Step step(Events events = {}) const noexcept;
  [[nodiscard]] Step fail(ClientHandshake* handshake, stats::HandshakeFailure failure) noexcept;
  [[nodiscard]] Step fail(ClientHandshake* handshake, stats::HandshakeFailure failure,
                          wire::AlertDescription alert) noexcept;
  [[nodiscard]] Step fail(ClientHandshake* handshake, wire::AlertDescription alert) noexcept;
  [[nodiscard]] Step end_by_peer(ClientHandshake* handshake, stats::HandshakeFailure failure,
                                 Event event) noexcept;

  // client.cc: ClientHello, ServerHello, and what both versions share.
  [[nodiscard]] bool write_hello(Engine& engine, ClientHandshake& handshake) noexcept;
  [[nodiscard]] Step server_hello(Engine& engine, ClientHandshake& handshake,
                                  ByteView message) noexcept;
  [[nodiscard]] stats::HandshakeFailure check_server_hello(
      const ClientHandshake& handshake, const wire::ServerHello& hello) const noexcept;
  [[nodiscard]] bool choose_protocol(const ClientHandshake& handshake, ByteView protocol) noexcept;
  [[nodiscard]] Step certificate(ClientAttached attached, ByteView message) noexcept;
  void finish_handshake(ClientHandshake& handshake) noexcept;

  // client_receive.cc: records in.
  [[nodiscard]] bool wants_verify_job(const ClientAttached& attached,
                                      wire::ContentType type) const noexcept;
  [[nodiscard]] Step receive_plaintext(Engine& engine, ClientAttached attached,
                                       wire::ContentType type,
                                       std::span<const MutableBytes> content,
                                       std::size_t len) noexcept;
  [[nodiscard]] Step receive_protected(Engine& engine, ClientAttached attached,
                                       wire::ContentType outer,
                                       std::span<const MutableBytes> pieces) noexcept;
  [[nodiscard]] Step receive_application_data(ClientHandshake* handshake,
                                              ContentRange range) noexcept;
  // is_within_message: the last record of the handshake has ended within a message.
  [[nodiscard]] bool is_within_message() const noexcept { return partial_len_ != 0 || skip_ != 0; }
  [[nodiscard]] Step receive_alert(ClientHandshake* handshake,
                                   std::span<const MutableBytes> content, std::size_t len) noexcept;
  [[nodiscard]] Step receive_change_cipher_spec(ClientHandshake* handshake,
                                                std::span<const MutableBytes> content,
                                                std::size_t len) noexcept;
  [[nodiscard]] Step receive_messages(Engine& engine, ClientAttached attached,
                                      std::span<const MutableBytes> content,
                                      std::size_t len) noexcept;
  [[nodiscard]] MutableBytes message_room(ClientAttached attached) noexcept;
  [[nodiscard]] bool may_be_followed(wire::HandshakeType type) const noexcept;
  [[nodiscard]] stats::HandshakeFailure check_message(const ClientHandshake* handshake,
                                                      wire::HandshakeType type,
                                                      std::size_t len) const noexcept;
  [[nodiscard]] Step complete_message(Engine& engine, ClientAttached attached,
                                      ByteView message) noexcept;

  // client13.cc
  [[nodiscard]] Step hello_retry(Engine& engine, ClientHandshake& handshake,
                                 const wire::ServerHello& hello, ByteView message) noexcept;
  [[nodiscard]] Step begin13(ClientHandshake& handshake, const wire::ServerHello& hello) noexcept;
  [[nodiscard]] Step derive_done13(ClientHandshake& handshake,
                                   const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step encrypted_extensions(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step certificate_request13(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step certificate_verify(ClientAttached attached, ByteView message) noexcept;
  [[nodiscard]] Step finished13(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step establish13(ClientHandshake& handshake) noexcept;
  [[nodiscard]] Step new_session_ticket13(const Engine& engine, ClientAttached attached,
                                          ByteView message) noexcept;
  [[nodiscard]] Step key_update(Engine& engine, ByteView message) noexcept;

  // client12.cc
  [[nodiscard]] Step begin12(ClientHandshake& handshake, const wire::ServerHello& hello) noexcept;
  [[nodiscard]] Step server_key_exchange(ClientAttached attached, ByteView message) noexcept;
  [[nodiscard]] Step server_hello_done(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step certificate_request12(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] bool write_key_exchange12(ClientHandshake& handshake) noexcept;
  [[nodiscard]] Step derive_done12(ClientHandshake& handshake,
                                   const crypto::CryptoJob& job) noexcept;
  void derive_keys12(const ClientHandshake& handshake) noexcept;
  [[nodiscard]] bool write_finished12(ClientHandshake& handshake) noexcept;
  [[nodiscard]] Step new_session_ticket12(ClientHandshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step finished12(const Engine& engine, ClientAttached attached,
                                ByteView message) noexcept;
  [[nodiscard]] bool keep_session12(const Engine& engine, const ClientHandshake& handshake,
                                    ClientSession& session) const noexcept;

  // client_output.cc: records out.
  [[nodiscard]] bool has_flight(const ClientHandshake* handshake) const noexcept;
  void fill_session(const Engine& engine, const wire::NewSessionTicket& nst,
                    ClientSession& session) const noexcept;

  Phase phase_ = Phase::closed;
  std::uint8_t alpn_ = kNoAlpn;
  std::uint8_t tickets_ = 0;  // of TLS 1.3, that were looked at
  std::uint32_t skip_ = 0;    // bytes of a ticket that is not kept
  std::array<std::uint8_t, kPostHandshakeMessage> partial_{};
  crypto::AuthorityId authority_;       // who vouched for the server
  std::uint64_t chain_expires_ms_ = 0;  // of what it has shown
  ResumptionSecret resumption_;         // TLS 1.3: makes the keys of tickets
};
static_assert(sizeof(Client) <= 320, "part of an idle connection to a backend");

}  // namespace sallyport::tls
