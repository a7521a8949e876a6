#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "lib/x509/credential.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

namespace sallyport::x509 {
namespace {

using crypto::KeyType;
using testing::CertificateOptions;
using testing::make_certificate;
using testing::make_ec_key;
using testing::make_key;
using testing::make_rsa_key;
using testing::Owned;
using testing::pem_of;

constexpr std::int64_t kNow = 1'500'000;

class Load : public ::testing::Test {
 protected:
  Loaded load(const std::string& chain, const std::string& key, LoadOptions options = {}) const {
    if (options.now == 0) options.now = kNow;
    return loader().load(dir_.write("chain.pem", chain), dir_.write("key.pem", key), options);
  }
  // expect_failure wants this code, and a message with these words in it.
  static void expect_failure(const Loaded& loaded, LoadError error, const std::string& words) {
    EXPECT_FALSE(loaded);
    EXPECT_EQ(static_cast<int>(loaded.error), static_cast<int>(error)) << loaded.message;
    EXPECT_NE(loaded.message.find(words), std::string::npos) << loaded.message;
  }

  // One loader for all tests: nothing that it read before may show in what it reads next.
  static CredentialLoader& loader() {
    static CredentialLoader the_loader;
    return the_loader;
  }

  testing::TemporaryDirectory dir_;
  Owned<EVP_PKEY> key_ = make_ec_key();
  Owned<X509> leaf_ = make_certificate(key_.get());
};

TEST_F(Load, TakesACertificateAndItsKey) {
  CertificateOptions options;
  options.alternatives = "DNS:Web.Example.test,DNS:*.example.test,IP:198.18.0.1";
  const auto leaf = make_certificate(key_.get(), options);
  const Loaded loaded = load(pem_of(leaf.get()), pem_of(key_.get()));
  ASSERT_TRUE(loaded) << loaded.message;
  const Credential& c = *loaded.credential;
  EXPECT_EQ(c.names, (std::vector<std::string>{"web.example.test", "*.example.test"}));
  EXPECT_EQ(c.key_type, KeyType::ecdsa_p256);
  EXPECT_EQ(c.key_bits, 256);
  EXPECT_EQ(c.not_before, 1'000'000);
  EXPECT_EQ(c.not_after, 2'000'000);
  EXPECT_EQ(c.subject, "CN=example.test");
  ASSERT_EQ(c.chain.size(), 1U);
  std::array<unsigned char, 32> expected{};
  unsigned len = 0;
  X509_digest(leaf.get(), EVP_sha256(), expected.data(), &len);
  EXPECT_EQ(c.fingerprint, expected);
  EXPECT_EQ(fingerprint_text(c).size(), 32U * 3 - 1);
  EXPECT_EQ(certificate_pem(c), pem_of(leaf.get()));
}

TEST_F(Load, TakesTheCommonNameOnlyWithoutAnAlternativeDnsName) {
  EXPECT_EQ(load(pem_of(leaf_.get()), pem_of(key_.get())).credential->names,
            std::vector<std::string>{"example.test"});
  CertificateOptions options;
  options.alternatives = "DNS:other.test";
  EXPECT_EQ(load(pem_of(make_certificate(key_.get(), options).get()), pem_of(key_.get()))
                .credential->names,
            std::vector<std::string>{"other.test"});
}

TEST_F(Load, TakesEveryKindOfKeyThatTlsCanSignWith) {
  const auto type_of = [this](const Owned<EVP_PKEY>& key) {
    const Loaded loaded = load(pem_of(make_certificate(key.get()).get()), pem_of(key.get()));
    return loaded ? loaded.credential->key_type : KeyType::none;
  };
  EXPECT_EQ(type_of(make_ec_key("P-384")), KeyType::ecdsa_p384);
  EXPECT_EQ(type_of(make_rsa_key(2048)), KeyType::rsa);
  EXPECT_EQ(type_of(make_key("ED25519")), KeyType::ed25519);
}

// [RFC 5280 4.2.1.3] Without the extension a key may do everything.
TEST_F(Load, NotesWhatTheKeyMayBeUsedFor) {
  const auto rsa_key = make_rsa_key(2048);
  struct Row {
    const char* key_usage;
    bool may_sign;
    bool may_decrypt;
  };
  const Row rows[] = {{"", true, true},
                      {"critical,digitalSignature", true, false},
                      {"keyEncipherment", false, true},
                      {"critical,digitalSignature,keyEncipherment", true, true},
                      {"digitalSignature,keyAgreement,keyCertSign", true, false}};
  for (const Row& row : rows) {
    CertificateOptions options;
    options.key_usage = row.key_usage;
    const Loaded loaded =
        load(pem_of(make_certificate(rsa_key.get(), options).get()), pem_of(rsa_key.get()));
    ASSERT_TRUE(loaded) << loaded.message;
    EXPECT_EQ(loaded.credential->may_sign, row.may_sign) << row.key_usage;
    EXPECT_EQ(loaded.credential->may_decrypt, row.may_decrypt) << row.key_usage;
  }
}

// [RFC 5246 7.4.2, RFC 8446 4.4.2.2]
TEST_F(Load, RefusesAKeyThatMayDoNothingThatTlsNeeds) {
  const auto rsa_key = make_rsa_key(2048);
  const auto with = [this](const Owned<EVP_PKEY>& key, const char* key_usage) {
    CertificateOptions options;
    options.key_usage = key_usage;
    return load(pem_of(make_certificate(key.get(), options).get()), pem_of(key.get()));
  };
  for (const char* const key_usage : {"keyAgreement", "nonRepudiation,dataEncipherment"}) {
    expect_failure(with(rsa_key, key_usage), LoadError::useless_key_usage,
                   "chain.pem: the leaf's keyUsage does not allow signing or key encipherment; "
                   "have it issued with digitalSignature");
    expect_failure(with(key_, key_usage), LoadError::useless_key_usage,
                   "chain.pem: the leaf's keyUsage does not allow signing; have it");
  }
  expect_failure(with(key_, "keyEncipherment"), LoadError::useless_key_usage, "signing");
  expect_failure(with(make_key("ED25519"), "keyCertSign"), LoadError::useless_key_usage, "signing");
}

TEST_F(Load, TakesChainAndKeyFromOneFile) {
  const std::string file = dir_.write("both.pem", pem_of(key_.get()) + pem_of(leaf_.get()));
  const Loaded loaded = load_credential(file, file, {.now = kNow, .passphrase = {}});
  EXPECT_TRUE(loaded) << loaded.message;
}

// [RFC 8446 4.2.3] as a client would have to list them.
TEST_F(Load, NotesWithWhichSchemesTheChainIsSigned) {
  struct Row {
    Owned<EVP_PKEY> authority;
    std::uint16_t scheme;
  };
  Row rows[] = {{make_ec_key("P-384"), 0x0403},  // signs with SHA-256, whatever its curve
                {make_rsa_key(2048), 0x0401},
                {make_key("ED25519"), 0x0807}};
  for (const Row& row : rows) {
    CertificateOptions options;
    options.common_name = "root";
    options.authority = true;
    const auto root = make_certificate(row.authority.get(), options);
    options = {};
    options.issuer = root.get();
    options.issuer_key = row.authority.get();
    const std::string leaf = pem_of(make_certificate(key_.get(), options).get());
    for (const std::string& chain : {leaf, leaf + pem_of(root.get())}) {
      const Loaded loaded = load(chain, pem_of(key_.get()));
      ASSERT_TRUE(loaded) << loaded.message;
      EXPECT_EQ(loaded.credential->chain_schemes, std::vector<std::uint16_t>{row.scheme});
    }
  }
  EXPECT_TRUE(load(pem_of(leaf_.get()), pem_of(key_.get())).credential->chain_schemes.empty())
      << "self-signed: nobody checks that signature";
}

TEST_F(Load, KeepsAnOrderedChain) {
  const auto root_key = make_ec_key();
  CertificateOptions options;
  options.common_name = "root";
  options.authority = true;
  const auto root = make_certificate(root_key.get(), options);
  options = {};
  options.issuer = root.get();
  options.issuer_key = root_key.get();
  const auto leaf = make_certificate(key_.get(), options);
  const Loaded loaded = load(pem_of(leaf.get()) + pem_of(root.get()), pem_of(key_.get()));
  ASSERT_TRUE(loaded) << loaded.message;
  EXPECT_EQ(loaded.credential->chain.size(), 2U);

  expect_failure(load(pem_of(root.get()) + pem_of(leaf.get()), pem_of(key_.get())),
                 LoadError::chain_order, "certificate 2; put that one, the leaf, first");
  expect_failure(load(pem_of(leaf.get()) + pem_of(leaf_.get()), pem_of(key_.get())),
                 LoadError::chain_order, "does not certify");
  // The right name, but not the key that signed.
  options = {};
  options.common_name = "root";
  options.authority = true;
  const auto impostor = make_certificate(make_ec_key().get(), options);
  expect_failure(load(pem_of(leaf.get()) + pem_of(impostor.get()), pem_of(key_.get())),
                 LoadError::chain_order, "does not certify");
}

TEST_F(Load, SaysWhichFileItCannotRead) {
  const std::string key = dir_.write("key.pem", pem_of(key_.get()));
  const std::string chain = dir_.write("chain.pem", pem_of(leaf_.get()));
  expect_failure(load_credential(dir_.path("absent.pem"), key, {}), LoadError::chain_unreadable,
                 "absent.pem: cannot read: No such file");
  expect_failure(load_credential(chain, dir_.path("absent.key"), {}), LoadError::key_unreadable,
                 "absent.key: cannot read: No such file");
  expect_failure(load_credential(dir_.path(""), key, {}), LoadError::chain_unreadable,
                 "Is a directory");
  expect_failure(load(std::string(2'000'000, 'x'), pem_of(key_.get())), LoadError::chain_unreadable,
                 "larger than");
}

TEST_F(Load, ToldThePemFromOtherThings) {
  expect_failure(load("0\x82", pem_of(key_.get())), LoadError::chain_not_pem, "not PEM");
  expect_failure(load("", pem_of(key_.get())), LoadError::chain_not_pem, "not PEM");
  expect_failure(load(pem_of(leaf_.get()), "nothing"), LoadError::key_not_pem, "not PEM");
  expect_failure(load(pem_of(key_.get()), pem_of(key_.get())), LoadError::no_certificate,
                 "holds no certificate");
  expect_failure(load(pem_of(leaf_.get()), pem_of(leaf_.get())), LoadError::no_private_key,
                 "holds no private key");
}

TEST_F(Load, RefusesDamagedBlocks) {
  std::string chain = pem_of(leaf_.get());
  std::string in_text = chain;
  in_text[100] = '*';
  expect_failure(load(in_text, pem_of(key_.get())), LoadError::malformed_certificate,
                 "certificate 1 is damaged");
  expect_failure(load(chain + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                      pem_of(key_.get())),
                 LoadError::malformed_certificate, "certificate 2 is damaged");
  expect_failure(load(chain.substr(0, chain.size() / 2), pem_of(key_.get())),
                 LoadError::malformed_certificate, "damaged");
  std::string key = pem_of(key_.get());
  key[60] = '*';
  expect_failure(load(chain, key), LoadError::malformed_key, "damaged");
}

TEST_F(Load, RefusesAKeyOfAnotherCertificate) {
  expect_failure(load(pem_of(leaf_.get()), pem_of(make_ec_key().get())), LoadError::key_mismatch,
                 "does not belong to the certificate");
  expect_failure(load(pem_of(leaf_.get()), pem_of(make_rsa_key(2048).get())),
                 LoadError::key_mismatch, "CN=example.test");
}

TEST_F(Load, AsksForAPassphraseInWordsAndNeverOnTheTerminal) {
  const std::string chain = pem_of(leaf_.get());
  const std::string key = pem_of(key_.get(), "open sesame");
  expect_failure(load(chain, key), LoadError::key_encrypted, "no passphrase");
  expect_failure(load(chain, key, {.now = kNow, .passphrase = "wrong"}),
                 LoadError::wrong_passphrase, "does not open it");
  EXPECT_TRUE(load(chain, key, {.now = kNow, .passphrase = "open sesame"}));
}

TEST_F(Load, ChecksTheValidityPeriod) {
  const std::string chain = pem_of(leaf_.get());
  const std::string key = pem_of(key_.get());
  expect_failure(load(chain, key, {.now = 2'000'001, .passphrase = {}}), LoadError::expired,
                 "expired on 1970-01-24 03:33:20 UTC");
  expect_failure(load(chain, key, {.now = 999'999, .passphrase = {}}), LoadError::not_yet_valid,
                 "not valid before 1970-01-12 13:46:40 UTC");
  EXPECT_TRUE(load(chain, key, {.now = 2'000'000, .passphrase = {}}));
}

TEST_F(Load, RefusesAChainThatWouldNotFitTheFlight) {
  CertificateOptions options;
  options.padding = kMaxChainBytes;
  expect_failure(load(pem_of(make_certificate(key_.get(), options).get()), pem_of(key_.get())),
                 LoadError::chain_too_long, "at most 10000");
}

// make_large_rsa_key makes it of four primes, which are found far sooner than two.
Owned<EVP_PKEY> make_large_rsa_key(int bits) {
  const Owned<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr)};
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits);
  EVP_PKEY_CTX_set_rsa_keygen_primes(context.get(), 4);
  EVP_PKEY_keygen(context.get(), &key);
  return Owned<EVP_PKEY>{key};
}

TEST_F(Load, RefusesKeysThatNobodyShouldUse) {
  const auto refuse = [this](const Owned<EVP_PKEY>& key, LoadError error, const char* words) {
    expect_failure(load(pem_of(make_certificate(key.get()).get()), pem_of(key.get())), error,
                   words);
  };
  refuse(make_rsa_key(1024), LoadError::key_too_small, "1024 bits is too weak");
  refuse(make_large_rsa_key(4608), LoadError::key_too_large, "4608 bits is too large");
  refuse(make_ec_key("P-521"), LoadError::unsupported_key_type, "use ECDSA P-256");
  refuse(make_key("ED448"), LoadError::unsupported_key_type, "not supported");
}

TEST_F(Load, LeavesOutNamesThatTwoReadersCouldReadDifferently) {
  CertificateOptions options;
  options.common_name = "good.test evil";
  EXPECT_TRUE(load(pem_of(make_certificate(key_.get(), options).get()), pem_of(key_.get()))
                  .credential->names.empty());
}

TEST(SelfSigned, IsACertificateThatItsOwnKeyVerifies) {
  SelfSignedOptions options;
  options.common_name = "demo";
  options.dns_names = {"demo", "*.Demo.test"};
  options.now = kNow;
  const Loaded loaded = make_self_signed(options);
  ASSERT_TRUE(loaded) << loaded.message;
  const Credential& c = *loaded.credential;
  EXPECT_EQ(c.names, (std::vector<std::string>{"demo", "*.demo.test"}));
  EXPECT_EQ(c.key_type, KeyType::ecdsa_p256);
  EXPECT_EQ(c.not_before, kNow);
  const unsigned char* at = c.chain[0].data();
  const Owned<X509> parsed{d2i_X509(nullptr, &at, static_cast<long>(c.chain[0].size()))};
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(X509_verify(parsed.get(), X509_get0_pubkey(parsed.get())), 1);
  EXPECT_EQ(X509_check_private_key(parsed.get(), c.key.native()), 1);
  EXPECT_EQ(X509_check_host(parsed.get(), "www.demo.test", 0, 0, nullptr), 1);
}

TEST(SelfSigned, DiffersEveryTimeAndRefusesOddNames) {
  EXPECT_NE(make_self_signed({}).credential->fingerprint,
            make_self_signed({}).credential->fingerprint);
  SelfSignedOptions options;
  options.dns_names = {"a.test,IP:198.18.0.1"};
  const Loaded loaded = make_self_signed(options);
  EXPECT_FALSE(loaded);
  EXPECT_EQ(loaded.error, LoadError::generation_failed);
}

}  // namespace
}  // namespace sallyport::x509
