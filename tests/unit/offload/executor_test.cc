#include "lib/offload/executor.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/crypto/key_share_cache.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"

namespace sallyport::offload {
namespace {

using crypto::CredentialId;
using crypto::CryptoJob;
using crypto::HashAlgorithm;
using crypto::JobKind;
using crypto::JobStatus;
using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using crypto::openssl::PrivateKey;
using stats::ExecutorCounter;
using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

constexpr Tsc kNow{1000};

void append(Bytes& to, ByteView bytes) {
  for (const std::uint8_t byte : bytes) to.push_back(byte);
}

const EVP_MD* md_of(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::rsa_pkcs1_sha384:
    case SignatureScheme::rsa_pss_rsae_sha384:
    case SignatureScheme::ecdsa_secp384r1_sha384:
      return EVP_sha384();
    case SignatureScheme::rsa_pkcs1_sha512:
    case SignatureScheme::rsa_pss_rsae_sha512:
    case SignatureScheme::ecdsa_secp521r1_sha512:
      return EVP_sha512();
    case SignatureScheme::ed25519:
      return nullptr;
    default:
      return EVP_sha256();
  }
}

bool is_pss(SignatureScheme scheme) {
  return scheme == SignatureScheme::rsa_pss_rsae_sha256 ||
         scheme == SignatureScheme::rsa_pss_rsae_sha384 ||
         scheme == SignatureScheme::rsa_pss_rsae_sha512;
}

// verifies asks OpenSSL with only the public half, over a message that the test built itself.
bool verifies(EVP_PKEY* key, SignatureScheme scheme, const Bytes& message, const CryptoJob& job) {
  const Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* operation = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &operation, md_of(scheme), nullptr, key) != 1) {
    return false;
  }
  if (is_pss(scheme)) {
    EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST);
  }
  return EVP_DigestVerify(context.get(), job.signature.data(), job.signature_len, message.data(),
                          message.size()) == 1;
}

// agree is the peer's side of a key agreement, by EVP.
Bytes agree(EVP_PKEY* key, const KeyShare& share) {
  const Owned<EVP_PKEY> ours{EVP_PKEY_new()};
  EVP_PKEY_copy_parameters(ours.get(), key);
  Owned<EVP_PKEY> peer;
  if (share.group == NamedGroup::x25519 || share.group == NamedGroup::x448) {
    const int id = share.group == NamedGroup::x448 ? EVP_PKEY_X448 : EVP_PKEY_X25519;
    peer.reset(EVP_PKEY_new_raw_public_key(id, nullptr, share.public_key.data(), share.public_len));
  } else {
    peer.reset(EVP_PKEY_new());
    EVP_PKEY_copy_parameters(peer.get(), key);
    EVP_PKEY_set1_encoded_public_key(peer.get(), share.public_key.data(), share.public_len);
  }
  const Owned<EVP_PKEY_CTX> operation{EVP_PKEY_CTX_new(key, nullptr)};
  Bytes secret(crypto::group_info(share.group).shared_len);
  std::size_t len = secret.size();
  EVP_PKEY_derive_init(operation.get());
  EVP_PKEY_derive_set_peer(operation.get(), peer.get());
  EXPECT_EQ(EVP_PKEY_derive(operation.get(), secret.data(), &len), 1);
  return secret;
}

Bytes public_share(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const std::size_t len = EVP_PKEY_get1_encoded_public_key(key, &bytes);
  Bytes share(bytes, bytes + len);
  OPENSSL_free(bytes);
  return share;
}

constexpr NamedGroup kGroups[] = {NamedGroup::x25519, NamedGroup::secp256r1, NamedGroup::secp384r1,
                                  NamedGroup::x448};

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() {
    EXPECT_TRUE(executor_.keys().add(kEcdsa, PrivateKey::sharing(ec_key_.get())));
    EXPECT_TRUE(executor_.keys().add(kRsa, PrivateKey::sharing(rsa_key().get())));
  }
  // One RSA key for all tests: making one takes long.
  static const Owned<EVP_PKEY>& rsa_key() {
    static const Owned<EVP_PKEY> key = testing::make_rsa_key(2048);
    return key;
  }
  static Owned<EVP_PKEY> peer_key(NamedGroup group) {
    switch (group) {
      case NamedGroup::x25519:
        return testing::make_key("X25519");
      case NamedGroup::x448:
        return testing::make_key("X448");
      case NamedGroup::secp384r1:
        return testing::make_ec_key("P-384");
      default:
        return testing::make_ec_key();
    }
  }
  KeyShare make_share(NamedGroup group) {
    KeyShare share;
    EXPECT_TRUE(crypto::openssl::make_key_share(context_, group, kNow, share));
    return share;
  }
  std::unique_ptr<CryptoJob> tls13_job(NamedGroup group, EVP_PKEY* peer) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::tls13_derive_and_sign;
    job->scheme = SignatureScheme::ecdsa_secp256r1_sha256;
    job->credential = kEcdsa;
    job->group = group;
    job->ephemeral = make_share(group);
    set_peer(*job, public_share(peer));
    job->transcript_hash_algorithm = HashAlgorithm::sha256;
    for (std::size_t i = 0; i < 32; ++i) job->transcript_hash[i] = static_cast<std::uint8_t>(i);
    return job;
  }
  static void set_peer(CryptoJob& job, const Bytes& share) {
    std::ranges::copy(share, job.peer_share.begin());
    job.peer_share_len = static_cast<std::uint8_t>(share.size());
  }
  JobStatus run(CryptoJob& job) {
    CryptoJob* pointer = &job;
    executor_.run({&pointer, 1}, kNow);
    return job.status;
  }
  // [RFC 8446 4.4.3]
  static Bytes certificate_verify(const CryptoJob& job) {
    Bytes message(64, ' ');
    constexpr std::string_view kContext{"TLS 1.3, server CertificateVerify\0", 34};
    append(message, testing::bytes_of(kContext));
    const std::size_t len = job.transcript_hash_algorithm == HashAlgorithm::sha256 ? 32 : 48;
    append(message, ByteView{job.transcript_hash}.first(len));
    return message;
  }
  static bool all_zero(ByteView bytes) {
    return std::ranges::all_of(bytes, [](auto b) { return b == 0; });
  }

  static constexpr CredentialId kEcdsa{.index = 0, .generation = 1};
  static constexpr CredentialId kRsa{.index = 1, .generation = 1};
  Executor executor_;
  crypto::openssl::Context context_;
  Owned<EVP_PKEY> ec_key_ = testing::make_ec_key();
};

TEST_F(ExecutorTest, AgreesAndSignsInOneJob) {
  for (const NamedGroup group : kGroups) {
    const auto peer = peer_key(group);
    const auto job = tls13_job(group, peer.get());
    ASSERT_EQ(run(*job), JobStatus::ok);
    const Bytes agreed = agree(peer.get(), job->ephemeral);
    ASSERT_EQ(job->shared_secret_len, agreed.size());
    EXPECT_TRUE(std::ranges::equal(agreed, ByteView{job->shared_secret}.first(agreed.size())));
    EXPECT_TRUE(verifies(ec_key_.get(), job->scheme, certificate_verify(*job), *job));
  }
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::jobs_ok), std::size(kGroups));
}

TEST_F(ExecutorTest, SignsWithEverySchemeOfTls13) {
  const auto p384 = testing::make_ec_key("P-384");
  const auto ed25519 = testing::make_key("ED25519");
  constexpr CredentialId kP384{.index = 2, .generation = 9};
  constexpr CredentialId kEd25519{.index = 3, .generation = 9};
  ASSERT_TRUE(executor_.keys().add(kP384, PrivateKey::sharing(p384.get())));
  ASSERT_TRUE(executor_.keys().add(kEd25519, PrivateKey::sharing(ed25519.get())));
  struct Case {
    SignatureScheme scheme;
    CredentialId credential;
    EVP_PKEY* key;
  };
  const std::vector<Case> cases{
      {SignatureScheme::ecdsa_secp256r1_sha256, kEcdsa, ec_key_.get()},
      {SignatureScheme::ecdsa_secp384r1_sha384, kP384, p384.get()},
      {SignatureScheme::ed25519, kEd25519, ed25519.get()},
      {SignatureScheme::rsa_pss_rsae_sha256, kRsa, rsa_key().get()},
      {SignatureScheme::rsa_pss_rsae_sha384, kRsa, rsa_key().get()},
      {SignatureScheme::rsa_pss_rsae_sha512, kRsa, rsa_key().get()},
  };
  const auto peer = peer_key(NamedGroup::x25519);
  for (const Case& c : cases) {
    for (const auto hash : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
      const auto job = tls13_job(NamedGroup::x25519, peer.get());
      job->scheme = c.scheme;
      job->credential = c.credential;
      job->transcript_hash_algorithm = hash;
      job->transcript_hash[47] = 0xa5;
      ASSERT_EQ(run(*job), JobStatus::ok) << static_cast<int>(c.scheme);
      EXPECT_TRUE(verifies(c.key, c.scheme, certificate_verify(*job), *job))
          << static_cast<int>(c.scheme);
    }
  }
}

// [RFC 8422 5.4] What TLS 1.2 signs, and then the key agreement as a second job.
TEST_F(ExecutorTest, SignsAndThenDerivesForTls12) {
  struct Case {
    SignatureScheme scheme;
    CredentialId credential;
    EVP_PKEY* key;
  };
  const auto p384 = testing::make_ec_key("P-384");
  constexpr CredentialId kP384{.index = 2, .generation = 9};
  ASSERT_TRUE(executor_.keys().add(kP384, PrivateKey::sharing(p384.get())));
  // [RFC 5246 7.4.1.4.1] Any hash with any curve.
  for (const Case& c : {Case{SignatureScheme::ecdsa_secp256r1_sha256, kEcdsa, ec_key_.get()},
                        Case{SignatureScheme::ecdsa_secp384r1_sha384, kEcdsa, ec_key_.get()},
                        Case{SignatureScheme::ecdsa_secp521r1_sha512, kEcdsa, ec_key_.get()},
                        Case{SignatureScheme::ecdsa_secp256r1_sha256, kP384, p384.get()},
                        Case{SignatureScheme::ecdsa_secp384r1_sha384, kP384, p384.get()},
                        Case{SignatureScheme::ecdsa_secp521r1_sha512, kP384, p384.get()},
                        Case{SignatureScheme::rsa_pkcs1_sha256, kRsa, rsa_key().get()},
                        Case{SignatureScheme::rsa_pkcs1_sha384, kRsa, rsa_key().get()},
                        Case{SignatureScheme::rsa_pkcs1_sha512, kRsa, rsa_key().get()},
                        Case{SignatureScheme::rsa_pss_rsae_sha256, kRsa, rsa_key().get()}}) {
    for (const NamedGroup group : kGroups) {
      auto job = std::make_unique<CryptoJob>();
      job->kind = JobKind::tls12_sign_params;
      job->scheme = c.scheme;
      job->credential = c.credential;
      job->ephemeral = make_share(group);
      job->client_random.fill(0xc1);
      job->server_random.fill(0x5e);
      ASSERT_EQ(run(*job), JobStatus::ok);
      EXPECT_EQ(job->shared_secret_len, 0);
      Bytes message(32, 0xc1);
      append(message, Bytes(32, 0x5e));
      const unsigned number = static_cast<std::uint16_t>(group);
      for (const unsigned byte : {3U, number >> 8U, number & 0xffU}) {
        message.push_back(static_cast<std::uint8_t>(byte));
      }
      message.push_back(job->ephemeral.public_len);
      append(message, ByteView{job->ephemeral.public_key}.first(job->ephemeral.public_len));
      EXPECT_TRUE(verifies(c.key, c.scheme, message, *job));

      const auto peer = peer_key(group);
      job->kind = JobKind::tls12_derive;
      set_peer(*job, public_share(peer.get()));
      ASSERT_EQ(run(*job), JobStatus::ok);
      EXPECT_TRUE(std::ranges::equal(agree(peer.get(), job->ephemeral),
                                     ByteView{job->shared_secret}.first(job->shared_secret_len)));
    }
  }
}

// [RFC 5246 7.4.1.4.1] In one batch: what the kernel signs, and what it must leave to OpenSSL.
TEST_F(ExecutorTest, OfTls12SignsWithEveryHashAndCurveSideBySide) {
  const auto p384 = testing::make_ec_key("P-384");
  constexpr CredentialId kP384{.index = 2, .generation = 9};
  ASSERT_TRUE(executor_.keys().add(kP384, PrivateKey::sharing(p384.get())));
  constexpr std::array kHashes{SignatureScheme::ecdsa_secp256r1_sha256,
                               SignatureScheme::ecdsa_secp384r1_sha384,
                               SignatureScheme::ecdsa_secp521r1_sha512};
  std::vector<std::unique_ptr<CryptoJob>> jobs;
  std::vector<CryptoJob*> pointers;
  for (std::size_t i = 0; i < 36; ++i) {
    auto& job = jobs.emplace_back(std::make_unique<CryptoJob>());
    job->kind = JobKind::tls12_sign_params;
    job->scheme = kHashes[i % kHashes.size()];
    job->credential = i % 2 == 0 ? kEcdsa : kP384;
    job->ephemeral = make_share(NamedGroup::x25519);
    job->client_random.fill(static_cast<std::uint8_t>(i));
    pointers.push_back(job.get());
  }
  executor_.run(pointers, kNow);
  for (const auto& job : jobs) {
    ASSERT_EQ(job->status, JobStatus::ok);
    Bytes message(32, job->client_random[0]);
    append(message, Bytes(32, 0));
    append(message, Bytes{3, 0, 0x1d, 32});
    append(message, ByteView{job->ephemeral.public_key}.first(32));
    EVP_PKEY* const key = job->credential == kEcdsa ? ec_key_.get() : p384.get();
    EXPECT_TRUE(verifies(key, job->scheme, message, *job)) << static_cast<int>(job->scheme);
  }
}

// [RFC 8446 2.2] a resumed handshake agrees on a key and signs nothing, whatever the job names.
TEST_F(ExecutorTest, OfAResumedHandshakeDerivesWithoutSigning) {
  for (const NamedGroup group : {NamedGroup::x25519, NamedGroup::secp256r1}) {
    const auto peer = peer_key(group);
    const auto job = tls13_job(group, peer.get());
    job->kind = JobKind::tls13_derive;
    ASSERT_EQ(run(*job), JobStatus::ok);
    EXPECT_TRUE(std::ranges::equal(agree(peer.get(), job->ephemeral),
                                   ByteView{job->shared_secret}.first(32)));
    EXPECT_EQ(job->signature_len, 0);
    set_peer(*job, Bytes(group == NamedGroup::x25519 ? 32 : 65, 0));
    EXPECT_EQ(run(*job), JobStatus::bad_peer_share);
  }
}

// [RFC 8446 7.4.2] [RFC 8446 4.2.8.2] Shares that must be refused, each on its own.
TEST_F(ExecutorTest, RefusesBadPeerShares) {
  const auto expect_bad = [this](NamedGroup group, const Bytes& share) {
    const auto peer = peer_key(group);
    const auto job = tls13_job(group, peer.get());
    set_peer(*job, share);
    EXPECT_EQ(run(*job), JobStatus::bad_peer_share) << testing::hex(share);
    EXPECT_EQ(job->shared_secret_len, 0);
    EXPECT_EQ(job->signature_len, 0);
    EXPECT_TRUE(all_zero(job->shared_secret));
  };
  // Points of small order of Curve25519 (RFC 7748 and the twist): 0, 1, of order 8, p - 1, p, p
  // + 1.
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    expect_bad(NamedGroup::x25519, testing::unhex(point));
  }
  expect_bad(NamedGroup::x25519, Bytes(31, 9));
  expect_bad(NamedGroup::x25519, Bytes(33, 9));
  expect_bad(NamedGroup::x25519, {});
  // Of Curve448 (RFC 7748 6.2): 0, 1, p - 1, p, p + 1.
  Bytes p448(56, 0xff);
  p448[28] = 0xfe;
  const auto near_p448 = [&p448](std::uint8_t low, std::uint8_t rest) {
    Bytes point = p448;
    std::fill_n(point.begin(), 28, rest);
    point[0] = low;
    if (rest == 0) point[28] = 0xff;
    return point;
  };
  Bytes one(56, 0);
  one[0] = 1;
  expect_bad(NamedGroup::x448, Bytes(56, 0));
  expect_bad(NamedGroup::x448, one);
  expect_bad(NamedGroup::x448, near_p448(0xfe, 0xff));
  expect_bad(NamedGroup::x448, near_p448(0xff, 0xff));
  expect_bad(NamedGroup::x448, near_p448(0x00, 0x00));
  expect_bad(NamedGroup::x448, Bytes(55, 9));
  expect_bad(NamedGroup::x448, Bytes(57, 9));

  for (const NamedGroup group : {NamedGroup::secp256r1, NamedGroup::secp384r1}) {
    const Bytes good = public_share(peer_key(group).get());
    Bytes off_curve = good;
    off_curve.back() ^= 1;
    expect_bad(group, off_curve);
    Bytes compressed(good.begin(), good.begin() + 1 + static_cast<std::ptrdiff_t>(good.size() / 2));
    compressed[0] = 2;
    expect_bad(group, compressed);
    Bytes hybrid = good;
    hybrid[0] = static_cast<std::uint8_t>(6 + (good.back() & 1));
    expect_bad(group, hybrid);
    expect_bad(group, Bytes(1, 0));  // the point at infinity
    expect_bad(group, Bytes(good.size(), 0));
    Bytes beyond_the_field(good.size(), 0xff);
    beyond_the_field[0] = 4;
    expect_bad(group, beyond_the_field);
  }
  // A point of the other curve.
  expect_bad(NamedGroup::secp384r1, public_share(peer_key(NamedGroup::secp256r1).get()));
}

TEST_F(ExecutorTest, RefusesAPeerShareLongerThanItsField) {
  const auto peer = peer_key(NamedGroup::x25519);
  const auto job = tls13_job(NamedGroup::x25519, peer.get());
  job->peer_share_len = 255;
  EXPECT_EQ(run(*job), JobStatus::bad_peer_share);
}

TEST_F(ExecutorTest, RefusesSchemesThatDoNotFitTheKeyOrTheVersion) {
  const auto peer = peer_key(NamedGroup::x25519);
  const auto expect_refused = [&](CredentialId credential, SignatureScheme scheme) {
    const auto job = tls13_job(NamedGroup::x25519, peer.get());
    job->credential = credential;
    job->scheme = scheme;
    EXPECT_EQ(run(*job), JobStatus::signer_failed) << static_cast<int>(scheme);
    EXPECT_EQ(job->signature_len, 0);
    EXPECT_EQ(job->shared_secret_len, 0);
    EXPECT_TRUE(all_zero(job->shared_secret));
  };
  expect_refused(kEcdsa, SignatureScheme::rsa_pss_rsae_sha256);
  // [RFC 8446 4.2.3] To each curve belongs one hash.
  const auto p384 = testing::make_ec_key("P-384");
  constexpr CredentialId kP384{.index = 2, .generation = 9};
  ASSERT_TRUE(executor_.keys().add(kP384, PrivateKey::sharing(p384.get())));
  expect_refused(kEcdsa, SignatureScheme::ecdsa_secp384r1_sha384);
  expect_refused(kEcdsa, SignatureScheme::ecdsa_secp521r1_sha512);
  expect_refused(kP384, SignatureScheme::ecdsa_secp256r1_sha256);
  expect_refused(kP384, SignatureScheme::ecdsa_secp521r1_sha512);
  expect_refused(kEcdsa, SignatureScheme::ed25519);
  expect_refused(kEcdsa, SignatureScheme::ecdsa_sha1);
  expect_refused(kEcdsa, SignatureScheme::none);
  expect_refused(kRsa, SignatureScheme::ecdsa_secp256r1_sha256);
  // [RFC 8446 4.2.3] PKCS #1 v1.5 never signs a TLS 1.3 handshake.
  expect_refused(kRsa, SignatureScheme::rsa_pkcs1_sha256);
  expect_refused(kRsa, SignatureScheme::rsa_pkcs1_sha1);
  expect_refused(kRsa, static_cast<SignatureScheme>(0x1234));
}

TEST_F(ExecutorTest, AStaleCredentialFindsNoKey) {
  const auto peer = peer_key(NamedGroup::x25519);
  const auto status_with = [&](CredentialId credential) {
    const auto job = tls13_job(NamedGroup::x25519, peer.get());
    job->credential = credential;
    return run(*job);
  };
  EXPECT_EQ(status_with({}), JobStatus::signer_failed);
  EXPECT_EQ(status_with({.index = 0, .generation = 2}), JobStatus::signer_failed);
  EXPECT_EQ(status_with({.index = 0xffff'ffff, .generation = 1}), JobStatus::signer_failed);
  executor_.keys().retire({.index = 0, .generation = 2});  // not there: nothing happens
  EXPECT_EQ(status_with(kEcdsa), JobStatus::ok);
  executor_.keys().retire(kEcdsa);
  EXPECT_EQ(status_with(kEcdsa), JobStatus::signer_failed);
  constexpr CredentialId kNext{.index = 0, .generation = 2};
  ASSERT_TRUE(executor_.keys().add(kNext, PrivateKey::sharing(ec_key_.get())));
  EXPECT_EQ(status_with(kEcdsa), JobStatus::signer_failed);
  EXPECT_EQ(status_with(kNext), JobStatus::ok);
}

TEST_F(ExecutorTest, TheKeyStoreRefusesWhatItCannotUse) {
  KeyStore& keys = executor_.keys();
  EXPECT_FALSE(keys.add(kEcdsa, PrivateKey::sharing(ec_key_.get())));  // in use
  EXPECT_FALSE(keys.add({.index = 5, .generation = 0}, PrivateKey::sharing(ec_key_.get())));
  EXPECT_FALSE(keys.add({.index = 1'000'000, .generation = 1}, PrivateKey::sharing(ec_key_.get())));
  EXPECT_FALSE(keys.add({.index = 5, .generation = 1}, PrivateKey{}));
  EXPECT_FALSE(keys.add({.index = 5, .generation = 1},
                        PrivateKey::sharing(testing::make_ec_key("P-521").get())));
  EXPECT_EQ(keys.size(), 2U);
}

TEST_F(ExecutorTest, DoesNotWorkOnWhatHasExpired) {
  const auto peer = peer_key(NamedGroup::x25519);
  const auto job = tls13_job(NamedGroup::x25519, peer.get());
  job->deadline = kNow - TscSpan{1};
  EXPECT_EQ(run(*job), JobStatus::expired);
  EXPECT_EQ(job->signature_len, 0);
  EXPECT_TRUE(all_zero(job->shared_secret));
  job->deadline = kNow;
  EXPECT_EQ(run(*job), JobStatus::ok);
}

TEST_F(ExecutorTest, FillsTheKeyShareCache) {
  for (const NamedGroup group : kGroups) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::make_key_shares;
    job->group = group;
    ASSERT_EQ(run(*job), JobStatus::ok);
    // Only pairs that cost little are made eight at a time.
    const bool costs_little = group == NamedGroup::x25519 || group == NamedGroup::secp256r1;
    ASSERT_EQ(job->num_key_shares, costs_little ? 8 : 1);
    crypto::KeyShareCache cache{{.capacity = 64, .low_water = 8, .max_age = {}}};
    cache.absorb(*job);
    EXPECT_EQ(cache.available(group), costs_little ? 8U : 1U);
    Bytes last;
    KeyShare share;
    while (cache.take(group, kNow, share)) {
      const Bytes current(share.public_key.begin(), share.public_key.begin() + share.public_len);
      EXPECT_NE(current, last);
      last = current;
      EXPECT_EQ(share.made, kNow);
      const auto peer = peer_key(group);
      Bytes secret(crypto::group_info(group).shared_len);
      ASSERT_TRUE(crypto::openssl::derive(context_, share, public_share(peer.get()), secret));
      EXPECT_EQ(secret, agree(peer.get(), share));
    }
  }
  auto job = std::make_unique<CryptoJob>();
  job->kind = JobKind::make_key_shares;
  job->group = NamedGroup{0x0019};  // secp521r1
  EXPECT_NE(run(*job), JobStatus::ok);
  EXPECT_EQ(job->num_key_shares, 0);
}

TEST_F(ExecutorTest, GathersAMixedBatchAndKeepsEveryResultInItsPlace) {
  std::vector<std::unique_ptr<CryptoJob>> jobs;
  std::vector<Owned<EVP_PKEY>> peers;
  std::vector<CryptoJob*> pointers;
  for (std::size_t i = 0; i < 150; ++i) {
    const NamedGroup group = i % 2 == 0 ? NamedGroup::x25519 : NamedGroup::secp256r1;
    peers.push_back(peer_key(group));
    jobs.push_back(tls13_job(group, peers.back().get()));
    jobs.back()->transcript_hash[0] = static_cast<std::uint8_t>(i);
    if (i % 5 == 0) jobs.back()->peer_share_len = 0;
    pointers.push_back(jobs.back().get());
  }
  executor_.run(pointers, kNow);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (i % 5 == 0) {
      EXPECT_EQ(jobs[i]->status, JobStatus::bad_peer_share);
      continue;
    }
    ASSERT_EQ(jobs[i]->status, JobStatus::ok);
    EXPECT_TRUE(std::ranges::equal(agree(peers[i].get(), jobs[i]->ephemeral),
                                   ByteView{jobs[i]->shared_secret}.first(32)));
    EXPECT_TRUE(verifies(ec_key_.get(), jobs[i]->scheme, certificate_verify(*jobs[i]), *jobs[i]));
  }
  // 64 + 64 + 22 jobs: twice 32 + 32 + 11 agreements, and 51 + 51 + 18 signatures, by eights.
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::derive_batches), 20U);
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::derive_lanes), 150U);
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::sign_batches), 17U);
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::sign_lanes), 120U);
}

}  // namespace
}  // namespace sallyport::offload
