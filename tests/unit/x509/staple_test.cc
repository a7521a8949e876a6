#include "lib/x509/staple.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/ocsp.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::x509 {
namespace {

using testing::CertificateOptions;
using testing::der_of;
using testing::make_certificate;
using testing::make_ec_key;
using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t kNow = 1'500'000;

class StapleTest : public ::testing::Test {
 protected:
  StapleTest() {
    CertificateOptions authority;
    authority.common_name = "Issuer";
    authority.authority = true;
    issuer_ = make_certificate(issuer_key_.get(), authority);
    leaf_ = issued("site.test", key_.get());
    chain_ = {der_of(leaf_.get()), der_of(issuer_.get())};
  }
  Owned<X509> issued(const std::string& name, EVP_PKEY* key) {
    CertificateOptions options;
    options.common_name = name;
    options.issuer = issuer_.get();
    options.issuer_key = issuer_key_.get();
    return make_certificate(key, options);
  }

  // respond is the issuer, and speaks of the leaf, unless the answer says otherwise.
  std::string respond(testing::OcspAnswer answer) const {
    answer.issuer = issuer_.get();
    if (answer.about == nullptr) answer.about = leaf_.get();
    if (answer.signer == nullptr) {
      answer.signer = issuer_.get();
      answer.signer_key = issuer_key_.get();
    }
    return testing::ocsp_response(answer);
  }
  LoadedStaple load(const std::string& der) const {
    return load_staple(dir_.write("site.ocsp", der), chain_, kNow);
  }
  void expect_refused(const std::string& der, const std::string& words) const {
    const LoadedStaple loaded = load(der);
    EXPECT_FALSE(loaded) << words;
    EXPECT_NE(loaded.message.find(words), std::string::npos) << loaded.message;
  }

  testing::TemporaryDirectory dir_;
  Owned<EVP_PKEY> issuer_key_ = make_ec_key();
  Owned<EVP_PKEY> key_ = make_ec_key();
  Owned<X509> issuer_;
  Owned<X509> leaf_;
  std::vector<Bytes> chain_;
};

TEST_F(StapleTest, IsWhatTheIssuerSaysAboutTheLeaf) {
  for (const EVP_MD* const hash : {EVP_sha1(), EVP_sha256()}) {
    const std::string der = respond({.hash = hash});
    const LoadedStaple loaded = load(der);
    ASSERT_TRUE(loaded) << loaded.message;
    EXPECT_EQ(loaded.staple->der, Bytes(der.begin(), der.end()));
    EXPECT_EQ(loaded.staple->this_update, kNow - 100);
    EXPECT_EQ(loaded.staple->next_update, kNow + 100);
  }
  const LoadedStaple open_ended = load(respond({.next_update = 0}));
  ASSERT_TRUE(open_ended);
  EXPECT_EQ(open_ended.staple->next_update, kNow - 100 + 24 * 3600);
}

TEST_F(StapleTest, MayComeFromAResponderThatTheIssuerNamed) {  // [RFC 6960 4.2.2.2]
  const auto key = make_ec_key();
  auto responder = issued("responder", key.get());
  expect_refused(respond({.signer = responder.get(), .signer_key = key.get()}), "is not signed");
  testing::add_extension(responder.get(), NID_ext_key_usage, "OCSPSigning");
  X509_sign(responder.get(), issuer_key_.get(), EVP_sha256());
  EXPECT_TRUE(load(respond({.signer = responder.get(), .signer_key = key.get()})));
}

TEST_F(StapleTest, IsRefusedWhenAClientWouldRefuseIt) {
  expect_refused(respond({.status = V_OCSP_CERTSTATUS_REVOKED}), "the certificate is revoked");
  expect_refused(respond({.status = V_OCSP_CERTSTATUS_UNKNOWN}), "the certificate is unknown");
  expect_refused(respond({.next_update = kNow - 1}), "out of date");
  expect_refused(respond({.this_update = kNow + 1'000, .next_update = kNow + 2'000}),
                 "not valid yet");
  const auto other = make_certificate(key_.get());
  X509_set_serialNumber(other.get(), X509_get_serialNumber(leaf_.get()));
  ASN1_INTEGER_set(X509_get_serialNumber(other.get()), 12);
  expect_refused(respond({.about = other.get()}), "speaks of other certificates");
  const auto stranger = make_ec_key();
  CertificateOptions options;
  options.common_name = "Issuer";
  options.authority = true;
  const auto impostor = make_certificate(stranger.get(), options);
  expect_refused(respond({.signer = impostor.get(), .signer_key = stranger.get()}),
                 "is not signed");
}

TEST_F(StapleTest, IsRefusedWhenItIsNone) {
  const std::string good = respond({});
  expect_refused("", "is no OCSP response in DER");
  expect_refused("-----BEGIN OCSP RESPONSE-----", "is no OCSP response in DER");
  expect_refused(good + "x", "is no OCSP response in DER");
  expect_refused(good.substr(0, good.size() - 1), "is no OCSP response in DER");
  expect_refused(std::string(kMaxStapleBytes + 1, 'x'), "at most 6000");
  const Owned<OCSP_RESPONSE> later{OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr)};
  expect_refused(der_of(later.get()), "gave no answer: trylater");
  EXPECT_FALSE(load_staple(dir_.path("missing"), chain_, kNow));
}

}  // namespace
}  // namespace sallyport::x509
