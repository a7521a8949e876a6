// Server: the server side of TLS 1.3 (RFC 8446) and TLS 1.2 (RFC 5246, 5288, 7627, 7905, 8422) of
// one connection, as a state machine without I/O.
//
// It knows no TCP and no frames.  The worker gives it one whole record at a time, which is opened
// in place, and pulls finished records from it when there is room to send them.  It never runs
// public-key operations: it fills a CryptoJob and goes on when the job has come back.
//
// How the worker drives it:
//
//     Server server{handshake, config};                 // both pinned until !needs_handshake()
//     size = server.record_size(first five bytes);      // wait until that many have arrived
//     step = server.receive(engine, {&handshake, buffer}, pieces of that record);
//     ... and after any call that returns a Step, look at step.await:
//       peer            give the next record (when it has arrived)
//       handshake       resume() with a Handshake and give the same record again
//       message_buffer  attach a MessageBuffer and give the same record again
//       verify_buffer   attach a VerifyJob and give the same record again, or refuse_verification()
//       job             take a job slot and, if wants_key_share(), a key pair; start_job(); submit
//       job_result      give no records until job_done()
//       verdict         have the VerifyJob judged; give no records until verify_done()
//       nothing         the peer will be heard no more (close_notify or failure)
//     while (server.has_output(&handshake)) n = server.pull(engine, &handshake, room).len;
//     when !server.needs_message_buffer() / !needs_verify_job() / !needs_handshake(): give them
//     back to their slabs
//
// Nothing changes while it waits for a resource, so a call that could not go on is simply repeated.
// After a failure the alert is output like any other: pull it, then close.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/crypto/verify_job.h"
#include "lib/stats/reasons.h"
#include "lib/tls/engine.h"
#include "lib/tls/handshake.h"
#include "lib/tls/hello_notes.h"
#include "lib/tls/record_layer.h"
#include "lib/tls/server_config.h"
#include "lib/tls/step.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

// Attached is what the worker has lent to a connection at the moment; any may be null.
struct Attached {
  Handshake* handshake = nullptr;
  MessageBuffer* buffer = nullptr;
  crypto::VerifyJob* verify = nullptr;
  HelloNotes* notes = nullptr;  // written when a ClientHello is complete
};

class Server : public RecordLayer {
 public:
  // A default Server is closed; it stands in slots that no connection uses.
  Server() noexcept = default;
  // Resets `handshake` and pins `config` in it: both must outlive the need for the handshake.  So
  // must `client`, without which no client is asked for its certificate: there stands who it is
  // once the connection is established.
  Server(Handshake& handshake, const ServerConfig& config,
         crypto::ClientIdentity* client = nullptr) noexcept;

  // resume lends a Handshake again to a connection that has given its first one back after a
  // HelloRetryRequest.  Otherwise as the constructor.
  void resume(Handshake& handshake, const ServerConfig& config,
              crypto::ClientIdentity* client = nullptr) noexcept;

  // --- Bytes from the client ---

  // receive consumes one record: `pieces` together are exactly record_size() bytes.  They are
  // decrypted in place; after the call they hold nothing of worth outside application_data.
  // Preconditions: the last Step said peer or message_buffer; at most kMaxPieces pieces, none
  // empty.
  [[nodiscard]] Step receive(Engine& engine, Attached attached,
                             std::span<const MutableBytes> pieces) noexcept;

  // --- Asymmetric work ---

  // wants_key_share names the group in which start_job() needs a key pair; none: it needs none.
  [[nodiscard]] crypto::NamedGroup wants_key_share(const Handshake& handshake) const noexcept;

  // start_job fills everything of `job` but the routing (connection, self, worker, submitted,
  // deadline).  It takes over `key_share` and wipes it there; pass an empty one when none is
  // wanted.  The Step says job_result, or failed when the key share is not of the wanted group.
  [[nodiscard]] Step start_job(Engine& engine, Handshake& handshake, crypto::CryptoJob& job,
                               crypto::KeyShare& key_share) noexcept;

  // job_done takes the results out of `job`; the worker wipes and releases it afterwards.
  [[nodiscard]] Step job_done(Engine& engine, Handshake& handshake,
                              const crypto::CryptoJob& job) noexcept;

  // --- The client's certificate ---

  // verify_done takes the verdict out of `job`, which the worker releases afterwards.
  [[nodiscard]] Step verify_done(Engine& engine, Handshake& handshake,
                                 const crypto::VerifyJob& job) noexcept;

  // refuse_verification ends a handshake for which there is no VerifyJob.
  [[nodiscard]] Step refuse_verification(Handshake& handshake) noexcept;

  // --- Records to the client ---

  // has_output: handshake messages, alerts or key updates wait to be pulled; they go before any
  // application data.
  [[nodiscard]] bool has_output(const Handshake* handshake) const noexcept;

  // pull writes whole records, as many as fit, and says how many bytes.
  [[nodiscard]] Pulled pull(Engine& engine, Handshake* handshake, MutableBytes room) noexcept;

  // can_seal: established, nothing waits to be pulled, and not closed for writing.
  [[nodiscard]] bool can_seal(const Handshake* handshake) const noexcept;

  // seal writes one record of application data and returns its size, record_len() of the
  // plaintext.  Preconditions: can_seal(); 0 < plaintext <= max_fragment(); out has room for
  // the record and does not overlap the plaintext.  Returns 0 when one of them does not hold.  When
  // a key has been used up, output waits afterwards: a KeyUpdate, or close_notify in TLS 1.2.
  [[nodiscard]] std::size_t seal(Engine& engine, std::span<const ByteView> plaintext,
                                 MutableBytes out) noexcept;
  // The same into several pieces, the first of which has room for at least 16 bytes.
  [[nodiscard]] std::size_t seal(Engine& engine, std::span<const ByteView> plaintext,
                                 std::span<const MutableBytes> out) noexcept;
  // seal_each seals one record after the other in place, for each a plaintext that lies at
  // plaintext_offset(), and returns how many: fewer when a key has been used up.  Preconditions:
  // can_seal(), each plaintext and its room as for seal(), at most kMaxBurst, no two overlap.
  // Returns 0 when one of them does not hold.
  [[nodiscard]] std::size_t seal_each(Engine& engine,
                                      std::span<const InPlaceRecord> records) noexcept;

  // --- Ending ---

  // close queues close_notify; nothing is sealed after it.  The client may still send.
  void close() noexcept;
  // abort queues a fatal alert and stops reading.  Replaces an alert that was not yet pulled.
  void abort(wire::AlertDescription alert) noexcept;

  // --- What was agreed ---

  [[nodiscard]] bool is_established() const noexcept { return phase_ == Phase::established; }
  [[nodiscard]] bool needs_handshake(const Handshake* handshake) const noexcept;
  [[nodiscard]] bool needs_message_buffer(const Handshake* handshake) const noexcept;
  [[nodiscard]] bool needs_verify_job(const Handshake* handshake) const noexcept;
  // is_named_session: what was resumed is a session that the client knew by its ID.
  [[nodiscard]] bool is_named_session() const noexcept {
    return is_resumed() && session_mark_ != SessionCache::kNoMark;
  }
  // alpn is the index into ServerConfig::alpn_protocols that was agreed on, or kNoAlpn.
  static constexpr std::uint8_t kNoAlpn = kNoAlpnIndex;
  [[nodiscard]] std::uint8_t alpn() const noexcept { return alpn_; }

 private:
  enum class Phase : std::uint8_t {
    closed,
    client_hello,         // nothing but a ClientHello will do
    second_client_hello,  // after HelloRetryRequest; needs no Handshake until it begins to arrive
    start_exchange,       // a job slot is wanted: sign (1.2), or derive and sign (1.3)
    exchange,             // that job is away
    client_certificate,   // asked for, so there is one message, even if it is empty
    client_key_exchange,  // TLS 1.2
    certificate_verify,   // after a client's certificate that is not empty
    start_derive,         // TLS 1.2: a job slot is wanted to derive the premaster secret
    derive,               // that job is away
    change_cipher_spec,   // TLS 1.2: the client's
    finished,
    verification,  // everything was said; the client's certificate is being judged
    established,
    failed,
  };
  [[nodiscard]] Step step(Events events = {}) const noexcept;
  [[nodiscard]] Step fail(Handshake* handshake, stats::HandshakeFailure failure) noexcept;
  [[nodiscard]] Step fail(Handshake* handshake, stats::HandshakeFailure failure,
                          wire::AlertDescription alert) noexcept;
  [[nodiscard]] Step end_by_peer(Handshake* handshake, stats::HandshakeFailure failure,
                                 Event event) noexcept;

  // server_receive.cc: records in.
  [[nodiscard]] Step receive_record(Engine& engine, Attached attached,
                                    std::span<const MutableBytes> pieces) noexcept;
  [[nodiscard]] Step receive_plaintext(Engine& engine, Attached attached, wire::ContentType type,
                                       std::span<const MutableBytes> content,
                                       std::size_t len) noexcept;
  [[nodiscard]] Step receive_protected(Engine& engine, Attached attached, wire::ContentType outer,
                                       std::span<const MutableBytes> pieces) noexcept;
  [[nodiscard]] bool is_within_message(const Handshake* handshake) const noexcept;
  [[nodiscard]] stats::HandshakeFailure why_too_long(const Handshake* handshake) const noexcept;
  [[nodiscard]] Step receive_alert(Handshake* handshake, std::span<const MutableBytes> content,
                                   std::size_t len) noexcept;
  [[nodiscard]] Step receive_change_cipher_spec(Handshake* handshake,
                                                std::span<const MutableBytes> content,
                                                std::size_t len) noexcept;
  [[nodiscard]] Step receive_application_data(Handshake* handshake, ContentRange range) noexcept;
  // early_data_left is how many bytes of refused early data are still to be skipped.
  [[nodiscard]] std::size_t early_data_left() const noexcept { return load<Be16>(partial_).host(); }
  void set_early_data_left(std::size_t len) noexcept {
    store(partial_, Be16::of(static_cast<std::uint16_t>(len)));
  }
  [[nodiscard]] Step skip_early_data(Handshake* handshake, std::size_t len,
                                     stats::HandshakeFailure beyond) noexcept;
  [[nodiscard]] Step receive_client_hello(Engine& engine, Attached attached,
                                          std::span<const MutableBytes> content,
                                          std::size_t len) noexcept;
  [[nodiscard]] Step receive_messages(Engine& engine, Attached attached,
                                      std::span<const MutableBytes> content,
                                      std::size_t len) noexcept;
  [[nodiscard]] Step wait_for_more(Handshake* handshake, std::size_t record_len) noexcept;
  [[nodiscard]] MutableBytes message_room(Attached attached) noexcept;
  [[nodiscard]] bool may_be_followed(const Handshake* handshake) const noexcept;
  [[nodiscard]] stats::HandshakeFailure check_message(wire::HandshakeType type,
                                                      std::size_t len) const noexcept;

  // server.cc: what both versions share.
  [[nodiscard]] Step client_hello(Engine& engine, Attached attached, ByteView message) noexcept;
  [[nodiscard]] Step complete_message(Engine& engine, Attached attached, ByteView message) noexcept;
  void finish_handshake(Handshake& handshake) noexcept;
  void limit_fragments(const Parameters& agreed) noexcept;

  // server_client_auth.cc
  [[nodiscard]] Phase phase_after_flight(const Handshake& handshake, Phase usual) const noexcept;
  [[nodiscard]] Step client_certificate(Attached attached, ByteView message) noexcept;
  [[nodiscard]] Step certificate_verify(Attached attached, ByteView message) noexcept;

  // server13.cc
  [[nodiscard]] Step begin13(Engine& engine, Handshake& handshake, const wire::ClientHello& hello,
                             ByteView message) noexcept;
  [[nodiscard]] Step hello_retry_request(Engine& engine, Handshake& handshake,
                                         const wire::ClientHello& hello, ByteView message) noexcept;
  static void write_hello_retry_request(wire::Writer& w, const Handshake& handshake,
                                        ByteView cookie) noexcept;
  [[nodiscard]] stats::HandshakeFailure take_second_hello(
      const Engine& engine, Handshake& handshake, const wire::ClientHello& hello) const noexcept;
  [[nodiscard]] Step start_exchange13(Handshake& handshake, crypto::CryptoJob& job,
                                      crypto::KeyShare& key_share) noexcept;
  [[nodiscard]] Step exchange_done13(Handshake& handshake, const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] bool write_hellos13(Handshake& handshake, ByteView public_key) noexcept;
  [[nodiscard]] Step finish_flight13(Handshake& handshake, ByteView shared_secret,
                                     ByteView signature) noexcept;
  [[nodiscard]] Step finished13(Engine& engine, Handshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step establish13(Engine& engine, Handshake& handshake) noexcept;
  [[nodiscard]] Step key_update(Engine& engine, ByteView message) noexcept;

  // resumption.cc
  struct TicketNotes {
    stats::TicketRefusal refusal = stats::TicketRefusal::none;
    bool age_differs = false;
    std::size_t hashed = 0;  // bytes of the ClientHello that are in the transcript already
  };
  [[nodiscard]] stats::HandshakeFailure accept_session12(const Engine& engine, Handshake& handshake,
                                                         const wire::ClientHello& hello,
                                                         TicketNotes& notes) noexcept;
  static void promise_resumption12(Engine& engine, Handshake& handshake,
                                   const wire::ClientHello& hello) noexcept;
  [[nodiscard]] stats::TicketRefusal judge_ticket12(const Engine& engine,
                                                    const Handshake& handshake, ByteView ticket,
                                                    SessionState& session) const noexcept;
  struct NewTicket12 {
    std::uint32_t lifetime_seconds = 0;
    ByteView ticket;
  };
  [[nodiscard]] NewTicket12 make_ticket12(Engine& engine, const Handshake& handshake,
                                          TicketRoom room) const noexcept;
  [[nodiscard]] bool issue_ticket12(Engine& engine, Handshake& handshake) noexcept;
  void keep_session12(Engine& engine, const Handshake& handshake) noexcept;
  [[nodiscard]] stats::TicketRefusal judge_ticket13(const Engine& engine,
                                                    const Handshake& handshake, ByteView ticket,
                                                    std::uint32_t obfuscated_age,
                                                    SessionState& session) const noexcept;
  [[nodiscard]] stats::HandshakeFailure accept_psk(const Engine& engine, Handshake& handshake,
                                                   const wire::ClientHello& hello, ByteView message,
                                                   TicketNotes& notes) const noexcept;
  void issue_tickets13(Engine& engine, Handshake& handshake) noexcept;

  // server12.cc
  [[nodiscard]] Step begin12(Engine& engine, Handshake& handshake, const wire::ClientHello& hello,
                             ByteView message) noexcept;
  void derive_keys12(const Handshake& handshake) noexcept;
  [[nodiscard]] bool write_hello12(Handshake& handshake) noexcept;
  [[nodiscard]] Step resume12(Handshake& handshake) noexcept;
  [[nodiscard]] Step start_exchange12(Handshake& handshake, crypto::CryptoJob& job,
                                      crypto::KeyShare& key_share) noexcept;
  [[nodiscard]] bool write_done12(Handshake& handshake) noexcept;
  [[nodiscard]] Step hello_done12(Engine& engine, Handshake& handshake) noexcept;
  [[nodiscard]] bool write_finite_field_exchange(Handshake& handshake,
                                                 const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step exchange_done12(Handshake& handshake, const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step client_key_exchange(Handshake& handshake, ByteView message) noexcept;
  void start_derive12(Engine& engine, Handshake& handshake, crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step derive_done12(Handshake& handshake, const crypto::CryptoJob& job) noexcept;
  [[nodiscard]] Step finished12(Engine& engine, Handshake& handshake, ByteView message) noexcept;
  [[nodiscard]] Step establish12(Engine& engine, Handshake& handshake) noexcept;

  // server_output.cc: records out.
  [[nodiscard]] bool has_flight(const Handshake* handshake) const noexcept;
  [[nodiscard]] bool is_flight_incomplete() const noexcept;
  [[nodiscard]] std::size_t put_messages(Engine& engine, Handshake& handshake,
                                         MutableBytes out) noexcept;

  Phase phase_ = Phase::closed;
  std::uint8_t alpn_ = kNoAlpn;
  // Of the session in the cache that this connection made or resumed.
  SessionCache::Mark session_mark_ = SessionCache::kNoMark;
  // A message in pieces, once established.  Until then what is still to be skipped stands there:
  // the one begins long after the other has ended.
  std::array<std::uint8_t, kPostHandshakeMessage> partial_{};
};
static_assert(sizeof(Server) <= 240, "part of the 1 KiB of an idle connection");

}  // namespace sallyport::tls
