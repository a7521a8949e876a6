// OpenSSL's client with certificates: every kind of key in both versions, whole and resumed; and
// what it hears when its certificate is no good.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <ctime>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "tests/interop/judges.h"
#include "tests/support/authority.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::tls {
namespace {

using crypto::ClientVerdict;
using stats::HandshakeFailure;
using testing::authority_named;
using testing::Client;
using testing::client_named;
using testing::connect;
using testing::converse;
using testing::Delivery;
using testing::issue;
using testing::Judges;
using testing::Member;
using testing::pem_of;
using testing::site;
using testing::TlsDriver;

class ClientCertificates : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] x509::ClientAuthority::Files files(const std::string& revocations = {}) {
    x509::ClientAuthority::Files made;
    made.authorities = dir_.write("ca.pem", pem_of(root_.certificate.get()));
    if (!revocations.empty()) made.revocations = dir_.write("crl.pem", revocations);
    return made;
  }
  // prepare gives the client its certificate and what stands between that and the root.
  void prepare(Client& client, const Member* member) {
    SSL_CTX_set_min_proto_version(client.context(), GetParam());
    SSL_CTX_set_max_proto_version(client.context(), GetParam());
    if (member == nullptr) return;
    ASSERT_EQ(SSL_CTX_use_certificate(client.context(), member->certificate.get()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(client.context(), member->key.get()), 1);
    X509_up_ref(middle_.certificate.get());
    ASSERT_EQ(
        SSL_CTX_ctrl(client.context(), SSL_CTRL_EXTRA_CHAIN_CERT, 0, middle_.certificate.get()), 1);
  }
  // refuse expects `member` to be refused, and the client to hear of it.
  void refuse(Judges& judges, ClientAuthMode mode, const Member* member, HandshakeFailure why,
              int alert) {
    Client client;
    prepare(client, member);
    client.start();
    const ServerConfig config = judges.config(mode);
    TlsDriver server{config, judges};
    ERR_clear_error();
    EXPECT_FALSE(connect(client, server));
    static_cast<void>(client.read());  // [RFC 8446 4.4.2.4] TLS 1.3 tells when it thinks it is done
    EXPECT_EQ(server.last().failure, why);
    EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + alert);
    EXPECT_EQ(server.verify_job(), nullptr);
    ERR_clear_error();
  }

  testing::TemporaryDirectory dir_;
  Member root_ = issue(nullptr, authority_named("Root"));
  Member middle_ = issue(&root_, authority_named("Middle"));
  Member client_ = issue(&middle_, client_named("client 1"));
};

std::string version_name(const ::testing::TestParamInfo<int>& info) {
  return info.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
}
INSTANTIATE_TEST_SUITE_P(Both, ClientCertificates,
                         ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION), version_name);

TEST_P(ClientCertificates, OfEveryKindOfKeyAreKnown) {
  const bool tls13 = GetParam() == TLS1_3_VERSION;
  for (const std::string kind : {"P-256", "P-384", "RSA", "ED25519"}) {
    SCOPED_TRACE(kind);
    const Member member = issue(&middle_, client_named("client " + kind),
                                kind == "RSA"       ? testing::make_rsa_key(2'048)
                                : kind == "ED25519" ? testing::make_key("ED25519")
                                                    : testing::make_ec_key(kind.c_str()));
    for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
      Judges judges{files()};
      Client client;
      prepare(client, &member);
      client.start();
      const ServerConfig config = judges.config(ClientAuthMode::optional);
      TlsDriver server{config, judges};
      ASSERT_TRUE(connect(client, server, delivery));
      // Ed25519 signs messages of which a server of TLS 1.2 keeps no copy, so nobody asks for it.
      const bool is_asked_for = tls13 || kind != "ED25519";
      EXPECT_EQ(server.client().verdict, is_asked_for ? ClientVerdict::ok : ClientVerdict::none);
      EXPECT_EQ(server.client().subject(), is_asked_for ? "CN=client " + kind : "");
      converse(client, server);
    }
  }
}

TEST_P(ClientCertificates, AreKnownUnderEveryHash) {
  for (const char* const suite : {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                                  "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256"}) {
    SCOPED_TRACE(suite);
    Judges judges{files()};
    Client client;
    prepare(client, &client_);
    if (GetParam() == TLS1_3_VERSION) {
      SSL_CTX_set_ciphersuites(client.context(), std::string_view{suite}.ends_with("384")
                                                     ? "TLS_AES_256_GCM_SHA384"
                                                     : "TLS_AES_128_GCM_SHA256");
    } else {
      SSL_CTX_set_cipher_list(client.context(), suite);
    }
    client.start();
    const ServerConfig config = judges.config(ClientAuthMode::required);
    TlsDriver server{config, judges};
    ASSERT_TRUE(connect(client, server));
    EXPECT_EQ(server.client().subject(), "CN=client 1");
    converse(client, server);
  }
}

// [RFC 5246 7.4.8] What a client signs need not be under the hash of the cipher suite.
TEST_P(ClientCertificates, AreKnownUnderAnotherHashThanTheSuites) {
  if (GetParam() == TLS1_3_VERSION) GTEST_SKIP() << "TLS 1.3 signs a digest of a transcript";
  for (const auto& [suite, schemes] :
       {std::pair{"ECDHE-RSA-AES256-GCM-SHA384", "ECDSA+SHA256:RSA+SHA256"},
        std::pair{"ECDHE-RSA-AES128-GCM-SHA256", "ECDSA+SHA384:RSA+SHA384"},
        std::pair{"DHE-RSA-AES256-GCM-SHA384", "ECDSA+SHA256:RSA+SHA256"},
        std::pair{"AES128-GCM-SHA256", "ECDSA+SHA384:RSA+SHA384"}}) {
    SCOPED_TRACE(suite);
    Judges judges{files()};
    Client client;
    prepare(client, &client_);
    SSL_CTX_set_cipher_list(client.context(), suite);
    SSL_CTX_set1_sigalgs_list(client.context(), schemes);
    client.start();
    const ServerConfig config = judges.config(ClientAuthMode::required);
    TlsDriver server{config, judges};
    ASSERT_TRUE(connect(client, server));
    int hash = NID_undef;
    SSL_get_signature_nid(client.ssl(), &hash);
    EXPECT_EQ(hash, std::string_view{suite}.ends_with("384") ? NID_sha256 : NID_sha384);
    EXPECT_EQ(server.client().subject(), "CN=client 1");
    converse(client, server);
  }
}

TEST_P(ClientCertificates, AreNotNeededWhereTheyAreOptional) {
  Judges judges{files()};
  Client client;
  prepare(client, nullptr);
  client.start();
  const ServerConfig config = judges.config(ClientAuthMode::optional);
  TlsDriver server{config, judges};
  ASSERT_TRUE(connect(client, server));
  EXPECT_EQ(server.client().verdict, ClientVerdict::none);
  converse(client, server);
}

TEST_P(ClientCertificates, AreMissedWhereTheyAreRequired) {
  Judges judges{files()};
  refuse(judges, ClientAuthMode::required, nullptr, HandshakeFailure::certificate_required,
         GetParam() == TLS1_3_VERSION ? TLS13_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE);
}

TEST_P(ClientCertificates, ThatAreNoGoodAreRefused) {
  for (const auto mode : {ClientAuthMode::optional, ClientAuthMode::required}) {
    Judges judges{files()};
    const Member stranger = issue(nullptr, client_named("stranger"));
    refuse(judges, mode, &stranger, HandshakeFailure::client_authority_unknown, SSL_AD_UNKNOWN_CA);
    Judges late{files()};
    late.unix_ms = 2'000'001'000;
    refuse(late, mode, &client_, HandshakeFailure::client_certificate_expired,
           SSL_AD_CERTIFICATE_EXPIRED);
    Judges strict{files(crl_pem(root_, {}) + crl_pem(middle_, {client_.certificate.get()}))};
    refuse(strict, mode, &client_, HandshakeFailure::client_certificate_revoked,
           SSL_AD_CERTIFICATE_REVOKED);
    Judges without_list{files(crl_pem(root_, {}))};
    refuse(without_list, mode, &client_, HandshakeFailure::client_revocation_unknown,
           SSL_AD_CERTIFICATE_UNKNOWN);
    Member server_only = issue(&middle_, client_named("server"));
    testing::add_extension(server_only.certificate.get(), NID_ext_key_usage, "serverAuth");
    X509_sign(server_only.certificate.get(), middle_.key.get(), EVP_sha256());
    refuse(judges, mode, &server_only, HandshakeFailure::client_certificate_unsupported,
           SSL_AD_UNSUPPORTED_CERTIFICATE);
  }
}

struct FreeSession {
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
using Session = std::unique_ptr<SSL_SESSION, FreeSession>;

TEST_P(ClientCertificates, AreRememberedByTickets) {
  static Session newest;
  Judges judges{files()};
  ServerConfig config = judges.config(ClientAuthMode::required);
  config.tickets = {
      .enabled = true, .psk_only = false, .lifetime_seconds = 3'600, .domain = "web+ca"};
  TicketKeys keys;
  keys.current.name.fill(1);
  keys.previous.name.fill(2);
  keys.next.name.fill(3);
  // OpenSSL's clock is the real one, so the certificates must be of today.
  const std::int64_t now = std::time(nullptr);
  testing::CertificateOptions options = client_named("client of today");
  options.not_before = now - 1'000;
  options.not_after = now + 100'000;
  testing::CertificateOptions root_options = authority_named("Root");
  root_options.not_before = now - 1'000;
  root_options.not_after = now + 200'000;
  const Member root = issue(nullptr, root_options);
  const Member member = issue(&root, options);
  x509::ClientAuthority::Files today;
  today.authorities = dir_.write("today.pem", pem_of(root.certificate.get()));
  Judges judges_of_today{today};
  judges_of_today.unix_ms = static_cast<std::uint64_t>(now) * 1'000;

  const auto talk = [&](SSL_SESSION* session) {
    Client client;
    prepare(client, &member);
    SSL_CTX_set_session_cache_mode(client.context(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(client.context(), [](SSL*, SSL_SESSION* made) {
      newest.reset(made);
      return 1;
    });
    client.start();
    client.ask_for("site.test");
    if (session != nullptr) SSL_set_session(client.ssl(), session);
    TlsDriver server{config, judges_of_today};
    server.engine().use_tickets(&keys, {server.now, judges_of_today.unix_ms});
    EXPECT_TRUE(connect(client, server));
    static_cast<void>(client.read());
    converse(client, server);
    EXPECT_EQ(server.client().verdict, ClientVerdict::ok);
    EXPECT_EQ(server.client().subject(), "CN=client of today");
    return SSL_session_reused(client.ssl()) == 1;
  };
  EXPECT_FALSE(talk(nullptr));
  ASSERT_NE(newest, nullptr);
  const Session first = std::move(newest);
  EXPECT_TRUE(talk(first.get()));
  newest.reset();
}

}  // namespace
}  // namespace sallyport::tls
