// Every kind of certificate key with every group, in both versions, against OpenSSL's client.
#include <gtest/gtest.h>
#include <openssl/obj_mac.h>

#include <string>
#include <string_view>

#include "tests/interop/openssl_site.h"

namespace sallyport::tls {
namespace {

using crypto::NamedGroup;
using stats::HandshakeFailure;
using testing::Bytes;
using testing::Client;
using testing::connect;
using testing::converse;
using testing::Site;
using testing::TlsDriver;

enum Key : std::size_t { kP256, kP384, kEd25519, kRsa2048, kRsa3072, kRsa4096 };

// keys has one certificate per kind of key, in the order of Key.
Site& keys() {
  static Site site;
  if (site.size() == 0) {
    site.add(testing::make_ec_key("P-256"));
    site.add(testing::make_ec_key("P-384"));
    site.add(testing::make_key("ED25519"));
    site.add(testing::make_rsa_key(2'048));
    // Making these would take longer than all the tests.
    for (const char* file : {"rsa_3072.pem", "rsa_4096.pem"}) site.add(testing::read_key(file));
  }
  return site;
}

struct Group {
  const char* name;
  NamedGroup group;
  int nid;
};
constexpr Group kGroups[] = {
    {"X25519", NamedGroup::x25519, NID_X25519},
    {"P-256", NamedGroup::secp256r1, NID_X9_62_prime256v1},
    {"P-384", NamedGroup::secp384r1, NID_secp384r1},
    {"X448", NamedGroup::x448, NID_X448},
};

struct Scheme {
  Key key;
  const char* sigalgs;  // what the client accepts
  int type;             // what OpenSSL calls the signature
  int hash;
  bool tls13 = true;
};
// [RFC 8446 4.2.3] PKCS #1 v1.5 is for TLS 1.2 alone, as is ECDSA with the hash of another curve.
constexpr Scheme kSchemes[] = {
    {kP256, "ECDSA+SHA256", EVP_PKEY_EC, NID_sha256},
    {kP256, "ECDSA+SHA384", EVP_PKEY_EC, NID_sha384, false},
    {kP256, "ECDSA+SHA512", EVP_PKEY_EC, NID_sha512, false},
    {kP256, "ECDSA+SHA512:ECDSA+SHA384:ECDSA+SHA256", EVP_PKEY_EC, NID_sha256},
    {kP384, "ECDSA+SHA384", EVP_PKEY_EC, NID_sha384},
    {kP384, "ECDSA+SHA256", EVP_PKEY_EC, NID_sha256, false},
    {kP384, "ECDSA+SHA512", EVP_PKEY_EC, NID_sha512, false},
    {kP384, "ECDSA+SHA512:ECDSA+SHA256:ECDSA+SHA384", EVP_PKEY_EC, NID_sha384},
    {kEd25519, "ed25519", NID_ED25519, NID_undef},
    {kRsa2048, "RSA-PSS+SHA256", EVP_PKEY_RSA_PSS, NID_sha256},
    {kRsa2048, "RSA-PSS+SHA384", EVP_PKEY_RSA_PSS, NID_sha384},
    {kRsa2048, "RSA-PSS+SHA512", EVP_PKEY_RSA_PSS, NID_sha512},
    {kRsa2048, "RSA+SHA256", EVP_PKEY_RSA, NID_sha256, false},
    {kRsa2048, "RSA+SHA384", EVP_PKEY_RSA, NID_sha384, false},
    {kRsa2048, "RSA+SHA512", EVP_PKEY_RSA, NID_sha512, false},
    {kRsa3072, "RSA-PSS+SHA256", EVP_PKEY_RSA_PSS, NID_sha256},
    {kRsa3072, "RSA+SHA512", EVP_PKEY_RSA, NID_sha512, false},
    {kRsa4096, "RSA-PSS+SHA512", EVP_PKEY_RSA_PSS, NID_sha512},
    {kRsa4096, "RSA+SHA256", EVP_PKEY_RSA, NID_sha256, false},
};

// prepare makes a client of one version that lists these groups and signature algorithms.
void prepare(Client& client, int version, const std::string& groups, const char* sigalgs) {
  SSL_CTX_set_min_proto_version(client.context(), version);
  SSL_CTX_set_max_proto_version(client.context(), version);
  ASSERT_EQ(SSL_CTX_set1_groups_list(client.context(), groups.c_str()), 1) << groups;
  ASSERT_EQ(SSL_CTX_set1_sigalgs_list(client.context(), sigalgs), 1) << sigalgs;
}

class EveryKey : public ::testing::TestWithParam<Scheme> {};

TEST_P(EveryKey, SignsHandshakesOfEveryGroup) {
  const Scheme& scheme = GetParam();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    if (version == TLS1_3_VERSION && !scheme.tls13) continue;
    for (const Group& group : kGroups) {
      SCOPED_TRACE(std::string{group.name} + " " + scheme.sigalgs);
      ServerConfig config = keys().config_of(scheme.key);
      config.groups = {group.group};
      Client client;
      // [RFC 8422 5.1] a TLS 1.2 client that takes an ECDSA certificate lists its curve.
      std::string groups = group.name;
      for (const char* curve : {"P-256", "P-384"}) {
        if (std::string_view{group.name} != curve) groups += std::string{":"} + curve;
      }
      prepare(client, version, groups, scheme.sigalgs);
      client.start();
      TlsDriver server{config, keys().jobs()};
      ASSERT_TRUE(connect(client, server)) << static_cast<int>(server.last().failure);
      int nid = 0;
      EXPECT_EQ(SSL_get_peer_signature_type_nid(client.ssl(), &nid), 1);
      EXPECT_EQ(nid, scheme.type);
      EXPECT_EQ(SSL_get_peer_signature_nid(client.ssl(), &nid), 1);
      EXPECT_EQ(nid, scheme.hash);
      // For TLS 1.2 OpenSSL 3.0 tells only the kind of the server's key.
      EVP_PKEY* share = nullptr;
      ASSERT_EQ(SSL_get_peer_tmp_key(client.ssl(), &share), 1);
      const testing::Owned<EVP_PKEY> owner{share};
      EXPECT_EQ(EVP_PKEY_get_bits(share), group.group == NamedGroup::x448        ? 448
                                          : group.group == NamedGroup::x25519    ? 253
                                          : group.group == NamedGroup::secp384r1 ? 384
                                                                                 : 256);
      converse(client, server);
    }
  }
}

// [RFC 8446 4.2.3] A client of TLS 1.3 that lists the scheme of another curve cannot be served.
TEST(KeysAndGroups, OfTls13NoHashSignsWithTheCurveOfAnother) {
  for (const Scheme& scheme : kSchemes) {
    if (scheme.type != EVP_PKEY_EC || scheme.tls13) continue;
    const ServerConfig config = keys().config_of(scheme.key);
    Client client;
    prepare(client, TLS1_3_VERSION, "X25519:P-256:P-384", scheme.sigalgs);
    client.start();
    TlsDriver server{config, keys().jobs()};
    EXPECT_FALSE(connect(client, server)) << scheme.sigalgs;
    EXPECT_EQ(server.last().failure, HandshakeFailure::no_common_signature_scheme);
  }
}

INSTANTIATE_TEST_SUITE_P(OpenSsl, EveryKey, ::testing::ValuesIn(kSchemes));

// Everything as long as it may be, so that nothing in the flight or in a job is a byte too small.
TEST(KeysAndGroups, TheLongestFlightFits) {
  const std::string protocol(255, 'p');
  Bytes offer{255};
  testing::append(offer, testing::bytes_of(protocol));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ServerConfig config = keys().config_of(kRsa4096);
    config.groups = {NamedGroup::secp384r1};
    config.alpn_protocols = {protocol};
    Client client;
    prepare(client, version, "P-384", "RSA-PSS+SHA512");
    SSL_CTX_set_ciphersuites(client.context(), "TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_cipher_list(client.context(), "ECDHE-RSA-AES256-GCM-SHA384");
    SSL_CTX_set_alpn_protos(client.context(), offer.data(), static_cast<unsigned>(offer.size()));
    client.start();
    client.ask_for("site.test");
    TlsDriver server{config, keys().jobs()};
    ASSERT_TRUE(connect(client, server)) << static_cast<int>(server.last().failure);
    EXPECT_EQ(server.server().alpn(), 0);
    converse(client, server);
  }
}

// [RFC 8446 4.1.4] A share that we can use is used; a share of none of our groups is answered by a
// request for one that the client lists.
TEST(KeysAndGroups, AskForAShareOnlyWhenThereIsNone) {
  for (const Group& group : kGroups) {
    Client client;
    prepare(client, TLS1_3_VERSION, std::string{group.name} + ":P-521", "ECDSA+SHA256");
    client.start();
    const ServerConfig config = keys().config_of(kP256);
    TlsDriver server{config, keys().jobs()};
    ASSERT_TRUE(connect(client, server)) << group.name;
    EXPECT_FALSE(server.saw(Event::hello_retry)) << group.name;
    EXPECT_EQ(SSL_get_negotiated_group(client.ssl()), group.nid);
  }
  Client client;
  prepare(client, TLS1_3_VERSION, "P-521:P-384", "ECDSA+SHA256");
  client.start();
  const ServerConfig config = keys().config_of(kP256);
  TlsDriver server{config, keys().jobs()};
  ASSERT_TRUE(connect(client, server));
  EXPECT_TRUE(server.saw(Event::hello_retry));
  EXPECT_EQ(SSL_get_negotiated_group(client.ssl()), NID_secp384r1);
}

struct Refusal {
  const char* name;
  Key key;
  int version;
  const char* groups;
  const char* sigalgs;
  HandshakeFailure failure;
};

// [RFC 8446 4.1.1, RFC 5246 7.4.1.4.1, RFC 8422 5.1] What the client cannot check is not sent.
TEST(KeysAndGroups, RefusesAClientThatCannotCheckOurKey) {
  constexpr auto kNoScheme = HandshakeFailure::no_common_signature_scheme;
  const Refusal cases[] = {
      {"no group in common", kP256, TLS1_3_VERSION, "P-521", "ECDSA+SHA256",
       HandshakeFailure::no_common_group},
      {"no group in common", kRsa2048, TLS1_2_VERSION, "P-521", "RSA+SHA256",
       HandshakeFailure::no_common_group},
      {"no Ed25519", kEd25519, TLS1_3_VERSION, "X25519", "ECDSA+SHA256:RSA-PSS+SHA256", kNoScheme},
      {"no Ed25519", kEd25519, TLS1_2_VERSION, "X25519", "ECDSA+SHA256:RSA+SHA256", kNoScheme},
      // [RFC 8446 4.2.3] in TLS 1.3 the scheme names the curve of the key.
      {"P-384 with SHA-256", kP384, TLS1_3_VERSION, "X25519", "ECDSA+SHA256", kNoScheme},
      {"P-256 with SHA-384", kP256, TLS1_3_VERSION, "X25519", "ECDSA+SHA384", kNoScheme},
      {"curve of the certificate not listed", kP384, TLS1_2_VERSION, "X25519:P-256", "ECDSA+SHA384",
       kNoScheme},
      {"PKCS #1 v1.5 only", kRsa3072, TLS1_3_VERSION, "X25519", "RSA+SHA256:RSA+SHA512", kNoScheme},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.name);
    Client client;
    prepare(client, c.version, c.groups, c.sigalgs);
    SSL_CTX_set_cipher_list(client.context(), "ECDHE");  // no way around the curves
    client.start();
    const ServerConfig config = keys().config_of(c.key);
    TlsDriver server{config, keys().jobs()};
    EXPECT_FALSE(connect(client, server));
    EXPECT_EQ(server.last().failure, c.failure);
    EXPECT_EQ(server.last().alert, wire::AlertDescription::handshake_failure);
  }
}

}  // namespace
}  // namespace sallyport::tls
