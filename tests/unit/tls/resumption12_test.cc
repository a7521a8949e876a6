// Resumption of TLS 1.2 sessions with tickets (RFC 5077), and what the extended master secret asks
// of them (RFC 7627).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/support/tls_client.h"
#include "tests/unit/tls/resumption.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using stats::TicketRefusal;
using testing::Bytes;
using testing::contains;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::ReceivedTicket;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;

class Resumption12 : public Resumption {
 protected:
  // hello asks for a ticket.
  static HelloBuilder hello() {
    return HelloBuilder::tls12().set(ExtensionType::session_ticket, {}).server_name("site.test");
  }

  // complete_full takes a handshake of which the hello was fed to its end.
  void complete_full(TlsDriver& server) {
    client->hear(server.take_output());
    ASSERT_TRUE(client->heard(HandshakeType::server_hello_done));
    EXPECT_TRUE(client->heard(HandshakeType::certificate));
    server.feed(client->client_key_exchange());
    server.feed(kChangeCipherSpec);
    server.feed(client->seal(ContentType::handshake, client->say(client->finished12_message())));
    ASSERT_TRUE(server.server().is_established());
    client->hear(server.take_output());
    talk(server);
  }
  // complete_resumed is the same for the abbreviated handshake.
  void complete_resumed(TlsDriver& server) {
    EXPECT_EQ(server.last().await, Await::peer);
    client->hear(server.take_output());
    EXPECT_TRUE(server.flight_complete());
    EXPECT_FALSE(client->heard(HandshakeType::certificate));
    ASSERT_TRUE(client->heard(HandshakeType::finished));
    EXPECT_FALSE(server.server().is_established());
    server.feed(kChangeCipherSpec);
    server.feed(client->seal(ContentType::handshake, client->say(client->finished12_message())));
    ASSERT_TRUE(server.server().is_established());
    EXPECT_FALSE(server.server().has_output(server.handshake()));
    talk(server);
  }
  ReceivedTicket first_ticket(const HelloBuilder& with = hello()) {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->hello(with));
    complete_full(server);
    EXPECT_EQ(client->tickets().size(), 1U);
    const ReceivedTicket ticket = client->tickets().at(0);
    renew_client();
    return ticket;
  }
  void expect_resumed(TlsDriver& server) {
    complete_resumed(server);
    EXPECT_TRUE(server.server().is_resumed());
    EXPECT_EQ(server.ticket_refusal(), TicketRefusal::none);
  }
  void expect_full(TlsDriver& server, TicketRefusal why) {
    complete_full(server);
    EXPECT_FALSE(server.server().is_resumed());
    EXPECT_EQ(server.ticket_refusal(), why);
    EXPECT_TRUE(client->session_id().empty());
  }
  ReceivedTicket sealed(const std::function<void(SessionState&)>& change) const {
    return seal([&change](SessionState& state) {
      state.version = wire::ProtocolVersion::tls12;
      state.cipher_suite = wire::CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256;
      state.extended_master_secret = true;
      state.secret_len = 48;
      change(state);
    });
  }
};

// [RFC 5077 3.2, 3.3] the server answers an empty extension with its own, and with a ticket.
TEST_F(Resumption12, WhoAsksForATicketGetsOne) {
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->hello(hello()));
  complete_full(server);
  EXPECT_TRUE(client->agreed_on(ExtensionType::session_ticket));
  ASSERT_EQ(client->tickets().size(), 1U);
  EXPECT_EQ(client->tickets()[0].lifetime_seconds, kLifetime);
  EXPECT_EQ(client->tickets()[0].ticket.size(), kTicketLen);
}

TEST_F(Resumption12, WhoDoesNotAskGetsNone) {
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->hello(hello().remove(ExtensionType::session_ticket)));
  complete_full(server);
  EXPECT_FALSE(client->agreed_on(ExtensionType::session_ticket));
  EXPECT_TRUE(client->tickets().empty());
}

TEST_F(Resumption12, WhereThePolicyHasNoTicketsNobodyGetsOne) {
  config.tickets.enabled = false;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->hello(hello()));
  complete_full(server);
  EXPECT_FALSE(client->agreed_on(ExtensionType::session_ticket));
  EXPECT_TRUE(client->tickets().empty());
}

// [RFC 7627 5.4] without the extended master secret there is no safe resumption, so no ticket.
TEST_F(Resumption12, WithoutExtendedMasterSecretThereIsNoTicket) {
  TlsDriver server{config, jobs};
  at(server);
  client->extended_master_secret = false;
  server.feed(client->hello(hello().remove(ExtensionType::extended_master_secret)));
  complete_full(server);
  EXPECT_FALSE(client->agreed_on(ExtensionType::session_ticket));
  EXPECT_TRUE(client->tickets().empty());
}

TEST_F(Resumption12, ATicketSparesCertificateAndJobs) {
  const ReceivedTicket ticket = first_ticket();
  const int jobs_before = jobs.num_jobs;
  TlsDriver server{config, jobs};
  at(server, kNow + 1'000);
  server.feed(client->resuming_hello12(hello(), ticket));
  expect_resumed(server);
  EXPECT_EQ(jobs.num_jobs, jobs_before);
  EXPECT_TRUE(client->agreed_on(ExtensionType::extended_master_secret));
  EXPECT_TRUE(client->agreed_on(ExtensionType::renegotiation_info));
}

// The secret stays the same, so a session that was renewed would never end.
TEST_F(Resumption12, AResumedSessionKeepsItsTicket) {
  const ReceivedTicket ticket = first_ticket();
  for (int i = 0; i < 3; ++i) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(hello(), ticket));
    expect_resumed(server);
    EXPECT_FALSE(client->agreed_on(ExtensionType::session_ticket));
    EXPECT_TRUE(client->tickets().empty());
  }
}

// [RFC 5077 3.4] the session_id is how a client may recognise that its ticket was accepted.
TEST_F(Resumption12, TheSessionIdComesBackOnlyWithResumption) {
  const ReceivedTicket ticket = first_ticket();
  for (const std::size_t len : {0U, 1U, 16U, 32U}) {
    renew_client();
    HelloBuilder with_id = hello();
    with_id.session_id = Bytes(len, 0x5d);
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(with_id, ticket));
    expect_resumed(server);
    EXPECT_EQ(client->session_id(), with_id.session_id);
  }
  renew_client();
  HelloBuilder with_id = hello();
  with_id.session_id = Bytes(32, 0x5d);
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->hello(with_id));
  expect_full(server, TicketRefusal::none);
}

TEST_F(Resumption12, WorksWithEveryCipherSuite) {
  for (const std::uint16_t suite :
       std::initializer_list<std::uint16_t>{0xc02b, 0xc02f, 0xc030, 0xcca8}) {
    HelloBuilder only = hello();
    only.cipher_suites = {suite};
    const ReceivedTicket ticket = first_ticket(only);
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(only, ticket));
    expect_resumed(server);
    renew_client();
  }
}

// [RFC 6066 3] the name is not confirmed again.
TEST_F(Resumption12, ServerHelloOfAResumedSessionIsSilentAboutTheName) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello(), ticket));
  expect_resumed(server);
  EXPECT_FALSE(client->agreed_on(ExtensionType::server_name));
}

TEST_F(Resumption12, AgreesOnAProtocolAgain) {
  config.alpn_protocols = {"h2", "http/1.1"};
  const HelloBuilder with = hello().alpn({"http/1.1"});
  const ReceivedTicket ticket = first_ticket(with);
  {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(with, ticket));
    expect_resumed(server);
    EXPECT_EQ(server.server().alpn(), 1);
    EXPECT_TRUE(client->agreed_on(ExtensionType::application_layer_protocol_negotiation));
  }
  renew_client();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello().alpn({"h2"}), ticket));
  expect_full(server, TicketRefusal::other_name);
}

TEST_F(Resumption12, ATicketThatIsNoneOfOursMakesAFullHandshakeAndABetterTicket) {
  ReceivedTicket strange;
  for (const std::size_t len : {1UL, 16UL, kTicketLen, kTicketLen + 1, 2'000UL}) {
    renew_client();
    strange.ticket = Bytes(len, 0x99);
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(hello(), strange));
    expect_full(server, TicketRefusal::unknown_key);
    EXPECT_EQ(client->tickets().size(), 1U);
  }
}

TEST_F(Resumption12, ATicketOfAnotherListenerMakesAFullHandshake) {
  const ReceivedTicket ticket = first_ticket();
  config.tickets.domain = "mail";
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello(), ticket));
  expect_full(server, TicketRefusal::not_authentic);
}

TEST_F(Resumption12, ATicketOfAnotherServerNameMakesAFullHandshake) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello().server_name("other.test"), ticket));
  expect_full(server, TicketRefusal::other_name);
}

TEST_F(Resumption12, AnotherCipherSuiteMakesAFullHandshake) {
  const ReceivedTicket ticket = first_ticket();
  HelloBuilder other = hello();
  other.cipher_suites = {0xc02f};
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(other, ticket));
  expect_full(server, TicketRefusal::other_cipher_suite);
}

TEST_F(Resumption12, ATicketLivesAsLongAsItsLifetimeAndNoLonger) {
  const ReceivedTicket ticket = first_ticket();
  {
    TlsDriver server{config, jobs};
    at(server, kNow + kLifetime * 1'000);
    server.feed(client->resuming_hello12(hello(), ticket));
    expect_resumed(server);
  }
  renew_client();
  TlsDriver server{config, jobs};
  at(server, kNow + kLifetime * 1'000 + 1);
  server.feed(client->resuming_hello12(hello(), ticket));
  expect_full(server, TicketRefusal::expired);
}

TEST_F(Resumption12, AStateThatDoesNotFitMakesAFullHandshake) {
  struct Case {
    TicketRefusal why;
    std::function<void(SessionState&)> change;
  };
  const std::vector<Case> cases{
      {TicketRefusal::other_version,
       [](SessionState& s) { s.version = wire::ProtocolVersion::tls13; }},
      {TicketRefusal::other_cipher_suite, [](SessionState& s) { s.secret_len = 32; }},
      {TicketRefusal::other_master_secret,
       [](SessionState& s) { s.extended_master_secret = false; }},
      {TicketRefusal::other_name, [](SessionState& s) { s.binding[0] ^= 1; }},
  };
  for (const Case& c : cases) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello12(hello(), sealed(c.change)));
    expect_full(server, c.why);
  }
}

// [RFC 7627 5.3] the session had the extended master secret, the hello does not offer it.
TEST_F(Resumption12, DroppingTheExtendedMasterSecretEndsTheHandshake) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(
      client->resuming_hello12(hello().remove(ExtensionType::extended_master_secret), ticket));
  client->hear(server.take_output());
  EXPECT_EQ(server.last().failure, HandshakeFailure::no_extended_master_secret);
  EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(AlertDescription::handshake_failure));
  EXPECT_EQ(server.handshake(), nullptr);
}

// [RFC 7627 5.3] the session had none, but the hello offers it: a full handshake, which has it.
TEST_F(Resumption12, ASessionWithoutExtendedMasterSecretIsNotResumed) {
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(
      hello(), sealed([](SessionState& s) { s.extended_master_secret = false; })));
  expect_full(server, TicketRefusal::other_master_secret);
  EXPECT_TRUE(client->agreed_on(ExtensionType::extended_master_secret));
}

// [RFC 8446 4.2.11] a TLS 1.3 handshake does not look at the tickets of TLS 1.2.
TEST_F(Resumption12, Tls13TakesNoTicketFromTheOldExtension) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(
      client->hello(HelloBuilder::tls13().set(ExtensionType::session_ticket, ticket.ticket)));
  client->hear(server.take_output());
  server.feed(client->finish());
  EXPECT_TRUE(server.server().is_established());
  EXPECT_FALSE(server.server().is_resumed());
}

// [RFC 8446 4.1.3] the mark of a downgrade stands in a resumed handshake too.
TEST_F(Resumption12, MarksADowngrade) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello(), ticket));
  const Bytes flight = server.take_output();
  const auto random = ByteView{flight}.subspan(5 + 4 + 2, 32);
  EXPECT_TRUE(std::ranges::equal(random.last(8), wire::kDowngradeToTls12));
}

class WrongStep12 : public Resumption12 {
 protected:
  // resuming has said hello and heard our Finished.
  void resuming(TlsDriver& server) {
    at(server);
    server.feed(client->resuming_hello12(hello(), ticket_));
    client->hear(server.take_output());
    ASSERT_TRUE(client->heard(HandshakeType::finished));
  }
  void expect_failure(TlsDriver& server, HandshakeFailure why, AlertDescription alert) {
    client->hear(server.take_output());
    EXPECT_EQ(server.last().failure, why);
    EXPECT_EQ(server.last().alert, alert);
    EXPECT_EQ(server.handshake(), nullptr);
  }
  ReceivedTicket ticket_ = first_ticket();
};

// [RFC 5246 7.3] ChangeCipherSpec is next, nothing else.
TEST_F(WrongStep12, FinishedWithoutChangeCipherSpec) {
  TlsDriver server{config, jobs};
  resuming(server);
  server.feed(testing::record(ContentType::handshake, client->finished12_message()));
  expect_failure(server, HandshakeFailure::unexpected_message,
                 AlertDescription::unexpected_message);
}

TEST_F(WrongStep12, ClientKeyExchangeInAResumedHandshake) {
  TlsDriver server{config, jobs};
  resuming(server);
  server.feed(
      testing::record(ContentType::handshake,
                      testing::message(HandshakeType::client_key_exchange, Bytes{32, 1, 2, 3})));
  expect_failure(server, HandshakeFailure::unexpected_message,
                 AlertDescription::unexpected_message);
}

TEST_F(WrongStep12, ApplicationDataBeforeFinished) {
  TlsDriver server{config, jobs};
  resuming(server);
  server.feed(kChangeCipherSpec);
  server.feed(client->seal(ContentType::application_data, {1}));
  expect_failure(server, HandshakeFailure::unexpected_message,
                 AlertDescription::unexpected_message);
}

// [RFC 5246 7.4.9]
TEST_F(WrongStep12, FinishedOverAnotherTranscript) {
  TlsDriver server{config, jobs};
  resuming(server);
  server.feed(kChangeCipherSpec);
  Bytes finished = client->finished12_message();
  finished.back() ^= 1;
  server.feed(client->seal(ContentType::handshake, finished));
  expect_failure(server, HandshakeFailure::bad_finished, AlertDescription::decrypt_error);
}

TEST_F(WrongStep12, ATicketWithoutItsMasterSecretOpensNothing) {
  ticket_.secret[0] ^= 1;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello(), ticket_));
  client->hear(server.take_output());
  EXPECT_FALSE(client->heard(HandshakeType::finished));
  server.feed(kChangeCipherSpec);
  server.feed(client->seal(ContentType::handshake, client->finished12_message()));
  expect_failure(server, HandshakeFailure::bad_record_mac, AlertDescription::bad_record_mac);
}

TEST_F(Resumption12, LeavesNoSecretInTheHandshakesMemory) {
  const ReceivedTicket ticket = first_ticket();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello12(hello(), ticket));
  EXPECT_TRUE(contains(server.handshake_memory(), ticket.secret));
  expect_resumed(server);
  EXPECT_FALSE(contains(server.handshake_memory(), ticket.secret));
}

}  // namespace
}  // namespace sallyport::tls
