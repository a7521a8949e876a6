// Resumption of TLS 1.3 sessions: when a ticket is accepted, when there is a full handshake
// instead, and when the handshake ends.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/tls_client.h"
#include "tests/unit/tls/resumption.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using stats::TicketRefusal;
using testing::Bytes;
using testing::contains;
using testing::HelloBuilder;
using testing::PskOffer;
using testing::ReceivedTicket;
using testing::ScriptedClient;
using testing::TlsDriver;
using testing::u16_list;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;

class Resumption13 : public Resumption {
 protected:
  static HelloBuilder hello() {
    return HelloBuilder::tls13()
        .set(ExtensionType::psk_key_exchange_modes, {1, 1})
        .server_name("site.test");
  }
  // first_tickets are those of a full handshake at kNow.
  std::vector<ReceivedTicket> first_tickets(const HelloBuilder& with = hello()) {
    TlsDriver server{config, jobs};
    at(server);
    ScriptedClient first;
    server.feed(first.hello(with));
    first.hear(server.take_output());
    server.feed(first.finish());
    EXPECT_TRUE(server.server().is_established());
    first.hear(server.take_output());
    EXPECT_EQ(server.handshake(), nullptr);
    return first.tickets();
  }
  // complete takes a handshake of which the hello was fed to its end, and sends data both ways.
  void complete(TlsDriver& server) {
    client->hear(server.take_output());
    server.feed(client->finish());
    ASSERT_TRUE(server.server().is_established());
    client->hear(server.take_output());
    talk(server);
  }
  void expect_resumed(TlsDriver& server, int identity = 0) {
    complete(server);
    EXPECT_TRUE(server.server().is_resumed());
    EXPECT_EQ(client->selected(), identity);
    EXPECT_FALSE(client->heard(HandshakeType::certificate));
    EXPECT_FALSE(client->heard(HandshakeType::certificate_verify));
    EXPECT_EQ(server.ticket_refusal(), TicketRefusal::none);
  }
  void expect_full(TlsDriver& server, TicketRefusal why) {
    complete(server);
    EXPECT_FALSE(server.server().is_resumed());
    EXPECT_EQ(client->selected(), -1);
    EXPECT_TRUE(client->heard(HandshakeType::certificate));
    EXPECT_EQ(server.ticket_refusal(), why);
  }
  void expect_failure(TlsDriver& server, HandshakeFailure why, AlertDescription alert) {
    client->hear(server.take_output());
    EXPECT_EQ(server.last().failure, why);
    EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(alert));
    EXPECT_EQ(server.handshake(), nullptr);
  }
  ReceivedTicket sealed(const std::function<void(SessionState&)>& change) const {
    return seal([&change](SessionState& state) {
      state.version = wire::ProtocolVersion::tls13;
      state.cipher_suite = wire::CipherSuite::tls_aes_128_gcm_sha256;
      state.secret_len = 32;
      change(state);
    });
  }
};

// [RFC 8446 4.6.1]
TEST_F(Resumption13, TwoTicketsFollowAFullHandshake) {
  const auto tickets = first_tickets();
  ASSERT_EQ(tickets.size(), 2U);
  EXPECT_EQ(tickets[0].lifetime_seconds, kLifetime);
  EXPECT_NE(tickets[0].age_add, tickets[1].age_add);
  EXPECT_NE(tickets[0].secret, tickets[1].secret);
  EXPECT_NE(tickets[0].ticket, tickets[1].ticket);
}

// [RFC 8446 4.2.9] only clients that say how they would use them get tickets.
TEST_F(Resumption13, NoTicketsForClientsThatCouldNotUseThem) {
  EXPECT_TRUE(first_tickets(HelloBuilder::tls13()).empty());
  EXPECT_TRUE(first_tickets(hello().set(ExtensionType::psk_key_exchange_modes, {1, 0})).empty());
  config.tickets.psk_only = true;
  EXPECT_EQ(first_tickets(hello().set(ExtensionType::psk_key_exchange_modes, {1, 0})).size(), 2U);
}

TEST_F(Resumption13, NoTicketsWhereThePolicyHasNone) {
  config.tickets.enabled = false;
  EXPECT_TRUE(first_tickets().empty());
}

TEST_F(Resumption13, NeedsOneJobAndNoSignature) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs, {.run_jobs = false}};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  ASSERT_EQ(server.last().await, Await::job);
  crypto::CryptoJob job;
  crypto::KeyShare share =
      jobs.make_key_share(server.server().wants_key_share(*server.handshake()));
  const Step step = server.server().start_job(server.engine(), *server.handshake(), job, share);
  EXPECT_EQ(step.await, Await::job_result);
  EXPECT_EQ(job.kind, crypto::JobKind::tls13_derive);
}

TEST_F(Resumption13, ATicketReplacesTheCertificate) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server, kNow + 1'000);
  server.feed(client->resuming_hello(hello(), {{tickets[1], 1'000}}));
  expect_resumed(server);
  EXPECT_FALSE(server.saw(Event::ticket_age));
}

TEST_F(Resumption13, FreshTicketsFollowAndWorkAgain) {
  auto tickets = first_tickets();
  for (int generation = 0; generation < 3; ++generation) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
    expect_resumed(server);
    ASSERT_EQ(client->tickets().size(), 2U);
    EXPECT_NE(client->tickets()[0].secret, tickets[0].secret);
    tickets = client->tickets();
  }
}

TEST_F(Resumption13, WorksWithEveryCipherSuite) {
  for (const std::uint16_t suite : std::initializer_list<std::uint16_t>{0x1301, 0x1302, 0x1303}) {
    HelloBuilder only = hello();
    only.cipher_suites = {suite};
    const auto tickets = first_tickets(only);
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(only, {{tickets[0]}}));
    expect_resumed(server);
  }
}

// [RFC 8446 4.2.11] a key goes with its hash, not with one suite.
TEST_F(Resumption13, AnotherSuiteWithTheSameHashWillDo) {
  const auto tickets = first_tickets();
  HelloBuilder chacha = hello();
  chacha.cipher_suites = {0x1303};
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(chacha, {{tickets[0]}}));
  expect_resumed(server);
}

TEST_F(Resumption13, AnotherHashMakesAFullHandshake) {
  const auto tickets = first_tickets();
  HelloBuilder other = hello();
  other.cipher_suites = {0x1302};
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(other, {{tickets[0]}}));
  expect_full(server, TicketRefusal::other_cipher_suite);
}

TEST_F(Resumption13, TheFirstAcceptableIdentityIsChosen) {
  const auto tickets = first_tickets();
  ReceivedTicket unknown = tickets[0];
  unknown.ticket[0] ^= 1;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{unknown}, {tickets[1]}, {tickets[0]}}));
  expect_resumed(server, 1);
}

// Each ticket costs us a decryption, so the number of tries is limited.
TEST_F(Resumption13, OnlyTheFirstIdentitiesAreLookedAt) {
  const auto tickets = first_tickets();
  ReceivedTicket forged = tickets[0];
  forged.ticket.back() ^= 1;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(
      client->resuming_hello(hello(), {{forged}, {forged}, {forged}, {forged}, {tickets[0]}}));
  expect_full(server, TicketRefusal::not_authentic);
}

// [RFC 8446 4.2.11] the binder of the chosen identity must verify; others do not matter.
TEST_F(Resumption13, AWrongBinderEndsTheHandshake) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0], 0, false}, {tickets[1]}}));
  expect_failure(server, HandshakeFailure::bad_binder, AlertDescription::decrypt_error);
}

TEST_F(Resumption13, AWrongBinderOfAnotherIdentityDoesNotMatter) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}, {tickets[1], 0, false}}));
  expect_resumed(server);
}

// [RFC 8446 4.2.11.2] whatever stands before the binders is covered by them.
TEST_F(Resumption13, AnyChangeOfTheHelloBreaksTheBinder) {
  const auto tickets = first_tickets();
  const Bytes sent = ScriptedClient{}.resuming_hello(hello(), {{tickets[0]}});
  constexpr std::size_t kRandomAt = 5 + 4 + 2;
  for (const std::size_t at_byte : {kRandomAt, kRandomAt + 31, kRandomAt + 33}) {
    renew_client();
    Bytes changed = sent;
    changed[at_byte] ^= 1;
    TlsDriver server{config, jobs};
    at(server);
    server.feed(changed);
    expect_failure(server, HandshakeFailure::bad_binder, AlertDescription::decrypt_error);
  }
}

TEST_F(Resumption13, ABinderOfTheWrongLengthEndsTheHandshake) {
  auto offer = PskOffer{first_tickets()[0]};
  // Sealed for SHA-256, but the client binds with SHA-384.
  offer.ticket.hash = crypto::HashAlgorithm::sha384;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {offer}));
  expect_failure(server, HandshakeFailure::bad_binder, AlertDescription::decrypt_error);
}

TEST_F(Resumption13, ATicketOfUnknownKeyMakesAFullHandshake) {
  const auto tickets = first_tickets();
  fill(keys.current, 9);
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  expect_full(server, TicketRefusal::unknown_key);
  EXPECT_EQ(client->tickets().size(), 2U);
}

TEST_F(Resumption13, ATicketOfAnotherListenerMakesAFullHandshake) {
  const auto tickets = first_tickets();
  config.tickets.domain = "mail";
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  expect_full(server, TicketRefusal::not_authentic);
}

TEST_F(Resumption13, ATicketOfAnotherServerNameMakesAFullHandshake) {
  const auto tickets = first_tickets();
  for (const char* name : {"other.test", "site.test.", ""}) {
    renew_client();
    HelloBuilder other = hello().remove(ExtensionType::server_name);
    if (*name != '\0') other.server_name(name);
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(other, {{tickets[0]}}));
    expect_full(server, TicketRefusal::other_name);
  }
}

TEST_F(Resumption13, AServerNameInOtherLettersIsTheSame) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello().server_name("SITE.test"), {{tickets[0]}}));
  expect_resumed(server);
}

TEST_F(Resumption13, ATicketOfAnotherProtocolMakesAFullHandshake) {
  config.alpn_protocols = {"h2", "http/1.1"};
  const auto tickets = first_tickets(hello().alpn({"h2"}));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello().alpn({"http/1.1"}), {{tickets[0]}}));
  expect_full(server, TicketRefusal::other_name);
  EXPECT_EQ(server.server().alpn(), 1);
}

TEST_F(Resumption13, AgreesOnAProtocolAgain) {
  config.alpn_protocols = {"h2", "http/1.1"};
  const auto tickets = first_tickets(hello().alpn({"http/1.1"}));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello().alpn({"http/1.1"}), {{tickets[0]}}));
  expect_resumed(server);
  EXPECT_EQ(server.server().alpn(), 1);
}

TEST_F(Resumption13, ATicketLivesAsLongAsItsLifetimeAndNoLonger) {
  const auto tickets = first_tickets();
  constexpr std::uint32_t kMs = kLifetime * 1'000;
  {
    TlsDriver server{config, jobs};
    at(server, kNow + kMs);
    server.feed(client->resuming_hello(hello(), {{tickets[0], kMs}}));
    expect_resumed(server);
  }
  renew_client();
  TlsDriver server{config, jobs};
  at(server, kNow + kMs + 1);
  server.feed(client->resuming_hello(hello(), {{tickets[0], kMs}}));
  expect_full(server, TicketRefusal::expired);
}

// [RFC 8446 4.6.1] a client does not use a ticket that is too old by its own count.
TEST_F(Resumption13, AClientThatSaysItsTicketIsTooOldGetsAFullHandshake) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0], kLifetime * 1'000 + 1}}));
  expect_full(server, TicketRefusal::expired);
}

// [RFC 8446 4.2.10, 4.2.11.1] an age that is off says "perhaps a replay"; without early data there
// is nothing to be replayed.
TEST_F(Resumption13, AnAgeThatIsOffIsCountedAndNotHeldAgainstTheClient) {
  const auto tickets = first_tickets();
  const auto differs = [&](std::uint64_t real, std::uint32_t told) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server, kNow + real);
    server.feed(client->resuming_hello(hello(), {{tickets[0], told}}));
    expect_resumed(server);
    return server.saw(Event::ticket_age);
  };
  EXPECT_FALSE(differs(60'000, 60'000));
  EXPECT_FALSE(differs(60'000, 50'000));
  EXPECT_TRUE(differs(60'000, 49'999));
  EXPECT_FALSE(differs(60'000, 70'000));
  EXPECT_TRUE(differs(60'000, 70'001));
}

TEST_F(Resumption13, ATicketFromTheFutureIsAcceptedWithinTheSkewOfClocks) {
  const auto tickets = first_tickets();
  {
    TlsDriver server{config, jobs};
    at(server, kNow - 300'000);
    server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
    expect_resumed(server);
  }
  renew_client();
  TlsDriver server{config, jobs};
  at(server, kNow - 300'001);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  expect_full(server, TicketRefusal::expired);
}

// [RFC 8446 4.6.1] a session is not prolonged for ever without its certificate.
TEST_F(Resumption13, NoTicketOutlivesSevenDaysSinceTheCertificate) {
  constexpr std::uint64_t kDay = 86'400'000;
  const auto lifetime_after = [&](std::uint64_t age) {
    renew_client();
    const auto old = sealed([&](SessionState& s) { s.authenticated_ms = kNow - age; });
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(hello(), {{old}}));
    expect_resumed(server);
    return client->tickets().empty() ? 0 : client->tickets()[0].lifetime_seconds;
  };
  EXPECT_EQ(lifetime_after(0), kLifetime);
  EXPECT_EQ(lifetime_after(7 * kDay - kLifetime * 1'000), kLifetime);
  EXPECT_EQ(lifetime_after(7 * kDay - 60'000), 60U);
  EXPECT_EQ(lifetime_after(7 * kDay), 0U);
  EXPECT_EQ(lifetime_after(8 * kDay), 0U);
}

TEST_F(Resumption13, AStateThatDoesNotFitMakesAFullHandshake) {
  struct Case {
    TicketRefusal why;
    std::function<void(SessionState&)> change;
  };
  const std::vector<Case> cases{
      {TicketRefusal::other_version,
       [](SessionState& s) { s.version = wire::ProtocolVersion::tls12; }},
      {TicketRefusal::other_cipher_suite,
       [](SessionState& s) { s.cipher_suite = wire::CipherSuite{0x1399}; }},
      {TicketRefusal::other_cipher_suite, [](SessionState& s) { s.secret_len = 48; }},
      {TicketRefusal::expired,
       [](SessionState& s) {
         s.lifetime_seconds = 0;
         s.issued_ms -= 1;
       }},
      {TicketRefusal::other_name, [](SessionState& s) { s.binding[15] ^= 1; }},
  };
  for (const Case& c : cases) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(hello(), {{sealed(c.change)}}));
    expect_full(server, c.why);
  }
}

// [RFC 8446 4.2.11.2] after a retry the binders cover both hellos and the request between them.
TEST_F(Resumption13, WorksAfterAHelloRetryRequest) {
  const auto tickets = first_tickets();
  HelloBuilder asked = hello();
  asked.set(ExtensionType::supported_groups, u16_list({0x0018, 0x0017}));
  asked.share(0x0018, Bytes(97, 4));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(asked, {{tickets[0]}}));
  client->hear(server.take_output());
  ASSERT_TRUE(client->retried());
  server.feed(client->resuming_hello(asked.share(0x0017, Bytes(65, 4)), {{tickets[0]}}));
  expect_resumed(server);
}

TEST_F(Resumption13, ABinderOverTheSecondHelloAloneIsWrong) {
  const auto tickets = first_tickets();
  HelloBuilder asked = hello();
  asked.set(ExtensionType::supported_groups, u16_list({0x0018, 0x0017}));
  asked.share(0x0018, Bytes(97, 4));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(asked, {{tickets[0]}}));
  client->hear(server.take_output());
  ScriptedClient forgetful;
  asked.share(0x0017, Bytes(65, 4));
  server.feed(forgetful.resuming_hello(client->with_cookie(asked), {{tickets[0]}}));
  expect_failure(server, HandshakeFailure::bad_binder, AlertDescription::decrypt_error);
}

// [RFC 8446 4.1.2] a client may drop its pre-shared keys between the two hellos.
TEST_F(Resumption13, TheSecondHelloMayComeWithoutATicket) {
  const auto tickets = first_tickets();
  HelloBuilder asked = hello();
  asked.set(ExtensionType::supported_groups, u16_list({0x0018, 0x0017}));
  asked.share(0x0018, Bytes(97, 4));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(asked, {{tickets[0]}}));
  client->hear(server.take_output());
  server.feed(client->hello(asked.share(0x0017, Bytes(65, 4))));
  expect_full(server, TicketRefusal::none);
}

// [RFC 8446 4.2.10] early data is refused by silence, and skipped.
TEST_F(Resumption13, EarlyDataIsSkippedAlsoWhenTheTicketIsAccepted) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello().set(ExtensionType::early_data, {}), {{tickets[0]}}));
  server.feed(testing::record(ContentType::application_data, Bytes(1'000, 0xee)));
  server.feed(testing::record(ContentType::application_data, Bytes(300, 0xdd)));
  expect_resumed(server);
  EXPECT_FALSE(client->heard(HandshakeType::end_of_early_data));
}

// [RFC 8446 9.2] a hello with a pre-shared key may do without signature_algorithms ...
TEST_F(Resumption13, NeedsNoSignatureAlgorithms) {
  const auto tickets = first_tickets();
  const HelloBuilder bare = hello().remove(ExtensionType::signature_algorithms);
  {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(bare, {{tickets[0]}}));
    expect_resumed(server);
  }
  // ... [4.2.3] but then there is no way back to a certificate.
  renew_client();
  ReceivedTicket unknown = tickets[0];
  unknown.ticket[0] ^= 1;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(bare, {{unknown}}));
  expect_failure(server, HandshakeFailure::missing_extension, AlertDescription::missing_extension);
}

TEST_F(Resumption13, WithoutACommonSignatureSchemeATicketStillDoes) {
  const auto tickets = first_tickets();
  const HelloBuilder odd = hello().set(ExtensionType::signature_algorithms, u16_list({0x0101}));
  {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(odd, {{tickets[0]}}));
    expect_resumed(server);
  }
  renew_client();
  config.tickets.enabled = false;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(odd, {{tickets[0]}}));
  expect_failure(server, HandshakeFailure::no_common_signature_scheme,
                 AlertDescription::handshake_failure);
}

// A listener that refuses unknown names does so also when a ticket would spare it the certificate.
TEST_F(Resumption13, ANameThatIsNoLongerServedIsRefusedWithItsTicket) {
  const HelloBuilder other = hello().server_name("gone.test");
  const auto tickets = first_tickets(other);
  config.unknown_name = UnknownName::refuse;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(other, {{tickets[0]}}));
  expect_failure(server, HandshakeFailure::unrecognized_name, AlertDescription::unrecognized_name);
}

// [RFC 8446 4.2.9] psk_ke is for listeners that allow it.
TEST_F(Resumption13, WithoutKeyExchangeOnlyWhereThePolicySaysSo) {
  config.tickets.psk_only = true;
  const HelloBuilder plain = hello().set(ExtensionType::psk_key_exchange_modes, {1, 0});
  const auto tickets = first_tickets(plain);
  HelloBuilder bare = plain;
  bare.remove(ExtensionType::key_share).remove(ExtensionType::supported_groups);
  const int jobs_before = jobs.num_jobs;
  {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(bare, {{tickets[0]}}));
    EXPECT_EQ(server.last().await, Await::peer);
    expect_resumed(server);
    EXPECT_EQ(jobs.num_jobs, jobs_before);
    EXPECT_EQ(client->tickets().size(), 2U);
  }
  renew_client();
  config.tickets.psk_only = false;
  {
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(bare, {{tickets[0]}}));
    expect_failure(server, HandshakeFailure::missing_extension,
                   AlertDescription::missing_extension);
  }
  renew_client();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(plain, {{tickets[0]}}));
  expect_full(server, TicketRefusal::no_key_exchange_mode);
}

TEST_F(Resumption13, AKeyExchangeIsPreferredWhereBothAreAllowed) {
  config.tickets.psk_only = true;
  const HelloBuilder both = hello().set(ExtensionType::psk_key_exchange_modes, {2, 0, 1});
  const auto tickets = first_tickets(both);
  const int jobs_before = jobs.num_jobs;
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(both, {{tickets[0]}}));
  expect_resumed(server);
  EXPECT_EQ(jobs.num_jobs, jobs_before + 1);
}

TEST_F(Resumption13, WithoutKeyExchangeASharelessGroupNeedsNoRetry) {
  config.tickets.psk_only = true;
  HelloBuilder plain = hello().set(ExtensionType::psk_key_exchange_modes, {1, 0});
  const auto tickets = first_tickets(plain);
  plain.set(ExtensionType::supported_groups, u16_list({0x0018, 0x0017}));
  plain.share(0x0018, Bytes(97, 4));
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(plain, {{tickets[0]}}));
  EXPECT_FALSE(server.saw(Event::hello_retry));
  expect_resumed(server);
}

// [RFC 8446 9.2]
TEST_F(Resumption13, SupportedGroupsAndKeyShareComeTogether) {
  const auto tickets = first_tickets();
  for (const auto missing : {ExtensionType::key_share, ExtensionType::supported_groups}) {
    renew_client();
    TlsDriver server{config, jobs};
    at(server);
    server.feed(client->resuming_hello(hello().remove(missing), {{tickets[0]}}));
    expect_failure(server, HandshakeFailure::missing_extension,
                   AlertDescription::missing_extension);
  }
}

TEST_F(Resumption13, AFinishedUnderTheWrongKeyEndsTheHandshake) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  client->hear(server.take_output());
  Bytes finished = client->finished_message();
  finished.back() ^= 1;
  server.feed(client->seal(ContentType::handshake, finished));
  EXPECT_EQ(server.last().failure, HandshakeFailure::bad_finished);
}

TEST_F(Resumption13, LeavesNoSecretInTheHandshakesMemory) {
  const auto tickets = first_tickets();
  TlsDriver server{config, jobs, {.run_jobs = false}};
  at(server);
  server.feed(client->resuming_hello(hello(), {{tickets[0]}}));
  const ByteView memory = server.handshake_memory();
  const EarlySecret early{tickets[0].hash, tickets[0].secret};
  EXPECT_TRUE(contains(memory, early.expose()));
  server.run_job();
  EXPECT_FALSE(contains(memory, early.expose()));
  expect_resumed(server);
  for (const Bytes& secret : {tickets[0].secret, client->tickets()[0].secret}) {
    EXPECT_FALSE(contains(memory, secret));
  }
}

}  // namespace
}  // namespace sallyport::tls
