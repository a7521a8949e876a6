// Judges: the jobs of the site, and an authority that judges clients.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "lib/offload/verifier.h"
#include "tests/interop/openssl_site.h"

namespace sallyport::testing {

// Judges run the jobs of the site, and judge clients by a real authority.
class Judges : public JobRunner {
 public:
  explicit Judges(const x509::ClientAuthority::Files& files) {
    auto loaded = x509::ClientAuthority::load(files);
    EXPECT_TRUE(loaded) << loaded.message;
    authority_ = std::make_shared<const x509::ClientAuthority>(std::move(*loaded.authority));
    verifier_ = std::make_unique<offload::Verifier>(offload::Verifier::Authorities{authority_}, 1);
  }
  crypto::KeyShare make_key_share(crypto::NamedGroup group) override {
    return site().jobs().make_key_share(group);
  }
  void run(crypto::CryptoJob& job) override { site().jobs().run(job); }
  void verify(crypto::VerifyJob& job) override { verifier_->run(job, {Tsc{1}, unix_ms}); }
  [[nodiscard]] tls::ServerConfig config(tls::ClientAuthMode mode) const {
    tls::ServerConfig made = site().config();
    made.client_auth = tls::ClientAuth{mode, {0, 1}, authority_->names()};
    return made;
  }
  std::uint64_t unix_ms = 1'500'000'000;  // in the time of certificates without dates of their own

 private:
  std::shared_ptr<const x509::ClientAuthority> authority_;
  std::unique_ptr<offload::Verifier> verifier_;
};

}  // namespace sallyport::testing
