// What an honest but unusual client may do, and what the server lends and gives back.
#include "lib/tls/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/tls_client.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::contains;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::message;
using testing::record;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::AlertDescription;
using wire::ContentType;
using wire::ExtensionType;
using wire::HandshakeType;

class ServerTest : public ::testing::Test {
 protected:
  ServerConfig config = testing::test_config();
  FakeJobs jobs;
  ScriptedClient client;

  // establish13 leaves both sides with application keys.
  void establish13(TlsDriver& server) {
    server.feed(client.hello(HelloBuilder::tls13()));
    client.hear(server.take_output());
    server.feed(client.finish());
    ASSERT_TRUE(server.server().is_established());
  }
  void establish12(TlsDriver& server) {
    server.feed(client.hello(HelloBuilder::tls12()));
    client.hear(server.take_output());
    server.feed(client.client_key_exchange());
    server.feed(kChangeCipherSpec);
    server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
    ASSERT_TRUE(server.server().is_established());
    client.hear(server.take_output());
  }
};

TEST_F(ServerTest, NeedsOneJobForTls13) {
  TlsDriver modern{config, jobs};
  establish13(modern);
  EXPECT_EQ(jobs.num_jobs, 1);
}

TEST_F(ServerTest, ShowsACompressedCertificateInFragments) {  // [RFC 8879 4]
  std::vector<Credential> credentials = config.credentials.all();
  const Bytes body(3'000, 0xbb);
  for (Credential& credential : credentials) {
    credential.compressed = {{wire::CertificateCompression::brotli, body}};
  }
  config.credentials = credentials;
  TlsDriver server{config, jobs, {.room = 700}};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::compress_certificate, {2, 0, 2});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  server.feed(client.finish());
  ASSERT_TRUE(server.server().is_established());
  Bytes flight;
  for (const ScriptedClient::Received& heard : client.received()) {
    if (heard.was_protected && heard.type == ContentType::handshake) append(flight, heard.content);
  }
  const Bytes wanted = message(HandshakeType::compressed_certificate, body);
  EXPECT_FALSE(std::ranges::search(flight, wanted).empty());
}

TEST_F(ServerTest, OfTls12NeedsTwoJobs) {
  TlsDriver server{config, jobs};
  establish12(server);
  EXPECT_EQ(jobs.num_jobs, 2);
}

TEST_F(ServerTest, KeepsHandshakeUntilTheLastMessageIsPulled) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls12()));
  client.hear(server.take_output());
  server.feed(client.client_key_exchange());
  server.feed(kChangeCipherSpec);
  server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
  EXPECT_TRUE(server.saw(Event::established));
  EXPECT_NE(server.handshake(), nullptr);
  EXPECT_FALSE(server.server().can_seal(server.handshake()));
  static_cast<void>(server.take_output());
  EXPECT_EQ(server.handshake(), nullptr);
  EXPECT_TRUE(server.server().can_seal(nullptr));
}

TEST_F(ServerTest, ReadsAClientHelloWhereItLiesWithoutABuffer) {
  TlsDriver server{config, jobs};
  establish13(server);
  EXPECT_FALSE(server.used_message_buffer());
}

TEST_F(ServerTest, BorrowsABufferForAClientHelloInPieces) {
  TlsDriver server{config, jobs, {.piece_len = 50}};
  server.feed(client.hello(HelloBuilder::tls13()));
  EXPECT_TRUE(server.used_message_buffer());
  EXPECT_FALSE(server.holds_message_buffer());
  EXPECT_TRUE(server.saw(Event::client_hello));
}

TEST_F(ServerTest, WaitsForABufferWithoutLosingAnything) {
  TlsDriver server{config, jobs, {.attach_buffers = false}};
  const Bytes hello = HelloBuilder::tls13().message();
  const Bytes first = record(ContentType::handshake, ByteView{hello}.first(40));
  server.feed(first);
  EXPECT_EQ(server.last().await, Await::message_buffer);
  EXPECT_FALSE(server.server().needs_message_buffer(server.handshake()));
  // The worker asks again when it has one.
  MessageBuffer buffer;
  Bytes again = first;
  const MutableBytes pieces[] = {again};
  const Step step = server.server().receive(server.engine(), {server.handshake(), &buffer}, pieces);
  EXPECT_EQ(step.await, Await::peer);
  EXPECT_TRUE(server.server().needs_message_buffer(server.handshake()));
  Bytes rest = record(ContentType::handshake, ByteView{hello}.subspan(40));
  const MutableBytes rest_pieces[] = {rest};
  EXPECT_EQ(
      server.server().receive(server.engine(), {server.handshake(), &buffer}, rest_pieces).await,
      Await::job);
}

TEST_F(ServerTest, WaitsForAJobWithoutLosingAnything) {
  TlsDriver server{config, jobs, {.run_jobs = false}};
  server.feed(client.hello(HelloBuilder::tls13()));
  EXPECT_EQ(server.last().await, Await::job);
  EXPECT_EQ(server.server().wants_key_share(*server.handshake()), crypto::NamedGroup::x25519);
  EXPECT_FALSE(server.server().has_output(server.handshake()));
  // Records that come meanwhile stay with the worker: a stray call changes nothing.
  Bytes stray = kChangeCipherSpec;
  const MutableBytes pieces[] = {stray};
  EXPECT_EQ(server.server().receive(server.engine(), {server.handshake(), nullptr}, pieces).await,
            Await::job);
  server.run_job();
  client.hear(server.take_output());
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

TEST_F(ServerTest, RefusesAKeyShareOfAnotherGroup) {
  TlsDriver server{config, jobs, {.run_jobs = false}};
  server.feed(client.hello(HelloBuilder::tls13()));
  crypto::CryptoJob job;
  crypto::KeyShare share = jobs.make_key_share(crypto::NamedGroup::secp256r1);
  const Step step = server.server().start_job(server.engine(), *server.handshake(), job, share);
  EXPECT_EQ(step.failure, HandshakeFailure::internal_error);
}

TEST_F(ServerTest, TakesTheKeyShareOverAndNamesTheCredential) {
  TlsDriver server{config, jobs, {.run_jobs = false}};
  server.feed(client.hello(HelloBuilder::tls13()));
  crypto::CryptoJob job;
  crypto::KeyShare share = jobs.make_key_share(crypto::NamedGroup::x25519);
  const Step step = server.server().start_job(server.engine(), *server.handshake(), job, share);
  EXPECT_EQ(step.await, Await::job_result);
  EXPECT_EQ(share.group, crypto::NamedGroup::none);
  EXPECT_EQ(job.kind, crypto::JobKind::tls13_derive_and_sign);
  EXPECT_EQ(job.credential, config.credentials[0].id);
  EXPECT_EQ(job.scheme, crypto::SignatureScheme::ecdsa_secp256r1_sha256);
  EXPECT_EQ(job.peer_share_len, 32);
  EXPECT_EQ(job.ephemeral.group, crypto::NamedGroup::x25519);
}

TEST_F(ServerTest, AsksForAShareAndGoesOn) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, Bytes(97, 4));
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  EXPECT_TRUE(client.retried());
  EXPECT_TRUE(server.saw(Event::hello_retry));
  EXPECT_EQ(jobs.num_jobs, 0);
  Bytes second_flight = kChangeCipherSpec;
  append(second_flight, client.hello(hello.share(0x0017, Bytes(65, 4))));
  server.feed(second_flight);
  client.hear(server.take_output());
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

TEST_F(ServerTest, SendsOneCompatibilityChangeCipherSpecOnly) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  server.feed(
      client.hello(hello.share(0x0017, Bytes(65, 4))
                       .share(0x001e, Bytes(32, 4))
                       .set(ExtensionType::supported_groups, testing::u16_list({0x001e, 0x0017}))));
  client.hear(server.take_output());
  server.feed(client.hello(hello.share(0x0017, Bytes(65, 4))));
  client.hear(server.take_output());
  int specs = 0;
  for (const auto& one : client.received()) {
    specs += one.type == ContentType::change_cipher_spec ? 1 : 0;
  }
  EXPECT_EQ(specs, 1);
}

TEST_F(ServerTest, SkipsEarlyDataThatItCannotRead) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::early_data, {});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  for (int i = 0; i < 8; ++i) {
    server.feed(record(ContentType::application_data, Bytes(2'000, 0xee)));
    ASSERT_FALSE(server.last().failed());
  }
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

// [RFC 8446 5.1] A message may be cut anywhere, and some cut their hello into single bytes so that
// a middlebox does not understand it.  What costs as much as thousands of hellos is none of those.
TEST_F(ServerTest, TakesAHelloInSingleBytesButNotWithoutEnd) {
  const auto feed_in_pieces = [](TlsDriver& server, std::size_t padding, std::size_t piece) {
    ScriptedClient fresh;
    HelloBuilder hello = HelloBuilder::tls13();
    hello.set(ExtensionType::padding, Bytes(padding, 0));
    const Bytes sent = fresh.hello(hello);
    std::size_t fed = 0;
    for (ByteView rest = ByteView{sent}.subspan(5); !rest.empty() && !server.last().failed();) {
      const ByteView part = rest.first(std::min(piece, rest.size()));
      server.feed(record(ContentType::handshake, {part.begin(), part.end()}));
      rest = rest.subspan(part.size());
      ++fed;
    }
    return fed;
  };
  {
    TlsDriver server{config, jobs};
    feed_in_pieces(server, 2'000, 1);
    EXPECT_TRUE(server.saw(Event::client_hello));
  }
  {
    TlsDriver server{config, jobs};
    EXPECT_EQ(feed_in_pieces(server, 6'000, 1), 4'097U);
    EXPECT_EQ(server.last().failure, HandshakeFailure::too_many_records);
    EXPECT_EQ(server.last().alert, AlertDescription::unexpected_message);
  }
  TlsDriver server{config, jobs};
  feed_in_pieces(server, 16'000, 64);
  EXPECT_TRUE(server.saw(Event::client_hello)) << "[RFC 8449 4] nobody has to send larger ones";
}

TEST_F(ServerTest, SkipsNoMoreEarlyDataThanItPromised) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::early_data, {});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  for (int i = 0; i < 9; ++i) {
    server.feed(record(ContentType::application_data, Bytes(2'000, 0xee)));
  }
  client.hear(server.take_output());
  EXPECT_EQ(server.last().failure, HandshakeFailure::bad_record_mac);
  EXPECT_EQ(client.alert(), 20);
}

// [RFC 8446 4.2.2] What is needed again the client keeps.
TEST_F(ServerTest, HoldsNothingForAClientThatWasAskedToRetry) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, Bytes(97, 4));
  server.feed(client.hello(hello));
  EXPECT_NE(server.handshake(), nullptr) << "the request waits to be pulled";
  client.hear(server.take_output());
  EXPECT_EQ(server.handshake(), nullptr);
  server.feed(kChangeCipherSpec);
  EXPECT_EQ(server.handshake(), nullptr);
  // A hello in two records: held from its first byte on.
  const Bytes second = client.hello(hello.share(0x0017, Bytes(65, 4)));
  const ByteView message = ByteView{second}.subspan(5);
  server.feed(record(ContentType::handshake, {message.begin(), message.begin() + 50}));
  EXPECT_NE(server.handshake(), nullptr);
  EXPECT_TRUE(server.holds_message_buffer());
  server.feed(record(ContentType::handshake, {message.begin() + 50, message.end()}));
  client.hear(server.take_output());
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

// The cookie of another client, or of another worker, is no cookie.
TEST_F(ServerTest, TakesACookieOnlyFromWhomItWasMadeFor) {
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, Bytes(97, 4));
  const auto cookie_for = [&](TlsDriver& server, ScriptedClient& asking, const HelloBuilder& with) {
    server.feed(asking.hello(with));
    asking.hear(server.take_output());
    return *asking.extension(ExtensionType::cookie);
  };
  TlsDriver server{config, jobs};
  const Bytes own = cookie_for(server, client, hello);
  HelloBuilder other_hello = hello;
  other_hello.random[0] ^= 1;
  TlsDriver::Options shared;
  shared.engine = &server.engine();
  TlsDriver neighbour{config, jobs, shared};
  ScriptedClient other;
  const Bytes foreign = cookie_for(neighbour, other, other_hello);
  EXPECT_NE(foreign, own);
  hello.share(0x0017, Bytes(65, 4)).set(ExtensionType::cookie, foreign);
  server.feed(record(ContentType::handshake, hello.message(), 0x0301));
  EXPECT_EQ(server.last().failure, HandshakeFailure::illegal_parameter);
}

TEST_F(ServerTest, SkipsEarlyDataByTypeAfterHelloRetryRequest) {
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
  hello.share(0x0018, Bytes(97, 4)).set(ExtensionType::early_data, {});
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  server.feed(record(ContentType::application_data, Bytes(9'000, 0xee)));
  ASSERT_FALSE(server.last().failed());
  hello.remove(ExtensionType::early_data).share(0x0017, Bytes(65, 4));
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

// [RFC 8446 4.2.10] Both ways of skipping: by the outer type after a HelloRetryRequest, as records
// that do not decrypt after ServerHello.
class SkippedEarlyData : public ::testing::TestWithParam<bool> {
 protected:
  static bool retries() { return GetParam(); }
  void announce(TlsDriver& server) {
    HelloBuilder hello = HelloBuilder::tls13();
    hello.set(ExtensionType::early_data, {});
    if (retries()) {
      hello.set(ExtensionType::supported_groups, testing::u16_list({0x0018, 0x0017}));
      hello.share(0x0018, Bytes(97, 4));
    }
    server.feed(client->hello(hello));
    client->hear(server.take_output());
    ASSERT_EQ(client->retried(), retries());
  }
  static void skip(TlsDriver& server, std::size_t len) {
    server.feed(record(ContentType::application_data, Bytes(len, 0xee)));
  }
  void expect_refused(TlsDriver& server, HandshakeFailure why) {
    client->hear(server.take_output());
    EXPECT_EQ(stats::name_of(server.last().failure), stats::name_of(why));
    EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(alert_of(why)));
    EXPECT_EQ(server.handshake(), nullptr);
  }
  [[nodiscard]] static HandshakeFailure beyond() {
    return retries() ? HandshakeFailure::unexpected_message : HandshakeFailure::bad_record_mac;
  }

  ServerConfig config = testing::test_config();
  FakeJobs jobs;
  std::unique_ptr<ScriptedClient> client = std::make_unique<ScriptedClient>();
};
INSTANTIATE_TEST_SUITE_P(Both, SkippedEarlyData, ::testing::Bool(), [](const auto& one) {
  return std::string{one.param ? "AfterHelloRetryRequest" : "AfterServerHello"};
});

TEST_P(SkippedEarlyData, EndsWithTheLastByte) {
  constexpr std::size_t kMost = 16'384;
  for (const std::vector<std::size_t>& lengths :
       {std::vector<std::size_t>{kMost}, {kMost - 1, 1}, {1, kMost - 1}}) {
    client = std::make_unique<ScriptedClient>();
    TlsDriver server{config, jobs};
    announce(server);
    for (const std::size_t len : lengths) skip(server, len);
    ASSERT_FALSE(server.last().failed());
    skip(server, 1);
    expect_refused(server, beyond());
  }
  client = std::make_unique<ScriptedClient>();
  TlsDriver server{config, jobs};
  announce(server);
  skip(server, kMost + 1);
  expect_refused(server, beyond());
}

// Bytes do not bound their number.
TEST_P(SkippedEarlyData, MayBeSomeEmptyRecords) {
  TlsDriver server{config, jobs};
  announce(server);
  for (int i = 0; i < 32; ++i) {
    skip(server, 0);
    ASSERT_FALSE(server.last().failed()) << i;
  }
  skip(server, 0);
  expect_refused(server, HandshakeFailure::too_many_records);
}

TEST_F(ServerTest, ReadsSeveralRecordsThatArriveTogether) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  Bytes all = kChangeCipherSpec;
  append(all, client.finish());
  append(all, client.seal(ContentType::application_data, {1, 2, 3}));
  append(all, client.seal(ContentType::application_data, {4, 5}));
  append(all, client.seal(ContentType::alert, {1, 0}));
  server.feed(all);
  EXPECT_EQ(server.application_data(), (Bytes{1, 2, 3, 4, 5}));
  EXPECT_TRUE(server.server().peer_closed());
}

// [RFC 8446 5.1] It MUST be ignored for all purposes, the size of the record among them.
TEST_F(ServerTest, IgnoresTheRecordVersionOfTls13) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  server.feed(record(ContentType::change_cipher_spec, Bytes{1}, 0x1234));
  server.feed(client.finish());
  EXPECT_TRUE(server.server().is_established());
}

TEST_F(ServerTest, ReadsPaddedRecords) {
  TlsDriver server{config, jobs};
  establish13(server);
  Bytes inner{9, 8, 7, 23};
  inner.resize(2'000, 0);
  server.feed(client.seal_inner(inner));
  EXPECT_EQ(server.application_data(), (Bytes{9, 8, 7}));
  // [RFC 8446 5.4] the largest there may be.
  Bytes full(kMaxFragment, 1);
  full.push_back(23);
  server.feed(client.seal_inner(full));
  EXPECT_EQ(server.application_data().size(), 3 + kMaxFragment);
}

TEST_F(ServerTest, ReadsAFinishedInFragments) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  const Bytes finished = client.finished_message();
  for (const std::uint8_t byte : finished) {
    server.feed(client.seal(ContentType::handshake, {byte}));
  }
  EXPECT_TRUE(server.server().is_established());
}

TEST_F(ServerTest, ReadsRecordsInManyPieces) {
  TlsDriver server{config, jobs, {.piece_len = 3}};
  establish13(server);
  Bytes data(1'000, 0x31);
  server.feed(client.seal(ContentType::application_data, data));
  EXPECT_EQ(server.application_data(), data);
}

TEST_F(ServerTest, ToleratesAFewWarningsOfTls12) {
  TlsDriver server{config, jobs};
  establish12(server);
  for (int i = 0; i < 4; ++i) server.feed(client.seal(ContentType::alert, {1, 100}));
  EXPECT_FALSE(server.last().failed());
  server.feed(client.seal(ContentType::alert, {1, 100}));
  EXPECT_EQ(server.last().failure, HandshakeFailure::too_many_records);
}

TEST_F(ServerTest, AnswersCloseNotifyInTheHandshakeWithItsOwn) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  server.feed(client.seal(ContentType::alert, {1, 0}));
  EXPECT_EQ(server.last().failure, HandshakeFailure::client_closed);
  client.hear(server.take_output());
  EXPECT_EQ(client.alert(), 0);
  EXPECT_EQ(server.handshake(), nullptr);
}

TEST_F(ServerTest, AnswersAFatalAlertWithNothing) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  static_cast<void>(server.take_output());
  // [RFC 8446 6.2] in the clear: this client could not make sense of ServerHello.
  server.feed(record(ContentType::alert, Bytes{2, 47}));
  EXPECT_EQ(server.last().failure, HandshakeFailure::alert_received);
  EXPECT_TRUE(server.saw(Event::fatal_alert));
  EXPECT_FALSE(server.server().has_output(nullptr));
  EXPECT_TRUE(server.server().write_closed());
}

TEST_F(ServerTest, SealsNothingAfterClose) {
  TlsDriver server{config, jobs};
  establish13(server);
  EXPECT_EQ(server.send(bytes_of("abc")).size(), 3 + server.server().record_overhead());
  server.server().close();
  EXPECT_FALSE(server.server().can_seal(nullptr));
  client.hear(server.take_output());
  EXPECT_EQ(server.send(bytes_of("abc")).size(), 0U);
  // The client may go on.
  server.feed(client.seal(ContentType::application_data, {1}));
  EXPECT_EQ(server.application_data().size(), 1U);
}

TEST_F(ServerTest, SealsNoRecordThatDoesNotFit) {
  TlsDriver server{config, jobs};
  establish13(server);
  const Bytes large(kMaxFragment + 1, 1);
  Bytes room(kMaxRecord + 100);
  const ByteView one[] = {large};
  EXPECT_EQ(server.server().seal(server.engine(), one, room), 0U);
  const ByteView two[] = {ByteView{large}.first(100)};
  EXPECT_EQ(server.server().seal(server.engine(), two, MutableBytes{room}.first(121)), 0U);
  EXPECT_EQ(server.server().seal(server.engine(), two, MutableBytes{room}.first(122)), 122U);
}

TEST_F(ServerTest, AnswersSeveralKeyUpdateRequestsOnce) {
  TlsDriver server{config, jobs};
  establish13(server);
  for (int i = 0; i < 3; ++i) {
    server.feed(client.seal(ContentType::handshake, message(HandshakeType::key_update, {1})));
    client.update_write_keys();
  }
  EXPECT_FALSE(server.server().can_seal(nullptr));
  const Bytes answer = server.take_output();
  EXPECT_EQ(answer.size(), 5 + 5 + 1 + 16U);
  EXPECT_TRUE(server.server().can_seal(nullptr));
}

TEST_F(ServerTest, ChangesItsKeyBeforeItIsUsedUp) {
  TlsDriver server{config, jobs, {.limits = {.tls13 = 3}}};
  establish13(server);
  for (int i = 0; i < 10; ++i) client.hear(server.send(Bytes{1}));
  EXPECT_TRUE(server.server().is_established());
  int updates = 0;
  int data = 0;
  for (const auto& one : client.received()) {
    updates += one.type == ContentType::handshake && one.content == Bytes{24, 0, 0, 1, 0} ? 1 : 0;
    data += one.type == ContentType::application_data ? 1 : 0;
  }
  EXPECT_EQ(data, 10);
  EXPECT_EQ(updates, 3);
}

// [RFC 8446 5.5] Of ChaCha20-Poly1305 the sequence number would wrap before the key is used up.
TEST_F(ServerTest, NeverUsesUpAKeyOfChaCha20) {
  TlsDriver server{config, jobs, {.limits = {.tls13 = 3}}};
  HelloBuilder hello = HelloBuilder::tls13();
  hello.cipher_suites = {0x1303};
  server.feed(client.hello(hello));
  client.hear(server.take_output());
  server.feed(client.finish());
  client.hear(server.take_output());
  ASSERT_TRUE(server.server().is_established());
  const std::size_t before = client.received().size();
  for (int i = 0; i < 10; ++i) client.hear(server.send(Bytes{1}));
  ASSERT_EQ(client.received().size(), before + 10);
  for (std::size_t i = before; i < client.received().size(); ++i) {
    EXPECT_EQ(client.received()[i].type, ContentType::application_data);
  }
}

TEST_F(ServerTest, OfTls12ClosesBeforeItsKeyIsUsedUp) {
  TlsDriver server{config, jobs, {.limits = {.tls12 = 4}}};
  establish12(server);
  for (int i = 0; i < 10; ++i) client.hear(server.send(Bytes{1}));
  client.hear(server.take_output());
  EXPECT_TRUE(server.server().write_closed());
  EXPECT_EQ(client.alert(), 0);
}

TEST_F(ServerTest, LeavesNoSecretInTheHandshakeOfTls13) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  const Bytes finish = client.finish();  // now the client has its application secret
  const ByteView client_secret = client.client_traffic_secret();
  EXPECT_TRUE(contains(server.handshake_memory(), client_secret));
  server.feed(finish);
  ASSERT_TRUE(server.server().is_established());
  EXPECT_FALSE(contains(server.handshake_memory(), client_secret));
  EXPECT_FALSE(contains(server.handshake_memory(), client.server_traffic_secret()));
  EXPECT_FALSE(contains(server.handshake_memory(), Bytes(16, FakeJobs::kPrivateByte)));
  EXPECT_FALSE(contains(server.handshake_memory(), Bytes(16, FakeJobs::kSharedByte)));
}

TEST_F(ServerTest, KeepsThePrivateShareOfTls12NoLongerThanItMust) {
  const Bytes private_share(16, FakeJobs::kPrivateByte);
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls12()));
  client.hear(server.take_output());
  EXPECT_TRUE(contains(server.handshake_memory(), private_share));
  server.feed(client.client_key_exchange());
  EXPECT_FALSE(contains(server.handshake_memory(), private_share));
  EXPECT_FALSE(contains(server.handshake_memory(), Bytes(16, FakeJobs::kSharedByte)));
}

TEST_F(ServerTest, LeavesNoSecretBehindWhenItFails) {
  TlsDriver server{config, jobs};
  server.feed(client.hello(HelloBuilder::tls13()));
  client.hear(server.take_output());
  Bytes broken = client.finish();
  broken.back() ^= 1;
  server.feed(broken);
  ASSERT_TRUE(server.last().failed());
  EXPECT_FALSE(contains(server.handshake_memory(), client.client_traffic_secret()));
  const ByteView of_server{reinterpret_cast<const std::uint8_t*>(&server.server()),
                           sizeof server.server()};
  EXPECT_FALSE(contains(of_server, client.client_traffic_secret()));
}

TEST_F(ServerTest, IsClosedByDefault) {
  const Server none;
  EXPECT_FALSE(none.is_established());
  EXPECT_FALSE(none.has_output(nullptr));
  EXPECT_FALSE(none.needs_handshake(nullptr));
}

TEST_F(ServerTest, MovesWithItsKeys) {
  TlsDriver server{config, jobs};
  establish13(server);
  Server moved = std::move(server.server());
  Bytes sealed = client.seal(ContentType::application_data, {5, 6});
  const MutableBytes pieces[] = {sealed};
  EXPECT_EQ(moved.receive(server.engine(), {}, pieces).application_data.len, 2);
}

TEST_F(ServerTest, ReportsFailuresOfTheJob) {
  const std::pair<crypto::JobStatus, HandshakeFailure> cases[] = {
      {crypto::JobStatus::bad_peer_share, HandshakeFailure::bad_key_share},
      {crypto::JobStatus::signer_failed, HandshakeFailure::signer_failed},
      {crypto::JobStatus::expired, HandshakeFailure::timed_out},
      {crypto::JobStatus::pending, HandshakeFailure::internal_error},
  };
  for (const auto& [status, failure] : cases) {
    jobs.status = status;
    TlsDriver server{config, jobs};
    ScriptedClient one;
    server.feed(one.hello(HelloBuilder::tls13()));
    EXPECT_EQ(server.last().failure, failure);
    one.hear(server.take_output());
    EXPECT_EQ(one.alert(), static_cast<std::uint8_t>(alert_of(failure)));
  }
}

}  // namespace
}  // namespace sallyport::tls
