// RSA key exchange through the state machine: whatever a client has encrypted, it hears the same.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "lib/crypto/sign/premaster.h"
#include "tests/support/hex.h"
#include "tests/support/tls_client.h"
#include "tests/unit/tls/points.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::FakeJobs;
using testing::HelloBuilder;
using testing::kChangeCipherSpec;
using testing::ScriptedClient;
using testing::TlsDriver;
using wire::ContentType;
using wire::HandshakeType;

// Decryption "decrypts" by changing a bit of 48 bytes, if the ciphertext begins with its mark, and
// otherwise leaves the random premaster secret alone, as the executor does.
class Decryption : public FakeJobs {
 public:
  static constexpr std::uint8_t kGood = 0xd0;
  static constexpr std::uint8_t kMask = 0x80;
  void run(crypto::CryptoJob& job) override {
    if (job.kind != crypto::JobKind::tls12_rsa_decrypt) return FakeJobs::run(job);
    version = job.premaster_version;
    substitutes.insert(
        Bytes{job.shared_secret.begin(), job.shared_secret.begin() + crypto::kPremasterLen});
    if (job.wide_len > crypto::kPremasterLen && job.wide[0] == kGood) {
      for (std::size_t i = 0; i < crypto::kPremasterLen; ++i) {
        job.shared_secret[i] = job.wide[i + 1] ^ kMask;
      }
    }
    job.shared_secret_len = crypto::kPremasterLen;
    job.status = crypto::JobStatus::ok;
    ++num_jobs;
  }
  std::set<Bytes> substitutes;
  std::uint16_t version = 0;
};

class RsaKeyExchange : public ::testing::Test {
 protected:
  static Bytes secret() { return Bytes(crypto::kPremasterLen, 0x31); }
  static Bytes good_ciphertext(std::size_t len = 256) {
    Bytes bytes(len, 0x9c);
    bytes[0] = Decryption::kGood;
    for (std::size_t i = 0; i < crypto::kPremasterLen; ++i) {
      bytes[i + 1] = secret()[i] ^ Decryption::kMask;
    }
    return bytes;
  }
  static HelloBuilder hello() {
    HelloBuilder hello = HelloBuilder::tls12();
    hello.cipher_suites = {0x009c};
    return hello;
  }
  // talk goes through the whole handshake and returns what the server said after ServerHelloDone.
  Bytes talk(ScriptedClient& client, TlsDriver& server, const Bytes& ciphertext) {
    server.feed(client.hello(hello()));
    client.hear(server.take_output());
    server.feed(client.wide_key_exchange(ciphertext, secret()));
    server.feed(kChangeCipherSpec);
    server.feed(client.seal(ContentType::handshake, client.say(client.finished12_message())));
    return server.take_output();
  }
  ServerConfig config_ = testing::test_config();
  Decryption jobs_;
  Random random_{Random::Seed{3}};
  Engine engine_{random_};  // of the whole test, so that random numbers go on
};

TEST_F(RsaKeyExchange, NeedsOneJobAndNoServerKeyExchange) {
  ScriptedClient client;
  TlsDriver server{config_, jobs_};
  client.hear(talk(client, server, good_ciphertext()));
  EXPECT_TRUE(server.server().is_established());
  EXPECT_EQ(jobs_.num_jobs, 1);
  EXPECT_EQ(jobs_.version, 0x0303);
  EXPECT_TRUE(client.heard(HandshakeType::server_hello_done));
  EXPECT_FALSE(client.heard(HandshakeType::server_key_exchange));
  client.hear(server.send(Bytes(100, 4)));
  EXPECT_EQ(client.received().back().content, Bytes(100, 4));
}

// [RFC 5246 7.4.7.1] the version is the one that the client offered, also where that is too high.
TEST_F(RsaKeyExchange, ExpectsTheVersionOfTheClientHello) {
  ScriptedClient client;
  TlsDriver server{config_, jobs_};
  HelloBuilder odd = hello();
  odd.legacy_version = 0x0399;
  server.feed(client.hello(odd));
  client.hear(server.take_output());
  server.feed(client.wide_key_exchange(good_ciphertext(), secret()));
  EXPECT_EQ(jobs_.version, 0x0399);
}

TEST_F(RsaKeyExchange, SaysTheSameToEveryForgery) {
  std::set<std::string> answers;
  for (const std::size_t len : {1U, 48U, 255U, 256U, 257U, 512U}) {
    for (const std::uint8_t fill : Bytes{0x00, 0x01, 0xff}) {
      ScriptedClient client;
      TlsDriver server{config_, jobs_, {.engine = &engine_}};
      const Bytes said = talk(client, server, Bytes(len, fill));
      EXPECT_FALSE(server.server().is_established());
      EXPECT_EQ(server.last().failure, HandshakeFailure::bad_record_mac);
      answers.insert(testing::hex(said));
    }
  }
  // A good ciphertext of another secret than the client uses is no different.
  ScriptedClient client;
  TlsDriver server{config_, jobs_, {.engine = &engine_}};
  Bytes other = good_ciphertext();
  other[5] ^= 1;
  answers.insert(testing::hex(talk(client, server, other)));
  EXPECT_EQ(answers.size(), 1U);
  // And no two handshakes have the same substitute.
  EXPECT_EQ(jobs_.substitutes.size(), static_cast<std::size_t>(jobs_.num_jobs));
}

TEST_F(RsaKeyExchange, RefusesWhatIsNoClientKeyExchange) {
  const Bytes bodies[] = {{}, {0}, {0, 0}, {0, 2, 1}, {0, 1, 1, 1}, Bytes(519, 1)};
  for (const Bytes& body : bodies) {
    ScriptedClient client;
    TlsDriver server{config_, jobs_};
    server.feed(client.hello(hello()));
    client.hear(server.take_output());
    server.feed(testing::record(ContentType::handshake,
                                testing::message(HandshakeType::client_key_exchange, body)));
    EXPECT_EQ(server.last().failure, HandshakeFailure::decode_error) << body.size();
    expect_over(client, server, wire::AlertDescription::decode_error);
  }
}

// [RFC 7919 4] A client that lists finite fields, and none of ours, is told so.
TEST(FiniteFieldExchange, NeedsAGroupThatBothKnow) {
  ServerConfig config = testing::test_config();
  config.groups.push_back(crypto::NamedGroup::ffdhe2048);
  FakeJobs jobs;
  ScriptedClient client;
  TlsDriver server{config, jobs};
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {0x009e};
  hello.set(wire::ExtensionType::supported_groups, testing::u16_list({0x0104}));
  server.feed(client.hello(hello));
  EXPECT_EQ(server.last().failure, HandshakeFailure::no_common_finite_field);
  expect_over(client, server, wire::AlertDescription::insufficient_security);
}

// [RFC 5246 7.4.7.2] A number beyond every prime parses all the same.
TEST(FiniteFieldExchange, RefusesANumberLongerThanAnyPrime) {
  ServerConfig config = testing::test_config();
  config.groups.push_back(crypto::NamedGroup::ffdhe2048);
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {0x009e};
  for (const std::uint8_t high :
       testing::Bytes{0x02, 0x04}) {  // 513 bytes and more; 1,025 and more
    FakeJobs jobs;
    ScriptedClient client;
    TlsDriver server{config, jobs};
    server.feed(client.hello(hello));
    client.hear(server.take_output());
    Bytes body(std::size_t{2} + high * 256U + 1, 7);
    body[0] = high;
    body[1] = 1;
    server.feed(testing::record(ContentType::handshake,
                                testing::message(HandshakeType::client_key_exchange, body)));
    EXPECT_EQ(server.last().failure, HandshakeFailure::bad_key_share);
    expect_over(client, server, wire::AlertDescription::illegal_parameter);
  }
}

TEST_F(RsaKeyExchange, LeavesNothingInTheHandshake) {
  ScriptedClient client;
  TlsDriver server{config_, jobs_};
  static_cast<void>(talk(client, server, good_ciphertext()));
  const auto memory = server.handshake_memory();
  const Bytes run(16, 0x31);
  EXPECT_EQ(std::search(memory.begin(), memory.end(), run.begin(), run.end()), memory.end());
}

}  // namespace
}  // namespace sallyport::tls
