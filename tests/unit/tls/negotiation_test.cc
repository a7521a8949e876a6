// What is agreed on, as tables: the hello is the default one with a change, the configuration too.
#include "lib/tls/negotiation.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/tls_client.h"

namespace sallyport::tls {
namespace {

using crypto::KeyType;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using stats::HandshakeFailure;
using testing::Bytes;
using testing::HelloBuilder;
using testing::test_config;
using testing::u16_list;
using testing::written;
using wire::CipherSuite;
using wire::ExtensionType;
using wire::ProtocolVersion;

// The body must outlive the parsed hello, so negotiation happens in here.
Result<Parameters, HandshakeFailure> agree(const HelloBuilder& hello, const ServerConfig& config) {
  const Bytes body = hello.body();
  const auto parsed = wire::parse_client_hello(body);
  EXPECT_TRUE(parsed.has_value());
  if (!parsed) return Err{HandshakeFailure::internal_error};
  return negotiate(*parsed, config);
}

TEST(Negotiation, OfVersionsFollowsSupportedVersionsAlone) {
  struct Row {
    std::uint16_t legacy;
    Bytes supported;  // empty: extension absent
    bool ours12, ours13;
    ProtocolVersion expected;
  };
  constexpr auto kNone = ProtocolVersion::none;
  constexpr auto k12 = ProtocolVersion::tls12;
  constexpr auto k13 = ProtocolVersion::tls13;
  const Row rows[] = {
      {0x0303, {2, 3, 4}, true, true, k13},
      {0x0303, {4, 3, 4, 3, 3}, true, true, k13},
      {0x0303, {4, 3, 3, 3, 4}, true, true, k13},  // their order does not matter
      {0x0303, {2, 3, 3}, true, true, k12},
      {0x0303, {4, 3, 4, 3, 3}, true, false, k12},
      {0x0303, {2, 3, 4}, true, false, kNone},
      {0x0303, {2, 3, 3}, false, true, kNone},
      {0x0303, {}, true, true, k12},
      {0x0303, {}, false, true, kNone},
      {0x0304, {}, true, true, k12},  // legacy_version says too much: 1.2 all the same
      {0x0399, {}, true, true, k12},
      {0x0302, {}, true, true, kNone},
      {0x0301, {}, true, true, kNone},
      {0x0301, {2, 3, 4}, true, true, k13},  // ignored when the extension is there
      {0x0300, {2, 3, 4}, true, true, kNone},
      {0x0303, {4, 0x2a, 0x2a, 3, 4}, true, true, k13},  // GREASE
      {0x0303, {4, 3, 2, 3, 1}, true, true, kNone},
  };
  for (const Row& row : rows) {
    HelloBuilder hello = HelloBuilder::tls13();
    hello.legacy_version = row.legacy;
    if (row.supported.empty()) {
      hello.remove(ExtensionType::supported_versions);
    } else {
      hello.set(ExtensionType::supported_versions, row.supported);
    }
    ServerConfig config = test_config();
    config.tls12 = row.ours12;
    config.tls13 = row.ours13;
    const auto agreed = agree(hello, config);
    if (row.expected == kNone) {
      EXPECT_EQ(agreed.error(), HandshakeFailure::protocol_version);
      continue;
    }
    ASSERT_TRUE(agreed.has_value());
    EXPECT_EQ(agreed->version, row.expected);
    EXPECT_EQ(agreed->downgraded, row.expected == k12 && row.ours13);
  }
}

TEST(Negotiation, RefusesAFallbackOnlyWhenWeSpeakMore) {
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites.push_back(0x5600);
  ServerConfig config = test_config();
  EXPECT_EQ(agree(hello, config).error(), HandshakeFailure::inappropriate_fallback);
  config.tls13 = false;
  EXPECT_TRUE(agree(hello, config).has_value());
  HelloBuilder modern = HelloBuilder::tls13();
  modern.cipher_suites.push_back(0x5600);
  EXPECT_TRUE(agree(modern, test_config()).has_value());
}

TEST(Negotiation, TakesOurOrderOfSuites) {
  HelloBuilder hello = HelloBuilder::tls13();
  hello.cipher_suites = {0x0a0a, 0x1302, 0x1303, 0x1301};
  ServerConfig config = test_config();
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_aes_128_gcm_sha256);
  config.cipher_suites = {0xc02b, 0x1303, 0x1301};
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_chacha20_poly1305_sha256);
}

TEST(Negotiation, TakesChaChaForAClientThatPutsItFirst) {
  ServerConfig config = test_config();
  HelloBuilder hello = HelloBuilder::tls13();
  hello.cipher_suites = {0x0a0a, 0x00ff, 0x1303, 0x1301};
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_chacha20_poly1305_sha256);
  HelloBuilder old = HelloBuilder::tls12();
  old.cipher_suites = {0x1a1a, 0xcca8, 0xc02f};
  EXPECT_EQ(agree(old, config)->cipher_suite,
            CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256);
  // First of another version, or not first: our order.
  old.cipher_suites = {0x1301, 0xcca8, 0xc02f};
  EXPECT_EQ(agree(old, config)->cipher_suite, CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256);
  // What we do not have switched on is not made up for.
  config.cipher_suites = {0x1301, 0x1302};
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_aes_128_gcm_sha256);
}

TEST(Negotiation, TakesTheClientsOrderWhereThatIsThePolicy) {
  ServerConfig config = test_config();
  config.suite_preference = SuitePreference::client;
  HelloBuilder hello = HelloBuilder::tls13();
  hello.cipher_suites = {0x0a0a, 0x1302, 0x1303, 0x1301};
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_aes_256_gcm_sha384);
  config.cipher_suites = {0x1301, 0x1303};
  EXPECT_EQ(agree(hello, config)->cipher_suite, CipherSuite::tls_chacha20_poly1305_sha256);
}

// [RFC 8422 4] without a curve in common no ECDHE; [RFC 5246 7.4.7.1] RSA needs neither a group nor
// a signature.
TEST(Negotiation, FallsBackToKeyExchangesThatTheClientCanDo) {
  ServerConfig config = test_config();
  config.groups.push_back(NamedGroup::ffdhe2048);
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {0xc02f, 0x009e, 0x009c};
  EXPECT_EQ(agree(hello, config)->group, NamedGroup::x25519);
  hello.set(ExtensionType::supported_groups, u16_list({0x0019}));
  const auto finite = agree(hello, config);
  EXPECT_EQ(finite->cipher_suite, CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256);
  EXPECT_EQ(finite->group, NamedGroup::ffdhe2048);
  hello.remove(ExtensionType::signature_algorithms);
  const auto rsa = agree(hello, config);
  ASSERT_TRUE(rsa.has_value());
  EXPECT_EQ(rsa->cipher_suite, CipherSuite::tls_rsa_with_aes_128_gcm_sha256);
  EXPECT_EQ(rsa->group, NamedGroup::none);
  EXPECT_EQ(rsa->signature_scheme, SignatureScheme::none);
  hello.cipher_suites = {0xc02f, 0x009e};
  EXPECT_EQ(agree(hello, config).error(), HandshakeFailure::no_common_signature_scheme);
}

// [RFC 7919 4] The groups that a client lists bind the server, known to it or not.
TEST(Negotiation, OfFiniteFieldsTakesOneThatTheClientLists) {
  ServerConfig config = test_config();
  config.groups = {NamedGroup::x25519, NamedGroup::ffdhe2048, NamedGroup::ffdhe3072};
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {0x009e};
  const auto group_with = [&](const std::vector<std::uint16_t>& listed) {
    hello.set(ExtensionType::supported_groups, u16_list(listed));
    const auto agreed = agree(hello, config);
    return agreed ? agreed->group : NamedGroup::none;
  };
  EXPECT_EQ(group_with({0x001d}), NamedGroup::ffdhe2048);
  EXPECT_EQ(group_with({0x001d, 0x0101}), NamedGroup::ffdhe3072);
  EXPECT_EQ(group_with({0x0101, 0x0100}), NamedGroup::ffdhe2048);
  hello.remove(ExtensionType::supported_groups);
  EXPECT_EQ(agree(hello, config)->group, NamedGroup::ffdhe2048);
  for (const std::uint16_t unknown : std::array<std::uint16_t, 3>{0x0102, 0x0104, 0x01ff}) {
    EXPECT_EQ(group_with({0x001d, unknown}), NamedGroup::none);
    const auto refused = agree(hello, config);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), HandshakeFailure::no_common_finite_field);
    EXPECT_EQ(alert_of(refused.error()), wire::AlertDescription::insufficient_security);
    // Any other suite is better than none.
    hello.cipher_suites = {0x009e, 0xc02f};
    EXPECT_EQ(group_with({0x001d, unknown}), NamedGroup::x25519);
    hello.cipher_suites = {0x009e};
  }
  config.groups = {NamedGroup::x25519};
  EXPECT_EQ(group_with({0x001d}), NamedGroup::none);
  // In TLS 1.3 they are not ours to give, even where a share lies ready.
  config.groups = {NamedGroup::ffdhe2048, NamedGroup::x25519};
  HelloBuilder modern = HelloBuilder::tls13();
  modern.set(ExtensionType::supported_groups, u16_list({0x0100, 0x001d}));
  EXPECT_EQ(agree(modern, config)->group, NamedGroup::x25519);
}

TEST(Negotiation, OfGroupsPrefersOneWithAShare) {
  struct Row {
    std::vector<std::uint16_t> supported;
    std::vector<std::uint16_t> shares;
    std::vector<NamedGroup> ours;
    NamedGroup expected;
    bool retry;
  };
  constexpr auto kX = NamedGroup::x25519;
  constexpr auto kP = NamedGroup::secp256r1;
  const Row rows[] = {
      {{0x1d, 0x17}, {0x1d}, {kX, kP}, kX, false},
      {{0x1d, 0x17}, {0x17}, {kX, kP}, kP, false},
      {{0x17, 0x1d}, {0x17, 0x1d}, {kX, kP}, kX, false},
      {{0x17, 0x1d}, {0x17, 0x1d}, {kP, kX}, kP, false},
      {{0x17, 0x1d}, {}, {kX, kP}, kX, true},
      {{0x18, 0x17}, {0x18}, {kX, kP}, kP, true},
      {{0x1a1a, 0x1d}, {0x1a1a, 0x1d}, {kX, kP}, kX, false},  // GREASE
      {{0x18}, {0x18}, {kX, kP}, NamedGroup::none, false},
      {{0x1d}, {0x1d}, {kP}, NamedGroup::none, false},
  };
  for (const Row& row : rows) {
    HelloBuilder hello = HelloBuilder::tls13();
    hello.set(ExtensionType::supported_groups, u16_list(row.supported));
    hello.set(ExtensionType::key_share, written([&](wire::Writer& w) {
                w.vec16([&] {
                  for (const std::uint16_t group : row.shares) {
                    w.u16(group);
                    w.vec16([&] {
                      w.u8(4);
                      w.zeros(group == 0x17 ? 64 : 31);
                    });
                  }
                });
              }));
    ServerConfig config = test_config();
    config.groups = row.ours;
    const auto agreed = agree(hello, config);
    if (row.expected == NamedGroup::none) {
      EXPECT_EQ(agreed.error(), HandshakeFailure::no_common_group);
      continue;
    }
    ASSERT_TRUE(agreed.has_value());
    EXPECT_EQ(agreed->group, row.expected);
    EXPECT_EQ(agreed->hello_retry, row.retry);
  }
}

TEST(Negotiation, OfTls12GroupsTakesP256WithoutTheExtension) {
  HelloBuilder hello = HelloBuilder::tls12();
  hello.remove(ExtensionType::supported_groups);
  EXPECT_EQ(agree(hello, test_config())->group, NamedGroup::secp256r1);
  ServerConfig config = test_config();
  config.groups = {NamedGroup::x25519};
  EXPECT_EQ(agree(hello, config).error(), HandshakeFailure::no_common_group);
}

TEST(Negotiation, OfCredentialsPrefersTheExactName) {
  std::vector<Credential> credentials(4, test_config().credentials[0]);
  credentials[0].names = {"default.test"};
  credentials[1].names = {"other.test"};
  credentials[2].names = {"*.site.test"};
  credentials[3].names = {"x.test", "www.site.test"};
  ServerConfig config = test_config();
  config.credentials = credentials;
  struct Row {
    const char* name;
    std::uint16_t expected;
    bool matched;
  };
  const Row rows[] = {
      {"default.test", 0, true},   {"www.site.test", 3, true}, {"WWW.Site.Test", 3, true},
      {"mail.site.test", 2, true}, {"site.test", 0, false},    {"a.b.site.test", 0, false},
      {".site.test", 0, false},    {"nowhere.test", 0, false}, {"x.test", 3, true},
      {"*.site.test", 2, true},    {"other.test", 1, true},    {"xsite.test", 0, false},
  };
  for (const Row& row : rows) {
    HelloBuilder hello = HelloBuilder::tls13();
    hello.server_name(row.name);
    const auto agreed = agree(hello, config);
    ASSERT_TRUE(agreed.has_value());
    EXPECT_EQ(agreed->credential, row.expected) << row.name;
    EXPECT_EQ(agreed->server_name_matched, row.matched) << row.name;
  }
}

TEST(Negotiation, OfCredentialsGoesOnWhenTheClientCannotUseTheBest) {
  ServerConfig config = test_config();
  std::vector<Credential> credentials = config.credentials.all();
  credentials[1].names = {"rsa.test"};
  config.credentials = credentials;
  HelloBuilder hello = HelloBuilder::tls13();
  hello.server_name("site.test");
  hello.set(ExtensionType::signature_algorithms, u16_list({0x0804}));
  const auto agreed = agree(hello, config);
  ASSERT_TRUE(agreed.has_value());
  EXPECT_EQ(agreed->credential, 1);
  EXPECT_FALSE(agreed->server_name_matched);
}

// [RFC 6066 3, RFC 8446 9.2]
// [RFC 8446 4.2.3 and 4.4.2.2] test_config() has an ECDSA credential, then one of RSA.
TEST(Negotiation, OfCredentialsPrefersAChainThatTheClientCanCheck) {
  constexpr std::uint16_t kEcdsa = 0x0403;
  constexpr std::uint16_t kRsa = 0x0401;
  const Bytes both = testing::u16_list({kEcdsa, kRsa, 0x0804});
  struct Row {
    const char* name;
    std::vector<std::uint16_t> first_chain;
    std::vector<std::uint16_t> second_chain;
    Bytes signature_algorithms_cert;  // empty: not sent
    std::uint16_t expected;
  };
  const std::vector<Row> rows{
      {"it knows both", {kEcdsa}, {kRsa}, {}, 0},
      {"signature_algorithms stands for it", {0x0201}, {kRsa}, {}, 1},
      {"it knows RSA in certificates alone", {kEcdsa}, {kRsa}, testing::u16_list({kRsa}), 1},
      {"it knows ECDSA in certificates alone", {kEcdsa}, {kRsa}, testing::u16_list({kEcdsa}), 0},
      {"an ECDSA leaf of an RSA authority", {kRsa}, {kRsa}, testing::u16_list({kRsa}), 0},
      {"a chain of two kinds", {kEcdsa, kRsa}, {kRsa}, testing::u16_list({kRsa}), 1},
      {"nothing to be checked", {}, {kRsa}, testing::u16_list({0x0807}), 0},
      {"nothing that it knows", {0}, {0x0201}, testing::u16_list({kRsa}), 0},
  };
  for (const Row& row : rows) {
    for (HelloBuilder hello : {HelloBuilder::tls13(), HelloBuilder::tls12()}) {
      hello.set(ExtensionType::signature_algorithms, both);
      if (!row.signature_algorithms_cert.empty()) {
        hello.set(ExtensionType::signature_algorithms_cert, row.signature_algorithms_cert);
      }
      ServerConfig config = test_config();
      std::vector<Credential> credentials = config.credentials.all();
      credentials[0].chain_schemes = row.first_chain;
      credentials[1].chain_schemes = row.second_chain;
      config.credentials = credentials;
      const auto agreed = agree(hello, config);
      ASSERT_TRUE(agreed) << row.name;
      EXPECT_EQ(agreed->credential, row.expected) << row.name;
    }
  }
}

// A name goes before everything else.
TEST(Negotiation, OfCredentialsShowsTheRightNameEvenInAChainThatTheClientCannotCheck) {
  ServerConfig config = test_config();
  std::vector<Credential> credentials = config.credentials.all();
  credentials[0].names = {"site.test"};
  credentials[0].chain_schemes = {0x0201};
  credentials[1].names = {"other.test"};
  config.credentials = credentials;
  const auto agreed = agree(HelloBuilder::tls13().server_name("site.test"), config);
  ASSERT_TRUE(agreed);
  EXPECT_EQ(agreed->credential, 0);
  EXPECT_TRUE(agreed->server_name_matched);
}

TEST(Negotiation, OfNamesThatNobodyHasIsRefusedWhereNoDefaultIsShown) {
  ServerConfig config = test_config();
  config.unknown_name = UnknownName::refuse;
  struct Row {
    bool tls13;
    const char* name;
    HandshakeFailure expected;
  };
  const Row rows[] = {
      {true, "site.test", HandshakeFailure::none},
      {false, "site.test", HandshakeFailure::none},
      {true, "other.test", HandshakeFailure::unrecognized_name},
      {false, "other.test", HandshakeFailure::unrecognized_name},
      {true, nullptr, HandshakeFailure::missing_extension},
      {false, nullptr, HandshakeFailure::unrecognized_name},
  };
  for (const Row& row : rows) {
    HelloBuilder hello = row.tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12();
    if (row.name == nullptr) {
      hello.remove(ExtensionType::server_name);
    } else {
      hello.server_name(row.name);
    }
    const auto agreed = agree(hello, config);
    EXPECT_EQ(agreed ? HandshakeFailure::none : agreed.error(), row.expected)
        << (row.name == nullptr ? "no name" : row.name);
  }
  // The default does not help out either when the client cannot use what it asked for.
  std::vector<Credential> credentials = config.credentials.all();
  credentials[1].names = {"rsa.test"};
  config.credentials = credentials;
  HelloBuilder hello = HelloBuilder::tls13();
  hello.server_name("rsa.test");
  hello.set(ExtensionType::signature_algorithms, u16_list({0x0403}));
  EXPECT_EQ(agree(hello, config).error(), HandshakeFailure::no_common_signature_scheme);
}

// [RFC 6066 8, RFC 8446 4.4.2, RFC 8879 3]
TEST(Negotiation, OfTheCertificatesFormFollowsWhatTheClientAsksFor) {
  using wire::CertificateCompression;
  std::vector<Credential> credentials = test_config().credentials.all();
  for (Credential& credential : credentials) {
    credential.compressed = {{CertificateCompression::brotli, {1}},
                             {CertificateCompression::zlib, {2}}};
  }
  const Bytes ocsp{1, 0, 0, 0, 0};
  struct Row {
    bool tls13;
    bool has_staple;
    bool asks_for_staple;
    Bytes unpacks;
    bool staple;
    CertificateCompression compression;
  };
  constexpr auto kNone = CertificateCompression::none;
  const Row rows[] = {
      {true, true, true, {}, true, kNone},
      {true, true, false, {}, false, kNone},
      {true, false, true, {}, false, kNone},
      {true, false, true, {2, 0, 1}, false, CertificateCompression::zlib},
      {true, false, false, {4, 0, 1, 0, 2}, false, CertificateCompression::brotli},
      {true, false, false, {2, 0, 3}, false, kNone},
      {true, true, true, {2, 0, 1}, true, CertificateCompression::zlib},
      {true, true, false, {2, 0, 1}, false, kNone},  // the staple is inside
      {false, true, true, {2, 0, 1}, true, kNone},
      {false, true, false, {2, 0, 1}, false, kNone},
  };
  for (const Row& row : rows) {
    for (Credential& credential : credentials) credential.staple = Bytes(row.has_staple ? 9 : 0);
    ServerConfig config = test_config();
    config.credentials = credentials;
    HelloBuilder hello = row.tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12();
    if (row.asks_for_staple) hello.set(ExtensionType::status_request, ocsp);
    if (!row.unpacks.empty()) hello.set(ExtensionType::compress_certificate, row.unpacks);
    const auto agreed = agree(hello, config);
    ASSERT_TRUE(agreed.has_value());
    const auto at = &row - rows;
    EXPECT_EQ(agreed->staple, row.staple) << "row " << at;
    EXPECT_EQ(agreed->certificate_compression, row.compression) << "row " << at;
  }
}

TEST(Negotiation, OfSchemesFitsKeyAndVersion) {
  struct Row {
    std::vector<std::uint16_t> offered;
    KeyType key;
    bool tls13;
    SignatureScheme expected;
  };
  constexpr auto kNone = SignatureScheme::none;
  const Row rows[] = {
      {{0x0403}, KeyType::ecdsa_p256, true, SignatureScheme::ecdsa_secp256r1_sha256},
      {{0x0503, 0x0403}, KeyType::ecdsa_p256, true, SignatureScheme::ecdsa_secp256r1_sha256},
      {{0x0503}, KeyType::ecdsa_p256, true, kNone},
      {{0x0203}, KeyType::ecdsa_p256, true, kNone},
      {{0x0804, 0x0805}, KeyType::rsa, true, SignatureScheme::rsa_pss_rsae_sha256},
      {{0x0806}, KeyType::rsa, true, SignatureScheme::rsa_pss_rsae_sha512},
      {{0x0401}, KeyType::rsa, true, kNone},  // PKCS #1 is for TLS 1.2
      {{0x0401}, KeyType::rsa, false, SignatureScheme::rsa_pkcs1_sha256},
      {{0x0601, 0x0501}, KeyType::rsa, false, SignatureScheme::rsa_pkcs1_sha384},
      {{0x0401, 0x0804}, KeyType::rsa, false, SignatureScheme::rsa_pss_rsae_sha256},
      {{0x0201}, KeyType::rsa, false, kNone},
      {{0x0403}, KeyType::ecdsa_p256, false, SignatureScheme::ecdsa_secp256r1_sha256},
      // [RFC 8446 4.2.3] TLS 1.3 binds the hash of ECDSA to the curve, ...
      {{0x0503}, KeyType::ecdsa_p384, true, SignatureScheme::ecdsa_secp384r1_sha384},
      {{0x0403, 0x0603}, KeyType::ecdsa_p384, true, kNone},
      {{0x0603}, KeyType::ecdsa_p256, true, kNone},
      // ... [RFC 5246 7.4.1.4.1] TLS 1.2 does not; its own hash is the one that a curve prefers.
      {{0x0603, 0x0503, 0x0403},
       KeyType::ecdsa_p256,
       false,
       SignatureScheme::ecdsa_secp256r1_sha256},
      {{0x0603, 0x0403, 0x0503},
       KeyType::ecdsa_p384,
       false,
       SignatureScheme::ecdsa_secp384r1_sha384},
      {{0x0503}, KeyType::ecdsa_p256, false, SignatureScheme::ecdsa_secp384r1_sha384},
      {{0x0603}, KeyType::ecdsa_p256, false, SignatureScheme::ecdsa_secp521r1_sha512},
      {{0x0603, 0x0503}, KeyType::ecdsa_p256, false, SignatureScheme::ecdsa_secp384r1_sha384},
      {{0x0403}, KeyType::ecdsa_p384, false, SignatureScheme::ecdsa_secp256r1_sha256},
      {{0x0403, 0x0603}, KeyType::ecdsa_p384, false, SignatureScheme::ecdsa_secp521r1_sha512},
      {{0x0203, 0x0303, 0x0804, 0x0807}, KeyType::ecdsa_p256, false, kNone},
      {{0x0403, 0x0503, 0x0603}, KeyType::rsa, false, kNone},
  };
  for (const Row& row : rows) {
    HelloBuilder hello = row.tls13 ? HelloBuilder::tls13() : HelloBuilder::tls12();
    hello.set(ExtensionType::signature_algorithms, u16_list(row.offered));
    hello.set(ExtensionType::supported_groups, u16_list({0x001d, 0x0017, 0x0018}));
    ServerConfig config = test_config();
    std::vector<Credential> credentials = config.credentials.all();
    if (row.key == KeyType::ecdsa_p384) credentials[0].key_type = row.key;
    std::erase_if(credentials, [&](const Credential& c) { return c.key_type != row.key; });
    config.credentials = credentials;
    const auto agreed = agree(hello, config);
    const auto at = &row - rows;
    if (row.expected == kNone) {
      EXPECT_EQ(agreed.error(), HandshakeFailure::no_common_signature_scheme) << "row " << at;
      continue;
    }
    ASSERT_TRUE(agreed.has_value()) << "row " << at;
    EXPECT_EQ(agreed->signature_scheme, row.expected) << "row " << at;
  }
}

TEST(Negotiation, OfTls12SuitesFollowsTheKeyOfTheCertificate) {
  HelloBuilder hello = HelloBuilder::tls12();
  hello.cipher_suites = {0xc030};
  EXPECT_EQ(agree(hello, test_config())->credential, 1);
  hello.cipher_suites = {0xc02c};
  EXPECT_EQ(agree(hello, test_config())->credential, 0);
  // [RFC 8422 5.1] the certificate's curve must be one that the client knows.
  hello.set(ExtensionType::supported_groups, u16_list({0x001d}));
  EXPECT_EQ(agree(hello, test_config()).error(), HandshakeFailure::no_common_signature_scheme);
  hello.cipher_suites = {0xc02c, 0xcca8};
  EXPECT_EQ(agree(hello, test_config())->cipher_suite,
            CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256);
}

// [RFC 5246 7.4.2] digitalSignature for ECDHE and DHE, keyEncipherment for RSA key exchange;
// [RFC 8446 4.4.2.2] digitalSignature for TLS 1.3.
TEST(Negotiation, OfCredentialsTakesOneWhoseKeyMayDoWhatTheSuiteAsks) {
  const Credential rsa = test_config().credentials[1];
  Credential signing = rsa;
  signing.may_decrypt = false;
  Credential decrypting = rsa;
  decrypting.may_sign = false;
  HelloBuilder ecdhe = HelloBuilder::tls12();
  ecdhe.cipher_suites = {0xc02f};
  HelloBuilder dhe = HelloBuilder::tls12();
  dhe.cipher_suites = {0x009e};
  HelloBuilder rsa_alone = HelloBuilder::tls12();
  rsa_alone.cipher_suites = {0x009c};
  HelloBuilder either = HelloBuilder::tls12();
  either.cipher_suites = {0xc02f, 0x009c};
  HelloBuilder tls13 = HelloBuilder::tls13();
  tls13.set(ExtensionType::signature_algorithms, u16_list({0x0804}));
  constexpr int kNobody = -1;
  struct Row {
    const char* what;
    std::vector<Credential> credentials;
    const HelloBuilder& hello;
    int expected;
    CipherSuite suite;
  };
  constexpr auto kEcdhe = CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256;
  constexpr auto kDhe = CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256;
  constexpr auto kRsa = CipherSuite::tls_rsa_with_aes_128_gcm_sha256;
  constexpr auto k13 = CipherSuite::tls_aes_128_gcm_sha256;
  const std::vector<Row> rows{
      {"signs: ECDHE", {signing}, ecdhe, 0, kEcdhe},
      {"signs: DHE", {signing}, dhe, 0, kDhe},
      {"signs: RSA", {signing}, rsa_alone, kNobody, {}},
      {"signs: either", {signing}, either, 0, kEcdhe},
      {"signs: 1.3", {signing}, tls13, 0, k13},
      {"decrypts: ECDHE", {decrypting}, ecdhe, kNobody, {}},
      {"decrypts: DHE", {decrypting}, dhe, kNobody, {}},
      {"decrypts: RSA", {decrypting}, rsa_alone, 0, kRsa},
      {"decrypts: either", {decrypting}, either, 0, kRsa},
      {"decrypts: 1.3", {decrypting}, tls13, kNobody, {}},
      {"two: ECDHE", {decrypting, signing}, ecdhe, 1, kEcdhe},
      {"two: RSA", {signing, decrypting}, rsa_alone, 1, kRsa},
      {"two: 1.3", {decrypting, signing}, tls13, 1, k13},
  };
  for (const Row& row : rows) {
    ServerConfig config = test_config();
    config.groups.push_back(NamedGroup::ffdhe2048);
    config.credentials = row.credentials;
    const auto agreed = agree(row.hello, config);
    if (row.expected == kNobody) {
      ASSERT_FALSE(agreed) << row.what;
      EXPECT_EQ(agreed.error(), HandshakeFailure::no_common_signature_scheme) << row.what;
      continue;
    }
    ASSERT_TRUE(agreed) << row.what;
    EXPECT_EQ(agreed->credential, row.expected) << row.what;
    EXPECT_EQ(agreed->cipher_suite, row.suite) << row.what;
  }
}

TEST(Negotiation, OfProtocolsFollowsOurOrder) {
  ServerConfig config = test_config();
  config.alpn_protocols = {"h2", "http/1.1"};
  EXPECT_EQ(agree(HelloBuilder::tls13().alpn({"http/1.1", "h2"}), config)->alpn, 0);
  EXPECT_EQ(agree(HelloBuilder::tls13().alpn({"http/1.1"}), config)->alpn, 1);
  EXPECT_EQ(agree(HelloBuilder::tls13(), config)->alpn, kNoAlpnIndex);
  EXPECT_EQ(agree(HelloBuilder::tls13().alpn({"H2"}), config).error(),
            HandshakeFailure::no_application_protocol);
  // None configured: the client's wish is ignored.
  EXPECT_EQ(agree(HelloBuilder::tls13().alpn({"h2"}), test_config())->alpn, kNoAlpnIndex);
}

TEST(Negotiation, NotesWhatATls12ClientSignals) {
  const auto agreed = agree(HelloBuilder::tls12(), test_config());
  ASSERT_TRUE(agreed.has_value());
  EXPECT_TRUE(agreed->secure_renegotiation);
  EXPECT_TRUE(agreed->extended_master_secret);
  EXPECT_FALSE(agreed->ec_point_formats);
  HelloBuilder hello = HelloBuilder::tls12();
  hello.remove(ExtensionType::renegotiation_info).remove(ExtensionType::extended_master_secret);
  hello.set(ExtensionType::ec_point_formats, {3, 2, 1, 0});
  EXPECT_FALSE(agree(hello, test_config())->secure_renegotiation);
  EXPECT_TRUE(agree(hello, test_config())->ec_point_formats);
  // [RFC 8422 5.2] where there are no points there is nothing to say about them.
  HelloBuilder without_points = hello;
  without_points.cipher_suites = {0x009c};
  EXPECT_FALSE(agree(without_points, test_config())->ec_point_formats);
  // [RFC 5746 3.3]
  hello.cipher_suites.push_back(0x00ff);
  EXPECT_TRUE(agree(hello, test_config())->secure_renegotiation);
}

TEST(Negotiation, IgnoresExtensionsThatNobodyKnows) {
  HelloBuilder hello = HelloBuilder::tls13();
  hello.add(ExtensionType{0x0a0a}, {}).add(ExtensionType{0x4469}, Bytes(100, 1));
  hello.add(ExtensionType::padding, Bytes(200, 0)).add(ExtensionType::early_data, {});
  const auto agreed = agree(hello, test_config());
  ASSERT_TRUE(agreed.has_value());
  EXPECT_TRUE(agreed->early_data_offered);
}

TEST(Negotiation, EveryFailureHasAnAlert) {
  EXPECT_EQ(alert_of(HandshakeFailure::no_common_group), wire::AlertDescription::handshake_failure);
  EXPECT_EQ(alert_of(HandshakeFailure::signer_failed), wire::AlertDescription::internal_error);
  for (std::size_t i = 1; i < stats::Descriptions<HandshakeFailure>::all.size(); ++i) {
    EXPECT_NE(alert_of(static_cast<HandshakeFailure>(i)), wire::AlertDescription::close_notify);
  }
}

}  // namespace
}  // namespace sallyport::tls
