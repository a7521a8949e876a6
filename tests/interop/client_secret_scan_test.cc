// The same of our client: after its handshake with a server, which is another process, nothing of
// it is left but what it needs, and nothing of that after its end.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "lib/x509/server_authority.h"
#include "tests/interop/openssl_site.h"
#include "tests/interop/searched_connection.h"
#include "tests/support/authority.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls_client_driver.h"

namespace sallyport::tls {
namespace {

using crypto::NamedGroup;
using stats::HandshakeFailure;
using testing::Bytes;
using testing::copies_of;
using testing::Masked;
using testing::Member;
using testing::ObservedJobs;
using testing::OtherProcess;
using testing::Secrets;
using testing::site;
using testing::TlsClientDriver;
using testing::Until;

constexpr std::uint64_t kUnixMs = 1'500'000'000;  // in the certificate's time

struct Form {
  const char* name;
  int version = TLS1_3_VERSION;
  const char* server_groups = "X25519";
  bool resumed = false;
  Until until = Until::established;
  std::size_t least_secrets = 6;  // as many are searched for
};

// AnyServer runs the jobs of the site, and takes every server for the right one.
class AnyServer : public testing::JobRunner {
 public:
  AnyServer() : authority_{x509::ServerAuthority::load({.anybody = true})} {
    EXPECT_TRUE(authority_) << authority_.message;
  }
  crypto::KeyShare make_key_share(NamedGroup group) override {
    return site().jobs().make_key_share(group);
  }
  void run(crypto::CryptoJob& job) override { site().jobs().run(job); }
  void verify(crypto::VerifyJob& job) override {
    authority_.authority->judge(job, kUnixMs / 1'000);
  }

 private:
  x509::ServerAuthority::Loaded authority_;
};

// run_server is the other end, once or twice.  It tells every secret in the file at `path`.
bool run_server(const Form& form, const Member& identity, const std::string& path,
                const OtherProcess::Ends& ends) {
  static std::FILE* key_log = nullptr;
  key_log = std::fopen(path.c_str(), "a");
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, form.version);
  SSL_CTX_set_max_proto_version(context, form.version);
  SSL_CTX_set1_groups_list(context, form.server_groups);
  SSL_CTX_use_certificate(context, identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, identity.key.get());
  SSL_CTX_set_keylog_callback(context, [](const SSL*, const char* line) {
    std::fprintf(key_log, "%s\n", line);
    std::fflush(key_log);
  });
  for (std::size_t i = 0; i < (form.resumed ? 2U : 1U); ++i) {
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, ends.connections[i]);
    const bool accepted = SSL_accept(ssl) == 1 && SSL_session_reused(ssl) == static_cast<int>(i);
    if (!accepted) return form.until == Until::finished_refused;
    if (!testing::go_on(ssl, form.until)) return false;
    SSL_free(ssl);
  }
  return true;
}

// is_over: the client has come as far as that, and has kept its session if it gets one: resumed
// ones of TLS 1.2 are not kept again.
bool is_over(TlsClientDriver& client, Until until) {
  switch (until) {
    case Until::established:
      break;
    case Until::keys_updated:
      return client.saw(Event::key_updated);
    case Until::finished_refused:
      return client.last().await == Await::nothing;
  }
  return client.client().is_established() &&
         (client.saw(Event::session) ||
          (client.client().is_resumed() &&
           client.client().version() == wire::ProtocolVersion::tls12));
}

class ClientSecretScan : public ::testing::TestWithParam<Form> {
 protected:
  ClientSecretScan() {
    config_.server_name = "site.test";
    for (const SuiteInfo& info : kCipherSuites) {
      config_.cipher_suites.push_back(static_cast<std::uint16_t>(info.suite));
    }
    config_.groups = {NamedGroup::x25519, NamedGroup::secp256r1};
    config_.authority = {1, 1};
    (void)site();
  }

  static void converse(TlsClientDriver& client, const OtherProcess& server, std::size_t connection,
                       Until until) {
    // The flight with the server's Finished: in TLS 1.3 the first one.
    const int finished = GetParam().version == TLS1_3_VERSION ? 0 : 1;
    testing::converse(
        client, server, connection,
        [until](TlsClientDriver& driver) { return is_over(driver, until); },
        until == Until::finished_refused ? finished : testing::kNone);
  }
  // told_secrets is what the server has told.  It says that it has changed its keys when its
  // KeyUpdate is on the way, and of the client's when it has read ours.
  [[nodiscard]] Secrets told_secrets() const {
    Secrets secrets = testing::secrets_in(key_log_);
    if (GetParam().until != Until::keys_updated) return secrets;
    for (int i = 0; i < 1'000; ++i) {
      if (secrets.count("CLIENT_TRAFFIC_SECRET_N") + secrets.count("SERVER_TRAFFIC_SECRET_N") ==
          2) {
        break;
      }
      usleep(1'000);
      secrets = testing::secrets_in(key_log_);
    }
    return secrets;
  }
  // meet takes one connection as far as it is to go, and searches then and after its end.
  // `session`, if there is one, is shown to the server and then forgotten.
  void meet(const OtherProcess& server, std::size_t connection, ClientSession* session) {
    const Form& form = GetParam();
    ObservedJobs jobs{jobs_};
    Secrets secrets;
    {
      TlsClientDriver client{config_, jobs, {.unix_ms = kUnixMs, .session = session}};
      ASSERT_NO_FATAL_FAILURE(converse(client, server, connection, form.until));
      EXPECT_EQ(client.client().is_resumed(), form.resumed);
      EXPECT_EQ(client.last().failure, form.until == Until::finished_refused
                                           ? HandshakeFailure::bad_record_mac
                                           : HandshakeFailure::none);
      secrets = told_secrets();
      secrets.merge(jobs.seen);
      if (session != nullptr) {
        secrets.emplace("secret of the session", Masked{session->secret_bytes()});
        session->clear();
      }
      ClientSession& next = client.session();
      if (next.version != wire::ProtocolVersion::none) {
        const Masked secret{next.secret_bytes()};
        EXPECT_EQ(copies_of(secret), 1) << "to come back with";
        next.clear();
        EXPECT_EQ(copies_of(secret), 0) << "to come back with, forgotten";
      }
      const std::string_view needed = form.until == Until::established    ? "TRAFFIC_SECRET_0"
                                      : form.until == Until::keys_updated ? "TRAFFIC_SECRET_N"
                                                                          : "";
      testing::expect_only(needed, secrets, "while the connection lasts");
    }
    EXPECT_GE(secrets.size(), form.least_secrets);
    // A server tells those of the connection once its flight is on the way.
    if (form.version == TLS1_3_VERSION && form.until != Until::finished_refused) {
      EXPECT_EQ(secrets.count("CLIENT_TRAFFIC_SECRET_0"), 1U);
      EXPECT_EQ(secrets.count("SERVER_TRAFFIC_SECRET_0"), 1U);
    }
    const std::size_t updates = form.until == Until::keys_updated ? 1 : 0;
    EXPECT_EQ(secrets.count("CLIENT_TRAFFIC_SECRET_N"), updates);
    EXPECT_EQ(secrets.count("SERVER_TRAFFIC_SECRET_N"), updates);
    testing::expect_only("", secrets, "after its end");
  }

  testing::TemporaryDirectory directory_;
  const std::string key_log_ = directory_.path("keys");
  const Member identity_ = testing::issue(nullptr, testing::client_named("site.test"));
  AnyServer jobs_;
  ClientConfig config_;
};

TEST_P(ClientSecretScan, FindsNoSecretThatHasDoneItsWork) {
  OtherProcess server{
      [this](const auto& ends) { return run_server(GetParam(), identity_, key_log_, ends); }};
  if (!GetParam().resumed) {
    ASSERT_NO_FATAL_FAILURE(meet(server, 0, nullptr));
    server.say_goodbye(0);
  } else {
    ClientSession session;
    {
      TlsClientDriver client{config_, jobs_, {.unix_ms = kUnixMs}};
      ASSERT_NO_FATAL_FAILURE(converse(client, server, 0, Until::established));
      session.take_over(client.session());
    }
    server.say_goodbye(0);
    std::ofstream{key_log_, std::ios::trunc};
    ASSERT_NO_FATAL_FAILURE(meet(server, 1, &session));
    server.say_goodbye(1);
  }
  EXPECT_EQ(server.exit_status(), 0) << "the server's end";
}

INSTANTIATE_TEST_SUITE_P(
    Handshakes, ClientSecretScan,
    ::testing::Values(
        Form{.name = "Tls13"}, Form{.name = "Tls13Retried", .server_groups = "P-256"},
        Form{.name = "Tls13Resumed", .resumed = true, .least_secrets = 7},
        Form{.name = "Tls13KeyUpdate", .until = Until::keys_updated},
        Form{.name = "Tls13FinishedRefused", .until = Until::finished_refused, .least_secrets = 4},
        Form{.name = "Tls12", .version = TLS1_2_VERSION, .least_secrets = 3},
        Form{
            .name = "Tls12Resumed", .version = TLS1_2_VERSION, .resumed = true, .least_secrets = 1},
        Form{.name = "Tls12FinishedRefused",
             .version = TLS1_2_VERSION,
             .until = Until::finished_refused,
             .least_secrets = 3}),
    [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace sallyport::tls
