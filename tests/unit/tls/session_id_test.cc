// Sessions of TLS 1.2 that are kept under an ID (RFC 5246 7.4.1), for clients without tickets.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/tls/resumption.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using stats::HandshakeFailure;
using stats::TicketRefusal;
using testing::Bytes;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::ReceivedTicket;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using NamedSession = testing::ScriptedClient::NamedSession;

class SessionIds : public Resumption {
 protected:
  SessionIds() { config.tickets.session_ids = true; }

  static HelloBuilder hello() { return HelloBuilder::tls12().server_name("site.test"); }
  static HelloBuilder hello_with_ticket() { return hello().set(ExtensionType::session_ticket, {}); }
  // server is another worker each time; what they share is the cache.
  std::unique_ptr<TlsDriver> server(std::uint64_t unix_ms = kNow) {
    auto made = std::make_unique<TlsDriver>(
        config, jobs, TlsDriver::Options{.sessions = &cache, .seed = ++num_servers_});
    at(*made, unix_ms);
    renew_client();
    return made;
  }
  void finish(TlsDriver& to) {
    to.feed(kChangeCipherSpec);
    to.feed(client->seal(ContentType::handshake, client->say(client->finished12_message())));
    ASSERT_TRUE(to.server().is_established());
  }
  void complete_full(TlsDriver& to) {
    client->hear(to.take_output());
    ASSERT_TRUE(client->heard(HandshakeType::server_hello_done));
    to.feed(client->client_key_exchange());
    finish(to);
    client->hear(to.take_output());
    talk(to);
  }
  // begin_session is a full handshake that leaves an ID, or not.
  NamedSession begin_session(TlsDriver& at, const HelloBuilder& with = hello()) {
    at.feed(client->hello(with));
    complete_full(at);
    EXPECT_FALSE(at.server().is_resumed());
    return client->named_session();
  }
  NamedSession begin_session(const HelloBuilder& with = hello()) {
    return begin_session(*server(), with);
  }
  // is_resumed asks for a session and completes the handshake, whichever it becomes.
  bool is_resumed(TlsDriver& to, const HelloBuilder& with, const NamedSession& session) {
    const int jobs_before = jobs.num_jobs;
    to.feed(client->naming_hello12(with, session));
    if (!to.server().is_resumed()) {
      complete_full(to);
      return false;
    }
    client->hear(to.take_output());
    EXPECT_FALSE(client->heard(HandshakeType::certificate));
    EXPECT_TRUE(client->heard(HandshakeType::finished));
    EXPECT_EQ(client->session_id(), session.id);
    finish(to);
    talk(to);
    EXPECT_EQ(jobs.num_jobs, jobs_before) << "no public-key operation";
    return true;
  }
  void expect_full(const HelloBuilder& with, const NamedSession& session, TicketRefusal why,
                   std::uint64_t unix_ms = kNow) {
    const auto to = server(unix_ms);
    EXPECT_FALSE(is_resumed(*to, with, session));
    EXPECT_EQ(to->ticket_refusal(), why);
    EXPECT_NE(client->session_id(), session.id) << "[RFC 5246 7.4.1.3]";
  }

  SessionCache cache{64};

 private:
  std::uint8_t num_servers_ = 0;
};

TEST_F(SessionIds, AreGivenToWhoKnowsNoTickets) {
  const NamedSession first = begin_session();
  const NamedSession second = begin_session();
  EXPECT_EQ(first.id.size(), 32U);
  EXPECT_NE(first.id, second.id);
}

TEST_F(SessionIds, SpareCertificateAndJobsAtEveryWorker) {
  const NamedSession session = begin_session();
  for (int i = 0; i < 3; ++i) {
    const auto to = server(kNow + 1'000);
    EXPECT_TRUE(is_resumed(*to, hello(), session));
    EXPECT_TRUE(to->server().is_named_session());
    EXPECT_EQ(to->ticket_refusal(), TicketRefusal::none);
  }
}

TEST_F(SessionIds, AreNotGivenBesideTickets) {
  const auto to = server();
  to->feed(client->hello(hello_with_ticket()));
  complete_full(*to);
  EXPECT_EQ(client->tickets().size(), 1U);
  EXPECT_FALSE(to->server().is_named_session());
  EXPECT_TRUE(client->session_id().empty());
}

TEST_F(SessionIds, AreGivenInsteadOfTicketsWhereThereAreNone) {
  config.tickets.enabled = false;
  const NamedSession session = begin_session(hello_with_ticket());
  EXPECT_TRUE(client->tickets().empty());
  EXPECT_TRUE(is_resumed(*server(), hello_with_ticket(), session));
}

TEST_F(SessionIds, AreNotGivenWhereThePolicyHasNone) {
  const NamedSession before = begin_session();
  config.tickets.session_ids = false;
  EXPECT_TRUE(begin_session().id.empty());
  expect_full(hello(), before, TicketRefusal::none);
}

// [RFC 7627 5.4]
TEST_F(SessionIds, AreNotGivenWithoutExtendedMasterSecret) {
  const auto to = server();
  client->extended_master_secret = false;
  to->feed(client->hello(hello().remove(ExtensionType::extended_master_secret)));
  complete_full(*to);
  EXPECT_TRUE(client->session_id().empty());
}

TEST_F(SessionIds, ThatAreUnknownMakeAFullHandshakeAndANewSession) {
  const NamedSession known = begin_session();
  for (const std::size_t len : {1U, 31U, 32U}) {
    const NamedSession strange{Bytes(len, 0x5d), known.secret};
    expect_full(hello(), strange, TicketRefusal::none);
    EXPECT_EQ(client->session_id().size(), 32U);
  }
}

// A client that also speaks TLS 1.3 sends an ID that names nothing [RFC 8446 D.4].
TEST_F(SessionIds, OfTls13AreEchoedAndNothingElse) {
  const auto to = server();
  HelloBuilder with = HelloBuilder::tls13();
  with.session_id = begin_session().id;
  renew_client();
  to->feed(client->hello(with));
  client->hear(to->take_output());
  EXPECT_EQ(client->session_id(), with.session_id);
  to->feed(client->finish());
  EXPECT_TRUE(to->server().is_established());
  EXPECT_FALSE(to->server().is_resumed());
}

// [RFC 5077 3.4] who shows a ticket is not looked up, whatever becomes of the ticket.
TEST_F(SessionIds, BesideATicketAreNotLookedAt) {
  const NamedSession session = begin_session();
  const HelloBuilder with = hello().set(ExtensionType::session_ticket, Bytes(kTicketLen, 0x99));
  expect_full(with, session, TicketRefusal::unknown_key);
  config.tickets.enabled = false;
  expect_full(with, session, TicketRefusal::none);
}

TEST_F(SessionIds, OfAnotherListenerMakeAFullHandshake) {
  const NamedSession session = begin_session();
  config.tickets.domain = "mail";
  expect_full(hello(), session, TicketRefusal::not_authentic);
}

// [RFC 6066 3]
TEST_F(SessionIds, OfAnotherServerNameMakeAFullHandshake) {
  const NamedSession session = begin_session();
  expect_full(hello().server_name("other.test"), session, TicketRefusal::other_name);
}

// [RFC 5246 7.4.1.3] a session keeps its cipher suite.
TEST_F(SessionIds, UnderAnotherCipherSuiteMakeAFullHandshake) {
  const NamedSession session = begin_session();
  HelloBuilder other = hello();
  other.cipher_suites = {0xc02f};
  expect_full(other, session, TicketRefusal::other_cipher_suite);
}

TEST_F(SessionIds, LiveAsLongAsTicketsAndNoLonger) {
  const NamedSession session = begin_session();
  EXPECT_TRUE(is_resumed(*server(kNow + kLifetime * 1'000), hello(), session));
  expect_full(hello(), session, TicketRefusal::expired, kNow + kLifetime * 1'000 + 1);
}

// [RFC 7627 5.3]
TEST_F(SessionIds, DroppingTheExtendedMasterSecretEndsTheHandshake) {
  const NamedSession session = begin_session();
  const auto to = server();
  to->feed(client->naming_hello12(hello().remove(ExtensionType::extended_master_secret), session));
  client->hear(to->take_output());
  EXPECT_EQ(to->last().failure, HandshakeFailure::no_extended_master_secret);
  EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(AlertDescription::handshake_failure));
  expect_full(hello(), session, TicketRefusal::none);
}

// --- [RFC 5246 7.2.2] a connection that ends with an error takes its session along ---

TEST_F(SessionIds, EndWithAnErrorOfTheConnectionThatMadeThem) {
  const auto to = server();
  const NamedSession session = begin_session(*to);
  EXPECT_TRUE(is_resumed(*server(), hello(), session));
  to->feed(testing::record(ContentType::application_data, Bytes(64, 1)));
  EXPECT_EQ(to->last().failure, HandshakeFailure::bad_record_mac);
  expect_full(hello(), session, TicketRefusal::none);
}

TEST_F(SessionIds, EndWithAFatalAlertOfTheClient) {
  const NamedSession session = begin_session();
  const auto to = server();
  EXPECT_TRUE(is_resumed(*to, hello(), session));
  to->feed(client->seal(ContentType::alert, {2, 80}));
  EXPECT_EQ(to->last().failure, HandshakeFailure::alert_received);
  expect_full(hello(), session, TicketRefusal::none);
}

TEST_F(SessionIds, EndWhenSomebodyElseTriesToResumeThem) {
  const NamedSession session = begin_session();
  NamedSession stolen = session;
  stolen.secret[0] ^= 1;
  const auto to = server();
  to->feed(client->naming_hello12(hello(), stolen));
  client->hear(to->take_output());
  to->feed(kChangeCipherSpec);
  to->feed(client->seal(ContentType::handshake, client->say(client->finished12_message())));
  EXPECT_EQ(to->last().failure, HandshakeFailure::bad_record_mac);
  expect_full(hello(), session, TicketRefusal::none);
}

TEST_F(SessionIds, StayWhenTheClientSaysGoodbye) {
  const auto to = server();
  const NamedSession session = begin_session(*to);
  to->feed(client->seal(ContentType::alert, {1, 0}));
  EXPECT_TRUE(to->saw(Event::close_notify));
  EXPECT_TRUE(is_resumed(*server(), hello(), session));
}

// A browser opens two connections and drops the slower one.
TEST_F(SessionIds, StayWhenTheClientGivesUpAResumedHandshake) {
  const NamedSession session = begin_session();
  const auto to = server();
  to->feed(client->naming_hello12(hello(), session));
  EXPECT_TRUE(to->server().is_resumed());
  to->feed(testing::record(ContentType::alert, Bytes{1, 0}));
  EXPECT_EQ(to->last().failure, HandshakeFailure::client_closed);
  EXPECT_TRUE(is_resumed(*server(), hello(), session));
}

// A handshake that fails has no session.
TEST_F(SessionIds, AreNotKeptBeforeFinishedIsRight) {
  const auto to = server();
  to->feed(client->hello(hello()));
  client->hear(to->take_output());
  to->feed(client->client_key_exchange());
  to->feed(kChangeCipherSpec);
  Bytes finished = client->finished12_message();
  finished.back() ^= 1;
  to->feed(client->seal(ContentType::handshake, client->say(finished)));
  EXPECT_EQ(to->last().failure, HandshakeFailure::bad_finished);
  const NamedSession session = client->named_session();
  EXPECT_EQ(session.id.size(), 32U);
  expect_full(hello(), session, TicketRefusal::none);
}

}  // namespace
}  // namespace sallyport::tls
