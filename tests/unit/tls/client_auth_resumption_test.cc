// Clients that have shown a certificate come back with tickets, and are known by them.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "lib/tls/ticket.h"
#include "tests/unit/tls/client_auth_fixture.h"
#include "tests/unit/tls/ticket_keys.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using stats::TicketRefusal;
using testing::ClientCertificate;
using testing::ReceivedTicket;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::HandshakeType;

constexpr std::uint64_t kNow = 1'800'000'000'000;
constexpr std::uint32_t kLifetime = 3'600;

class ReturningClient : public ClientAuthTest {
 protected:
  ReturningClient() {
    fill(keys);
    config.tickets = {
        .enabled = true, .psk_only = false, .lifetime_seconds = kLifetime, .domain = "web+ca"};
    ask(ClientAuthMode::required);
  }
  void at(TlsDriver& server, std::uint64_t unix_ms) {
    server.engine().use_tickets(&keys, {server.now, unix_ms});
  }
  // first_ticket is that of a full handshake at kNow.
  ReceivedTicket first_ticket(const ClientCertificate& shown = certificate()) {
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    at(server, kNow);
    handshake(server, shown);
    EXPECT_TRUE(server.server().is_established());
    EXPECT_FALSE(client->tickets().empty());
    return client->tickets().empty() ? ReceivedTicket{} : client->tickets()[0];
  }
  // come_back resumes as far as the server likes, and says whether it did.
  bool come_back(TlsDriver& server, const ReceivedTicket& ticket, std::uint64_t unix_ms = kNow) {
    client = std::make_unique<ScriptedClient>();
    at(server, unix_ms);
    const auto age = static_cast<std::uint32_t>(unix_ms - kNow);
    server.feed(is_tls13() ? client->resuming_hello(hello(), {{ticket, age}})
                           : client->resuming_hello12(hello(), ticket));
    client->hear(server.take_output());
    if (!server.server().is_resumed()) return false;
    finish(server);
    return true;
  }
  TicketKeys keys;
};
INSTANTIATE_TEST_SUITE_P(Both, ReturningClient, ::testing::Values(true, false), version_name);

TEST_P(ReturningClient, IsKnownWithoutBeingAsked) {
  const ReceivedTicket ticket = first_ticket();
  EXPECT_EQ(ticket.ticket.size(), kNamingTicketLen);
  TlsDriver server{config, jobs};
  ASSERT_TRUE(come_back(server, ticket));
  EXPECT_FALSE(client->heard(HandshakeType::certificate_request));
  EXPECT_EQ(jobs.num_verifications, 1) << "only the first time";
  EXPECT_EQ(server.client().verdict, ClientVerdict::ok);
  EXPECT_EQ(server.client().subject(), "CN=client");
  EXPECT_EQ(server.client().fingerprint, jobs.identity.fingerprint);
  EXPECT_EQ(server.client().not_after, jobs.identity.not_after);
  expect_data_flows(server);
}

TEST_P(ReturningClient, KeepsItsNameThroughTicketsThatFollow) {
  if (!is_tls13()) GTEST_SKIP() << "TLS 1.2 keeps its first ticket";
  ReceivedTicket ticket = first_ticket();
  for (int i = 0; i < 3; ++i) {
    TlsDriver server{config, jobs};
    ASSERT_TRUE(come_back(server, ticket));
    EXPECT_EQ(server.client().subject(), "CN=client");
    ASSERT_FALSE(client->tickets().empty());
    ticket = client->tickets()[0];
  }
}

TEST_P(ReturningClient, WithoutNameComesBackWhereThatIsAllowed) {
  ask(ClientAuthMode::optional);
  const ReceivedTicket ticket = first_ticket(ClientCertificate::none(is_tls13()));
  EXPECT_EQ(ticket.ticket.size(), kNamingTicketLen) << "as long as all others";
  TlsDriver server{config, jobs};
  ASSERT_TRUE(come_back(server, ticket));
  EXPECT_EQ(server.client().verdict, ClientVerdict::none);
  expect_data_flows(server);

  ask(ClientAuthMode::required);
  TlsDriver strict{config, jobs};
  EXPECT_FALSE(come_back(strict, ticket));
  EXPECT_EQ(strict.ticket_refusal(), TicketRefusal::other_client);
  EXPECT_TRUE(client->heard(HandshakeType::certificate_request));
}

TEST_P(ReturningClient, IsAskedAgainWhenWhoIsLetInHasChanged) {
  const ReceivedTicket ticket = first_ticket();
  config.tickets.domain = "web+other ca";
  TlsDriver server{config, jobs};
  EXPECT_FALSE(come_back(server, ticket));
  EXPECT_EQ(server.ticket_refusal(), TicketRefusal::not_authentic);
  EXPECT_TRUE(client->heard(HandshakeType::certificate_request));
}

TEST_P(ReturningClient, OfBeforeClientsWereAskedIsAsked) {
  const ClientAuth wanted = config.client_auth;
  config.client_auth = {};
  const ReceivedTicket ticket = [&] {
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    at(server, kNow);
    begin(server);
    if (!is_tls13()) server.feed(client->client_key_exchange());
    finish(server);
    return client->tickets().at(0);
  }();
  EXPECT_EQ(ticket.ticket.size(), kTicketLen);
  config.client_auth = wanted;
  TlsDriver server{config, jobs};
  EXPECT_FALSE(come_back(server, ticket)) << "even under the same domain";
  EXPECT_EQ(server.ticket_refusal(), TicketRefusal::other_client);
}

// A ticket does not outlive the certificate.
TEST_P(ReturningClient, IsNotLetInBeyondItsCertificate) {
  jobs.identity.not_after = static_cast<std::int64_t>(kNow / 1'000) + 100;
  const ReceivedTicket ticket = first_ticket();
  EXPECT_EQ(ticket.lifetime_seconds, 100U);
  TlsDriver server{config, jobs};
  EXPECT_TRUE(come_back(server, ticket, kNow + 99'000));
  TlsDriver late{config, jobs};
  EXPECT_FALSE(come_back(late, ticket, kNow + 101'000));
  EXPECT_EQ(late.ticket_refusal(), TicketRefusal::expired);
}

TEST_P(ReturningClient, OfACertificateThatEndsNowGetsNoTicket) {
  jobs.identity.not_after = static_cast<std::int64_t>(kNow / 1'000);
  TlsDriver server{config, jobs};
  at(server, kNow);
  handshake(server, certificate());
  EXPECT_TRUE(server.server().is_established());
  if (is_tls13()) {
    EXPECT_TRUE(client->tickets().empty());
  } else {
    // [RFC 5077 3.3] announced, so an empty one takes that back.
    ASSERT_EQ(client->tickets().size(), 1U);
    EXPECT_TRUE(client->tickets()[0].ticket.empty());
  }
  expect_data_flows(server);
}

}  // namespace

}  // namespace sallyport::tls
