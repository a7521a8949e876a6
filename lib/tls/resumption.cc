// Server, resumption: which tickets and session IDs are accepted, and handing out new ones (RFC
// 8446 4.2.11 and 4.6.1, RFC 5077, RFC 5246 7.4.1, RFC 7627 5.3).
#include <algorithm>
#include <array>

#include "lib/tls/cipher_suites.h"
#include "lib/tls/server.h"
#include "lib/wire/tls_client_hello.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_tickets.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using crypto::Digest;
using stats::HandshakeFailure;
using stats::TicketRefusal;
using wire::ClientHello;
using wire::ProtocolVersion;

// A client has no use for more than it was given.  Without a limit one hello of 16 KiB would have
// us try to open eighty.
constexpr std::uint16_t kMaxIdentities = 4;
// A client may open two connections at once, and should use no ticket twice [RFC 8446 C.4].
constexpr std::uint8_t kTicketsPerHandshake = 2;
// [RFC 8446 4.6.1] renewed again and again, a session would never come to an end: after so long the
// certificate is shown again.
constexpr std::uint64_t kMaxSessionMilliseconds = std::uint64_t{7} * 86'400 * 1'000;
// The clock of an appliance that made a ticket may be so much ahead of ours.
constexpr std::uint64_t kMaxClockSkew = 300'000;
// [RFC 8446 8.3] round trips and clocks of clients, some of which count seconds only.
constexpr std::int64_t kAgeTolerance = 10'000;

[[nodiscard]] std::uint64_t lifetime_ms(const SessionState& session) noexcept {
  return std::uint64_t{session.lifetime_seconds} * 1'000;
}

[[nodiscard]] bool is_expired(const SessionState& session, std::uint64_t now_ms) noexcept {
  return now_ms > session.issued_ms + lifetime_ms(session) ||
         session.issued_ms > now_ms + kMaxClockSkew;
}

// remaining_lifetime is that of a ticket made now, in seconds; 0: none should be made.
[[nodiscard]] std::uint32_t remaining_lifetime(const TicketPolicy& policy, std::uint64_t began_ms,
                                               std::uint64_t now_ms) noexcept {
  const std::uint64_t end_ms = began_ms + kMaxSessionMilliseconds;
  if (end_ms <= now_ms) return 0;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(policy.lifetime_seconds, (end_ms - now_ms) / 1'000));
}

// [RFC 8446 4.6.1] A ticket must not keep a client in for longer than its certificate would.
[[nodiscard]] std::uint32_t within_certificate(std::uint32_t lifetime_seconds,
                                               const crypto::ClientIdentity* client,
                                               std::uint64_t now_ms) noexcept {
  if (client == nullptr || client->verdict != ClientVerdict::ok) return lifetime_seconds;
  const std::int64_t left = client->not_after - static_cast<std::int64_t>(now_ms / 1'000);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, lifetime_seconds));
}

// name_client says in the session who the client is, where the listener wants to know.
void name_client(SessionState& session, const ClientAuth& auth,
                 const crypto::ClientIdentity* client) noexcept {
  if (!auth.is_on() || client == nullptr) return;
  session.names_client = true;
  session.client = *client;
}

// may_return: the client of a session would still be let in.
[[nodiscard]] bool may_return(const SessionState& session, const ClientAuth& auth,
                              std::uint64_t now_ms) noexcept {
  if (!auth.is_on()) return true;
  if (!session.names_client) return false;
  if (session.client.verdict != ClientVerdict::ok) return auth.mode() != ClientAuthMode::required;
  return session.client.not_after >= static_cast<std::int64_t>(now_ms / 1'000);
}

// recognise gives the worker the client of a session that is resumed.
void recognise(crypto::ClientIdentity* client, const SessionState& session) noexcept {
  if (client != nullptr) *client = session.client;
}

// sessions_of is where sessions of a listener are kept under IDs; nullptr: nowhere.
[[nodiscard]] SessionCache* sessions_of(const ServerConfig& config, const Engine& engine) noexcept {
  return config.tickets.session_ids ? engine.sessions() : nullptr;
}

[[nodiscard]] ByteView binder_at(const ClientHello& hello, std::uint16_t index) noexcept {
  wire::Reader binders{hello.psk_binders};
  for (; index > 0; --index) static_cast<void>(binders.vec8(32, 255));
  return binders.vec8(32, 255);
}

}  // namespace

// --- TLS 1.2 -----------------------------------------------------------------------------------

// judge_ticket12 fills `session` when the ticket is good for this handshake.
TicketRefusal Server::judge_ticket12(const Engine& engine, const Handshake& handshake,
                                     ByteView ticket, SessionState& session) const noexcept {
  const Parameters& agreed = handshake.parameters;
  const auto why = open_ticket(*engine.ticket_keys(), handshake.config->tickets.domain, ticket,
                               engine.aead(), session);
  if (why != TicketRefusal::none) return why;
  if (session.version != ProtocolVersion::tls12) return TicketRefusal::other_version;
  // [RFC 5246 7.4.1.3] a resumed session keeps its suite.  The same client against the same
  // configuration comes to the same one; if not, one of them has changed its mind.
  if (session.cipher_suite != agreed.cipher_suite || session.secret_len != MasterSecret12::kLen) {
    return TicketRefusal::other_cipher_suite;
  }
  if (is_expired(session, engine.unix_ms())) return TicketRefusal::expired;
  // [RFC 6066 3] a session is not resumed under another name.
  if (!equal_ct(session.binding, handshake.binding)) return TicketRefusal::other_name;
  if (!may_return(session, handshake.config->client_auth, engine.unix_ms())) {
    return TicketRefusal::other_client;
  }
  if (!session.extended_master_secret) return TicketRefusal::other_master_secret;
  return TicketRefusal::none;
}

HandshakeFailure Server::accept_session12(const Engine& engine, Handshake& handshake,
                                          const ClientHello& hello, TicketNotes& notes) noexcept {
  const ServerConfig& config = *handshake.config;
  const SessionCache* const sessions = sessions_of(config, engine);
  std::array<std::uint8_t, kNamingTicketLen> room;
  ByteView ticket;
  if (!hello.session_ticket.empty()) {
    // [RFC 5077 3.4] who shows a ticket is not looked up under the ID beside it.
    if (config.tickets.enabled) ticket = hello.session_ticket;
  } else if (sessions != nullptr) {
    ticket = sessions->find(hello.legacy_session_id, room);
  }
  if (ticket.empty()) return HandshakeFailure::none;
  SessionState session;
  notes.refusal = judge_ticket12(engine, handshake, ticket, session);
  if (notes.refusal != TicketRefusal::none) return HandshakeFailure::none;
  const bool is_named = hello.session_ticket.empty();
  if (is_named) session_mark_ = SessionCache::mark_of(hello.legacy_session_id);
  // [RFC 7627 5.3] whoever takes the extension away may be in the middle of a triple handshake.
  if (!handshake.parameters.extended_master_secret) {
    return HandshakeFailure::no_extended_master_secret;
  }
  handshake.master_secret.restore(handshake.parameters.hash, session.secret_bytes());
  recognise(handshake.client, session);
  handshake.resumed = true;
  return HandshakeFailure::none;
}

// promise_resumption12 decides what a full handshake will leave behind: a ticket, or for who cannot
// have one a session under an ID that ServerHello tells.
void Server::promise_resumption12(Engine& engine, Handshake& handshake,
                                  const ClientHello& hello) noexcept {
  Parameters& agreed = handshake.parameters;
  // [RFC 5246 7.4.1.3] nothing is resumed, so the client's ID does not come back.
  handshake.session_id_len = 0;
  // [RFC 7627 5.4] a session without the extended master secret cannot be resumed safely.
  if (engine.ticket_keys() == nullptr || !agreed.extended_master_secret) return;
  agreed.session_ticket =
      handshake.config->tickets.enabled && hello.offers(wire::ExtensionType::session_ticket);
  if (agreed.session_ticket || sessions_of(*handshake.config, engine) == nullptr) return;
  handshake.session_id = SessionCache::draw_id(engine.random());
  handshake.session_id_len = SessionCache::kIdLen;
}

// make_ticket12 seals the session that a full handshake has made; an empty ticket: the keys are
// gone, or the client's certificate is.
Server::NewTicket12 Server::make_ticket12(Engine& engine, const Handshake& handshake,
                                          TicketRoom room) const noexcept {
  const TicketPolicy& policy = handshake.config->tickets;
  const TicketKeys* const keys = engine.ticket_keys();
  NewTicket12 out;
  out.lifetime_seconds =
      within_certificate(policy.lifetime_seconds, handshake.client, engine.unix_ms());
  if (keys == nullptr || out.lifetime_seconds == 0) return out;
  SessionState session;
  session.version = version_;
  session.cipher_suite = cipher_suite_;
  session.extended_master_secret = true;
  session.secret_len = MasterSecret12::kLen;
  session.lifetime_seconds = out.lifetime_seconds;
  session.issued_ms = engine.unix_ms();
  session.authenticated_ms = session.issued_ms;
  session.binding = handshake.binding;
  std::ranges::copy(handshake.master_secret.expose(), session.secret.expose_for_write().begin());
  name_client(session, handshake.config->client_auth, handshake.client);
  const MutableBytes sealed = room.first(ticket_len(session));
  seal_ticket(*keys, policy.domain, session, engine.aead(), engine.random(), sealed);
  out.ticket = sealed;
  return out;
}

// issue_ticket12 writes the NewSessionTicket that ServerHello has announced [RFC 5077 3.3].
bool Server::issue_ticket12(Engine& engine, Handshake& handshake) noexcept {
  std::array<std::uint8_t, kNamingTicketLen> room;
  // [RFC 5077 3.3] an empty one takes the announcement back.
  const NewTicket12 made = make_ticket12(engine, handshake, room);
  const ByteView message = handshake.flight.write([&](wire::Writer& w) {
    wire::write_new_session_ticket12(w, made.lifetime_seconds, made.ticket);
  });
  handshake.transcript.update(message);
  return !message.empty();
}

// keep_session12 keeps the session under the ID that ServerHello has told.
void Server::keep_session12(Engine& engine, const Handshake& handshake) noexcept {
  SessionCache* const sessions = sessions_of(*handshake.config, engine);
  if (sessions == nullptr) return;
  std::array<std::uint8_t, kNamingTicketLen> room;
  const NewTicket12 made = make_ticket12(engine, handshake, room);
  if (made.ticket.empty()) return;
  sessions->keep(handshake.told_session_id(), made.ticket,
                 engine.unix_ms() + std::uint64_t{made.lifetime_seconds} * 1'000);
  session_mark_ = SessionCache::mark_of(handshake.told_session_id());
}

// --- TLS 1.3 -----------------------------------------------------------------------------------

// judge_ticket13 fills `session` when the ticket is good for this handshake.
TicketRefusal Server::judge_ticket13(const Engine& engine, const Handshake& handshake,
                                     ByteView ticket, std::uint32_t obfuscated_age,
                                     SessionState& session) const noexcept {
  const Parameters& agreed = handshake.parameters;
  const TicketPolicy& policy = handshake.config->tickets;
  if (agreed.psk_mode == PskMode::none) return TicketRefusal::no_key_exchange_mode;
  const auto why =
      open_ticket(*engine.ticket_keys(), policy.domain, ticket, engine.aead(), session);
  if (why != TicketRefusal::none) return why;
  if (session.version != ProtocolVersion::tls13) return TicketRefusal::other_version;
  // [RFC 8446 4.2.11] a key belongs to one hash; suites with the same hash may take turns.
  const SuiteInfo* const suite = suite_info(session.cipher_suite);
  if (suite == nullptr || suite->hash != agreed.hash ||
      session.secret_len != crypto::digest_len(agreed.hash)) {
    return TicketRefusal::other_cipher_suite;
  }
  // [RFC 8446 4.6.1] neither we nor the client use a ticket beyond its life.
  const std::uint32_t told_age = obfuscated_age - session.age_add;
  if (is_expired(session, engine.unix_ms()) || told_age > lifetime_ms(session)) {
    return TicketRefusal::expired;
  }
  if (!equal_ct(session.binding, handshake.binding)) return TicketRefusal::other_name;
  if (!may_return(session, handshake.config->client_auth, engine.unix_ms())) {
    return TicketRefusal::other_client;
  }
  return TicketRefusal::none;
}

HandshakeFailure Server::accept_psk(const Engine& engine, Handshake& handshake,
                                    const ClientHello& hello, ByteView message,
                                    TicketNotes& notes) const noexcept {
  if (engine.ticket_keys() == nullptr) return HandshakeFailure::none;
  wire::Reader identities{hello.psk_identities};
  for (std::uint16_t index = 0; index < kMaxIdentities && !identities.at_end(); ++index) {
    const ByteView ticket = identities.vec16(1, 65'535);
    const std::uint32_t obfuscated_age = identities.u32();
    SessionState session;
    notes.refusal = judge_ticket13(engine, handshake, ticket, obfuscated_age, session);
    if (notes.refusal != TicketRefusal::none) continue;

    // [RFC 8446 4.2.11.2] the binder covers everything but the binders and their length, and after
    // a retry what was said before.
    EarlySecret early{handshake.parameters.hash, session.secret_bytes()};
    crypto::TranscriptHash transcript = handshake.transcript;
    const ByteView covered = message.first(message.size() - 2 - hello.psk_binders.size());
    transcript.update(covered);
    const Digest expected = early.resumption_binder(transcript.digest());
    if (!equal_ct(binder_at(hello, index), expected.view())) return HandshakeFailure::bad_binder;

    // [RFC 8446 4.2.10] an age that is off may be a replay, which would matter for early data
    // alone: it is no reason against the handshake.
    const auto age = static_cast<std::int64_t>(engine.unix_ms() - session.issued_ms);
    const std::int64_t told = obfuscated_age - session.age_add;
    notes.age_differs = age - told > kAgeTolerance || told - age > kAgeTolerance;
    handshake.transcript = transcript;
    notes.hashed = covered.size();
    handshake.early_secret = std::move(early);
    handshake.authenticated_ms = session.authenticated_ms;
    handshake.selected_identity = index;
    recognise(handshake.client, session);
    handshake.resumed = true;
    return HandshakeFailure::none;
  }
  return HandshakeFailure::none;
}

// issue_tickets13 queues NewSessionTickets, when client Finished is in the transcript.  Without
// them a client is no worse off, so nothing here can fail a handshake.
void Server::issue_tickets13(Engine& engine, Handshake& handshake) noexcept {
  const TicketPolicy& policy = handshake.config->tickets;
  const TicketKeys* const keys = engine.ticket_keys();
  // [RFC 8446 4.2.9] a client that knows no mode of ours could not use them.
  const bool wanted = policy.enabled && handshake.parameters.psk_mode != PskMode::none;
  if (!wanted || keys == nullptr || !handshake.flight.empty()) return;

  SessionState session;
  session.version = version_;
  session.cipher_suite = cipher_suite_;
  session.secret_len = static_cast<std::uint8_t>(crypto::digest_len(handshake.parameters.hash));
  session.issued_ms = engine.unix_ms();
  session.authenticated_ms = handshake.resumed ? handshake.authenticated_ms : session.issued_ms;
  session.lifetime_seconds =
      within_certificate(remaining_lifetime(policy, session.authenticated_ms, session.issued_ms),
                         handshake.client, session.issued_ms);
  session.binding = handshake.binding;
  if (session.lifetime_seconds == 0) return;
  name_client(session, handshake.config->client_auth, handshake.client);

  std::array<std::uint8_t, kNamingTicketLen> room;
  const ResumptionSecret secret = handshake.master.resumption(handshake.transcript.digest());
  for (std::uint8_t nonce = 0; nonce < kTicketsPerHandshake; ++nonce) {
    session.age_add = engine.random().u32();
    secret.ticket_key({&nonce, 1}, session.secret.expose_for_write());
    const MutableBytes ticket = MutableBytes{room}.first(ticket_len(session));
    seal_ticket(*keys, policy.domain, session, engine.aead(), engine.random(), ticket);
    static_cast<void>(handshake.flight.write([&](wire::Writer& w) {
      wire::write_new_session_ticket13(w, {.lifetime_seconds = session.lifetime_seconds,
                                           .age_add = session.age_add,
                                           .nonce = {&nonce, 1},
                                           .ticket = ticket});
    }));
  }
}

}  // namespace sallyport::tls
