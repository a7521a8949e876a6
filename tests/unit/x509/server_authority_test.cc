#include "lib/x509/server_authority.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::x509 {
namespace {

using testing::CertificateOptions;
using testing::der_of;
using testing::make_certificate;
using testing::make_ec_key;
using testing::Owned;
using testing::pem_of;
using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t kNow = 1'500'000;

class ServerAuthorityTest : public ::testing::Test {
 protected:
  ServerAuthorityTest() : ca_key_{make_ec_key()} {
    CertificateOptions options;
    options.common_name = "ca.test";
    options.authority = true;
    ca_ = make_certificate(ca_key_.get(), options);
  }
  ServerAuthority load(const std::string& name, unsigned depth = 3) {
    auto loaded = ServerAuthority::load({.authorities = dir_.write("ca.pem", pem_of(ca_.get())),
                                         .revocations = {},
                                         .name = name,
                                         .depth = depth});
    EXPECT_TRUE(loaded) << loaded.message;
    return std::move(*loaded.authority);
  }
  // judge shows a certificate with these names, and a good signature in the manner of TLS 1.2.
  ClientVerdict judge(const ServerAuthority& authority, CertificateOptions options,
                      std::int64_t now = kNow) {
    const auto key = make_ec_key();
    options.issuer = ca_.get();
    options.issuer_key = ca_key_.get();
    const Bytes leaf = der_of(make_certificate(key.get(), options).get());
    const Bytes content(100, 7);
    const Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    std::size_t len = 0;
    EVP_DigestSign(context.get(), nullptr, &len, content.data(), content.size());
    Bytes signature(len);
    EVP_DigestSign(context.get(), signature.data(), &len, content.data(), content.size());
    signature.resize(len);
    if (signs_something_else_) signature.back() ^= 1;
    const ByteView chain[] = {leaf};
    return authority
        .judge({.chain = chain,
                .scheme = crypto::SignatureScheme::ecdsa_secp256r1_sha256,
                .kind = crypto::SignedKind::parameters,
                .content = content,
                .signature = signature},
               now)
        .verdict;
  }
  ClientVerdict judge(const ServerAuthority& authority, const std::string& alternatives) {
    CertificateOptions options;
    options.common_name = "name.test";
    options.alternatives = alternatives;
    return judge(authority, options);
  }

  testing::TemporaryDirectory dir_;
  bool signs_something_else_ = false;
  Owned<EVP_PKEY> ca_key_;
  Owned<X509> ca_;
};

TEST_F(ServerAuthorityTest, ComparesNamesAsRfc9525Says) {
  const ServerAuthority authority = load("name.test");
  EXPECT_EQ(judge(authority, "DNS:name.test"), ClientVerdict::ok);
  EXPECT_EQ(judge(authority, "DNS:other.test,DNS:NAME.test"), ClientVerdict::ok);
  EXPECT_EQ(judge(authority, "DNS:other.test"), ClientVerdict::wrong_name);
  EXPECT_EQ(judge(authority, "DNS:name.test.other"), ClientVerdict::wrong_name);
  EXPECT_EQ(judge(authority, ""), ClientVerdict::wrong_name);  // the subject does not count
  const ServerAuthority deep = load("a.name.test");
  EXPECT_EQ(judge(deep, "DNS:*.name.test"), ClientVerdict::ok);
  EXPECT_EQ(judge(deep, "DNS:*a.name.test"), ClientVerdict::wrong_name);
  EXPECT_EQ(judge(deep, "DNS:*.test"), ClientVerdict::wrong_name);
}

TEST_F(ServerAuthorityTest, ComparesAddresses) {
  for (const char* address : {"198.18.0.1", "2001:db8::1"}) {
    const ServerAuthority authority = load(address);
    EXPECT_EQ(judge(authority, std::string{"IP:"} + address), ClientVerdict::ok);
    EXPECT_EQ(judge(authority, "IP:198.18.0.2"), ClientVerdict::wrong_name);
    EXPECT_EQ(judge(authority, "DNS:198.18.0.1"), ClientVerdict::wrong_name);
  }
}

TEST_F(ServerAuthorityTest, WithoutANameTakesAnyServerOfItsAuthority) {
  EXPECT_EQ(judge(load(""), "DNS:whoever.test"), ClientVerdict::ok);
}

TEST_F(ServerAuthorityTest, MayTakeAnybodyWhoHoldsTheKey) {
  const auto loaded = ServerAuthority::load({.name = "name.test", .anybody = true});
  ASSERT_TRUE(loaded) << loaded.message;
  CertificateOptions options;
  options.alternatives = "DNS:whoever.test";
  EXPECT_EQ(judge(*loaded.authority, options, 9'000'000), ClientVerdict::ok) << "long expired";
  signs_something_else_ = true;
  EXPECT_EQ(judge(*loaded.authority, options), ClientVerdict::bad_signature);
}

TEST_F(ServerAuthorityTest, LooksAtTheDates) {
  const ServerAuthority authority = load("name.test");
  CertificateOptions options;
  options.alternatives = "DNS:name.test";
  EXPECT_EQ(judge(authority, options, 1'100'000), ClientVerdict::ok);
  EXPECT_EQ(judge(authority, options, 2'100'000), ClientVerdict::expired);
  EXPECT_EQ(judge(authority, options, 900'000), ClientVerdict::expired);
}

// [RFC 8446 4.4.2.2, RFC 5246 7.4.2]
TEST_F(ServerAuthorityTest, RefusesASignatureOfAKeyThatMayNotSign) {
  const ServerAuthority authority = load("name.test");
  CertificateOptions options;
  options.alternatives = "DNS:name.test";
  for (const char* const key_usage : {"digitalSignature", "keyEncipherment,digitalSignature"}) {
    options.key_usage = key_usage;
    EXPECT_EQ(judge(authority, options), ClientVerdict::ok) << key_usage;
  }
  for (const char* const key_usage : {"keyAgreement", "critical,keyEncipherment", "keyCertSign"}) {
    options.key_usage = key_usage;
    EXPECT_EQ(judge(authority, options), ClientVerdict::unsupported) << key_usage;
  }
  const auto anybody = ServerAuthority::load({.name = "name.test", .anybody = true});
  ASSERT_TRUE(anybody) << anybody.message;
  EXPECT_EQ(judge(*anybody.authority, options), ClientVerdict::ok) << "nobody asks";
}

TEST_F(ServerAuthorityTest, JudgesJobs) {
  const ServerAuthority authority = load("name.test");
  crypto::VerifyJob job;
  authority.judge(job, kNow);
  EXPECT_EQ(job.status, crypto::VerifyStatus::done);
  EXPECT_EQ(job.identity.verdict, ClientVerdict::malformed);
}

TEST_F(ServerAuthorityTest, SaysWhatIsWrongWithItsFiles) {
  const auto missing = ServerAuthority::load({.authorities = dir_.path() + "/none.pem"});
  EXPECT_FALSE(missing);
  EXPECT_NE(missing.message.find("none.pem: cannot read"), std::string::npos);
  const auto empty = ServerAuthority::load({.authorities = dir_.write("empty.pem", "nothing")});
  EXPECT_NE(empty.message.find("empty.pem: holds no certificate"), std::string::npos);
  const auto no_list =
      ServerAuthority::load({.authorities = dir_.write("ca.pem", pem_of(ca_.get())),
                             .revocations = dir_.write("crl.pem", "nothing")});
  EXPECT_FALSE(no_list);
}

TEST_F(ServerAuthorityTest, MayTrustWhomTheSystemTrusts) {
  const auto loaded = ServerAuthority::load({.authorities = {}, .name = "name.test"});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(judge(*loaded.authority, "DNS:name.test"), ClientVerdict::unknown_authority);
}

}  // namespace
}  // namespace sallyport::x509
