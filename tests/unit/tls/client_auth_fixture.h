// ClientAuthTest: a server that asks for a certificate and a client that may have one, in both
// versions of TLS.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/tls/client_auth.h"
#include "tests/support/client_certificate.h"
#include "tests/support/hex.h"
#include "tests/support/tls_client.h"
#include "tests/support/tls_driver.h"

namespace sallyport::tls {

inline const std::vector<testing::Bytes> kAuthorityNames{testing::Bytes(20, 0x30),
                                                         testing::Bytes(31, 0x31)};
inline constexpr crypto::AuthorityId kAuthority{3, 1};

// ClientAuthTest says the same in both versions.
class ClientAuthTest : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static bool is_tls13() { return GetParam(); }
  void ask(ClientAuthMode mode) {
    config.client_auth = ClientAuth{mode, kAuthority, kAuthorityNames};
  }

  [[nodiscard]] static testing::HelloBuilder hello() {
    testing::HelloBuilder builder =
        is_tls13() ? testing::HelloBuilder::tls13() : testing::HelloBuilder::tls12();
    if (is_tls13()) builder.set(wire::ExtensionType::psk_key_exchange_modes, {1, 1});
    if (!is_tls13()) builder.set(wire::ExtensionType::session_ticket, {});
    return builder.server_name("site.test");
  }
  void begin(testing::TlsDriver& server) {
    server.feed(client->hello(hello()));
    client->hear(server.take_output());
  }
  // around puts messages into a record as the version wants it.
  [[nodiscard]] testing::Bytes around(const testing::Bytes& messages) {
    return is_tls13() ? client->seal(wire::ContentType::handshake, messages)
                      : testing::record(wire::ContentType::handshake, messages);
  }
  testing::Bytes say(const testing::Bytes& one) { return around(client->say(one)); }

  // show says what an honest client says with this certificate, up to its Finished.
  void show(testing::TlsDriver& server, const testing::ClientCertificate& certificate) {
    server.feed(say(certificate.message()));
    if (!is_tls13()) server.feed(client->client_key_exchange());
    if (!certificate.chain.empty()) server.feed(say(certificate.verify()));
  }
  void finish(testing::TlsDriver& server) {
    if (is_tls13()) {
      server.feed(client->finish());
    } else {
      server.feed(testing::kChangeCipherSpec);
      server.feed(
          client->seal(wire::ContentType::handshake, client->say(client->finished12_message())));
    }
    client->hear(server.take_output());
  }
  void handshake(testing::TlsDriver& server, const testing::ClientCertificate& certificate) {
    begin(server);
    show(server, certificate);
    finish(server);
  }
  [[nodiscard]] static testing::ClientCertificate certificate() {
    testing::ClientCertificate shown;
    shown.tls13 = is_tls13();
    return shown;
  }
  void expect_data_flows(testing::TlsDriver& server) {
    ASSERT_TRUE(server.server().is_established());
    server.feed(client->seal(wire::ContentType::application_data, {'u', 'p'}));
    EXPECT_EQ(server.application_data(), (testing::Bytes{'u', 'p'}));
    client->hear(server.send(testing::bytes_of("down")));
    ASSERT_NE(client->last_of(wire::ContentType::application_data), nullptr);
    EXPECT_EQ(client->last_of(wire::ContentType::application_data)->content,
              (testing::Bytes{'d', 'o', 'w', 'n'}));
  }
  void expect_failure(testing::TlsDriver& server, stats::HandshakeFailure why,
                      wire::AlertDescription alert) {
    client->hear(server.take_output());
    EXPECT_EQ(server.last().failure, why);
    EXPECT_EQ(client->alert(), static_cast<std::uint8_t>(alert));
    EXPECT_EQ(server.handshake(), nullptr);
    EXPECT_EQ(server.verify_job(), nullptr);
    EXPECT_FALSE(server.server().is_established());
    EXPECT_FALSE(server.saw(Event::established));
  }

  ServerConfig config = testing::test_config();
  testing::FakeJobs jobs;
  std::unique_ptr<testing::ScriptedClient> client = std::make_unique<testing::ScriptedClient>();
};

[[nodiscard]] inline std::string version_name(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "Tls13" : "Tls12";
}

}  // namespace sallyport::tls
