// Sessions that a server of TLS 1.2 keeps itself, under an ID (RFC 5246 7.3): what Client keeps of
// them, and how it comes back.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/tls_client_driver.h"
#include "tests/support/tls_server.h"
#include "tests/unit/tls/client_start12.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::Bytes;
using testing::FakeJobs;
using testing::message;
using testing::ScriptedServer;
using testing::ServerHelloBuilder;
using testing::TlsClientDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using wire::ProtocolVersion;

constexpr std::uint64_t kNow = 1'800'000'000'000;
constexpr std::uint64_t kDay = 86'400'000;
const Bytes kId = Bytes(32, 0x1d);
const Bytes kOtherId = Bytes(16, 0x2d);

class ClientSessionIds : public ::testing::Test {
 protected:
  [[nodiscard]] static ServerHelloBuilder hello(const Bytes& id) {
    ServerHelloBuilder builder = ServerHelloBuilder::tls12();
    builder.session_id = id;
    return builder;
  }
  [[nodiscard]] static ServerHelloBuilder hello_with_ticket(const Bytes& id) {
    return hello(id).add(ExtensionType::session_ticket, {});
  }
  // end is what follows start12().
  static void end(TlsClientDriver& client, ScriptedServer& server) {
    client.feed(server.change_cipher_spec());
    client.feed(server.finish());
    ASSERT_TRUE(client.client().is_established());
  }
  // hello_of is what a client of this session says first.
  [[nodiscard]] Bytes hello_of(const ClientSession& session, std::uint64_t unix_ms = kNow) {
    TlsClientDriver client{config, jobs, {.unix_ms = unix_ms, .session = &session}};
    ScriptedServer server;
    server.hear(client.take_output());
    return server.hello_heard();
  }
  [[nodiscard]] bool is_shown(const ClientSession& session, std::uint64_t unix_ms = kNow) {
    const Bytes bytes = hello_of(session, unix_ms);
    const auto hello = wire::parse_client_hello(bytes);
    return hello && std::ranges::equal(hello->legacy_session_id, session.session_id_bytes());
  }
  // make_session gives what the client keeps of a full handshake that leaves `id`.
  void make_session(ClientSession& session, const Bytes& id) {
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    start12(server, client, hello(id));
    end(client, server);
    ASSERT_TRUE(client.saw(Event::session));
    ASSERT_TRUE(std::ranges::equal(client.session().secret_bytes(), server.master12()));
    session.take_over(client.session());
  }

  ClientConfig config = testing::test_client_config();
  FakeJobs jobs;
};

TEST_F(ClientSessionIds, AreKeptForADay) {  // [RFC 5246 F.1.4]
  ClientSession session;
  make_session(session, kId);
  EXPECT_EQ(session.version, ProtocolVersion::tls12);
  EXPECT_TRUE(std::ranges::equal(session.session_id_bytes(), kId));
  EXPECT_TRUE(session.ticket_bytes().empty());
  session.chain_expires_ms = kNow + 2 * kDay;
  EXPECT_TRUE(is_shown(session, kNow + kDay - 1));
  EXPECT_FALSE(is_shown(session, kNow + kDay));
  // The certificate that vouched for the server may end before.
  session.chain_expires_ms = kNow + 1'000;
  EXPECT_TRUE(is_shown(session, kNow + 999));
  EXPECT_FALSE(is_shown(session, kNow + 1'000));
}

TEST_F(ClientSessionIds, AreShownWithoutATicket) {
  ClientSession session;
  make_session(session, kId);
  for (const bool tls13 : {true, false}) {
    config.tls13 = tls13;
    const Bytes bytes = hello_of(session);
    const auto hello = wire::parse_client_hello(bytes);
    ASSERT_TRUE(hello);
    EXPECT_TRUE(std::ranges::equal(hello->legacy_session_id, kId));
    // [RFC 5077 3.4] empty: one is welcome.
    EXPECT_TRUE(hello->offers(ExtensionType::session_ticket));
    EXPECT_TRUE(hello->session_ticket.empty());
    EXPECT_FALSE(hello->offers(ExtensionType::pre_shared_key));
  }
  config.tls12 = false;
  config.tls13 = true;
  EXPECT_FALSE(is_shown(session)) << "it is of another version";
}

TEST_F(ClientSessionIds, AreResumedUnderTheOldMasterSecret) {
  for (const Bytes& kept : {kId, kOtherId, Bytes{0x31}}) {
    ClientSession session;
    make_session(session, kept);
    jobs.num_verifications = 0;
    TlsClientDriver client{config, jobs, {.seed = 3, .session = &session}};
    ScriptedServer server;
    server.hear(client.take_output());
    client.feed(server.resume12(hello(kept), session.secret_bytes()));
    client.feed(server.change_cipher_spec());
    client.feed(server.finish());
    EXPECT_TRUE(client.client().is_established());
    EXPECT_TRUE(client.client().is_resumed());
    EXPECT_FALSE(client.saw(Event::session)) << "the old one is still good";
    EXPECT_EQ(jobs.num_verifications, 0);
    server.hear(client.take_output());
    EXPECT_TRUE(server.heard(HandshakeType::finished));
  }
}

TEST_F(ClientSessionIds, MayTurnIntoTickets) {
  ClientSession session;
  make_session(session, kId);
  TlsClientDriver client{config, jobs, {.seed = 3, .session = &session}};
  ScriptedServer server;
  server.hear(client.take_output());
  client.feed(server.resume12(hello_with_ticket(kId), session.secret_bytes()));
  client.feed(server.say(ScriptedServer::ticket12()));
  client.feed(server.change_cipher_spec());
  client.feed(server.finish());
  ASSERT_TRUE(client.client().is_resumed());
  ASSERT_TRUE(client.saw(Event::session));
  EXPECT_FALSE(client.session().ticket_bytes().empty());
  EXPECT_TRUE(client.session().session_id_bytes().empty());
}

TEST_F(ClientSessionIds, ThatTheServerHasForgottenGiveWayToNewOnes) {
  ClientSession session;
  make_session(session, kId);
  TlsClientDriver client{config, jobs, {.seed = 3, .session = &session}};
  ScriptedServer server;
  start12(server, client, hello(kOtherId));
  end(client, server);
  EXPECT_FALSE(client.client().is_resumed());
  ASSERT_TRUE(client.saw(Event::session));
  EXPECT_TRUE(std::ranges::equal(client.session().session_id_bytes(), kOtherId));
}

// [RFC 5077 3.3] An announced ticket may be empty: none after all.
TEST_F(ClientSessionIds, StandInForATicketThatIsOfNoUse) {
  for (const std::size_t len : {std::size_t{0}, std::size_t{1}, std::size_t{9'000}}) {
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    start12(server, client, hello_with_ticket(kId));
    client.feed(server.say(ScriptedServer::ticket12(Bytes(len, 1))));
    end(client, server);
    ASSERT_TRUE(client.saw(Event::session));
    EXPECT_EQ(client.session().ticket_bytes().size(), len == 1 ? 1U : 0U);
    EXPECT_EQ(client.session().session_id_bytes().size(), len == 1 ? 0U : kId.size());
  }
}

TEST_F(ClientSessionIds, AreNotKeptWhereThereIsNone) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  start12(server, client, hello({}));
  end(client, server);
  EXPECT_FALSE(client.saw(Event::session));
}

TEST_F(ClientSessionIds, AreNotKeptOfAServerWithoutFinished) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  start12(server, client, hello(kId));
  client.feed(server.change_cipher_spec());
  client.feed(server.put(ContentType::handshake, message(HandshakeType::finished, Bytes(12, 9))));
  EXPECT_EQ(client.last().failure, HandshakeFailure::bad_finished);
  EXPECT_FALSE(client.saw(Event::session));
  EXPECT_EQ(client.session().version, ProtocolVersion::none);
}

TEST_F(ClientSessionIds, AreResumedUnderTheirSuiteAlone) {  // [RFC 5246 7.4.1.3]
  ClientSession session;
  make_session(session, kId);
  TlsClientDriver client{config, jobs, {.seed = 3, .session = &session}};
  ScriptedServer server;
  server.hear(client.take_output());
  ServerHelloBuilder other_suite = hello(kId);
  other_suite.cipher_suite = 0xc02c;
  client.feed(server.hello(other_suite));
  EXPECT_EQ(client.last().failure, HandshakeFailure::illegal_parameter);
  EXPECT_EQ(client.last().alert, AlertDescription::illegal_parameter);
}

}  // namespace
}  // namespace sallyport::tls
