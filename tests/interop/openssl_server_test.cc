// OpenSSL's server over memory BIOs as the oracle for tls::Client, with certificates that
// x509::ServerAuthority judges: both versions, every kind of key, group and suite that we speak,
// and every way in which a server can be the wrong one.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "lib/x509/server_authority.h"
#include "tests/interop/openssl_site.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_client_driver.h"

namespace sallyport::tls {
namespace {

using crypto::NamedGroup;
using stats::HandshakeFailure;
using testing::append;
using testing::Bytes;
using testing::CertificateOptions;
using testing::make_certificate;
using testing::make_ec_key;
using testing::make_key;
using testing::make_rsa_key;
using testing::Owned;
using testing::pattern;
using testing::pem_of;
using testing::TlsClientDriver;
using wire::AlertDescription;
using wire::CipherSuite;
using wire::ProtocolVersion;

// VerifyingJobs derives and judges as the appliance would.
class VerifyingJobs : public testing::ExecutorJobs {
 public:
  explicit VerifyingJobs(const x509::ServerAuthority& authority) : authority_{authority} {}
  void verify(crypto::VerifyJob& job) override {
    if (named_scheme != crypto::SignatureScheme::none) job.scheme = named_scheme;
    if (flip_signature) job.messages[job.signature.offset + job.signature.len - 1U] ^= 1;
    authority_.judge(job, std::time(nullptr));
    verdict = job.identity.verdict;
    ++num_verifications;
  }
  bool flip_signature = false;
  crypto::SignatureScheme named_scheme{};  // in place of the server's, unless it is none
  crypto::ClientVerdict verdict{};
  int num_verifications = 0;

 private:
  const x509::ServerAuthority& authority_;
};

// OpensslServer is SSL over two memory BIOs.
class OpensslServer {
 public:
  OpensslServer() : context_{SSL_CTX_new(TLS_server_method())} {
    SSL_CTX_set_session_id_context(context_.get(), &kContext, 1);
  }
  SSL_CTX* context() { return context_.get(); }
  void use(EVP_PKEY* key, X509* certificate) {
    SSL_CTX_use_certificate(context(), certificate);
    SSL_CTX_use_PrivateKey(context(), key);
  }
  void speak(int version) {
    SSL_CTX_set_min_proto_version(context(), version);
    SSL_CTX_set_max_proto_version(context(), version);
  }
  // Call after the context is set up, and again for the next connection.
  SSL* start() {
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_accept_state(ssl_.get());
    return ssl_.get();
  }
  SSL* ssl() { return ssl_.get(); }
  bool handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  void give(ByteView bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }
  Bytes take() {
    Bytes bytes(BIO_ctrl_pending(out_));
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  Bytes read() {
    Bytes all;
    Bytes some(20'000);
    for (;;) {
      const int n = SSL_read(ssl_.get(), some.data(), static_cast<int>(some.size()));
      if (n <= 0) return all;
      append(all, ByteView{some}.first(static_cast<std::size_t>(n)));
    }
  }
  bool write(ByteView bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }

 private:
  static constexpr unsigned char kContext = 7;
  struct Free {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
    void operator()(SSL* p) const { SSL_free(p); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

enum class Delivery : std::uint8_t { whole, byte_by_byte };

// connect runs the handshake to its end, whichever it is; true when both sides are content.
bool connect(TlsClientDriver& client, OpensslServer& server, Delivery delivery = Delivery::whole) {
  for (int round = 0; round < 10; ++round) {
    server.give(client.take_output());
    const bool server_done = server.handshake();
    const Bytes to_client = server.take();
    if (delivery == Delivery::whole) {
      client.feed(to_client);
    } else {
      for (const std::uint8_t byte : to_client) client.feed({&byte, 1});
    }
    if (server_done && client.client().is_established() &&
        !client.client().has_output(client.handshake())) {
      return true;
    }
  }
  return false;
}

// converse sends data both ways and closes both ways.
void converse(TlsClientDriver& client, OpensslServer& server) {
  const Bytes up = pattern(40'000);
  server.give(client.send(up, 1'300));
  EXPECT_EQ(server.read(), up);
  const Bytes down = pattern(50'000);
  ASSERT_TRUE(server.write(down));
  client.feed(server.take());
  EXPECT_EQ(client.application_data(), down);

  client.client().close();
  server.give(client.take_output());
  EXPECT_TRUE(server.read().empty());
  EXPECT_EQ(SSL_get_shutdown(server.ssl()), SSL_RECEIVED_SHUTDOWN);
  EXPECT_EQ(SSL_shutdown(server.ssl()), 1);
  client.feed(server.take());
  EXPECT_TRUE(client.client().peer_closed());
  EXPECT_EQ(client.last().await, Await::nothing);
  EXPECT_EQ(client.handshake(), nullptr);
  EXPECT_FALSE(client.holds_verify_job());
}

enum class Kind : std::uint8_t { p256, p384, rsa, ed25519 };

Owned<EVP_PKEY> key_of(Kind kind) {
  switch (kind) {
    case Kind::p256:
      return make_ec_key();
    case Kind::p384:
      return make_ec_key("P-384");
    case Kind::rsa:
      return make_rsa_key(2'048);
    case Kind::ed25519:
      return make_key("ED25519");
  }
  return {};
}

class OpensslServerTest : public ::testing::Test {
 protected:
  OpensslServerTest() : ca_key_{make_ec_key()} {
    CertificateOptions options = valid_now("ca.test");
    options.authority = true;
    ca_ = make_certificate(ca_key_.get(), options);
    trust("backend.test");
    config.server_name = "backend.test";
    for (const SuiteInfo& info : kCipherSuites) {
      config.cipher_suites.push_back(static_cast<std::uint16_t>(info.suite));
    }
    config.groups = {NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1};
    config.authority = {1, 1};
  }
  static CertificateOptions valid_now(const std::string& name) {
    CertificateOptions options;
    options.common_name = name;
    options.not_before = std::time(nullptr) - 86'400;
    options.not_after = std::time(nullptr) + 86'400;
    return options;
  }
  void trust(const std::string& name) {
    auto loaded = x509::ServerAuthority::load(
        {.authorities = dir_.write("ca.pem", pem_of(ca_.get())), .revocations = {}, .name = name});
    ASSERT_TRUE(loaded) << loaded.message;
    authority_.emplace(std::move(*loaded.authority));
    jobs_.emplace(*authority_);
  }
  // show gives the server a certificate of our authority.
  void show(Kind kind, CertificateOptions options) {
    options.issuer = ca_.get();
    options.issuer_key = ca_key_.get();
    const auto key = key_of(kind);
    const auto certificate = make_certificate(key.get(), options);
    server.use(key.get(), certificate.get());
  }
  void show(Kind kind = Kind::p256, const std::string& alternatives = "DNS:backend.test") {
    CertificateOptions options = valid_now("backend.test");
    options.alternatives = alternatives;
    show(kind, options);
  }
  TlsClientDriver make_client(TlsClientDriver::Options options = {}) {
    options.unix_ms = static_cast<std::uint64_t>(std::time(nullptr)) * 1'000;
    return TlsClientDriver{config, *jobs_, options};
  }
  // Tickets of TLS 1.3 follow the handshake.
  void client_reads_tickets(TlsClientDriver& client) {
    static_cast<void>(server.read());
    client.feed(server.take());
  }
  // refuse expects the handshake to end with this alert.
  void refuse(int version, HandshakeFailure failure, AlertDescription alert) {
    server.speak(version);
    server.start();
    auto client = make_client();
    EXPECT_FALSE(connect(client, server));
    EXPECT_EQ(client.last().failure, failure);
    EXPECT_EQ(client.last().alert, alert);
    EXPECT_EQ(client.handshake(), nullptr);
    EXPECT_FALSE(client.holds_verify_job());
  }

  testing::TemporaryDirectory dir_;
  Owned<EVP_PKEY> ca_key_;
  Owned<X509> ca_;
  std::optional<x509::ServerAuthority> authority_;
  std::optional<VerifyingJobs> jobs_;
  ClientConfig config;
  OpensslServer server;
};

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

TEST_F(OpensslServerTest, IsVerifiedWithEveryKindOfKey) {
  for (const Kind kind : {Kind::p256, Kind::p384, Kind::rsa, Kind::ed25519}) {
    for (const int version : kVersions) {
      for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
        SCOPED_TRACE(::testing::Message() << "kind " << int(kind) << " version " << version);
        server = {};
        show(kind);
        server.speak(version);
        server.start();
        auto client = make_client({.piece_len = delivery == Delivery::whole ? kMaxRecord : 100,
                                   .room = delivery == Delivery::whole ? 1'400U : 130U});
        ASSERT_TRUE(connect(client, server, delivery)) << int(client.last().alert);
        EXPECT_EQ(int(client.client().version()), version);
        EXPECT_FALSE(client.client().is_resumed());
        converse(client, server);
      }
    }
  }
}

TEST_F(OpensslServerTest, ChoosesAnySuiteOfOurs) {
  struct Choice {
    int version;
    Kind kind;
    const char* name;
    CipherSuite suite;
  };
  using enum CipherSuite;
  const Choice choices[] = {
      {TLS1_3_VERSION, Kind::p256, "TLS_AES_128_GCM_SHA256", tls_aes_128_gcm_sha256},
      {TLS1_3_VERSION, Kind::p256, "TLS_AES_256_GCM_SHA384", tls_aes_256_gcm_sha384},
      {TLS1_3_VERSION, Kind::p256, "TLS_CHACHA20_POLY1305_SHA256", tls_chacha20_poly1305_sha256},
      {TLS1_2_VERSION, Kind::p256, "ECDHE-ECDSA-AES128-GCM-SHA256",
       tls_ecdhe_ecdsa_with_aes_128_gcm_sha256},
      {TLS1_2_VERSION, Kind::p256, "ECDHE-ECDSA-AES256-GCM-SHA384",
       tls_ecdhe_ecdsa_with_aes_256_gcm_sha384},
      {TLS1_2_VERSION, Kind::p256, "ECDHE-ECDSA-CHACHA20-POLY1305",
       tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256},
      {TLS1_2_VERSION, Kind::rsa, "ECDHE-RSA-AES128-GCM-SHA256",
       tls_ecdhe_rsa_with_aes_128_gcm_sha256},
      {TLS1_2_VERSION, Kind::rsa, "ECDHE-RSA-AES256-GCM-SHA384",
       tls_ecdhe_rsa_with_aes_256_gcm_sha384},
      {TLS1_2_VERSION, Kind::rsa, "ECDHE-RSA-CHACHA20-POLY1305",
       tls_ecdhe_rsa_with_chacha20_poly1305_sha256},
  };
  for (const Choice& choice : choices) {
    SCOPED_TRACE(choice.name);
    server = {};
    show(choice.kind);
    server.speak(choice.version);
    SSL_CTX_set_ciphersuites(server.context(), choice.name);
    SSL_CTX_set_cipher_list(server.context(), choice.name);
    server.start();
    auto client = make_client();
    ASSERT_TRUE(connect(client, server)) << int(client.last().alert);
    EXPECT_EQ(client.client().cipher_suite(), choice.suite);
    converse(client, server);
  }
}

// [RFC 8446 4.1.4] In TLS 1.3 another group than X25519 takes a HelloRetryRequest.
TEST_F(OpensslServerTest, ChoosesAnyGroupOfOurs) {
  for (const int version : kVersions) {
    for (const char* group : {"X25519", "P-256", "P-384"}) {
      SCOPED_TRACE(::testing::Message() << group << " version " << version);
      server = {};
      show(Kind::rsa);
      server.speak(version);
      SSL_CTX_set1_groups_list(server.context(), group);
      server.start();
      auto client = make_client();
      ASSERT_TRUE(connect(client, server)) << int(client.last().alert);
      EXPECT_EQ(client.saw(Event::hello_retry),
                version == TLS1_3_VERSION && std::string_view{group} != "X25519");
      converse(client, server);
    }
  }
}

TEST_F(OpensslServerTest, ResumesWithItsTicket) {
  for (const int version : kVersions) {
    for (const char* group : {"X25519", "P-256"}) {
      SCOPED_TRACE(::testing::Message() << group << " version " << version);
      server = {};
      show();
      server.speak(version);
      SSL_CTX_set1_groups_list(server.context(), group);
      server.start();
      auto first = make_client();
      ASSERT_TRUE(connect(first, server));
      client_reads_tickets(first);
      ASSERT_TRUE(first.saw(Event::session));
      EXPECT_EQ(jobs_->num_verifications, 1);

      auto* session = &first.session();
      for (std::uint8_t seed = 20; seed < 22; ++seed) {
        server.start();
        auto second = make_client({.seed = seed, .session = session});
        ASSERT_TRUE(connect(second, server)) << int(second.last().alert);
        EXPECT_TRUE(second.client().is_resumed());
        EXPECT_EQ(SSL_session_reused(server.ssl()), 1);
        EXPECT_EQ(jobs_->num_verifications, 1);
        client_reads_tickets(second);
        converse(second, server);
      }
      jobs_->num_verifications = 0;
    }
  }
}

TEST_F(OpensslServerTest, ResumesTheSessionThatItKeepsItself) {
  show();
  server.speak(TLS1_2_VERSION);
  SSL_CTX_set_options(server.context(), SSL_OP_NO_TICKET);
  server.start();
  auto first = make_client();
  ASSERT_TRUE(connect(first, server));
  ASSERT_TRUE(first.saw(Event::session));
  EXPECT_FALSE(first.session().session_id_bytes().empty());
  converse(first, server);  // with close_notify, or OpenSSL forgets the session

  for (std::uint8_t seed = 20; seed < 22; ++seed) {
    server.start();
    auto second = make_client({.seed = seed, .session = &first.session()});
    ASSERT_TRUE(connect(second, server)) << int(second.last().alert);
    EXPECT_TRUE(second.client().is_resumed());
    EXPECT_EQ(SSL_session_reused(server.ssl()), 1);
    EXPECT_EQ(jobs_->num_verifications, 1);
    converse(second, server);
  }
}

TEST_F(OpensslServerTest, ThatHasForgottenItsTicketShowsItsCertificate) {
  for (const int version : kVersions) {
    server = {};
    show();
    server.speak(version);
    server.start();
    auto first = make_client();
    ASSERT_TRUE(connect(first, server));
    ASSERT_TRUE(first.saw(Event::session));
    server = {};  // with other ticket keys
    show();
    server.speak(version);
    server.start();
    auto second = make_client({.seed = 5, .session = &first.session()});
    ASSERT_TRUE(connect(second, server));
    EXPECT_FALSE(second.client().is_resumed());
    EXPECT_FALSE(second.holds_verify_job());
    converse(second, server);
  }
}

TEST_F(OpensslServerTest, AsksForCertificatesAndGetsNone) {
  for (const int version : kVersions) {
    server = {};
    show();
    server.speak(version);
    SSL_CTX_set_verify(server.context(), SSL_VERIFY_PEER, nullptr);
    server.start();
    auto client = make_client();
    ASSERT_TRUE(connect(client, server));
    converse(client, server);
  }
}

TEST_F(OpensslServerTest, UpdatesKeysBothWays) {
  show();
  server.speak(TLS1_3_VERSION);
  server.start();
  auto client = make_client({.limits = {.tls13 = 4, .tls12 = 4}});
  ASSERT_TRUE(connect(client, server));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(SSL_key_update(server.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_TRUE(server.write(pattern(100)));
    client.feed(server.take());
    EXPECT_TRUE(client.saw(Event::key_updated));
    const Bytes up = pattern(10'000);  // more records than a key may seal
    server.give(client.send(up, 1'000));
    EXPECT_EQ(server.read(), up);
  }
  EXPECT_EQ(client.application_data().size(), 300U);
}

TEST_F(OpensslServerTest, AgreesOnAProtocol) {
  for (const int version : kVersions) {
    server = {};
    show();
    server.speak(version);
    SSL_CTX_set_alpn_select_cb(
        server.context(),
        [](SSL*, const unsigned char** out, unsigned char* len, const unsigned char* in,
           unsigned int, void*) {
          *len = in[0];
          *out = in + 1;
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    config.alpn_protocols = {"h2", "http/1.1"};
    server.start();
    auto client = make_client();
    ASSERT_TRUE(connect(client, server));
    EXPECT_EQ(client.client().alpn(), 0);
    EXPECT_STREQ(SSL_get_servername(server.ssl(), TLSEXT_NAMETYPE_host_name), "backend.test");
  }
}

TEST_F(OpensslServerTest, WithAnotherNameIsRefused) {
  for (const int version : kVersions) {
    show(Kind::p256, "DNS:other.test,DNS:*.test.backend.test");
    refuse(version, HandshakeFailure::server_refused, AlertDescription::bad_certificate);
    EXPECT_EQ(jobs_->verdict, crypto::ClientVerdict::wrong_name);
  }
}

// [RFC 9525 2] the common name is not looked at.
TEST_F(OpensslServerTest, WithItsNameInTheSubjectAloneIsRefused) {
  show(Kind::p256, "DNS:other.test");
  refuse(TLS1_3_VERSION, HandshakeFailure::server_refused, AlertDescription::bad_certificate);
  EXPECT_EQ(jobs_->verdict, crypto::ClientVerdict::wrong_name);
}

TEST_F(OpensslServerTest, MayBeKnownByItsAddress) {
  trust("198.18.0.7");
  show(Kind::p256, "IP:198.18.0.7");
  config.server_name.clear();
  server.start();
  auto client = make_client();
  EXPECT_TRUE(connect(client, server));
  show(Kind::p256, "IP:198.18.0.8,DNS:198.18.0.7");
  refuse(TLS1_3_VERSION, HandshakeFailure::server_refused, AlertDescription::bad_certificate);
}

TEST_F(OpensslServerTest, OfAnotherAuthorityIsRefused) {
  for (const int version : kVersions) {
    CertificateOptions options = valid_now("backend.test");
    options.alternatives = "DNS:backend.test";
    const auto key = make_ec_key();
    const auto certificate = make_certificate(key.get(), options);  // its own
    server.use(key.get(), certificate.get());
    refuse(version, HandshakeFailure::server_refused, AlertDescription::unknown_ca);
  }
}

TEST_F(OpensslServerTest, OutOfDateIsRefused) {
  for (const int version : kVersions) {
    CertificateOptions options = valid_now("backend.test");
    options.alternatives = "DNS:backend.test";
    options.not_after = std::time(nullptr) - 60;
    show(Kind::p256, options);
    refuse(version, HandshakeFailure::server_refused, AlertDescription::certificate_expired);
    options = valid_now("backend.test");
    options.alternatives = "DNS:backend.test";
    options.not_before = std::time(nullptr) + 3'600;
    show(Kind::p256, options);
    refuse(version, HandshakeFailure::server_refused, AlertDescription::certificate_expired);
  }
}

// [RFC 8446 4.4.3, RFC 5246 7.4.3]
TEST_F(OpensslServerTest, WhoseSignatureIsNoneIsRefused) {
  for (const Kind kind : {Kind::p256, Kind::rsa, Kind::ed25519}) {
    for (const int version : kVersions) {
      show(kind);
      jobs_->flip_signature = true;
      refuse(version, HandshakeFailure::server_refused, AlertDescription::decrypt_error);
      EXPECT_EQ(jobs_->verdict, crypto::ClientVerdict::bad_signature);
    }
  }
}

// [RFC 8446 4.4.3 and 6.2]
TEST_F(OpensslServerTest, WhoNamesASchemeThatIsNotForItsKeyIsRefused) {
  using crypto::SignatureScheme;
  struct Row {
    Kind kind;
    int version;
    SignatureScheme scheme;
  };
  // The server keeps what it was given before, and shows ECDSA where it has that.
  const Row rows[] = {{Kind::rsa, TLS1_3_VERSION, SignatureScheme::ecdsa_secp256r1_sha256},
                      {Kind::rsa, TLS1_2_VERSION, SignatureScheme::ecdsa_secp256r1_sha256},
                      {Kind::p256, TLS1_3_VERSION, SignatureScheme::ecdsa_secp384r1_sha384},
                      {Kind::p256, TLS1_3_VERSION, SignatureScheme::rsa_pss_rsae_sha256},
                      {Kind::p256, TLS1_2_VERSION, SignatureScheme::rsa_pkcs1_sha256}};
  for (const Row& row : rows) {
    show(row.kind);
    jobs_->named_scheme = row.scheme;
    refuse(row.version, HandshakeFailure::server_refused, AlertDescription::illegal_parameter);
    EXPECT_EQ(jobs_->verdict, crypto::ClientVerdict::wrong_scheme);
  }
}

// Not a byte of the server's flight may be changed on the way.
TEST_F(OpensslServerTest, WhoseFlightWasTamperedWithIsRefused) {
  for (const int version : kVersions) {
    show();
    server.speak(version);
    for (std::size_t at = 5; at < 900; at += 37) {
      server.start();
      auto client = make_client();
      server.give(client.take_output());
      server.handshake();
      Bytes flight = server.take();
      if (at >= flight.size()) break;
      flight[at] ^= 1;
      client.feed(flight);
      server.give(client.take_output());
      server.handshake();
      client.feed(server.take());
      EXPECT_FALSE(client.client().is_established()) << at;
    }
  }
}

}  // namespace
}  // namespace sallyport::tls
