#include "lib/offload/verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::offload {
namespace {

using crypto::ClientVerdict;
using crypto::VerifyJob;
using crypto::VerifyStatus;
using testing::Owned;

constexpr std::uint32_t kGeneration = 5;
constexpr WallClock kNow{Tsc{1'000}, 1'500'000'000};  // within the certificates' validity

class VerifierTest : public ::testing::Test {
 protected:
  using Authority = std::shared_ptr<const x509::ClientAuthority>;

  Authority authority_of(X509* certificate) {
    x509::ClientAuthority::Files files;
    files.authorities = dir_.write("ca.pem", testing::pem_of(certificate));
    auto loaded = x509::ClientAuthority::load(files);
    EXPECT_TRUE(loaded) << loaded.message;
    return std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
  }
  static Owned<X509> make_authority(EVP_PKEY* key) {
    testing::CertificateOptions options;
    options.common_name = "Root";
    options.authority = true;
    return testing::make_certificate(key, options);
  }
  // job shows the client's certificate with its signature, as a worker would.
  std::unique_ptr<VerifyJob> job() {
    auto made = std::make_unique<VerifyJob>();
    made->authority = {0, kGeneration};
    made->deadline = Tsc{2'000};
    made->scheme = crypto::SignatureScheme::ecdsa_secp256r1_sha256;
    made->content_len = 40;
    made->content.fill(0x61);
    const std::vector<std::uint8_t> der = testing::der_of(client_.get());
    std::ranges::copy(der, made->messages.begin() + 10);
    made->num_certificates = 1;
    made->certificates[0] = {10, static_cast<std::uint16_t>(der.size())};
    const Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, client_key_.get());
    std::array<std::uint8_t, 100> signature{};
    std::size_t len = signature.size();
    EVP_DigestSign(context.get(), signature.data(), &len, made->content.data(), 40);
    std::copy_n(signature.begin(), len, made->messages.begin() + 5'000);
    made->signature = {5'000, static_cast<std::uint16_t>(len)};
    return made;
  }

  testing::TemporaryDirectory dir_;
  Owned<EVP_PKEY> root_key_ = testing::make_ec_key();
  Owned<X509> root_ = make_authority(root_key_.get());
  Owned<EVP_PKEY> client_key_ = testing::make_ec_key();
  Owned<X509> client_ = [this] {
    testing::CertificateOptions options;
    options.common_name = "client";
    options.issuer = root_.get();
    options.issuer_key = root_key_.get();
    return testing::make_certificate(client_key_.get(), options);
  }();
};

TEST_F(VerifierTest, SaysWhoAClientIs) {
  const Verifier verifier{{authority_of(root_.get())}, kGeneration};
  const auto shown = job();
  verifier.run(*shown, kNow);
  EXPECT_EQ(shown->status, VerifyStatus::done);
  EXPECT_EQ(shown->identity.verdict, ClientVerdict::ok);
  EXPECT_EQ(shown->identity.subject(), "CN=client");
  EXPECT_EQ(shown->identity.not_after, 2'000'000) << "of the first that expires";
}

TEST_F(VerifierTest, JudgesWhatTheClientSigned) {
  const Verifier verifier{{authority_of(root_.get())}, kGeneration};
  const auto forged = job();
  forged->content[0] ^= 1;
  verifier.run(*forged, kNow);
  EXPECT_EQ(forged->status, VerifyStatus::done);
  EXPECT_EQ(forged->identity.verdict, ClientVerdict::bad_signature);
}

TEST_F(VerifierTest, KnowsTheTime) {
  const Verifier verifier{{authority_of(root_.get())}, kGeneration};
  const auto shown = job();
  verifier.run(*shown, {Tsc{1'000}, 2'000'001'000});
  EXPECT_EQ(shown->identity.verdict, ClientVerdict::expired);
}

TEST_F(VerifierTest, DoesNoWorkForWhoHasGivenUp) {
  const Verifier verifier{{authority_of(root_.get())}, kGeneration};
  const auto late = job();
  verifier.run(*late, {Tsc{2'001}, kNow.unix_ms});
  EXPECT_EQ(late->status, VerifyStatus::expired);
  EXPECT_EQ(late->identity.verdict, ClientVerdict::none);
}

TEST_F(VerifierTest, LetsNobodyInForAnAuthorityThatItDoesNotHave) {
  const Verifier verifier{{authority_of(root_.get()), nullptr}, kGeneration};
  for (const crypto::AuthorityId id :
       {crypto::AuthorityId{}, crypto::AuthorityId{0, 4}, crypto::AuthorityId{1, kGeneration},
        crypto::AuthorityId{2, kGeneration}}) {
    const auto shown = job();
    shown->authority = id;
    verifier.run(*shown, kNow);
    EXPECT_EQ(shown->status, VerifyStatus::failed);
    EXPECT_EQ(shown->identity.verdict, ClientVerdict::none);
  }
}

TEST_F(VerifierTest, HasThePlacesOfServersBehindThoseOfClients) {
  const auto server_authority = [this](x509::ServerAuthority::Expected expected) {
    auto loaded = x509::ServerAuthority::load(expected);
    EXPECT_TRUE(loaded) << loaded.message;
    return std::make_shared<const x509::ServerAuthority>(std::move(*loaded.authority));
  };
  const std::string ca = dir_.write("servers.pem", testing::pem_of(root_.get()));
  const Verifier verifier{{nullptr, nullptr},
                          kGeneration,
                          {nullptr, server_authority({.authorities = ca}),
                           server_authority({.authorities = ca, .name = "other.test"})}};
  const auto verdict_at = [&](std::uint32_t index) {
    const auto shown = job();
    shown->authority = {index, kGeneration};
    verifier.run(*shown, kNow);
    EXPECT_EQ(shown->status == VerifyStatus::done, shown->identity.verdict != ClientVerdict::none);
    return shown->identity.verdict;
  };
  EXPECT_EQ(verdict_at(0), ClientVerdict::none) << "nobody vouches for clients here";
  EXPECT_EQ(verdict_at(2), ClientVerdict::none) << "nor for these servers";
  EXPECT_EQ(verdict_at(3), ClientVerdict::ok);
  EXPECT_EQ(verdict_at(4), ClientVerdict::wrong_name);
  EXPECT_EQ(verdict_at(5), ClientVerdict::none);
  const auto of_before = job();
  of_before->authority = {3, kGeneration - 1};
  verifier.run(*of_before, kNow);
  EXPECT_EQ(of_before->status, VerifyStatus::failed);
}

TEST_F(VerifierTest, JudgesByTheNewestAuthority) {
  Verifier verifier{{authority_of(root_.get())}, kGeneration};
  const Owned<EVP_PKEY> other_key = testing::make_ec_key();
  const Owned<X509> other = make_authority(other_key.get());
  verifier.replace(0, authority_of(other.get()));
  const auto shown = job();
  verifier.run(*shown, kNow);
  EXPECT_EQ(shown->status, VerifyStatus::done);
  EXPECT_NE(shown->identity.verdict, ClientVerdict::ok);
  verifier.replace(0, authority_of(root_.get()));
  verifier.run(*shown, kNow);
  EXPECT_EQ(shown->identity.verdict, ClientVerdict::ok);
}

}  // namespace
}  // namespace sallyport::offload
