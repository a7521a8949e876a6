// RSA in the executor: bursts of many keys, sizes and schemes, worked off a slice at a time.
#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_METHOD, which has no successor that can be put in later
#include "lib/offload/rsa_queue.h"

#include <gtest/gtest.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/sign/premaster.h"
#include "lib/offload/executor.h"
#include "lib/offload/job_content.h"
#include "tests/support/certificates.h"

namespace sallyport::offload {
namespace {

using crypto::CredentialId;
using crypto::CryptoJob;
using crypto::JobKind;
using crypto::JobStatus;
using crypto::SignatureScheme;
using crypto::openssl::PrivateKey;
using stats::ExecutorCounter;
using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

constexpr Tsc kNow{1000};
constexpr CredentialId kSmall{.index = 0, .generation = 1};
constexpr CredentialId kOther{.index = 1, .generation = 1};
constexpr CredentialId kMiddle{.index = 2, .generation = 1};
constexpr CredentialId kLarge{.index = 3, .generation = 1};
constexpr CredentialId kEcdsa{.index = 4, .generation = 1};
constexpr std::array kKeys{kSmall, kOther, kMiddle, kLarge, kEcdsa};

Owned<EVP_PKEY> read_key(const char* path) {
  const Owned<BIO> file{BIO_new_file(path, "r")};
  return Owned<EVP_PKEY>{PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr)};
}
// The keys of kKeys, the same for all tests: making one takes long.
const std::vector<Owned<EVP_PKEY>>& keys() {
  static const auto made = [] {
    std::vector<Owned<EVP_PKEY>> all;
    all.push_back(testing::make_rsa_key(2'048));
    all.push_back(testing::make_rsa_key(2'048));
    all.push_back(read_key(SALLYPORT_TEST_VECTORS "/rsa_3072.pem"));
    all.push_back(read_key(SALLYPORT_TEST_VECTORS "/rsa_4096.pem"));
    all.push_back(testing::make_ec_key());
    return all;
  }();
  return made;
}

bool verifies(const CryptoJob& job) {
  const bool pss = (static_cast<unsigned>(job.scheme) >> 8U) == 8;
  const bool sha384 = job.scheme == SignatureScheme::rsa_pkcs1_sha384 ||
                      job.scheme == SignatureScheme::rsa_pss_rsae_sha384;
  const bool sha512 = job.scheme == SignatureScheme::rsa_pkcs1_sha512 ||
                      job.scheme == SignatureScheme::rsa_pss_rsae_sha512;
  const EVP_MD* const md = sha512 ? EVP_sha512() : sha384 ? EVP_sha384() : EVP_sha256();
  const Owned<EVP_MD_CTX> verify{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* operation = nullptr;
  EVP_DigestVerifyInit(verify.get(), &operation, md, nullptr, keys()[job.credential.index].get());
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST);
  }
  const auto content = content_of(job);
  return EVP_DigestVerify(verify.get(), job.signature.data(), job.signature_len,
                          content.view().data(), content.view().size()) == 1;
}

// NoRandomness has OpenSSL's generator fail, for so many draws of everybody in this process.
class NoRandomness {
 public:
  explicit NoRandomness(int draws) {
    left_ = draws;
    RAND_set_rand_method(&kMethod);
  }
  ~NoRandomness() { RAND_set_rand_method(RAND_OpenSSL()); }
  NoRandomness(const NoRandomness&) = delete;
  NoRandomness& operator=(const NoRandomness&) = delete;
  [[nodiscard]] static int left() { return left_; }

 private:
  static int draw(unsigned char* out, int len) {
    if (left_ == 0) return RAND_OpenSSL()->bytes(out, len);
    --left_;
    return 0;
  }
  static int status() { return 1; }
  static constexpr RAND_METHOD kMethod{nullptr, draw, nullptr, nullptr, draw, status};
  static inline int left_ = 0;
};

using Jobs = std::vector<std::unique_ptr<CryptoJob>>;

class RsaJobs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!crypto::batch::available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    ASSERT_EQ(executor_.computing(), Computing::batch);
    for (const CredentialId id : kKeys) {
      EVP_PKEY* const key = keys()[id.index].get();
      EVP_PKEY_up_ref(key);
      ASSERT_TRUE(executor_.keys().add(id, PrivateKey{key}));
    }
  }
  // sign_job signs in TLS 1.2, which agrees on nothing at that time.
  CryptoJob* sign_job(CredentialId credential, SignatureScheme scheme) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::tls12_sign_params;
    job->scheme = scheme;
    job->credential = credential;
    job->ephemeral.group = crypto::NamedGroup::x25519;
    job->ephemeral.public_len = 32;
    job->client_random.fill(static_cast<std::uint8_t>(jobs_.size()));
    jobs_.push_back(std::move(job));
    return jobs_.back().get();
  }
  CryptoJob* decrypt_job(const Bytes& ciphertext) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::tls12_rsa_decrypt;
    job->credential = kSmall;
    job->premaster_version = 0x0303;
    job->shared_secret.fill(kSubstitute);
    std::ranges::copy(ciphertext, job->wide.begin());
    job->wide_len = static_cast<std::uint16_t>(ciphertext.size());
    jobs_.push_back(std::move(job));
    return jobs_.back().get();
  }
  std::vector<CryptoJob*> all() const {
    std::vector<CryptoJob*> pointers;
    for (const auto& job : jobs_) pointers.push_back(job.get());
    return pointers;
  }
  // begin returns how many jobs were done at once.
  std::size_t begin(std::span<CryptoJob* const> jobs, Tsc now = kNow) {
    return executor_.begin(jobs, finished_, now);
  }
  std::size_t go_on(Tsc now = kNow) { return executor_.go_on(finished_, now); }

  crypto::openssl::RsaPrivate& key(CredentialId id) { return *executor_.keys().find(id)->rsa(); }
  // use_up leaves a key so many uses of its blinding factors.
  void use_up(CredentialId id, int left) {
    while (key(id).uses_left() > left) static_cast<void>(key(id).next_blinding());
  }
  // spoil makes every renewal fail, and puts that right when called again.
  void spoil(CredentialId id) {
    const_cast<crypto::batch::RsaKey&>(key(id).key()).prime[0].negative_exponent[2] ^= 4;
  }
  // damage makes every operation of the kernel with a key fail, but no renewal, and puts that right
  // when called again.
  void damage(CredentialId id) {
    const_cast<crypto::batch::RsaKey&>(key(id).key()).prime[0].exponent[2] ^= 4;
  }
  // fail_batch fills a batch with jobs of a key that is damaged.
  void fail_batch(CredentialId id) {
    jobs_.clear();
    for (int i = 0; i < 8; ++i) sign_job(id, SignatureScheme::rsa_pss_rsae_sha256);
    begin(all());
    while (executor_.is_working()) static_cast<void>(go_on());
    for (const auto& job : jobs_) EXPECT_EQ(job->status, JobStatus::signer_failed);
  }
  std::uint64_t count(ExecutorCounter counter) const { return executor_.counters().value(counter); }
  // sign_and_finish has jobs of one key signed, and nothing left to do; it returns in how many
  // slices.
  int sign_and_finish(CredentialId id, std::size_t jobs) {
    jobs_.clear();
    for (std::size_t i = 0; i < jobs; ++i) sign_job(id, SignatureScheme::rsa_pss_rsae_sha256);
    return finish();
  }
  // finish does so with the jobs that there are.
  int finish() {
    begin(all());
    int slices = 0;
    for (; executor_.is_working() && slices < 5'000; ++slices) static_cast<void>(go_on());
    EXPECT_FALSE(executor_.is_working());
    for (const auto& job : jobs_) {
      EXPECT_EQ(job->status, JobStatus::ok);
      EXPECT_TRUE(verifies(*job));
    }
    return slices;
  }
  // begin_idle_renewal has jobs of one key signed, and its renewal begun, which is due with the
  // uses that are left then.
  void begin_idle_renewal(CredentialId id, std::size_t jobs) {
    jobs_.clear();
    for (std::size_t i = 0; i < jobs; ++i) sign_job(id, SignatureScheme::rsa_pss_rsae_sha256);
    begin(all());
    while (executor_.is_working() && go_on() == 0) {
    }
    for (int slice = 0; slice < 2; ++slice) {
      ASSERT_TRUE(executor_.is_working());
      ASSERT_EQ(go_on(), 0U);
    }
  }

  static constexpr std::uint8_t kSubstitute = 0x77;
  Executor executor_;
  Jobs jobs_;
  std::array<CryptoJob*, Executor::kMaxBatch> finished_{};
};

TEST_F(RsaJobs, OfABurstAreSignedWithTheirOwnKeysAndSchemes) {
  constexpr std::array kSchemes{
      SignatureScheme::rsa_pss_rsae_sha256, SignatureScheme::rsa_pss_rsae_sha384,
      SignatureScheme::rsa_pss_rsae_sha512, SignatureScheme::rsa_pkcs1_sha256,
      SignatureScheme::rsa_pkcs1_sha384,    SignatureScheme::rsa_pkcs1_sha512};
  for (std::size_t i = 0; i < 100; ++i) {
    const CredentialId key = i % 7 == 3 ? kMiddle : i % 11 == 5 ? kLarge : kKeys[i % 2];
    sign_job(key, kSchemes[i % kSchemes.size()]);
    if (i % 10 == 0) sign_job(kEcdsa, SignatureScheme::ecdsa_secp256r1_sha256);
  }
  executor_.run(all(), kNow);
  for (const auto& job : jobs_) {
    EXPECT_EQ(job->status, JobStatus::ok);
    EXPECT_TRUE(verifies(*job)) << static_cast<unsigned>(job->scheme);
  }
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::jobs_ok), jobs_.size());
  // Rests that are too small are OpenSSL's.
  const auto lanes = executor_.counters().value(ExecutorCounter::rsa_lanes);
  const auto batches = executor_.counters().value(ExecutorCounter::rsa_batches);
  EXPECT_GE(lanes, 97U);
  EXPECT_LE(lanes, 100U);
  EXPECT_LE(batches, 15U);
}

TEST_F(RsaJobs, GiveWayToOtherJobsBetweenSlices) {
  for (std::size_t i = 0; i < 8; ++i) sign_job(kKeys[i % 2], SignatureScheme::rsa_pss_rsae_sha256);
  ASSERT_EQ(begin(all()), 0U);
  int slices = 0;
  std::size_t done = 0;
  while (executor_.is_working()) {
    ASSERT_EQ(done, 0U);
    done = go_on();
    ++slices;
    if (done != 0) break;
    // Nobody waits for it who needs something else.
    CryptoJob* job = sign_job(kEcdsa, SignatureScheme::ecdsa_secp256r1_sha256);
    EXPECT_EQ(begin({&job, 1}), 1U);
    EXPECT_EQ(job->status, JobStatus::ok);
  }
  EXPECT_GE(slices, 8);
  EXPECT_LE(slices, 20);
  EXPECT_EQ(done, 8U);
  EXPECT_FALSE(executor_.is_working());
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::rsa_batches), 1U);
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::rsa_lanes), 8U);
}

TEST_F(RsaJobs, ThatComeDuringABatchMakeTheNextOne) {
  for (int i = 0; i < 4; ++i) sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
  begin(all());
  ASSERT_EQ(go_on(), 0U);
  std::vector<CryptoJob*> later;
  for (int i = 0; i < 6; ++i) {
    later.push_back(sign_job(kOther, SignatureScheme::rsa_pss_rsae_sha256));
  }
  begin(later);
  std::vector<std::size_t> done;
  while (executor_.is_working()) {
    if (const std::size_t now = go_on(); now != 0) done.push_back(now);
  }
  EXPECT_EQ(done, (std::vector<std::size_t>{4, 6}));
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
}

// OpenSSL needs less for one or two of RSA-2048, and two to five milliseconds for a larger one,
// which is too long for whoever asked for slices.
TEST_F(RsaJobs, ThatAreFewGoToOpensslIfItIsQuick) {
  sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
  sign_job(kOther, SignatureScheme::rsa_pkcs1_sha256);
  begin(all());
  EXPECT_EQ(go_on(), 1U);
  EXPECT_EQ(go_on(), 1U);
  EXPECT_FALSE(executor_.is_working());
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::rsa_batches), 0U);
  for (const CredentialId key : {kMiddle, kLarge}) {
    CryptoJob* job = sign_job(key, SignatureScheme::rsa_pss_rsae_sha256);
    begin({&job, 1});
    int slices = 0;
    while (executor_.is_working()) {
      static_cast<void>(go_on());
      ++slices;
    }
    EXPECT_GE(slices, 20);
  }
  EXPECT_EQ(executor_.counters().value(ExecutorCounter::rsa_batches), 2U);
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
}

TEST_F(RsaJobs, ExpireWhileTheyWait) {
  for (int i = 0; i < 9; ++i) {
    sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256)->deadline = Tsc{i < 4 ? 2'000U : 9'000U};
  }
  begin(all());
  std::size_t done = 0;
  while (executor_.is_working()) done += go_on(Tsc{3'000});
  EXPECT_EQ(done, 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(jobs_[i]->status, i < 4 ? JobStatus::expired : JobStatus::ok);
    EXPECT_EQ(jobs_[i]->signature_len, i < 4 ? 0 : 256);
  }
}

TEST_F(RsaJobs, OutliveTheirKey) {
  for (int i = 0; i < 12; ++i) sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
  decrypt_job(Bytes(256, 0x11));
  begin(all());
  EXPECT_EQ(go_on(), 0U);
  executor_.keys().retire(kSmall);
  std::size_t done = 0;
  while (executor_.is_working()) done += go_on();
  EXPECT_EQ(done, 13U);
  // The first eight were in work; the others find no key.
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(jobs_[i]->status, i < 8 ? JobStatus::ok : JobStatus::signer_failed) << i;
  }
  EXPECT_EQ(jobs_[12]->status, JobStatus::ok) << "which says nothing";
  EXPECT_EQ(jobs_[12]->shared_secret[5], kSubstitute);
}

// [RFC 5246 7.4.7.1] Of a whole batch, too, nobody learns which were good.
TEST_F(RsaJobs, ThatDecryptAnswerAlike) {
  Bytes good(256, 0xa7);
  good[0] = 0;
  good[1] = 2;
  good[207] = 0;
  good[208] = 3;
  good[209] = 3;
  const auto encrypted = [](Bytes block) {
    const Owned<EVP_PKEY_CTX> encrypt{EVP_PKEY_CTX_new(keys()[0].get(), nullptr)};
    EVP_PKEY_encrypt_init(encrypt.get());
    EVP_PKEY_CTX_set_rsa_padding(encrypt.get(), RSA_NO_PADDING);
    Bytes out(256);
    std::size_t len = out.size();
    EXPECT_EQ(EVP_PKEY_encrypt(encrypt.get(), out.data(), &len, block.data(), block.size()), 1);
    return out;
  };
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes block = good;
    block[at] = value;
    return encrypted(block);
  };
  const std::vector<Bytes> ciphertexts{
      encrypted(good), with(1, 1),    with(0, 1),       with(100, 0),  with(207, 7),
      with(209, 2),    Bytes(256, 0), Bytes(256, 0xff), Bytes(255, 1), encrypted(good),
      Bytes(512, 1),   with(2, 0),    with(206, 0),     with(208, 4)};
  for (const Bytes& ciphertext : ciphertexts) decrypt_job(ciphertext);
  executor_.run(all(), kNow);
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    EXPECT_EQ(jobs_[i]->status, JobStatus::ok) << i;
    EXPECT_EQ(jobs_[i]->shared_secret_len, crypto::kPremasterLen);
    const bool is_good = i == 0 || i == 9;
    EXPECT_EQ(jobs_[i]->shared_secret[5], is_good ? 0xa7 : kSubstitute) << i;
    EXPECT_EQ(jobs_[i]->shared_secret[0], is_good ? 3 : kSubstitute) << i;
  }
  EXPECT_GE(executor_.counters().value(ExecutorCounter::rsa_lanes), 8U);
}

TEST_F(RsaJobs, ThatNameNoKeyFail) {
  for (int i = 0; i < 8; ++i) {
    sign_job({.index = 9, .generation = 1}, SignatureScheme::rsa_pss_rsae_sha256);
  }
  sign_job(kEcdsa, SignatureScheme::rsa_pss_rsae_sha256);
  executor_.run(all(), kNow);
  for (const auto& job : jobs_) EXPECT_EQ(job->status, JobStatus::signer_failed);
}

// Two keys without a pause: both are renewed in turns with their jobs, before they are used up, and
// OpenSSL has to help nobody out.
TEST_F(RsaJobs, HaveTheirBlindingRenewedUnderLoad) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  std::size_t done = 0;
  for (std::size_t i = 0; i < 24; ++i) sign_job(kKeys[i % 2], SignatureScheme::rsa_pss_rsae_sha256);
  begin(all());
  while (done < 3U * kUses) {
    ASSERT_TRUE(executor_.is_working());
    const std::size_t now = go_on();
    done += now;
    for (CryptoJob* const job : std::span{finished_}.first(now)) {
      ASSERT_EQ(job->status, JobStatus::ok);
      ASSERT_TRUE(verifies(*job));
      job->status = JobStatus::pending;
    }
    const auto again = finished_;
    begin(std::span{again}.first(now));
    ASSERT_GT(key(kSmall).uses_left(), kUses / 16);
    ASSERT_GT(key(kOther).uses_left(), kUses / 16);
  }
  EXPECT_GE(count(ExecutorCounter::rsa_renewals), 2U);
  EXPECT_LE(count(ExecutorCounter::rsa_renewals), 4U);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 8 * count(ExecutorCounter::rsa_batches));
}

TEST_F(RsaJobs, HaveTheirBlindingRenewedWhenNobodyWaits) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  struct Size {
    CredentialId id;
    int least_slices;
  };
  for (const Size& size : {Size{kSmall, 8}, Size{kMiddle, 25}, Size{kLarge, 50}}) {
    const auto before = count(ExecutorCounter::rsa_renewals);
    use_up(size.id, kUses / 2);
    const int slices = sign_and_finish(size.id, 5);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals), before) << "half of its uses were left";
    use_up(size.id, kUses / 4);
    const int with_renewal = sign_and_finish(size.id, 5);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals), before + 1);
    EXPECT_EQ(key(size.id).uses_left(), kUses);
    // It takes as many slices as the jobs do, and one to draw.
    EXPECT_GE(slices, size.least_slices);
    EXPECT_GE(with_renewal, 2 * slices - 1);
    EXPECT_LE(with_renewal, 2 * slices + 2);
  }
}

TEST_F(RsaJobs, ThatComeDuringARenewalAreDoneAfterIt) {
  use_up(kSmall, 8);
  for (int i = 0; i < 4; ++i) sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
  begin(all());
  while (go_on() == 0) {
  }
  ASSERT_TRUE(executor_.is_working());
  ASSERT_EQ(go_on(), 0U);
  std::vector<CryptoJob*> later;
  for (int i = 0; i < 8; ++i) {
    later.push_back(sign_job(kOther, SignatureScheme::rsa_pss_rsae_sha256));
  }
  begin(later);
  std::size_t done = 0;
  while (executor_.is_working()) done += go_on();
  EXPECT_EQ(done, 8U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 1U);
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
}

// After a fault a key has no pairs; its jobs wait for new ones, in the same slices.
TEST_F(RsaJobs, WaitWhileTheirKeyHasNoBlinding) {
  key(kLarge).distrust_blindings();
  key(kSmall).distrust_blindings();
  for (std::size_t i = 0; i < 12; ++i) {
    sign_job(i < 3 ? kLarge : i % 2 == 0 ? kSmall : kOther, SignatureScheme::rsa_pss_rsae_sha256);
  }
  begin(all());
  while (executor_.is_working()) static_cast<void>(go_on());
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 2U);
  // One of kSmall that is left over may be too few for a batch.
  EXPECT_GE(count(ExecutorCounter::rsa_lanes), 10U);
}

// Larger keys make longer batches.  Somebody who comes while one of those only has its blinding
// renewed early does not wait for it.
TEST_F(RsaJobs, DoNotWaitForARenewalThatCanWait) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  const int undisturbed = sign_and_finish(kSmall, 8);
  use_up(kLarge, kUses / 4);
  ASSERT_NO_FATAL_FAILURE(begin_idle_renewal(kLarge, 2));
  EXPECT_LE(sign_and_finish(kSmall, 8), undisturbed + 1);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 0U);
  // Nothing of the old pairs is lost, and the key has new ones as soon as there is time.
  EXPECT_EQ(key(kLarge).uses_left(), kUses / 4 - 2);
  sign_and_finish(kLarge, 2);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 1U);
  EXPECT_EQ(key(kLarge).uses_left(), kUses);
}

// A renewal is not given up for ever, however short the pauses are: not any more with an eighth of
// the uses left.
TEST_F(RsaJobs, WaitForARenewalThatWasGivenUpTooOften) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  for (const CredentialId id : {kSmall, kLarge}) {
    const auto before = count(ExecutorCounter::rsa_renewals);
    use_up(id, kUses / 4);
    int given_up = 0;
    for (; count(ExecutorCounter::rsa_renewals) == before; ++given_up) {
      ASSERT_LE(given_up, kUses / 8 / 8 + 1);
      ASSERT_NO_FATAL_FAILURE(begin_idle_renewal(id, 8));
      // Those who come now take it out of its way, until it is not to be stopped.
      CryptoJob* job = sign_job(kOther, SignatureScheme::rsa_pss_rsae_sha256);
      begin({&job, 1});
      while (job->status == JobStatus::pending) static_cast<void>(go_on());
      EXPECT_TRUE(verifies(*job));
    }
    EXPECT_GE(given_up, kUses / 8 / 8);
    while (executor_.is_working()) static_cast<void>(go_on());
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals), before + 1);
    EXPECT_EQ(key(id).uses_left(), kUses);
  }
}

// The old pairs stay in force as long as there are any; then OpenSSL does the work, which is worse
// for those who wait and right all the same.
TEST_F(RsaJobs, AreDoneAlthoughRenewalsFail) {
  spoil(kSmall);
  use_up(kSmall, 20);
  sign_and_finish(kSmall, 5);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 5U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 1U);
  EXPECT_EQ(key(kSmall).uses_left(), 15);
  key(kSmall).distrust_blindings();
  sign_and_finish(kSmall, 3);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 5U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 2U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 0U);
  // The fault goes away.
  spoil(kSmall);
  sign_and_finish(kSmall, 20);
  EXPECT_GE(count(ExecutorCounter::rsa_lanes), 21U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 1U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 2U);
}

// A fault that stays costs three renewals, and no more however many jobs the key still has.
TEST_F(RsaJobs, OfAKeyWhoseRenewalsFailAreLeftToOpensslForGood) {
  struct Size {
    CredentialId id;
    int renewal;  // slices at most
  };
  for (const Size& size : {Size{kSmall, 15}, Size{kMiddle, 40}, Size{kLarge, 100}}) {
    const auto before = count(ExecutorCounter::rsa_renewals_failed);
    spoil(size.id);
    key(size.id).distrust_blindings();
    EXPECT_LE(sign_and_finish(size.id, 40), 40 + 3 * size.renewal);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), before + 3);
    EXPECT_EQ(sign_and_finish(size.id, 10), 10);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), before + 3);
  }
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 0U);
  // When a key is read anew, nothing is held against it.
  executor_.keys().retire(kSmall);
  constexpr CredentialId kAnew{.index = kSmall.index, .generation = 2};
  EVP_PKEY_up_ref(keys()[kAnew.index].get());
  ASSERT_TRUE(executor_.keys().add(kAnew, PrivateKey{keys()[kAnew.index].get()}));
  sign_and_finish(kAnew, 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 8U);
}

TEST_F(RsaJobs, OfAKeyWhoseRenewalsFailUseWhatItHasLeft) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  spoil(kSmall);
  use_up(kSmall, kUses / 8);
  for (int i = 0; i < 8; ++i) sign_and_finish(kSmall, 16);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), static_cast<std::uint64_t>(kUses) / 8);
  EXPECT_EQ(sign_and_finish(kSmall, 8), 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 3U);
}

// Nor does it cost the jobs of other keys more than that, once.
TEST_F(RsaJobs, AreNotHeldUpByAKeyWhoseRenewalsFail) {
  constexpr std::size_t kHealthy = 48;
  constexpr int kBad = 8;
  constexpr int kRenewal = 100;
  const int healthy = sign_and_finish(kSmall, kHealthy);
  spoil(kLarge);
  key(kLarge).distrust_blindings();
  const auto with_bad_ones = [&] {
    jobs_.clear();
    for (std::size_t i = 0; i < kHealthy; ++i) {
      if (i % (kHealthy / kBad) == 0) sign_job(kLarge, SignatureScheme::rsa_pss_rsae_sha256);
      sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
    }
    return finish();
  };
  EXPECT_LE(with_bad_ones(), healthy + kBad + 3 * kRenewal);
  // Ever after each bad one costs a slice of its own, and what it does to the others nothing.
  for (int i = 0; i < 3; ++i) EXPECT_LE(with_bad_ones(), healthy + kBad + 2);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 3U);
}

// Nor does a key whose operations fail, while renewals do not, go on like that for ever.
TEST_F(RsaJobs, OfAKeyWhoseBatchesFailAreLeftToOpensslForGood) {
  for (const CredentialId id : {kSmall, kMiddle, kLarge}) {
    const auto lanes = count(ExecutorCounter::rsa_lanes);
    const auto renewals = count(ExecutorCounter::rsa_renewals);
    damage(id);
    for (int batch = 0; batch < 3; ++batch) fail_batch(id);
    EXPECT_EQ(count(ExecutorCounter::rsa_lanes), lanes + 24);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals), renewals + 2);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(sign_and_finish(id, 20), 20);
    EXPECT_EQ(count(ExecutorCounter::rsa_lanes), lanes + 24);
    EXPECT_EQ(count(ExecutorCounter::rsa_renewals), renewals + 2);
  }
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 0U);
}

// What has passed is not held against a key, nor is one batch taken for eight.
TEST_F(RsaJobs, OfAKeyThatFailsNowAndThenStayWithTheKernel) {
  for (int i = 0; i < 3; ++i) {
    damage(kSmall);
    for (int batch = 0; batch < 2; ++batch) fail_batch(kSmall);
    damage(kSmall);
    sign_and_finish(kSmall, 8);
  }
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 72U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 6U);
}

// The other keys of those batches have their signatures, and are not suspected.
TEST_F(RsaJobs, ShareBatchesWithAKeyThatFails) {
  damage(kSmall);
  for (int batch = 0; batch < 4; ++batch) {
    jobs_.clear();
    for (std::size_t i = 0; i < 8; ++i) {
      sign_job(kKeys[i % 2], SignatureScheme::rsa_pss_rsae_sha256);
    }
    begin(all());
    while (executor_.is_working()) static_cast<void>(go_on());
    for (const auto& job : jobs_) {
      const bool fails = job->credential == kSmall && batch < 3;
      EXPECT_EQ(job->status, fails ? JobStatus::signer_failed : JobStatus::ok) << batch;
    }
  }
  const auto lanes = count(ExecutorCounter::rsa_lanes);
  sign_and_finish(kOther, 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), lanes + 8);
}

// A system without randomness for a moment: a renewal that can wait does, and is nobody's failure.
TEST_F(RsaJobs, HaveTheirBlindingRenewedLaterWithoutRandomness) {
  constexpr int kUses = crypto::openssl::RsaPrivate::kUses;
  use_up(kSmall, kUses / 4);
  for (int i = 0; i < 8; ++i) sign_job(kSmall, SignatureScheme::rsa_pkcs1_sha256);
  begin(all());
  while (go_on() == 0) {
  }
  ASSERT_TRUE(executor_.is_working());
  {
    const NoRandomness for_now{1};
    EXPECT_EQ(go_on(), 0U);
    EXPECT_EQ(NoRandomness::left(), 0);
  }
  EXPECT_FALSE(executor_.is_working());
  EXPECT_EQ(key(kSmall).uses_left(), kUses / 4 - 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 0U);
  sign_and_finish(kSmall, 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 1U);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 0U);
  EXPECT_EQ(key(kSmall).uses_left(), kUses);
}

// One that cannot wait leaves a job to OpenSSL; the next ones find randomness again.
TEST_F(RsaJobs, AreLeftToOpensslWithoutBlindingAndRandomness) {
  key(kSmall).distrust_blindings();
  for (int i = 0; i < 9; ++i) sign_job(kSmall, SignatureScheme::rsa_pkcs1_sha256);
  {
    const NoRandomness for_now{1};
    begin(all());
    EXPECT_EQ(go_on(), 1U);
    EXPECT_EQ(NoRandomness::left(), 0);
  }
  EXPECT_TRUE(verifies(*jobs_[0]));
  EXPECT_EQ(jobs_[1]->status, JobStatus::pending);
  while (executor_.is_working()) static_cast<void>(go_on());
  for (const auto& job : jobs_) EXPECT_TRUE(verifies(*job));
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 1U);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 8U);
}

// Without any they fail, or find that OpenSSL still has a blinding; none is left waiting.
TEST_F(RsaJobs, AreAllAnsweredWithoutRandomness) {
  key(kSmall).distrust_blindings();
  key(kLarge).distrust_blindings();
  for (std::size_t i = 0; i < 24; ++i) {
    sign_job(i % 3 == 0 ? kLarge : kKeys[i % 3 - 1], SignatureScheme::rsa_pss_rsae_sha256);
  }
  {
    const NoRandomness at_all{1'000'000};
    begin(all());
    int slices = 0;
    for (; executor_.is_working() && slices < 100; ++slices) static_cast<void>(go_on());
    EXPECT_LE(slices, 24);
  }
  for (const auto& job : jobs_) EXPECT_EQ(job->status, JobStatus::signer_failed);
  EXPECT_EQ(count(ExecutorCounter::rsa_lanes), 0U);
  // It does not last.
  for (const CredentialId id : {kSmall, kOther, kLarge}) sign_and_finish(id, 8);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals_failed), 0U);
}

TEST_F(RsaJobs, LoseTheirKeyDuringItsRenewal) {
  key(kSmall).distrust_blindings();
  for (int i = 0; i < 4; ++i) sign_job(kSmall, SignatureScheme::rsa_pss_rsae_sha256);
  begin(all());
  ASSERT_EQ(go_on(), 0U);
  ASSERT_EQ(go_on(), 0U);
  executor_.keys().retire(kSmall);
  std::size_t done = 0;
  while (executor_.is_working()) done += go_on();
  EXPECT_EQ(done, 4U);
  for (const auto& job : jobs_) EXPECT_EQ(job->status, JobStatus::signer_failed);
  EXPECT_EQ(count(ExecutorCounter::rsa_renewals), 0U);
}

}  // namespace
}  // namespace sallyport::offload
