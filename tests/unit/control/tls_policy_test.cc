// What the policies allow is a promise to operators: a change shows up here, and has to be made in
// the text as well, where a reviewer sees it.
#include "lib/control/tls_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "lib/tls/cipher_suites.h"
#include "tests/support/vectors.h"

namespace sallyport::control {
namespace {

using config::TlsPolicy;

constexpr TlsPolicy kPolicies[] = {TlsPolicy::modern, TlsPolicy::intermediate,
                                   TlsPolicy::compatible};

TEST(TlsPolicy, IsFrozen) {
  const char* const names[] = {"modern", "intermediate", "compatible"};
  std::string all;
  for (const TlsPolicy policy : kPolicies) {
    all += "[" + std::string{names[static_cast<std::size_t>(policy)]} + "]\n";
    all += explain_policy(policy) + "\n";
  }
  const std::string expected = testing::read_text_file(SALLYPORT_POLICIES);
  EXPECT_EQ(all, expected) << "if this is meant, write it to tests/unit/control/tls_policies.txt";
}

TEST(TlsPolicy, AllowsOnlyWhatThisBuildHas) {
  for (const TlsPolicy policy : kPolicies) {
    tls::ServerConfig config;
    apply_policy(policy, config);
    for (const std::uint16_t suite : config.cipher_suites) {
      EXPECT_NE(tls::suite_info(wire::CipherSuite{suite}), nullptr) << suite;
      EXPECT_EQ(std::ranges::count(config.cipher_suites, suite), 1);
    }
  }
}

// Whatever the lists say: no policy but the last has CBC, or lets go of forward secrecy.
TEST(TlsPolicy, KeepsWeakSuitesToTheLast) {
  for (const TlsPolicy policy : {TlsPolicy::modern, TlsPolicy::intermediate}) {
    tls::ServerConfig config;
    apply_policy(policy, config);
    for (const std::uint16_t number : config.cipher_suites) {
      const tls::SuiteInfo& suite = *tls::suite_info(wire::CipherSuite{number});
      EXPECT_EQ(suite.cbc, crypto::CbcAlgorithm::none) << number;
      EXPECT_NE(suite.key_exchange, tls::KeyExchange::rsa) << number;
    }
  }
}

}  // namespace
}  // namespace sallyport::control
