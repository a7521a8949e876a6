// After a handshake no copy of a secret that has done its work lies about: heap, stack and static
// data are searched for every secret that the key log of a build with unsafe_keylog has told, and
// for what the key exchange began with.
//
// The client is another process, or its copies would be found.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/tls/key_log.h"
#include "tests/interop/judges.h"
#include "tests/interop/searched_connection.h"
#include "tests/support/authority.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/tls/ticket_keys.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using testing::Bytes;
using testing::Client;
using testing::Masked;
using testing::Member;
using testing::ObservedJobs;
using testing::OtherProcess;
using testing::Secrets;
using testing::site;
using testing::TlsDriver;
using testing::Until;

static_assert(kHasKeyLog);

struct Form {
  const char* name;
  int version = TLS1_3_VERSION;
  const char* groups = "X25519";
  const char* cipher = "";  // of TLS 1.2; empty: any
  bool resumed = false;
  bool psk_only = false;           // resumed without a key exchange
  bool shows_certificate = false;  // the client does
  Until until = Until::established;
  std::size_t least_secrets = 6;  // as many are searched for
};

// run_client is the other end, once or twice: the second time with what it got at the first.
bool run_client(const Form& form, const Member& identity, const OtherProcess::Ends& ends) {
  static SSL_SESSION* session = nullptr;
  for (std::size_t i = 0; i < (form.resumed ? 2U : 1U); ++i) {
    Client client;
    SSL_CTX* const context = client.context();
    SSL_CTX_set_min_proto_version(context, form.version);
    SSL_CTX_set_max_proto_version(context, form.version);
    SSL_CTX_set1_groups_list(context, form.groups);
    if (form.cipher[0] != 0) SSL_CTX_set_cipher_list(context, form.cipher);
    if (form.psk_only) SSL_CTX_set_options(context, SSL_OP_ALLOW_NO_DHE_KEX);
    if (form.shows_certificate) {
      SSL_CTX_use_certificate(context, identity.certificate.get());
      SSL_CTX_use_PrivateKey(context, identity.key.get());
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, [](SSL*, SSL_SESSION* made) {
      // A copy, because a connection that ends without a word spoils its session.
      session = SSL_SESSION_dup(made);
      return 0;
    });
    SSL* const ssl = client.start();
    if (session != nullptr) SSL_set_session(ssl, session);
    SSL_set_fd(ssl, ends.connections[i]);
    const bool connected = SSL_connect(ssl) == 1 && SSL_session_reused(ssl) == static_cast<int>(i);
    if (!connected) return form.until == Until::finished_refused;
    if (!testing::go_on(ssl, form.until)) return false;
    if (form.resumed && session == nullptr) return false;
    if (form.resumed && i == 0) {
      Bytes secret(SSL_SESSION_get_master_key(session, nullptr, 0));
      SSL_SESSION_get_master_key(session, secret.data(), secret.size());
      testing::toggle_mask(secret);
      if (write(ends.tell, secret.data(), secret.size()) < 0) return false;
    }
  }
  return true;
}

// is_over: the server has come as far as that.
bool is_over(TlsDriver& server, Until until) {
  switch (until) {
    case Until::established:
      break;
    case Until::keys_updated:
      return server.saw(Event::key_updated);
    case Until::finished_refused:
      return server.last().await == Await::nothing;
  }
  return server.server().is_established();
}

class SecretScan : public ::testing::TestWithParam<Form> {
 protected:
  SecretScan() {
    fill(keys_);
    config_ =
        GetParam().shows_certificate ? judges_.config(ClientAuthMode::required) : site().config();
    config_.tickets = {.enabled = true,
                       .psk_only = GetParam().psk_only,
                       .lifetime_seconds = 3'600,
                       .domain = "web"};
    config_.cipher_suites.insert(config_.cipher_suites.end(), {0x009c, 0x009e, 0xc009});
    config_.groups.push_back(crypto::NamedGroup::ffdhe2048);
  }
  static void SetUpTestSuite() {
    directory = new testing::TemporaryDirectory;
    setenv("SSLKEYLOGFILE", path().c_str(), 1);
    (void)site();
  }
  static void TearDownTestSuite() { delete directory; }
  static std::string path() { return directory->path("keys"); }

  static void converse(TlsDriver& server, const OtherProcess& client, std::size_t connection,
                       Until until) {
    // Not the ClientHello, which comes first.
    testing::converse(
        server, client, connection, [until](TlsDriver& driver) { return is_over(driver, until); },
        until == Until::finished_refused ? 1 : testing::kNone);
  }

  // meet takes one connection as far as it is to go, and searches then and after its end for what
  // it was about, and for `more`.
  void meet(const OtherProcess& client, std::size_t connection, Secrets more) {
    const Form& form = GetParam();
    std::ofstream{path(), std::ios::trunc};
    ObservedJobs jobs{judges_};
    Secrets secrets;
    {
      TlsDriver server{config_, jobs};
      server.engine().use_tickets(&keys_, {server.now, judges_.unix_ms});
      ASSERT_NO_FATAL_FAILURE(converse(server, client, connection, form.until));
      EXPECT_EQ(server.server().is_resumed(), form.resumed);
      EXPECT_EQ(server.used_verify_job(), form.shows_certificate && !form.resumed);
      EXPECT_EQ(server.last().failure, form.until == Until::finished_refused
                                           ? HandshakeFailure::bad_record_mac
                                           : HandshakeFailure::none);
      secrets = testing::secrets_in(path());
      secrets.merge(jobs.seen);
      secrets.merge(more);
      testing::expect_only(form.until == Until::established ? "TRAFFIC_SECRET_0" : "", secrets,
                           "while the connection lasts");
    }
    EXPECT_GE(secrets.size(), form.least_secrets);
    if (form.version == TLS1_3_VERSION) {
      EXPECT_EQ(secrets.count("CLIENT_TRAFFIC_SECRET_0"), 1U);
      EXPECT_EQ(secrets.count("SERVER_TRAFFIC_SECRET_0"), 1U);
    }
    testing::expect_only("", secrets, "after its end");
  }

  static testing::TemporaryDirectory* directory;
  const Member root_ = testing::issue(nullptr, testing::authority_named("Root"));
  const Member identity_ = testing::issue(&root_, testing::client_named("client"));
  testing::Judges judges_{
      {.authorities = directory->write("ca.pem", testing::pem_of(root_.certificate.get())),
       .revocations = {}}};
  ServerConfig config_;
  TicketKeys keys_;
};
testing::TemporaryDirectory* SecretScan::directory = nullptr;

TEST_P(SecretScan, FindsNoSecretThatHasDoneItsWork) {
  OtherProcess client{[this](const auto& ends) { return run_client(GetParam(), identity_, ends); }};
  if (!GetParam().resumed) {
    ASSERT_NO_FATAL_FAILURE(meet(client, 0, {}));
    client.say_goodbye(0);
  } else {
    {
      ObservedJobs jobs{judges_};
      TlsDriver server{config_, jobs};
      server.engine().use_tickets(&keys_, {server.now, judges_.unix_ms});
      ASSERT_NO_FATAL_FAILURE(converse(server, client, 0, Until::established));
    }
    client.say_goodbye(0);
    // With no group in common there is nothing to exchange keys with, only the ticket.
    if (GetParam().psk_only) config_.groups = {crypto::NamedGroup::secp256r1};
    Secrets of_session;
    Bytes room(SSL_MAX_MASTER_KEY_LENGTH);
    const ByteView told = client.hear(room);
    ASSERT_FALSE(told.empty()) << "the client got no session";
    of_session.emplace("secret of the session", Masked::already({told.begin(), told.end()}));
    ASSERT_NO_FATAL_FAILURE(meet(client, 1, std::move(of_session)));
    client.say_goodbye(1);
  }
  EXPECT_EQ(client.exit_status(), 0) << "the client's end";
}

INSTANTIATE_TEST_SUITE_P(
    Handshakes, SecretScan,
    ::testing::Values(
        Form{.name = "Tls13X25519"}, Form{.name = "Tls13P256", .groups = "P-256"},
        Form{.name = "Tls13Retried", .groups = "P-521:P-256"},
        Form{.name = "Tls13Resumed", .resumed = true, .least_secrets = 7},
        Form{.name = "Tls13PskOnly", .resumed = true, .psk_only = true, .least_secrets = 5},
        Form{.name = "Tls13ClientCertificate", .shows_certificate = true},
        Form{.name = "Tls13ClientCertificateResumed",
             .resumed = true,
             .shows_certificate = true,
             .least_secrets = 7},
        Form{.name = "Tls13KeyUpdate", .until = Until::keys_updated},
        Form{.name = "Tls13FinishedRefused", .until = Until::finished_refused},
        Form{.name = "Tls13ClientCertificateFinishedRefused",
             .shows_certificate = true,
             .until = Until::finished_refused},
        Form{.name = "Tls12X25519", .version = TLS1_2_VERSION, .least_secrets = 3},
        Form{.name = "Tls12P256", .version = TLS1_2_VERSION, .groups = "P-256", .least_secrets = 3},
        Form{
            .name = "Tls12Resumed", .version = TLS1_2_VERSION, .resumed = true, .least_secrets = 2},
        Form{.name = "Tls12Cbc",
             .version = TLS1_2_VERSION,
             .groups = "P-256",
             .cipher = "ECDHE-ECDSA-AES128-SHA",
             .least_secrets = 3},
        Form{.name = "Tls12RsaKeyExchange",
             .version = TLS1_2_VERSION,
             .cipher = "AES128-GCM-SHA256",
             .least_secrets = 2},
        Form{.name = "Tls12FiniteField",
             .version = TLS1_2_VERSION,
             .groups = "ffdhe2048",
             .cipher = "DHE-RSA-AES128-GCM-SHA256",
             .least_secrets = 3},
        Form{.name = "Tls12ClientCertificate",
             .version = TLS1_2_VERSION,
             .shows_certificate = true,
             .least_secrets = 3},
        Form{.name = "Tls12FinishedRefused",
             .version = TLS1_2_VERSION,
             .until = Until::finished_refused,
             .least_secrets = 3},
        Form{.name = "Tls12RsaKeyExchangeFinishedRefused",
             .version = TLS1_2_VERSION,
             .cipher = "AES128-GCM-SHA256",
             .until = Until::finished_refused,
             .least_secrets = 2}),
    [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace sallyport::tls
