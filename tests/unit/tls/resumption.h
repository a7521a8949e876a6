// What the tests of resumption have in common, whatever the version of TLS: ticket keys, a listener
// that issues tickets, and one client after the other.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "tests/support/hex.h"
#include "tests/support/tls_client.h"
#include "tests/unit/tls/ticket_keys.h"

namespace sallyport::tls {

inline constexpr std::uint64_t kNow = 1'800'000'000'000;
inline constexpr std::uint32_t kLifetime = 3'600;

class Resumption : public ::testing::Test {
 protected:
  Resumption() {
    fill(keys);
    config.tickets = {
        .enabled = true, .psk_only = false, .lifetime_seconds = kLifetime, .domain = "web"};
  }
  // at gives the server the keys and the time.
  void at(testing::TlsDriver& server, std::uint64_t unix_ms = kNow) {
    server.engine().use_tickets(&keys, {server.now, unix_ms});
  }
  void renew_client() { client = std::make_unique<testing::ScriptedClient>(); }

  // talk sends data both ways once the handshake is over.
  void talk(testing::TlsDriver& server) {
    using testing::Bytes;
    using wire::ContentType;
    EXPECT_EQ(server.handshake(), nullptr);
    server.feed(client->seal(ContentType::application_data, {'u', 'p'}));
    EXPECT_EQ(server.application_data(), (Bytes{'u', 'p'}));
    client->hear(server.send(testing::bytes_of("down")));
    ASSERT_NE(client->last_of(ContentType::application_data), nullptr);
    EXPECT_EQ(client->last_of(ContentType::application_data)->content, (Bytes{'d', 'o', 'w', 'n'}));
  }
  // seal makes the ticket of a session that began at kNow, as a server with the same keys would;
  // `describe` says the rest.
  testing::ReceivedTicket seal(const std::function<void(SessionState&)>& describe) const {
    SessionState state;
    state.lifetime_seconds = kLifetime;
    state.issued_ms = kNow;
    state.authenticated_ms = kNow;
    state.binding = bind_session(testing::bytes_of("site.test"), {});
    describe(state);
    crypto::AeadEngine aead;
    Random random{Random::Seed{1}};
    Ticket ticket;
    seal_ticket(keys, config.tickets.domain, state, aead, random, ticket);
    testing::ReceivedTicket out;
    out.ticket.assign(ticket.begin(), ticket.end());
    out.age_add = state.age_add;
    out.secret.assign(state.secret_bytes().begin(), state.secret_bytes().end());
    return out;
  }

  ServerConfig config = testing::test_config();
  TicketKeys keys;
  testing::FakeJobs jobs;
  std::unique_ptr<testing::ScriptedClient> client = std::make_unique<testing::ScriptedClient>();
};

}  // namespace sallyport::tls
