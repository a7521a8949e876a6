// OpenSSL's client over memory BIOs as the oracle for tls::Server: every version, group, suite and
// certificate type that we speak, and what clients do around them.
#include <gtest/gtest.h>

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "lib/wire/tls_messages.h"
#include "tests/interop/openssl_site.h"

namespace sallyport::tls {
namespace {

using crypto::KeyType;
using crypto::NamedGroup;
using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::Client;
using testing::connect;
using testing::converse;
using testing::Delivery;
using testing::der_of;
using testing::Owned;
using testing::pattern;
using testing::site;
using testing::TlsDriver;
using wire::CipherSuite;

struct Combination {
  int version;
  const char* suite;
  const char* group;
  KeyType key_type;
  CipherSuite expected;
};

class EveryCombination : public ::testing::TestWithParam<Combination> {};

TEST_P(EveryCombination, HandshakesAndCarriesData) {
  const Combination& c = GetParam();
  for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
    Client client;
    SSL_CTX_set_min_proto_version(client.context(), c.version);
    SSL_CTX_set_max_proto_version(client.context(), c.version);
    SSL_CTX_set_cipher_list(client.context(), c.version == TLS1_2_VERSION ? c.suite : "ALL");
    if (c.version == TLS1_3_VERSION) SSL_CTX_set_ciphersuites(client.context(), c.suite);
    SSL_CTX_set1_groups_list(client.context(), c.group);
    if (c.key_type == KeyType::rsa) {
      SSL_CTX_set1_sigalgs_list(client.context(), "RSA-PSS+SHA256:RSA+SHA256");
    }
    client.start();
    const ServerConfig config = site().config(c.key_type);
    TlsDriver server{
        config, site().jobs(), {.piece_len = delivery == Delivery::whole ? kMaxRecord : 100}};
    ASSERT_TRUE(connect(client, server, delivery)) << c.suite << " " << c.group;
    EXPECT_EQ(server.server().cipher_suite(), c.expected);
    EXPECT_EQ(SSL_version(client.ssl()), c.version);
    converse(client, server);
  }
}

std::vector<Combination> every_combination() {
  std::vector<Combination> all;
  for (const char* group : {"X25519", "P-256"}) {
    for (const KeyType key : {KeyType::ecdsa_p256, KeyType::rsa}) {
      const bool ecdsa = key == KeyType::ecdsa_p256;
      // [RFC 8422 5.1] a client that takes an ECDSA certificate lists its curve.
      const char* groups12 = std::string_view{group} == "X25519" ? "X25519:P-256" : group;
      all.push_back({TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", group, key,
                     CipherSuite::tls_aes_128_gcm_sha256});
      all.push_back({TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", group, key,
                     CipherSuite::tls_aes_256_gcm_sha384});
      all.push_back({TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", group, key,
                     CipherSuite::tls_chacha20_poly1305_sha256});
      all.push_back({TLS1_2_VERSION,
                     ecdsa ? "ECDHE-ECDSA-AES128-GCM-SHA256" : "ECDHE-RSA-AES128-GCM-SHA256",
                     groups12, key,
                     ecdsa ? CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256
                           : CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256});
      all.push_back({TLS1_2_VERSION,
                     ecdsa ? "ECDHE-ECDSA-AES256-GCM-SHA384" : "ECDHE-RSA-AES256-GCM-SHA384",
                     groups12, key,
                     ecdsa ? CipherSuite::tls_ecdhe_ecdsa_with_aes_256_gcm_sha384
                           : CipherSuite::tls_ecdhe_rsa_with_aes_256_gcm_sha384});
      all.push_back({TLS1_2_VERSION,
                     ecdsa ? "ECDHE-ECDSA-CHACHA20-POLY1305" : "ECDHE-RSA-CHACHA20-POLY1305",
                     groups12, key,
                     ecdsa ? CipherSuite::tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256
                           : CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(OpenSsl, EveryCombination, ::testing::ValuesIn(every_combination()));

TEST(OpenSslClient, IsAskedForAShareOfAGroupThatWeSupport) {
  for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}) {
    for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
      Client client;
      SSL_CTX_set_min_proto_version(client.context(), TLS1_3_VERSION);
      SSL_CTX_set_ciphersuites(client.context(), suite);
      SSL_CTX_set1_groups_list(client.context(), "P-521:P-384:X25519");
      client.start();
      const ServerConfig config = site().config();
      TlsDriver server{config, site().jobs()};
      ASSERT_TRUE(connect(client, server, delivery));
      EXPECT_TRUE(server.saw(Event::hello_retry));
      converse(client, server);
    }
  }
}

TEST(OpenSslClient, WithoutMiddleboxCompatibilityGetsNoChangeCipherSpec) {
  Client client;
  SSL_CTX_clear_options(client.context(), SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  EXPECT_FALSE(client.handshake());
  server.feed(client.take());
  const Bytes flight = server.take_output();
  const std::size_t first = Server::record_size(flight);
  ASSERT_LT(first, flight.size());
  EXPECT_EQ(flight[first], 23);
  client.give(flight);
  EXPECT_TRUE(connect(client, server));
}

TEST(OpenSslClient, AgreesOnAProtocolInOurOrder) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    SSL_CTX_set_max_proto_version(client.context(), version);
    constexpr std::string_view kOffer = "\x08http/1.1\x02h2";
    SSL_CTX_set_alpn_protos(client.context(), bytes_of(kOffer).data(), kOffer.size());
    client.start();
    ServerConfig config = site().config();
    config.alpn_protocols = {"h3", "h2", "http/1.1"};
    TlsDriver server{config, site().jobs()};
    ASSERT_TRUE(connect(client, server));
    EXPECT_EQ(server.server().alpn(), 1);
    const unsigned char* name = nullptr;
    unsigned len = 0;
    SSL_get0_alpn_selected(client.ssl(), &name, &len);
    EXPECT_EQ((std::string_view{reinterpret_cast<const char*>(name), len}), "h2");
    converse(client, server);
  }
}

TEST(OpenSslClient, HearsWhenThereIsNoProtocolInCommon) {
  Client client;
  constexpr std::string_view kOffer = "\x04spdy";
  SSL_CTX_set_alpn_protos(client.context(), bytes_of(kOffer).data(), kOffer.size());
  client.start();
  ServerConfig config = site().config();
  config.alpn_protocols = {"h2"};
  TlsDriver server{config, site().jobs()};
  EXPECT_FALSE(connect(client, server));
  EXPECT_EQ(server.last().failure, HandshakeFailure::no_application_protocol);
  EXPECT_EQ(server.last().alert, wire::AlertDescription::no_application_protocol);
}

TEST(OpenSslClient, GetsTheCertificateOfTheNameThatItAsksFor) {
  const auto certificate_for = [](const char* name, int version) -> std::vector<std::uint8_t> {
    Client client;
    SSL_CTX_set_max_proto_version(client.context(), version);
    client.start();
    if (name != nullptr) client.ask_for(name);
    const ServerConfig config = site().config();
    TlsDriver server{config, site().jobs()};
    EXPECT_TRUE(connect(client, server));
    const Owned<X509> certificate{SSL_get1_peer_certificate(client.ssl())};
    return certificate == nullptr ? std::vector<std::uint8_t>{} : der_of(certificate.get());
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto& first = site().credential(0).chain[0];
    const auto& third = site().credential(2).chain[0];
    EXPECT_EQ(certificate_for("site.test", version), first);
    EXPECT_EQ(certificate_for("a.wild.test", version), third);
    EXPECT_EQ(certificate_for("EXACT.other.test", version), third);
    EXPECT_EQ(certificate_for("a.b.wild.test", version), first);
    EXPECT_EQ(certificate_for("unknown.test", version), first);
    EXPECT_EQ(certificate_for(nullptr, version), first);
  }
}

TEST(OpenSslClient, SeesAStapleWhenItAsksForOne) {  // [RFC 6066 8, RFC 8446 4.4.2.1]
  std::vector<Credential> credentials = site().config().credentials.all();
  for (Credential& credential : credentials) credential.staple = pattern(2'000);
  ServerConfig config = site().config();
  config.credentials = credentials;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool asks : {true, false}) {
      Client client;
      SSL_CTX_set_max_proto_version(client.context(), version);
      client.start();
      if (asks) SSL_ctrl(client.ssl(), SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, 1, nullptr);
      TlsDriver server{config, site().jobs()};
      ASSERT_TRUE(connect(client, server));
      unsigned char* staple = nullptr;
      const long len = SSL_ctrl(client.ssl(), SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &staple);
      if (asks) {
        ASSERT_EQ(len, 2'000);
        EXPECT_EQ(Bytes(staple, staple + len), pattern(2'000));
      } else {
        EXPECT_LE(len, 0);
      }
      converse(client, server);
    }
  }
}

TEST(OpenSslClient, WithoutExtendedMasterSecretUsesTheOldOne) {
  Client client;
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  SSL_CTX_set_options(client.context(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  EXPECT_EQ(SSL_get_extms_support(client.ssl()), 0);
  converse(client, server);
}

TEST(OpenSslClient, UsesExtendedMasterSecretAndSecureRenegotiationByDefault) {
  Client client;
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  EXPECT_EQ(SSL_get_extms_support(client.ssl()), 1);
  EXPECT_EQ(SSL_get_secure_renegotiation_support(client.ssl()), 1);
}

TEST(OpenSslClient, UpdatesKeysAndGetsAnAnswer) {
  Client client;
  SSL_CTX_set_min_proto_version(client.context(), TLS1_3_VERSION);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  for (int i = 0; i < 16; ++i) {
    for (const int kind : {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED}) {
      ASSERT_EQ(SSL_key_update(client.ssl(), kind), 1);
      ASSERT_TRUE(client.write(bytes_of("after the update")));
      server.feed(client.take());
      EXPECT_EQ(server.server().has_output(nullptr), kind == SSL_KEY_UPDATE_REQUESTED);
      client.give(server.send(bytes_of("answer")));
      EXPECT_EQ(client.read().size(), 6U);
    }
  }
  EXPECT_EQ(server.key_updates(), 32);
  EXPECT_EQ(server.application_data().size(), 32 * 16U);
  // One more within the minute is one too many.
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  ASSERT_TRUE(client.write(bytes_of("x")));
  server.feed(client.take());
  EXPECT_EQ(server.last().failure, HandshakeFailure::too_many_records);
}

TEST(OpenSslClient, MayUpdateKeysAgainInTheNextMinute) {
  Client client;
  SSL_CTX_set_min_proto_version(client.context(), TLS1_3_VERSION);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  for (int i = 0; i < 100; ++i) {
    server.now = server.now + TscRate{1'000'000'000}.ticks(seconds{2});
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    ASSERT_TRUE(client.write(bytes_of("x")));
    server.feed(client.take());
    ASSERT_FALSE(server.last().failed()) << i;
  }
}

TEST(OpenSslClient, OfTls11IsRefusedByVersion) {
  Client client;
  SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(client.context(), 0);
  SSL_CTX_set_cipher_list(client.context(), "ALL:@SECLEVEL=0");
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  EXPECT_FALSE(connect(client, server));
  EXPECT_EQ(server.last().failure, HandshakeFailure::protocol_version);
}

TEST(OpenSslClient, NoticesADowngrade) {
  // The server can do both; somebody between them removes TLS 1.3 from the hello.  Here the client
  // does so itself, which leaves the mark in ServerHello.random.
  Client client;
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  std::array<unsigned char, 32> random{};
  SSL_get_server_random(client.ssl(), random.data(), random.size());
  EXPECT_TRUE(
      std::equal(wire::kDowngradeToTls12.begin(), wire::kDowngradeToTls12.end(), random.end() - 8));
}

TEST(OpenSslClient, AcceptsAFlightCutIntoSmallFrames) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    SSL_CTX_set_max_proto_version(client.context(), version);
    client.start();
    client.ask_for("a.wild.test");  // the certificate of nine kilobytes
    const ServerConfig config = site().config();
    TlsDriver server{config, site().jobs(), {.room = Server::kMinPullRoom}};
    ASSERT_TRUE(connect(client, server));
    converse(client, server);
  }
}

TEST(OpenSslClient, HearsOurFatalAlert) {
  Client client;
  client.start();
  const ServerConfig config = site().config();
  TlsDriver server{config, site().jobs()};
  ASSERT_TRUE(connect(client, server));
  server.server().abort(wire::AlertDescription::internal_error);
  client.give(server.take_output());
  EXPECT_TRUE(client.read().empty());
  EXPECT_EQ(SSL_get_error(client.ssl(), 0), SSL_ERROR_SSL);
  EXPECT_TRUE(server.server().write_closed());
}

// --- Resumption --------------------------------------------------------------------------------

struct FreeSession {
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
using Session = std::unique_ptr<SSL_SESSION, FreeSession>;

// Sessions are those that a client got; OpenSSL's name for a ticket and what goes with it.
std::vector<Session>& sessions() {
  static std::vector<Session> all;
  return all;
}

// Resumer is a client that keeps its sessions, and the keys of the servers that it meets.
class Resumer {
 public:
  explicit Resumer(const Combination& c) : combination_{c}, config_{site().config(c.key_type)} {
    for (TicketKey* const key : {&keys_.current, &keys_.previous, &keys_.next}) {
      random_.fill(key->name);
      random_.fill(key->bytes.expose_for_write());
    }
    config_.tickets = {
        .enabled = true, .psk_only = false, .lifetime_seconds = 3'600, .domain = "web"};
    sessions().clear();
  }
  ~Resumer() { sessions().clear(); }
  Resumer(const Resumer&) = delete;
  Resumer& operator=(const Resumer&) = delete;

  ServerConfig& config() { return config_; }
  std::string groups;   // instead of the combination's
  bool psk_ke = false;  // the client may do without a key exchange

  // talk makes a connection with `session`, which may be null, and says whether it was resumed.
  bool talk(SSL_SESSION* session, Delivery delivery = Delivery::whole) {
    Client client;
    SSL_CTX* const context = client.context();
    SSL_CTX_set_min_proto_version(context, combination_.version);
    SSL_CTX_set_max_proto_version(context, combination_.version);
    SSL_CTX_set_cipher_list(context,
                            combination_.version == TLS1_2_VERSION ? combination_.suite : "ALL");
    if (combination_.version == TLS1_3_VERSION) {
      SSL_CTX_set_ciphersuites(context, combination_.suite);
    }
    SSL_CTX_set1_groups_list(context, groups.empty() ? combination_.group : groups.c_str());
    if (psk_ke) SSL_CTX_set_options(context, SSL_OP_ALLOW_NO_DHE_KEX);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, [](SSL*, SSL_SESSION* made) {
      sessions().emplace_back(made);
      return 1;
    });
    client.start();
    client.ask_for("site.test");
    if (session != nullptr) SSL_set_session(client.ssl(), session);
    TlsDriver server{config_, site().jobs()};
    // OpenSSL's clock is the real one.
    const auto unix_ms = static_cast<std::uint64_t>(std::time(nullptr)) * 1'000;
    server.engine().use_tickets(&keys_, {server.now, unix_ms});
    EXPECT_TRUE(connect(client, server, delivery));
    static_cast<void>(client.read());  // takes in the tickets of TLS 1.3
    converse(client, server);
    const bool resumed = SSL_session_reused(client.ssl()) == 1;
    EXPECT_EQ(server.server().is_resumed(), resumed);
    EXPECT_FALSE(server.saw(Event::ticket_age));
    retried = server.saw(Event::hello_retry);
    return resumed;
  }
  bool retried = false;

 private:
  const Combination& combination_;
  Random random_{Random::Seed{4}};
  TicketKeys keys_;
  ServerConfig config_;
};

class EveryResumption : public ::testing::TestWithParam<Combination> {};

TEST_P(EveryResumption, IsReportedByTheClient) {
  for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
    Resumer client{GetParam()};
    ASSERT_FALSE(client.talk(nullptr, delivery));
    ASSERT_FALSE(sessions().empty());
    const Session first = std::move(sessions().back());
    sessions().clear();
    ASSERT_TRUE(client.talk(first.get(), delivery));
    if (GetParam().version != TLS1_3_VERSION) continue;
    // [RFC 8446 4.6.1] fresh tickets on resumption, good for the next time.
    ASSERT_EQ(sessions().size(), 2U);
    const Session second = std::move(sessions().back());
    ASSERT_TRUE(client.talk(second.get(), delivery));
  }
}

INSTANTIATE_TEST_SUITE_P(OpenSsl, EveryResumption, ::testing::ValuesIn(every_combination()));

const Combination kTls13{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "X25519", KeyType::ecdsa_p256,
                         CipherSuite::tls_aes_128_gcm_sha256};

TEST(OpenSslResumption, SurvivesAHelloRetryRequest) {
  Resumer client{kTls13};
  client.groups = "P-521:X25519";
  ASSERT_FALSE(client.talk(nullptr));
  EXPECT_TRUE(client.retried);
  const Session session = std::move(sessions().back());
  ASSERT_TRUE(client.talk(session.get()));
  EXPECT_TRUE(client.retried);
}

// With no group in common there is nothing to exchange keys with, only the ticket.
TEST(OpenSslResumption, WithoutKeyExchangeWhereBothSidesAllowIt) {
  Resumer client{kTls13};
  client.psk_ke = true;
  client.config().tickets.psk_only = true;
  ASSERT_FALSE(client.talk(nullptr));
  Session session = std::move(sessions().back());
  client.config().groups = {NamedGroup::secp256r1};
  for (int i = 0; i < 2; ++i) {
    sessions().clear();
    ASSERT_TRUE(client.talk(session.get()));
    EXPECT_FALSE(client.retried);
    ASSERT_EQ(sessions().size(), 2U);
    session = std::move(sessions().back());
  }
}

TEST(OpenSslResumption, OfAnotherDomainIsAFullHandshake) {
  Resumer client{kTls13};
  ASSERT_FALSE(client.talk(nullptr));
  const Session session = std::move(sessions().back());
  client.config().tickets.domain = "mail";
  EXPECT_FALSE(client.talk(session.get()));
}

TEST(OpenSslResumption, WithoutTicketsThereIsNoSession) {
  Resumer client{kTls13};
  client.config().tickets.enabled = false;
  ASSERT_FALSE(client.talk(nullptr));
  EXPECT_TRUE(sessions().empty());
}

}  // namespace
}  // namespace sallyport::tls
