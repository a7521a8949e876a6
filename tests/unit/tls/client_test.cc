// Our client against our server, against servers that are honest but unusual, and what it lends and
// gives back.
#include "lib/tls/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/support/hex.h"
#include "tests/support/tls_client_driver.h"
#include "tests/support/tls_server.h"
#include "tests/unit/tls/client_start12.h"
#include "tests/unit/tls/ticket_keys.h"

namespace sallyport::tls {
namespace {

using crypto::NamedGroup;
using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::contains;
using testing::FakeJobs;
using testing::message;
using testing::record;
using testing::ScriptedServer;
using testing::ServerHelloBuilder;
using testing::TlsClientDriver;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using wire::ProtocolVersion;

constexpr std::uint64_t kNow = 1'800'000'000'000;

// connect runs the handshake to its end; true when both sides are content.
bool connect(TlsClientDriver& client, TlsDriver& server) {
  for (int round = 0; round < 6; ++round) {
    server.feed(client.take_output());
    client.feed(server.take_output());
  }
  return client.client().is_established() && server.server().is_established();
}

void talk(TlsClientDriver& client, TlsDriver& server) {
  server.feed(client.send(bytes_of("up")));
  EXPECT_EQ(server.application_data(), (Bytes{'u', 'p'}));
  client.feed(server.send(bytes_of("down")));
  EXPECT_EQ(client.application_data(), (Bytes{'d', 'o', 'w', 'n'}));
  EXPECT_EQ(client.handshake(), nullptr);
  EXPECT_EQ(server.handshake(), nullptr);
  EXPECT_FALSE(client.holds_verify_job());
  client.client().close();
  server.feed(client.take_output());
  EXPECT_TRUE(server.server().peer_closed());
  server.server().close();
  client.feed(server.take_output());
  EXPECT_TRUE(client.client().peer_closed());
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    fill(keys);
    server_config.tickets = {
        .enabled = true, .psk_only = false, .lifetime_seconds = 3'600, .domain = "web"};
  }
  // with_tickets gives the server its keys and the time.
  void with_tickets(TlsDriver& server, std::uint64_t unix_ms = kNow) {
    server.engine().use_tickets(&keys, {server.now, unix_ms});
  }
  void only(ProtocolVersion version) {
    config.tls12 = version == ProtocolVersion::tls12;
    config.tls13 = version == ProtocolVersion::tls13;
  }
  // establish13 takes a scripted server to the end of a handshake.
  void establish13(ScriptedServer& server, TlsClientDriver& client) {
    server.hear(client.take_output());
    client.feed(server.hello(ServerHelloBuilder::tls13()));
    client.feed(server.say(ScriptedServer::encrypted_extensions()));
    client.feed(server.say(ScriptedServer::certificate13()));
    client.feed(server.say(ScriptedServer::certificate_verify()));
    client.feed(server.finish());
    server.hear(client.take_output());
    ASSERT_TRUE(client.client().is_established());
  }

  // share_of is the share of a group in the ClientHello that the server has heard last.
  static Bytes share_of(const ScriptedServer& server, std::uint16_t group) {
    const auto hello = wire::parse_client_hello(server.hello_heard());
    if (!hello) return {};
    const ByteView share = hello->key_share_of(group);
    return {share.begin(), share.end()};
  }

  ServerConfig server_config = testing::test_config();
  ClientConfig config = testing::test_client_config();
  TicketKeys keys;
  FakeJobs jobs;
};

constexpr ProtocolVersion kVersions[] = {ProtocolVersion::tls13, ProtocolVersion::tls12};

TEST_F(ClientTest, AndServerUnderstandEachOther) {
  for (const ProtocolVersion version : kVersions) {
    for (const std::size_t piece : {kMaxRecord, std::size_t{60}}) {
      only(version);
      TlsClientDriver client{config, jobs, {.piece_len = piece, .room = 200}};
      TlsDriver server{server_config, jobs, {.piece_len = piece, .room = 200}};
      ASSERT_TRUE(connect(client, server)) << int(client.last().alert);
      EXPECT_EQ(client.client().version(), version);
      EXPECT_EQ(client.client().cipher_suite(), server.server().cipher_suite());
      talk(client, server);
    }
  }
}

TEST_F(ClientTest, TakesTheNewerVersionAndSeesADowngrade) {
  {
    TlsClientDriver client{config, jobs};
    TlsDriver server{server_config, jobs};
    ASSERT_TRUE(connect(client, server));
    EXPECT_EQ(client.client().version(), ProtocolVersion::tls13);
  }
  // [RFC 8446 4.1.3] Somebody takes supported_versions out of the ClientHello: rename it.
  TlsClientDriver client{config, jobs};
  TlsDriver server{server_config, jobs};
  Bytes hello = client.take_output();
  const Bytes versions{0, 43, 0, 5, 4, 3, 4, 3, 3};
  const auto at = std::ranges::search(hello, versions);
  ASSERT_FALSE(at.empty());
  at[0] = 0xfa;
  server.feed(hello);
  client.feed(server.take_output());
  EXPECT_EQ(client.last().failure, HandshakeFailure::downgraded);
  EXPECT_EQ(client.last().alert, AlertDescription::illegal_parameter);
}

TEST_F(ClientTest, IsAskedForAnotherShare) {  // [RFC 8446 4.1.4]
  server_config.groups = {NamedGroup::secp256r1};
  TlsClientDriver client{config, jobs};
  TlsDriver server{server_config, jobs};
  ASSERT_TRUE(connect(client, server)) << int(client.last().alert);
  EXPECT_TRUE(client.saw(Event::hello_retry));
  EXPECT_TRUE(server.saw(Event::hello_retry));
  talk(client, server);
}

TEST_F(ClientTest, ResumesInBothVersions) {
  for (const ProtocolVersion version : kVersions) {
    for (const bool retried : {false, true}) {
      only(version);
      config.groups = {NamedGroup::x25519, NamedGroup::secp256r1};
      server_config.groups = {retried ? NamedGroup::secp256r1 : NamedGroup::x25519};
      jobs.num_verifications = 0;
      TlsClientDriver first{config, jobs};
      {
        TlsDriver server{server_config, jobs};
        with_tickets(server);
        ASSERT_TRUE(connect(first, server));
        ASSERT_TRUE(first.saw(Event::session));
        EXPECT_EQ(jobs.num_verifications, 1);
      }
      TlsClientDriver second{
          config, jobs, {.seed = 3, .unix_ms = kNow + 5'000, .session = &first.session()}};
      TlsDriver server{server_config, jobs};
      with_tickets(server, kNow + 5'000);
      ASSERT_TRUE(connect(second, server)) << int(second.last().alert);
      EXPECT_TRUE(second.client().is_resumed());
      EXPECT_TRUE(server.server().is_resumed());
      EXPECT_FALSE(server.saw(Event::ticket_age));
      EXPECT_EQ(jobs.num_verifications, 1);
      EXPECT_EQ(second.saw(Event::hello_retry), retried && version == ProtocolVersion::tls13);
      talk(second, server);
    }
  }
}

// Selfie: what we say as a client of a backend comes back to us as a server.
TEST_F(ClientTest, ResumesNothingWithAServerOfOursThatItsHelloIsSentTo) {
  TicketKeys of_backend;
  fill(of_backend.current, 0x51);
  for (const ProtocolVersion version : kVersions) {
    only(version);
    TlsClientDriver first{config, jobs};
    TlsDriver backend{server_config, jobs};
    backend.engine().use_tickets(&of_backend, {backend.now, kNow});
    ASSERT_TRUE(connect(first, backend));
    ASSERT_TRUE(first.saw(Event::session));
    jobs.num_verifications = 0;
    TlsClientDriver second{config, jobs, {.seed = 3, .session = &first.session()}};
    TlsDriver ours{server_config, jobs};
    with_tickets(ours);
    ASSERT_TRUE(connect(second, ours));
    EXPECT_FALSE(ours.server().is_resumed());
    EXPECT_EQ(ours.ticket_refusal(), stats::TicketRefusal::unknown_key);
    // So we show a certificate, and that is not the backend's.
    EXPECT_EQ(jobs.num_verifications, 1);
  }
}

TEST_F(ClientTest, ShowsNoSessionThatHasRunOut) {
  const auto offers_session = [this](ClientSession& session, std::uint64_t unix_ms) {
    TlsClientDriver client{config, jobs, {.unix_ms = unix_ms, .session = &session}};
    ScriptedServer server;
    server.hear(client.take_output());
    const auto hello = wire::parse_client_hello(server.hello_heard());
    return hello &&
           (hello->offers(ExtensionType::pre_shared_key) || !hello->session_ticket.empty());
  };
  for (const ProtocolVersion version : kVersions) {
    only(version);
    TlsClientDriver first{config, jobs};
    TlsDriver server{server_config, jobs};
    with_tickets(server);
    ASSERT_TRUE(connect(first, server));
    ClientSession& session = first.session();
    EXPECT_TRUE(offers_session(session, kNow + 3'599'000));
    EXPECT_FALSE(offers_session(session, kNow + 3'600'000));
    // The certificate that vouched for the server may end before the ticket does.
    session.chain_expires_ms = kNow + 1'000;
    EXPECT_FALSE(offers_session(session, kNow + 1'000));
    session.chain_expires_ms = kNow + 10'000'000;
    session.authority = {1, 2};  // somebody else vouches now
    EXPECT_FALSE(offers_session(session, kNow));
    session.authority = config.authority;
    EXPECT_TRUE(offers_session(session, kNow));
    only(version == ProtocolVersion::tls13 ? ProtocolVersion::tls12 : ProtocolVersion::tls13);
    EXPECT_FALSE(offers_session(session, kNow));
  }
}

TEST_F(ClientTest, KeepsATicketForAWeekAtMost) {  // [RFC 8446 4.6.1]
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  establish13(server, client);
  client.feed(
      server.put(ContentType::handshake, ScriptedServer::ticket13(Bytes(100, 1), 0xffff'ffff)));
  ASSERT_TRUE(client.saw(Event::session));
  EXPECT_EQ(client.session().expires_ms, kNow + 604'800'000);
  EXPECT_EQ(client.num_sessions(), 1);
  // A lifetime of zero: thrown away at once.
  client.feed(server.put(ContentType::handshake, ScriptedServer::ticket13(Bytes(100, 1), 0)));
  EXPECT_EQ(client.num_sessions(), 1);
}

TEST_F(ClientTest, PassesOverTicketsThatAreTooLongOrInPieces) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  establish13(server, client);
  const Bytes longest = ScriptedServer::ticket13(Bytes(ClientSession::kMaxTicket, 1));
  client.feed(server.put(ContentType::handshake, longest));
  EXPECT_EQ(client.num_sessions(), 1);
  client.feed(server.put(ContentType::handshake,
                         ScriptedServer::ticket13(Bytes(ClientSession::kMaxTicket + 1, 1))));
  client.feed(server.put(ContentType::handshake, ScriptedServer::ticket13(Bytes(9'000, 1))));
  const Bytes ticket = ScriptedServer::ticket13();
  const auto cut = ticket.begin() + 20;
  client.feed(server.put(ContentType::handshake, {ticket.begin(), cut}));
  client.feed(server.put(ContentType::handshake, {cut, ticket.end()}));
  EXPECT_EQ(client.num_sessions(), 1);
  ASSERT_FALSE(client.last().failed());
  // Two in one record, and a KeyUpdate behind them.
  Bytes several = ticket;
  append(several, ticket);
  append(several, message(HandshakeType::key_update, {1}));
  client.feed(server.put(ContentType::handshake, several));
  server.update_write_keys();
  EXPECT_EQ(client.num_sessions(), 2);  // two tickets, one call
  EXPECT_TRUE(client.saw(Event::key_updated));
  client.feed(server.put(ContentType::application_data, {7}));
  EXPECT_EQ(client.application_data(), (Bytes{7}));
  server.hear(client.take_output());
  EXPECT_TRUE(server.heard(HandshakeType::key_update));
  server.hear(client.send(bytes_of("after")));
  EXPECT_EQ(server.data().size(), 5U);
}

TEST_F(ClientTest, LooksAtSoManyTicketsAndNoMore) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  establish13(server, client);
  for (int i = 0; i < 40; ++i) {
    client.feed(server.put(ContentType::handshake, ScriptedServer::ticket13()));
  }
  EXPECT_EQ(client.num_sessions(), 16);
  EXPECT_FALSE(client.last().failed());
}

TEST_F(ClientTest, OfTls12PassesOverATicketThatIsTooLong) {  // [RFC 5077 3.3]
  for (const std::size_t len : {std::size_t{100}, std::size_t{2'048}, std::size_t{9'000}}) {
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    start12(server, client, ServerHelloBuilder::tls12().add(ExtensionType::session_ticket, {}));
    const Bytes ticket = ScriptedServer::ticket12(Bytes(len, 1));
    const Bytes record = server.say(ticket);
    client.feed(record);
    client.feed(server.change_cipher_spec());
    client.feed(server.finish());
    ASSERT_TRUE(client.client().is_established()) << len;
    EXPECT_EQ(client.saw(Event::session), len <= ClientSession::kMaxTicket) << len;
  }
}

TEST_F(ClientTest, OfTls12KeepsNoTicketOfAServerWithoutFinished) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  start12(server, client, ServerHelloBuilder::tls12().add(ExtensionType::session_ticket, {}));
  client.feed(server.say(ScriptedServer::ticket12()));
  client.feed(server.change_cipher_spec());
  client.feed(server.put(ContentType::handshake, message(HandshakeType::finished, Bytes(12, 9))));
  EXPECT_EQ(client.last().failure, HandshakeFailure::bad_finished);
  EXPECT_FALSE(client.saw(Event::session));
  EXPECT_EQ(client.session().version, ProtocolVersion::none);
}

TEST_F(ClientTest, SendsACookieBack) {  // [RFC 8446 4.2.2]
  for (const std::uint16_t group : {std::uint16_t{0x0017}, std::uint16_t{0}}) {
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    server.hear(client.take_output());
    const Bytes first_share = share_of(server, 0x001d);
    ServerHelloBuilder retry = ServerHelloBuilder::retry(group);
    retry.add(ExtensionType::cookie, {0, 3, 'c', 'o', 'k'});
    client.feed(server.retry(retry));
    server.hear(client.take_output());
    const auto hello = wire::parse_client_hello(server.hello_heard());
    ASSERT_TRUE(hello);
    EXPECT_TRUE(std::ranges::equal(hello->cookie, bytes_of("cok")));
    EXPECT_EQ(server.change_cipher_specs(), 1);  // [RFC 8446 D.4]
    if (group == 0) {
      EXPECT_EQ(share_of(server, 0x001d), first_share);
      client.feed(server.hello(ServerHelloBuilder::tls13()));
    } else {
      EXPECT_EQ(share_of(server, 0x0017).size(), 65U);
      ServerHelloBuilder second = ServerHelloBuilder::tls13();
      Bytes point(65, 4);
      client.feed(server.hello(second.share(0x0017, point)));
    }
    client.feed(server.say(ScriptedServer::encrypted_extensions()));
    EXPECT_FALSE(client.last().failed());
  }
}

TEST_F(ClientTest, ReadsAFlightOfTls12InOneRecord) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  Bytes flight;
  for (const Bytes& one :
       {server.hello(ServerHelloBuilder::tls12()), server.say(ScriptedServer::certificate12()),
        server.say(ScriptedServer::key_exchange()), server.say(ScriptedServer::request12()),
        server.say(ScriptedServer::hello_done())}) {
    append(flight, ByteView{one}.subspan(kRecordHeader));
  }
  client.feed(record(ContentType::handshake, flight));
  server.hear(client.take_output());
  EXPECT_TRUE(server.heard(HandshakeType::certificate));  // which is empty
  client.feed(server.change_cipher_spec());
  client.feed(server.finish());
  EXPECT_TRUE(client.client().is_established());
}

TEST_F(ClientTest, PassesOverTheGroupsOfAServerOfTls12) {
  config.tls13 = false;
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  start12(server, client,
          ServerHelloBuilder::tls12().add(ExtensionType::supported_groups, {0, 2, 0, 0x17}));
  client.feed(server.change_cipher_spec());
  client.feed(server.finish());
  EXPECT_TRUE(client.client().is_established());
}

TEST_F(ClientTest, AnswersARequestForACertificateWithNone) {  // [RFC 8446 4.4.2]
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  client.feed(server.hello(ServerHelloBuilder::tls13()));
  client.feed(server.say(ScriptedServer::encrypted_extensions()));
  client.feed(server.say(ScriptedServer::request13()));
  client.feed(server.say(ScriptedServer::certificate13()));
  client.feed(server.say(ScriptedServer::certificate_verify()));
  client.feed(server.finish());
  server.hear(client.take_output());
  EXPECT_TRUE(server.heard(HandshakeType::certificate));
  EXPECT_TRUE(server.heard(HandshakeType::finished));
  server.hear(client.send(bytes_of("x")));
  EXPECT_EQ(server.data().size(), 1U);
}

TEST_F(ClientTest, IgnoresHelloRequests) {  // [RFC 5246 7.4.1.1]
  const Bytes request = message(HandshakeType::hello_request, {});
  config.tls13 = false;
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  client.feed(Bytes{});
  server.hear(client.take_output());
  client.feed(server.put(ContentType::handshake, request));
  client.feed(server.hello(ServerHelloBuilder::tls12()));
  client.feed(server.put(ContentType::handshake, request));
  client.feed(server.say(ScriptedServer::certificate12()));
  client.feed(server.say(ScriptedServer::key_exchange()));
  client.feed(server.say(ScriptedServer::hello_done()));
  server.hear(client.take_output());
  client.feed(server.change_cipher_spec());
  client.feed(server.finish());
  ASSERT_TRUE(client.client().is_established());
  client.feed(server.put(ContentType::handshake, request));
  EXPECT_FALSE(client.last().failed());
  client.feed(server.put(ContentType::application_data, {1}));
  EXPECT_EQ(client.application_data().size(), 1U);
}

TEST_F(ClientTest, IgnoresChangeCipherSpecOfTls13) {  // [RFC 8446 5]
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  client.feed(server.hello(ServerHelloBuilder::tls13()));
  client.feed(testing::kChangeCipherSpec);
  client.feed(server.say(ScriptedServer::encrypted_extensions()));
  client.feed(testing::kChangeCipherSpec);
  EXPECT_FALSE(client.last().failed());
}

TEST_F(ClientTest, SaysNothingUnderKeysBeforeTheServerIsVerified) {
  for (const ProtocolVersion version : kVersions) {
    only(version);
    TlsClientDriver client{config, jobs, {.run_verifications = false}};
    TlsDriver server{server_config, jobs};
    EXPECT_FALSE(connect(client, server));
    EXPECT_EQ(client.last().await, Await::verdict);
    EXPECT_FALSE(client.client().has_output(client.handshake()));
    EXPECT_FALSE(client.client().is_established());
    client.verify();
    client.proceed();
    ASSERT_TRUE(connect(client, server));
  }
}

TEST_F(ClientTest, RefusesServersByTheVerdict) {
  using crypto::ClientVerdict;
  const std::pair<ClientVerdict, AlertDescription> cases[] = {
      {ClientVerdict::none, AlertDescription::internal_error},
      {ClientVerdict::malformed, AlertDescription::bad_certificate},
      {ClientVerdict::unsupported, AlertDescription::unsupported_certificate},
      {ClientVerdict::unknown_authority, AlertDescription::unknown_ca},
      {ClientVerdict::expired, AlertDescription::certificate_expired},
      {ClientVerdict::revoked, AlertDescription::certificate_revoked},
      {ClientVerdict::revocation_unknown, AlertDescription::certificate_unknown},
      {ClientVerdict::not_trusted, AlertDescription::certificate_unknown},
      {ClientVerdict::wrong_name, AlertDescription::bad_certificate},
      {ClientVerdict::wrong_scheme, AlertDescription::illegal_parameter},
      {ClientVerdict::bad_signature, AlertDescription::decrypt_error},
  };
  for (const ProtocolVersion version : kVersions) {
    for (const auto& [verdict, alert] : cases) {
      only(version);
      FakeJobs strict;
      strict.identity.verdict = verdict;
      TlsClientDriver client{config, strict};
      TlsDriver server{server_config, jobs};
      EXPECT_FALSE(connect(client, server));
      EXPECT_EQ(client.last().failure, HandshakeFailure::server_refused);
      EXPECT_EQ(client.last().alert, alert);
      EXPECT_EQ(server.last().failure, HandshakeFailure::alert_received);
    }
  }
}

TEST_F(ClientTest, ReportsFailuresOfJobs) {
  const std::pair<crypto::JobStatus, HandshakeFailure> cases[] = {
      {crypto::JobStatus::bad_peer_share, HandshakeFailure::bad_key_share},
      {crypto::JobStatus::expired, HandshakeFailure::timed_out},
      {crypto::JobStatus::pending, HandshakeFailure::internal_error},
  };
  for (const auto& [status, failure] : cases) {
    FakeJobs failing;
    failing.status = status;
    TlsClientDriver client{config, failing};
    ScriptedServer server;
    server.hear(client.take_output());
    client.feed(server.hello(ServerHelloBuilder::tls13()));
    EXPECT_EQ(client.last().failure, failure);
  }
  const std::pair<crypto::VerifyStatus, HandshakeFailure> verdicts[] = {
      {crypto::VerifyStatus::expired, HandshakeFailure::timed_out},
      {crypto::VerifyStatus::failed, HandshakeFailure::verifier_failed},
  };
  for (const auto& [status, failure] : verdicts) {
    FakeJobs failing;
    failing.verify_status = status;
    TlsClientDriver client{config, failing};
    TlsDriver server{server_config, jobs};
    EXPECT_FALSE(connect(client, server));
    EXPECT_EQ(client.last().failure, failure);
  }
}

TEST_F(ClientTest, WaitsForAVerifyJobWithoutLosingAnything) {
  TlsClientDriver client{config, jobs, {.attach_verify_jobs = false}};
  ScriptedServer server;
  server.hear(client.take_output());
  Bytes first = server.hello(ServerHelloBuilder::tls13());
  const Bytes copy = first;
  client.feed(copy);
  EXPECT_EQ(client.last().await, Await::verify_buffer);
  // The worker asks again when it has one.
  crypto::VerifyJob job;
  const MutableBytes pieces[] = {first};
  const Step step =
      client.client().receive(client.engine(), {client.handshake(), &job, nullptr}, pieces);
  EXPECT_EQ(step.await, Await::job);
  EXPECT_EQ(client.client().refuse_verification(*client.handshake()).failure,
            HandshakeFailure::verifier_busy);
}

TEST_F(ClientTest, WaitsForAJobWithoutLosingAnything) {
  TlsClientDriver client{config, jobs, {.run_jobs = false}};
  TlsDriver server{server_config, jobs};
  server.feed(client.take_output());
  client.feed(server.take_output());
  EXPECT_EQ(client.last().await, Await::job);
  client.run_job();
  client.process();
  EXPECT_TRUE(connect(client, server));
}

TEST_F(ClientTest, RefusesAKeyShareOfTheWrongGroup) {
  ClientHandshake handshake;
  Client client{handshake, config};
  Random random{Random::Seed{1}};
  Engine engine{random};
  crypto::KeyShare share = jobs.make_key_share(NamedGroup::secp256r1);
  EXPECT_EQ(client.start(engine, handshake, share).failure, HandshakeFailure::internal_error);
}

TEST_F(ClientTest, RefusesAConfigurationThatDoesNotFit) {
  config.alpn_protocols.assign(200, std::string(200, 'x'));
  TlsClientDriver client{config, jobs};
  EXPECT_EQ(client.last().failure, HandshakeFailure::internal_error);
}

TEST_F(ClientTest, OffersOnlyWhatItSpeaks) {
  only(ProtocolVersion::tls12);
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  const auto hello = wire::parse_client_hello(server.hello_heard());
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->cipher_suites.size(), 6U);  // ECDHE with an AEAD
  EXPECT_FALSE(hello->offers(ExtensionType::supported_versions));
  EXPECT_FALSE(hello->offers(ExtensionType::key_share));
  EXPECT_TRUE(hello->legacy_session_id.empty());
  EXPECT_TRUE(std::ranges::equal(hello->server_name, bytes_of("site.test")));
}

TEST_F(ClientTest, UpdatesKeysBeforeTheyAreUsedUp) {  // [RFC 8446 5.5]
  TlsClientDriver client{config, jobs, {.limits = {.tls13 = 3, .tls12 = 3}}};
  ScriptedServer server;
  establish13(server, client);
  server.hear(client.send(Bytes(10, 1), 1));
  EXPECT_EQ(server.data().size(), 10U);
  EXPECT_TRUE(server.heard(HandshakeType::key_update));
}

TEST_F(ClientTest, HearsAlerts) {
  for (const bool open : {false, true}) {
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    if (open) {
      establish13(server, client);
    } else {
      server.hear(client.take_output());
    }
    client.feed(server.put(ContentType::alert, {2, 40}));
    EXPECT_EQ(client.last().failure, HandshakeFailure::alert_received);
    EXPECT_TRUE(client.saw(Event::fatal_alert));
    EXPECT_FALSE(client.client().has_output(nullptr));
    EXPECT_TRUE(client.client().write_closed());
  }
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  client.feed(server.put(ContentType::alert, {1, 0}));
  EXPECT_EQ(client.last().failure, HandshakeFailure::server_closed);
}

TEST_F(ClientTest, LeavesNoSecretInTheHandshake) {
  for (const ProtocolVersion version : kVersions) {
    only(version);
    TlsClientDriver client{config, jobs};
    ScriptedServer server;
    EXPECT_EQ(contains(client.handshake_memory(), Bytes(16, FakeJobs::kPrivateByte)),
              version == ProtocolVersion::tls13);
    if (version == ProtocolVersion::tls13) {
      establish13(server, client);
      EXPECT_FALSE(contains(client.handshake_memory(), server.client_secret()));
      EXPECT_FALSE(contains(client.handshake_memory(), server.server_secret()));
    } else {
      start12(server, client);
      EXPECT_TRUE(contains(client.handshake_memory(), server.master12()));
      client.feed(server.change_cipher_spec());
      client.feed(server.finish());
      EXPECT_FALSE(contains(client.handshake_memory(), server.master12()));
    }
    EXPECT_EQ(client.handshake(), nullptr);
    EXPECT_FALSE(contains(client.handshake_memory(), Bytes(16, FakeJobs::kPrivateByte)));
    EXPECT_FALSE(contains(client.handshake_memory(), Bytes(16, FakeJobs::kSharedByte)));
  }
}

TEST_F(ClientTest, LeavesNoSecretBehindWhenItFails) {
  TlsClientDriver client{config, jobs};
  ScriptedServer server;
  server.hear(client.take_output());
  client.feed(server.hello(ServerHelloBuilder::tls13()));
  client.feed(server.put(ContentType::handshake, message(HandshakeType::finished, Bytes(32, 1))));
  ASSERT_TRUE(client.last().failed());
  static_cast<void>(client.take_output());
  const ByteView of_client{reinterpret_cast<const std::uint8_t*>(&client.client()),
                           sizeof client.client()};
  for (const ByteView memory : {client.handshake_memory(), of_client}) {
    EXPECT_FALSE(contains(memory, server.client_secret()));
    EXPECT_FALSE(contains(memory, server.server_secret()));
  }
}

TEST_F(ClientTest, IsClosedByDefault) {
  const Client none;
  EXPECT_FALSE(none.is_established());
  EXPECT_FALSE(none.has_output(nullptr));
  EXPECT_FALSE(none.needs_handshake(nullptr));
  EXPECT_EQ(none.await(), Await::nothing);
}

}  // namespace
}  // namespace sallyport::tls
