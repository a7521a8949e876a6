// What only TLS 1.2 has, against OpenSSL's client: CBC with the MAC inside and outside, key
// exchange in finite fields and by RSA encryption.
#include <gtest/gtest.h>

#include <string>

#include "tests/interop/openssl_site.h"

namespace sallyport::tls {
namespace {

using crypto::KeyType;
using crypto::NamedGroup;
using testing::Client;
using testing::connect;
using testing::converse;
using testing::Delivery;
using testing::Site;
using testing::site;
using testing::TlsDriver;
using wire::CipherSuite;

struct Suite {
  const char* name;  // OpenSSL's
  KeyType key_type;
  CipherSuite suite;
};

enum Key : std::size_t { kRsa2048, kRsa3072, kRsa4096 };

Site& rsa_site() {
  static Site site;
  if (site.size() == 0) {
    site.add(testing::make_rsa_key(2'048));
    for (const char* file : {"rsa_3072.pem", "rsa_4096.pem"}) site.add(testing::read_key(file));
  }
  return site;
}

void prepare(Client& client, const char* suite) {
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  const std::string list = std::string{suite} + ":@SECLEVEL=0";
  ASSERT_EQ(SSL_CTX_set_cipher_list(client.context(), list.c_str()), 1) << suite;
}

class EveryCbcSuite : public ::testing::TestWithParam<Suite> {};

TEST_P(EveryCbcSuite, CarriesDataWithTheMacInsideAndOutside) {
  for (const bool outside : {false, true}) {
    for (const Delivery delivery : {Delivery::whole, Delivery::byte_by_byte}) {
      Client client;
      prepare(client, GetParam().name);
      if (!outside) SSL_CTX_set_options(client.context(), SSL_OP_NO_ENCRYPT_THEN_MAC);
      client.start();
      const ServerConfig config = site().config(GetParam().key_type);
      TlsDriver server{
          config, site().jobs(), {.piece_len = delivery == Delivery::whole ? kMaxRecord : 100}};
      ASSERT_TRUE(connect(client, server, delivery)) << static_cast<int>(server.last().failure);
      EXPECT_EQ(server.server().cipher_suite(), GetParam().suite);
      converse(client, server);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OpenSsl, EveryCbcSuite,
    ::testing::Values(
        Suite{"ECDHE-ECDSA-AES128-SHA", KeyType::ecdsa_p256,
              CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha},
        Suite{"ECDHE-ECDSA-AES256-SHA", KeyType::ecdsa_p256,
              CipherSuite::tls_ecdhe_ecdsa_with_aes_256_cbc_sha},
        Suite{"ECDHE-ECDSA-AES128-SHA256", KeyType::ecdsa_p256,
              CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha256},
        Suite{"ECDHE-RSA-AES128-SHA", KeyType::rsa,
              CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha},
        Suite{"ECDHE-RSA-AES256-SHA", KeyType::rsa,
              CipherSuite::tls_ecdhe_rsa_with_aes_256_cbc_sha},
        Suite{"ECDHE-RSA-AES128-SHA256", KeyType::rsa,
              CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha256},
        Suite{"DHE-RSA-AES128-SHA256", KeyType::rsa,
              CipherSuite::tls_dhe_rsa_with_aes_128_cbc_sha256},
        Suite{"DHE-RSA-AES256-SHA256", KeyType::rsa,
              CipherSuite::tls_dhe_rsa_with_aes_256_cbc_sha256},
        Suite{"AES128-SHA256", KeyType::rsa, CipherSuite::tls_rsa_with_aes_128_cbc_sha256},
        Suite{"AES256-SHA256", KeyType::rsa, CipherSuite::tls_rsa_with_aes_256_cbc_sha256},
        Suite{"AES128-SHA", KeyType::rsa, CipherSuite::tls_rsa_with_aes_128_cbc_sha},
        Suite{"AES256-SHA", KeyType::rsa, CipherSuite::tls_rsa_with_aes_256_cbc_sha}));

// With every size of RSA key, with and without the extended master secret.
class OldKeyExchange : public ::testing::TestWithParam<Suite> {};

TEST_P(OldKeyExchange, CarriesData) {
  const Suite& suite = GetParam();
  for (const std::size_t key : {kRsa2048, kRsa3072, kRsa4096}) {
    for (const bool extended : {true, false}) {
      Client client;
      prepare(client, suite.name);
      if (!extended) SSL_CTX_set_options(client.context(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
      client.start();
      const ServerConfig config = rsa_site().config_of(key);
      TlsDriver server{config, rsa_site().jobs(), {.room = 256}};
      ASSERT_TRUE(connect(client, server, extended ? Delivery::whole : Delivery::byte_by_byte))
          << static_cast<int>(server.last().failure);
      EXPECT_EQ(server.server().cipher_suite(), suite.suite);
      converse(client, server);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    OpenSsl, OldKeyExchange,
    ::testing::Values(
        Suite{"DHE-RSA-AES128-GCM-SHA256", KeyType::rsa,
              CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256},
        Suite{"DHE-RSA-AES256-GCM-SHA384", KeyType::rsa,
              CipherSuite::tls_dhe_rsa_with_aes_256_gcm_sha384},
        Suite{"DHE-RSA-CHACHA20-POLY1305", KeyType::rsa,
              CipherSuite::tls_dhe_rsa_with_chacha20_poly1305_sha256},
        Suite{"AES128-GCM-SHA256", KeyType::rsa, CipherSuite::tls_rsa_with_aes_128_gcm_sha256},
        Suite{"AES256-GCM-SHA384", KeyType::rsa, CipherSuite::tls_rsa_with_aes_256_gcm_sha384}));

// Every group of RFC 7919 that we have; OpenSSL checks that the prime is one that it knows.
TEST(FiniteFields, CarryData) {
  const std::pair<NamedGroup, int> groups[] = {{NamedGroup::ffdhe2048, 2'048},
                                               {NamedGroup::ffdhe3072, 3'072},
                                               {NamedGroup::ffdhe4096, 4'096}};
  for (const auto& [group, bits] : groups) {
    Client client;
    prepare(client, "DHE-RSA-AES128-GCM-SHA256");
    client.start();
    ServerConfig config = rsa_site().config_of(kRsa2048);
    config.groups = {NamedGroup::x25519, group};
    TlsDriver server{config, rsa_site().jobs()};
    ASSERT_TRUE(connect(client, server)) << bits;
    EVP_PKEY* share = nullptr;
    ASSERT_EQ(SSL_get_peer_tmp_key(client.ssl(), &share), 1);
    const testing::Owned<EVP_PKEY> owner{share};
    EXPECT_EQ(EVP_PKEY_get_bits(share), bits);
    converse(client, server);
  }
}

// As long as it may be: ffdhe4096, RSA-4096, every extension, a protocol name of 255 bytes.
TEST(FiniteFields, TheLongestFlightFits) {
  const std::string protocol(255, 'p');
  testing::Bytes offer{255};
  testing::append(offer, testing::bytes_of(protocol));
  ServerConfig config = rsa_site().config_of(kRsa4096);
  config.groups = {NamedGroup::ffdhe4096};
  config.alpn_protocols = {protocol};
  Client client;
  prepare(client, "DHE-RSA-AES256-SHA256");
  SSL_CTX_set1_sigalgs_list(client.context(), "RSA-PSS+SHA512");
  SSL_CTX_set_alpn_protos(client.context(), offer.data(), static_cast<unsigned>(offer.size()));
  client.start();
  client.ask_for("site.test");
  TlsDriver server{config, rsa_site().jobs()};
  ASSERT_TRUE(connect(client, server)) << static_cast<int>(server.last().failure);
  EXPECT_EQ(server.server().alpn(), 0);
  converse(client, server);
}

}  // namespace
}  // namespace sallyport::tls
