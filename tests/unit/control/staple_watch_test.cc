#include "lib/control/staple_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lib/control/certificate_compression.h"
#include "tests/support/certificates.h"
#include "tests/support/ocsp.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::control {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::int64_t kNow = 1'500'000;

class Watch : public ::testing::Test {
 protected:
  Watch() {
    testing::CertificateOptions options;
    options.authority = true;
    certificate_ = testing::make_certificate(key_.get(), options);
    of_listener_.resize(2);
    of_listener_[1].resize(2);
    credential().chain = {testing::der_of(certificate_.get())};
    compress(credential());
    config_.listeners.resize(2);
    config_.listeners[1].tls.certificates.resize(2);
    config_.listeners[1].tls.certificates[1].ocsp = dir_.path("site.ocsp");
  }
  // response says that the certificate is good until `next_update`.
  [[nodiscard]] std::string response(std::int64_t next_update) const {
    return testing::ocsp_response({.about = certificate_.get(),
                                   .issuer = certificate_.get(),
                                   .signer = certificate_.get(),
                                   .signer_key = key_.get(),
                                   .next_update = next_update});
  }
  // replace writes the file as other programs do: beside it, then renamed.
  void replace(const std::string& content) const {
    std::filesystem::rename(dir_.write("new", content), dir_.path("site.ocsp"));
  }
  tls::Credential& credential() { return of_listener_[1][1]; }
  [[nodiscard]] std::string shown() {
    return {credential().staple.begin(), credential().staple.end()};
  }

  testing::TemporaryDirectory dir_;
  testing::Owned<EVP_PKEY> key_ = testing::make_ec_key();
  testing::Owned<X509> certificate_;
  config::Config config_;
  std::vector<ListenerCredentials> of_listener_;
};

TEST_F(Watch, ShowsEachNewResponseAndReadsNoFileTwice) {
  StapleWatch watch{config_};
  EXPECT_FALSE(watch.empty());
  EXPECT_FALSE(watch.look(of_listener_, kNow).changed) << "there is no file yet";
  const std::string first = response(kNow + 100);
  replace(first);
  const Bytes without = credential().compressed[0].body;
  EXPECT_TRUE(watch.look(of_listener_, kNow).changed);
  EXPECT_EQ(shown(), first);
  EXPECT_NE(credential().compressed[0].body, without) << "it is part of what is compressed";
  EXPECT_FALSE(watch.look(of_listener_, kNow).changed);
  const std::string second = response(kNow + 200);
  replace(second);
  EXPECT_TRUE(watch.look(of_listener_, kNow).changed);
  EXPECT_EQ(shown(), second);
}

TEST_F(Watch, ShowsNothingThatIsOutOfDate) {
  StapleWatch watch{config_};
  replace(response(kNow + 100));
  EXPECT_TRUE(watch.look(of_listener_, kNow).changed);
  EXPECT_FALSE(watch.look(of_listener_, kNow + 100).changed);
  const auto outcome = watch.look(of_listener_, kNow + 101);
  EXPECT_TRUE(outcome.changed);
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_NE(outcome.messages[0].find("out of date"), std::string::npos);
  EXPECT_EQ(shown(), "");
  EXPECT_FALSE(watch.look(of_listener_, kNow + 102).changed);
}

TEST_F(Watch, KeepsAGoodResponseWhenABadOneTakesItsPlace) {
  StapleWatch watch{config_};
  const std::string good = response(kNow + 100);
  replace(good);
  EXPECT_TRUE(watch.look(of_listener_, kNow).changed);
  replace("nonsense");
  const auto outcome = watch.look(of_listener_, kNow);
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.messages.size(), 1U);
  EXPECT_NE(outcome.messages[0].find("is no OCSP response"), std::string::npos);
  EXPECT_EQ(shown(), good);
  EXPECT_TRUE(watch.look(of_listener_, kNow).messages.empty()) << "told once";
  std::filesystem::remove(dir_.path("site.ocsp"));
  EXPECT_FALSE(watch.look(of_listener_, kNow).changed);
  EXPECT_EQ(shown(), good);
}

}  // namespace
}  // namespace sallyport::control
