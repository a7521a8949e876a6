#include "lib/control/client_auth.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/authority.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::control {
namespace {

using config::ClientCertificates;
using testing::authority_named;
using testing::issue;
using testing::Member;
using testing::pem_of;

class AboutClients : public ::testing::Test {
 protected:
  AboutClients() {
    config_.listeners.resize(2);
    config::Tls& tls = config_.listeners[1].tls;
    tls.client_certificates = ClientCertificates::required;
    tls.client_ca = dir_.path("ca.pem");
    tls.client_crl = dir_.path("crl.pem");
    replace("ca.pem", pem_of(root_.certificate.get()));
    replace("crl.pem", testing::crl_pem(root_, {}));
    clients_.of_listener = {nullptr, load()};
    clients_.generation = 1;
  }
  // replace writes a file as other programs do: beside it, then renamed.
  void replace(const std::string& name, const std::string& content) const {
    std::filesystem::rename(dir_.write("new", content), dir_.path(name));
  }
  [[nodiscard]] std::shared_ptr<const x509::ClientAuthority> load() const {
    x509::ClientAuthority::Files files;
    files.authorities = dir_.path("ca.pem");
    files.revocations = dir_.path("crl.pem");
    auto loaded = x509::ClientAuthority::load(files);
    EXPECT_TRUE(loaded) << loaded.message;
    return std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
  }
  // domain is that of the tickets of a listener named "web".
  static std::string domain(ClientCertificates wanted, const x509::ClientAuthority* authority) {
    tls::ServerConfig tls;
    tls.tickets.domain = "web";
    ask_clients(wanted, authority, {1, 1}, tls);
    return tls.tickets.domain;
  }

  testing::TemporaryDirectory dir_;
  Member root_ = issue(nullptr, authority_named("Root"));
  config::Config config_;
  ClientAuthorities clients_;
};

TEST_F(AboutClients, AListenerAsksWhatItsConfigurationWants) {
  tls::ServerConfig tls;
  ask_clients(ClientCertificates::off, clients_.of_listener[1].get(), {1, 1}, tls);
  EXPECT_FALSE(tls.client_auth.is_on());
  ask_clients(ClientCertificates::required, nullptr, {1, 1}, tls);
  EXPECT_FALSE(tls.client_auth.is_on());
  ask_clients(ClientCertificates::required, clients_.of_listener[1].get(), {1, 7}, tls);
  EXPECT_EQ(tls.client_auth.mode(), tls::ClientAuthMode::required);
  EXPECT_EQ(tls.client_auth.authority(), (crypto::AuthorityId{1, 7}));
  ask_clients(ClientCertificates::optional, clients_.of_listener[1].get(), {1, 7}, tls);
  EXPECT_EQ(tls.client_auth.mode(), tls::ClientAuthMode::optional);
}

// A ticket is no use once anything has changed that decides who is let in.
TEST_F(AboutClients, TicketsAreOfOneDomainWithWhatDecides) {
  const auto first = clients_.of_listener[1];
  EXPECT_EQ(domain(ClientCertificates::off, first.get()), "web");
  const std::string required = domain(ClientCertificates::required, first.get());
  EXPECT_NE(required, "web");
  EXPECT_LE(required.size(), 64U - 32U + 3U) << "with the longest name it must not be cut";
  EXPECT_EQ(required, domain(ClientCertificates::required, load().get()));
  EXPECT_NE(required, domain(ClientCertificates::optional, first.get()));
  replace("crl.pem", testing::crl_pem(root_, {root_.certificate.get()}));
  EXPECT_NE(required, domain(ClientCertificates::required, load().get()));
  const Member other = issue(nullptr, authority_named("Other"));
  replace("ca.pem", pem_of(other.certificate.get()));
  EXPECT_NE(required, domain(ClientCertificates::required, load().get()));
}

TEST_F(AboutClients, FilesAreReadAgainWhenTheyChange) {
  AuthorityWatch watch{config_};
  EXPECT_FALSE(watch.empty());
  EXPECT_TRUE(watch.look(clients_).changed.empty());
  const auto before = clients_.of_listener[1];
  replace("crl.pem", testing::crl_pem(root_, {root_.certificate.get()}));
  const auto outcome = watch.look(clients_);
  EXPECT_EQ(outcome.changed, (std::vector<std::size_t>{1}));
  EXPECT_EQ(outcome.messages.size(), 1U);
  EXPECT_NE(clients_.of_listener[1], before);
  EXPECT_NE(clients_.of_listener[1]->digest(), before->digest());
  EXPECT_EQ(clients_.of_listener[0], nullptr);
  EXPECT_TRUE(watch.look(clients_).changed.empty());
}

TEST_F(AboutClients, AFileThatIsNoGoodChangesNothing) {
  AuthorityWatch watch{config_};
  const auto before = clients_.of_listener[1];
  replace("ca.pem", "nothing");
  const auto outcome = watch.look(clients_);
  EXPECT_TRUE(outcome.changed.empty());
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_NE(outcome.messages[0].find("holds no certificate"), std::string::npos);
  EXPECT_TRUE(watch.look(clients_).messages.empty()) << "told once";
  std::filesystem::remove(dir_.path("crl.pem"));
  EXPECT_TRUE(watch.look(clients_).messages.empty()) << "it may be on its way";
  EXPECT_EQ(clients_.of_listener[1], before);
}

TEST(AuthorityWatch, HasNothingToDoWhereNobodyIsAsked) {
  config::Config config;
  config.listeners.resize(3);
  EXPECT_TRUE(AuthorityWatch{config}.empty());
}

}  // namespace
}  // namespace sallyport::control
