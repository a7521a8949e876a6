// Clients that are asked for a certificate: what they are asked, what they may answer, in which
// order, and what becomes of them.
#include "lib/tls/client_auth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "lib/crypto/sign/content.h"
#include "tests/support/client_certificate.h"
#include "tests/support/hex.h"
#include "tests/unit/tls/client_auth_fixture.h"
#include "tests/unit/tls/negative_cases.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using crypto::VerifyStatus;
using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::ClientCertificate;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::message;
using testing::record;
using testing::ScriptedClient;
using testing::sequence;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;
using Alert = AlertDescription;
using Failure = HandshakeFailure;

INSTANTIATE_TEST_SUITE_P(Both, ClientAuthTest, ::testing::Values(true, false), version_name);

TEST_P(ClientAuthTest, IsOffByDefault) {
  TlsDriver server{config, jobs};
  begin(server);
  EXPECT_FALSE(client->heard(HandshakeType::certificate_request));
  EXPECT_FALSE(config.client_auth.is_on());
}

// [RFC 8446 4.3.2, RFC 5246 7.4.4]
TEST_P(ClientAuthTest, AsksWithSchemesAndNames) {
  ask(ClientAuthMode::optional);
  TlsDriver server{config, jobs};
  begin(server);
  const Bytes request = client->message_of(HandshakeType::certificate_request);
  wire::Reader r{ByteView{request}.subspan(4)};
  std::vector<std::uint16_t> schemes;
  std::vector<Bytes> names;
  const auto read_schemes = [&](wire::Reader& list) {
    while (!list.at_end()) schemes.push_back(list.u16());
  };
  const auto read_names = [&](wire::Reader& list) {
    while (!list.at_end()) {
      const ByteView name = list.vec16(1, 65'535);
      names.emplace_back(name.begin(), name.end());
    }
  };
  if (is_tls13()) {
    EXPECT_EQ(r.vec8(0, 255).size(), 0U);
    r.within(r.vec16(2, 65'535), [&](wire::Reader& extensions) {
      EXPECT_EQ(extensions.u16(), 13U);
      extensions.within(extensions.vec16(2, 65'535), [&](wire::Reader& body) {
        body.within(body.vec16(2, 65'535), read_schemes);
      });
      EXPECT_EQ(extensions.u16(), 47U);
      extensions.within(extensions.vec16(2, 65'535), [&](wire::Reader& body) {
        body.within(body.vec16(3, 65'535), read_names);
      });
    });
    // [RFC 8446 4.2.3] PKCS #1 too: certificates are signed with it.
    EXPECT_EQ(schemes, (std::vector<std::uint16_t>{0x0403, 0x0503, 0x0807, 0x0804, 0x0805, 0x0806,
                                                   0x0401, 0x0501, 0x0601}));
  } else {
    const ByteView types = r.vec8(1, 255);
    EXPECT_EQ(Bytes(types.begin(), types.end()), (Bytes{1, 64}));
    r.within(r.vec16(2, 65'535), read_schemes);
    r.within(r.vec16(0, 65'535), read_names);
    EXPECT_EQ(schemes,
              (std::vector<std::uint16_t>{0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501}));
  }
  EXPECT_TRUE(r.done());
  EXPECT_EQ(names, kAuthorityNames);
}

// [RFC 5246 7.4.4 and 7.4.8] what is signed is a transcript, under one of two hashes.
TEST(ClientAuth, AsksUnderTls12ForWhatThereIsATranscriptOf) {
  using crypto::SignatureScheme;
  using wire::ProtocolVersion;
  const auto may_sign = [](SignatureScheme scheme) {
    return ClientAuth::may_sign(scheme, ProtocolVersion::tls12);
  };
  EXPECT_TRUE(may_sign(SignatureScheme::rsa_pkcs1_sha384));
  EXPECT_TRUE(may_sign(SignatureScheme::rsa_pkcs1_sha256));
  EXPECT_FALSE(may_sign(SignatureScheme::rsa_pkcs1_sha512));
  EXPECT_FALSE(may_sign(SignatureScheme::rsa_pkcs1_sha1));
  EXPECT_FALSE(may_sign(SignatureScheme::ed25519));
  // [RFC 8446 4.2.3] PKCS #1 signs no handshake of TLS 1.3.
  EXPECT_FALSE(ClientAuth::may_sign(SignatureScheme::rsa_pkcs1_sha256, ProtocolVersion::tls13));
  EXPECT_TRUE(ClientAuth::may_sign(SignatureScheme::ed25519, ProtocolVersion::tls13));
}

TEST(ClientAuth, LeavesOutNamesThatAreTooMany) {
  const std::vector<Bytes> many(200, Bytes(100, 0x30));
  const ClientAuth auth{ClientAuthMode::optional, kAuthority, many};
  const ClientAuth none{ClientAuthMode::optional, kAuthority, {}};
  for (const auto version : {wire::ProtocolVersion::tls12, wire::ProtocolVersion::tls13}) {
    const ByteView request = auth.request(version);
    EXPECT_FALSE(request.empty());
    EXPECT_TRUE(std::ranges::equal(request, none.request(version)));
  }
}

TEST_P(ClientAuthTest, WhoHasNoneIsServedWhereItIsOptional) {
  ask(ClientAuthMode::optional);
  TlsDriver server{config, jobs};
  handshake(server, ClientCertificate::none(is_tls13()));
  expect_data_flows(server);
  EXPECT_EQ(jobs.num_verifications, 0);
  EXPECT_EQ(server.client().verdict, ClientVerdict::none);
  EXPECT_EQ(server.verify_job(), nullptr);
}

// [RFC 8446 4.4.2.4, RFC 5246 7.4.6]
TEST_P(ClientAuthTest, WhoHasNoneIsRefusedWhereItIsRequired) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  begin(server);
  server.feed(say(ClientCertificate::none(is_tls13()).message()));
  expect_failure(server, Failure::certificate_required,
                 is_tls13() ? Alert::certificate_required : Alert::handshake_failure);
}

TEST_P(ClientAuthTest, AJobHasEverythingThatIsToBeJudged) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs, {.run_verifications = false}};
  begin(server);
  const ClientCertificate shown = certificate();
  server.feed(say(shown.message()));
  if (!is_tls13()) server.feed(client->client_key_exchange());
  const crypto::Digest transcript = client->transcript();
  server.feed(say(shown.verify()));
  finish(server);
  ASSERT_EQ(server.last().await, Await::verdict);
  const crypto::VerifyJob& job = *server.verify_job();
  EXPECT_EQ(job.authority, kAuthority);
  ASSERT_EQ(job.num_certificates, 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(std::ranges::equal(job.bytes_of(job.certificates[i]), shown.chain[i]));
  }
  EXPECT_TRUE(std::ranges::equal(job.bytes_of(job.signature), shown.signature));
  EXPECT_EQ(job.scheme, crypto::SignatureScheme::ecdsa_secp256r1_sha256);
  const ByteView content = ByteView{job.content}.first(job.content_len);
  if (is_tls13()) {
    EXPECT_EQ(job.kind, crypto::SignedKind::message);
    // [RFC 8446 4.4.3] 64 spaces and the words of a client.
    Bytes expected(64, 0x20);
    append(expected, bytes_of("TLS 1.3, client CertificateVerify"));
    expected.push_back(0);
    append(expected, transcript.view());
    EXPECT_EQ(Bytes(content.begin(), content.end()), expected);
  } else {
    EXPECT_EQ(job.kind, crypto::SignedKind::digest);
    EXPECT_TRUE(std::ranges::equal(content, transcript.view()));
  }
}

TEST_P(ClientAuthTest, IsKnownAfterItsCertificateWasFoundGood) {
  for (const auto mode : {ClientAuthMode::optional, ClientAuthMode::required}) {
    ask(mode);
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    handshake(server, certificate());
    expect_data_flows(server);
    EXPECT_EQ(server.client().verdict, ClientVerdict::ok);
    EXPECT_EQ(server.client().subject(), "CN=client");
    EXPECT_EQ(server.client().fingerprint, jobs.identity.fingerprint);
    EXPECT_EQ(server.verify_job(), nullptr);
    EXPECT_EQ(server.handshake(), nullptr);
  }
}

TEST_P(ClientAuthTest, NothingIsEstablishedBeforeTheVerdict) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs, {.run_verifications = false}};
  handshake(server, certificate());
  EXPECT_EQ(server.last().await, Await::verdict);
  EXPECT_FALSE(server.server().is_established());
  EXPECT_FALSE(server.server().can_seal(server.handshake()));
  EXPECT_FALSE(server.server().has_output(server.handshake()));
  EXPECT_EQ(server.client().verdict, ClientVerdict::none);
  // What the client says meanwhile waits.
  const Bytes early = client->seal(ContentType::application_data, {'n', 'o', 'w'});
  server.feed(early);
  EXPECT_TRUE(server.application_data().empty());
  EXPECT_FALSE(server.saw(Event::established));
  server.run_verification();
  server.process();
  EXPECT_TRUE(server.saw(Event::established));
  EXPECT_EQ(server.application_data(), (Bytes{'n', 'o', 'w'}));
}

TEST_P(ClientAuthTest, NothingIsReadAfterABadVerdict) {
  ask(ClientAuthMode::optional);
  jobs.identity.verdict = ClientVerdict::revoked;
  TlsDriver server{config, jobs, {.run_verifications = false}};
  handshake(server, certificate());
  server.feed(client->seal(ContentType::application_data, {'n', 'o', 'w'}));
  server.run_verification();
  server.process();
  EXPECT_TRUE(server.application_data().empty());
  EXPECT_EQ(server.client().verdict, ClientVerdict::none);
  expect_failure(server, Failure::client_certificate_revoked, Alert::certificate_revoked);
}

// [RFC 8446 6.2, RFC 5246 7.2.2]
TEST_P(ClientAuthTest, EveryVerdictHasItsAlert) {
  struct Row {
    ClientVerdict verdict;
    Failure failure;
    Alert alert;
  };
  const Row rows[] = {
      {ClientVerdict::malformed, Failure::client_certificate_malformed, Alert::bad_certificate},
      {ClientVerdict::unsupported, Failure::client_certificate_unsupported,
       Alert::unsupported_certificate},
      {ClientVerdict::unknown_authority, Failure::client_authority_unknown, Alert::unknown_ca},
      {ClientVerdict::expired, Failure::client_certificate_expired, Alert::certificate_expired},
      {ClientVerdict::revoked, Failure::client_certificate_revoked, Alert::certificate_revoked},
      {ClientVerdict::revocation_unknown, Failure::client_revocation_unknown,
       Alert::certificate_unknown},
      {ClientVerdict::not_trusted, Failure::client_certificate_untrusted,
       Alert::certificate_unknown},
      {ClientVerdict::wrong_scheme, Failure::illegal_parameter, Alert::illegal_parameter},
      {ClientVerdict::bad_signature, Failure::client_signature_bad, Alert::decrypt_error},
      {ClientVerdict::none, Failure::internal_error, Alert::internal_error},
  };
  for (const auto mode : {ClientAuthMode::optional, ClientAuthMode::required}) {
    ask(mode);
    for (const Row& row : rows) {
      jobs.identity.verdict = row.verdict;
      client = std::make_unique<ScriptedClient>();
      TlsDriver server{config, jobs};
      handshake(server, certificate());
      expect_failure(server, row.failure, row.alert);
      EXPECT_EQ(server.client().verdict, ClientVerdict::none);
    }
  }
}

TEST_P(ClientAuthTest, WithoutAVerdictNobodyComesIn) {
  struct Row {
    VerifyStatus status;
    Failure failure;
  };
  for (const Row& row : {Row{VerifyStatus::expired, Failure::timed_out},
                         Row{VerifyStatus::failed, Failure::verifier_failed},
                         Row{VerifyStatus::pending, Failure::verifier_failed}}) {
    ask(ClientAuthMode::optional);
    jobs.verify_status = row.status;
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    handshake(server, certificate());
    expect_failure(server, row.failure, Alert::internal_error);
  }
}

TEST_P(ClientAuthTest, IsRefusedWhenThereIsNoRoomForItsCertificate) {
  ask(ClientAuthMode::optional);
  TlsDriver server{config, jobs, {.attach_verify_jobs = false}};
  begin(server);
  server.feed(say(certificate().message()));
  expect_failure(server, Failure::verifier_busy, Alert::internal_error);
}

// [RFC 8446 5.1] messages may share a record where no keys change between them.
TEST_P(ClientAuthTest, MaySayEverythingInOneRecord) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  begin(server);
  const ClientCertificate shown = certificate();
  if (is_tls13()) {
    Bytes all = client->say(shown.message());
    append(all, client->say(shown.verify()));
    append(all, client->say(client->finished_message()));
    server.feed(around(all));
    client->use_application_keys();
  } else {
    Bytes all = client->say(shown.message());
    append(all, ByteView{client->client_key_exchange()}.subspan(kRecordHeader));
    append(all, client->say(shown.verify()));
    server.feed(around(all));
    finish(server);
  }
  expect_data_flows(server);
  EXPECT_EQ(server.client().verdict, ClientVerdict::ok);
}

TEST_P(ClientAuthTest, MayCutItsMessagesAnywhere) {
  ask(ClientAuthMode::required);
  for (const std::size_t piece : {1UL, 3UL, 250UL}) {
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs, {.piece_len = 7}};
    begin(server);
    const auto say_in_pieces = [&](const Bytes& one) {
      client->say(one);
      for (std::size_t at = 0; at < one.size(); at += piece) {
        const ByteView part = ByteView{one}.subspan(at, std::min(piece, one.size() - at));
        server.feed(around({part.begin(), part.end()}));
      }
    };
    say_in_pieces(certificate().message());
    if (!is_tls13()) server.feed(client->client_key_exchange());
    say_in_pieces(certificate().verify());
    finish(server);
    expect_data_flows(server);
  }
}

TEST_P(ClientAuthTest, HoldsTheBufferOnlyFromTheFirstByteOfAChainOn) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  begin(server);
  EXPECT_EQ(server.verify_job(), nullptr);
  EXPECT_FALSE(server.used_verify_job());
  const Bytes shown = client->say(certificate().message());
  server.feed(around({shown.begin(), shown.begin() + 2}));
  EXPECT_NE(server.verify_job(), nullptr);
  server.feed(around({shown.begin() + 2, shown.end()}));
  EXPECT_NE(server.verify_job(), nullptr);
}

TEST_P(ClientAuthTest, TakesAChainUpToTheLimit) {
  ask(ClientAuthMode::required);
  ClientCertificate shown = certificate();
  const std::size_t structure = is_tls13() ? 1 + 3 + 3 + 2 : 3 + 3;
  shown.chain = {sequence(crypto::kMaxClientChainBytes - structure, 0xc1)};
  const auto say_it = [&](TlsDriver& server) {
    const Bytes one = client->say(shown.message());
    for (std::size_t at = 0; at < one.size(); at += 10'000) {
      const ByteView part =
          ByteView{one}.subspan(at, std::min<std::size_t>(10'000, one.size() - at));
      server.feed(around({part.begin(), part.end()}));
    }
  };
  TlsDriver server{config, jobs};
  begin(server);
  say_it(server);
  EXPECT_FALSE(server.last().failed());
  EXPECT_EQ(server.verify_job()->certificates[0].len, shown.chain[0].size());

  shown.chain[0].push_back(0);
  client = std::make_unique<ScriptedClient>();
  TlsDriver refusing{config, jobs};
  begin(refusing);
  say_it(refusing);
  expect_failure(refusing, Failure::client_certificate_too_long, Alert::bad_certificate);
}

// [RFC 8446 4.2.10 and D.4] what may come before the client's first message all the same.
TEST_P(ClientAuthTest, SkipsEarlyDataAndChangeCipherSpecBeforeTheCertificate) {
  if (!is_tls13()) GTEST_SKIP() << "TLS 1.2 has neither";
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  server.feed(client->hello(HelloBuilder::tls13().set(ExtensionType::early_data, {})));
  client->hear(server.take_output());
  server.feed(kChangeCipherSpec);
  server.feed(record(ContentType::application_data, Bytes(300, 0x77)));
  EXPECT_FALSE(server.last().failed());
  EXPECT_EQ(server.verify_job(), nullptr);
  ClientCertificate shown;
  server.feed(client->seal(ContentType::handshake, client->say(shown.message())));
  server.feed(client->seal(ContentType::handshake, client->say(shown.verify())));
  server.feed(client->finish());
  EXPECT_TRUE(server.server().is_established());
}

// --- What a client must not say ---

struct Wrong {
  const char* name;
  const char* clause;  // that it breaks
  bool tls13;
  Failure failure;
  Alert alert;
  std::function<std::vector<Bytes>()> messages;  // each in a record of its own
};

// with is an honest certificate of the version with one change.
ClientCertificate with(bool tls13, const std::function<void(ClientCertificate&)>& change) {
  ClientCertificate shown;
  shown.tls13 = tls13;
  change(shown);
  return shown;
}

std::vector<Wrong> wrongs() {
  std::vector<Wrong> all;
  const auto finished = message(HandshakeType::finished, Bytes(32, 0));
  for (const bool tls13 : {true, false}) {
    const auto honest = with(tls13, [](ClientCertificate&) {});
    const auto add = [&](const char* name, const char* clause, Failure failure, Alert alert,
                         std::vector<Bytes> messages) {
      all.push_back({name, clause, tls13, failure, alert, [messages] { return messages; }});
    };
    const auto unexpected = [&](const char* name, const char* clause, std::vector<Bytes> messages) {
      add(name, clause, Failure::unexpected_message, Alert::unexpected_message,
          std::move(messages));
    };
    const auto changed = [&](const char* name, const char* clause, Failure failure, Alert alert,
                             const std::function<void(ClientCertificate&)>& change) {
      add(name, clause, failure, alert, {with(tls13, change).message()});
    };
    const auto of = [tls13](const char* clause13, const char* clause12) {
      return tls13 ? clause13 : clause12;
    };
    // Whoever is asked says Certificate first.
    unexpected("CertificateVerifyFirst", of("RFC 8446 4.4.3", "RFC 5246 7.4.8"), {honest.verify()});
    unexpected("FinishedFirst", of("RFC 8446 4.4.2", "RFC 5246 7.4.6"), {finished});
    unexpected("CompressedCertificate", of("RFC 8879 4", "RFC 8879 3"),
               {message(HandshakeType::compressed_certificate, Bytes(20, 1))});
    unexpected("CertificateTwice", of("RFC 8446 4", "RFC 5246 7.4.7"),
               {honest.message(), honest.message()});
    unexpected("NothingInTheRecord", of("RFC 8446 5.4", "RFC 5246 6.2.1"), {Bytes{}});
    if (tls13) {
      unexpected("FinishedWithoutCertificateVerify", "RFC 8446 4.4.3",
                 {honest.message(), finished});
      unexpected("CertificateVerifyTwice", "RFC 8446 4.4.3",
                 {honest.message(), honest.verify(), honest.verify()});
      unexpected("CertificateVerifyForNothing", "RFC 8446 4.4.3",
                 {ClientCertificate::none(true).message(), honest.verify()});
      unexpected("KeyUpdate", "RFC 8446 4.6.3", {message(HandshakeType::key_update, {0})});
    } else {
      unexpected("CertificateVerifyWithoutKeyExchange", "RFC 5246 7.4.8",
                 {honest.message(), honest.verify()});
      unexpected("KeyExchangeWithoutCertificate", "RFC 5246 7.4.6",
                 {message(HandshakeType::client_key_exchange, Bytes(33, 32))});
      unexpected("CertificateVerifyForNothing", "RFC 5246 7.4.8",
                 {ClientCertificate::none(false).message(), honest.verify()});
    }
    changed("AnEmptyCertificate", of("RFC 8446 4.4.2", "RFC 5246 7.4.6"), Failure::decode_error,
            Alert::decode_error, [](ClientCertificate& c) { c.chain[1].clear(); });
    changed("FiveCertificates", of("RFC 8446 4.4.2.4", "RFC 5246 7.4.6"),
            Failure::client_certificate_malformed, Alert::bad_certificate,
            [](ClientCertificate& c) { c.chain.assign(5, sequence(300, 1)); });
    // A SET, one with a byte behind it, one without its last, and lengths that say nothing.
    for (const Bytes& bytes :
         {Bytes{0x31, 2, 5, 0}, Bytes{0x30, 2, 5, 0, 0}, Bytes{0x30, 2, 5}, Bytes{0x30},
          Bytes{0x30, 0x80, 0, 0}, Bytes{0x30, 0x84, 0, 0, 0, 2, 5, 0}, Bytes(20, 0)}) {
      changed("ACertificateThatIsNone", of("RFC 8446 4.4.2", "RFC 5246 7.4.2"),
              Failure::client_certificate_malformed, Alert::bad_certificate,
              [bytes](ClientCertificate& c) { c.chain[0] = bytes; });
    }
    Bytes longer = honest.message();
    longer.push_back(0);
    longer[3] = static_cast<std::uint8_t>(longer[3] + 1);
    add("BytesBehindTheList", of("RFC 8446 4.4.2", "RFC 5246 7.4.6"), Failure::decode_error,
        Alert::decode_error, {longer});
    if (!tls13) continue;
    changed("AContextThatWasNotOurs", "RFC 8446 4.4.2", Failure::illegal_parameter,
            Alert::illegal_parameter, [](ClientCertificate& c) { c.context = {1}; });
    changed("AnExtensionThatWasNotAskedFor", "RFC 8446 4.4.2", Failure::illegal_parameter,
            Alert::unsupported_extension, [](ClientCertificate& c) {
              c.extensions = {0, 5, 0, 0};
            });
    const auto verify = [&](const char* name, const char* clause, Failure failure, Alert alert,
                            const std::function<void(ClientCertificate&)>& change) {
      add(name, clause, failure, alert, {honest.message(), with(true, change).verify()});
    };
    for (const std::uint16_t scheme :
         std::initializer_list<std::uint16_t>{0x0401, 0x0203, 0x0603, 0x0809, 0x0000}) {
      verify("ASchemeThatWasNotAskedFor", "RFC 8446 4.4.3", Failure::illegal_parameter,
             Alert::illegal_parameter, [scheme](ClientCertificate& c) { c.scheme = scheme; });
    }
    verify("ASignatureLongerThanAny", "RFC 8446 4.4.3", Failure::decode_error, Alert::decode_error,
           [](ClientCertificate& c) { c.signature.resize(20'000); });
    Bytes shorter = honest.verify();
    shorter.pop_back();
    shorter[3] = static_cast<std::uint8_t>(shorter[3] - 1);
    add("ASignatureCutShort", "RFC 8446 4.4.3", Failure::decode_error, Alert::decode_error,
        {honest.message(), shorter});
  }
  return all;
}

TEST(ClientAuthWrongs, HearTheirAlert) {
  ServerConfig config = testing::test_config();
  config.client_auth = ClientAuth{ClientAuthMode::optional, kAuthority, kAuthorityNames};
  for (const Wrong& wrong : wrongs()) {
    SCOPED_TRACE(std::string{wrong.name} + (wrong.tls13 ? " in TLS 1.3, " : " in TLS 1.2, ") +
                 wrong.clause);
    FakeJobs jobs;
    ScriptedClient client;
    TlsDriver server{config, jobs};
    server.feed(client.hello(wrong.tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12()));
    client.hear(server.take_output());
    for (const Bytes& one : wrong.messages()) {
      ASSERT_FALSE(server.last().failed());
      const auto first = Bytes(
          one.begin(),
          one.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(one.size(), 16'000)));
      server.feed(wrong.tls13 ? client.seal(ContentType::handshake, first)
                              : record(ContentType::handshake, first));
    }
    client.hear(server.take_output());
    EXPECT_EQ(server.last().failure, wrong.failure);
    EXPECT_EQ(client.alert(), static_cast<std::uint8_t>(wrong.alert));
    EXPECT_EQ(server.handshake(), nullptr);
    EXPECT_EQ(server.verify_job(), nullptr);
    EXPECT_EQ(jobs.num_verifications, 0);
  }
}

// [RFC 5246 7.4.8 and 7.4.9] in TLS 1.2 keys change behind CertificateVerify, and not before.
TEST_P(ClientAuthTest, Tls12ChangesKeysOnlyBehindCertificateVerify) {
  if (is_tls13()) GTEST_SKIP();
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  server.feed(client->hello(HelloBuilder::tls12()));
  client->hear(server.take_output());
  ClientCertificate shown;
  shown.tls13 = false;
  server.feed(record(ContentType::handshake, client->say(shown.message())));
  server.feed(client->client_key_exchange());
  server.feed(kChangeCipherSpec);
  client->hear(server.take_output());
  EXPECT_EQ(server.last().failure, Failure::unexpected_message);
  EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(Alert::unexpected_message));
}

TEST_P(ClientAuthTest, Tls12HearsOfASchemeThatWasNotAskedFor) {
  if (is_tls13()) GTEST_SKIP();
  ask(ClientAuthMode::required);
  for (const std::uint16_t scheme : std::initializer_list<std::uint16_t>{0x0603, 0x0807, 0x0201}) {
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    server.feed(client->hello(HelloBuilder::tls12()));
    client->hear(server.take_output());
    ClientCertificate shown;
    shown.tls13 = false;
    shown.scheme = scheme;
    server.feed(record(ContentType::handshake, client->say(shown.message())));
    server.feed(client->client_key_exchange());
    server.feed(record(ContentType::handshake, client->say(shown.verify())));
    client->hear(server.take_output());
    EXPECT_EQ(server.last().failure, Failure::illegal_parameter);
    EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(Alert::illegal_parameter));
  }
}

// A Finished that does not verify costs no verification.
TEST_P(ClientAuthTest, IsNotJudgedBeforeItsFinishedIsRight) {
  ask(ClientAuthMode::required);
  TlsDriver server{config, jobs};
  begin(server);
  show(server, certificate());
  Bytes finished = is_tls13() ? client->finished_message() : client->finished12_message();
  finished.back() ^= 1;
  if (!is_tls13()) server.feed(kChangeCipherSpec);
  server.feed(client->seal(ContentType::handshake, finished));
  expect_failure(server, Failure::bad_finished, Alert::decrypt_error);
  EXPECT_EQ(jobs.num_verifications, 0);
}

}  // namespace

std::vector<NegativeCase> client_auth_wrongs() {
  std::vector<NegativeCase> all;
  for (const Wrong& wrong : wrongs()) all.push_back({wrong.name, wrong.clause});
  return all;
}

}  // namespace sallyport::tls
