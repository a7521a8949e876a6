// The jobs of old clients: RSA key exchange, which never says what it found, and Diffie-Hellman in
// finite fields.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "lib/crypto/kx/ffdhe.h"
#include "lib/crypto/sign/premaster.h"
#include "lib/offload/executor.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"
#include "tests/support/vectors.h"

namespace sallyport::offload {
namespace {

using crypto::CredentialId;
using crypto::CryptoJob;
using crypto::JobKind;
using crypto::JobStatus;
using crypto::NamedGroup;
using crypto::openssl::PrivateKey;
using stats::ExecutorCounter;
using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t kVersion = 0x0303;
constexpr CredentialId kRsa{.index = 0, .generation = 1};
constexpr CredentialId kEcdsa{.index = 1, .generation = 1};

const Owned<EVP_PKEY>& rsa_key() {
  static const Owned<EVP_PKEY> key = testing::make_rsa_key(2'048);
  return key;
}

// encrypt_raw encrypts a whole block of 256 bytes to the key.
Bytes encrypt_raw(const Bytes& block) {
  const Owned<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new(rsa_key().get(), nullptr)};
  EVP_PKEY_encrypt_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING);
  Bytes out(256);
  std::size_t len = out.size();
  EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &len, block.data(), block.size()), 1);
  return out;
}

Bytes premaster(std::uint16_t version = kVersion) {
  Bytes bytes(crypto::kPremasterLen, 0x5e);
  bytes[0] = static_cast<std::uint8_t>(version >> 8);
  bytes[1] = static_cast<std::uint8_t>(version);
  return bytes;
}

// padded is a correct block for `message`.
Bytes padded(const Bytes& message) {
  Bytes block(256, 0xa7);
  block[0] = 0;
  block[1] = 2;
  block[255 - message.size()] = 0;
  std::copy(message.begin(), message.end(),
            block.end() - static_cast<std::ptrdiff_t>(message.size()));
  return block;
}

struct Forgery {
  std::string name;
  Bytes ciphertext;
};

// Every way in which a block can be wrong, of which an oracle has been made.
std::vector<Forgery> forgeries() {
  std::vector<Forgery> all;
  const auto add = [&all](std::string name, const Bytes& block) {
    all.push_back({std::move(name), encrypt_raw(block)});
  };
  const auto changed = [](std::size_t at, std::uint8_t value) {
    Bytes block = padded(premaster());
    block[at] = value;
    return block;
  };
  add("first byte", changed(0, 1));
  for (const std::uint8_t type : Bytes{0, 1, 3, 0x82}) add("block type", changed(1, type));
  for (const std::size_t at : {2U, 5U, 9U, 10U, 100U, 206U})
    add("zero in the padding", changed(at, 0));
  for (const std::uint8_t value : Bytes{1, 2, 0x80, 0xff}) add("no separator", changed(207, value));
  Bytes short_message = premaster();
  short_message.pop_back();
  add("message of 47 bytes", padded(short_message));
  Bytes long_message = premaster();
  long_message.push_back(9);
  add("message of 49 bytes", padded(long_message));
  add("no message", padded({}));
  add("nothing but padding", Bytes(256, 0x33));
  for (const unsigned version : {0x0300U, 0x0301U, 0x0302U, 0x0304U, 0x0203U, 0x0403U, 0x0000U}) {
    add("version", padded(premaster(static_cast<std::uint16_t>(version))));
  }
  all.push_back({"ciphertext above the modulus", Bytes(256, 0xff)});
  all.push_back({"ciphertext zero", Bytes(256, 0)});
  all.push_back({"too short", Bytes(255, 1)});
  all.push_back({"too long", Bytes(257, 1)});
  all.push_back({"one byte", Bytes(1, 1)});
  return all;
}

class Tls12Jobs : public ::testing::Test {
 protected:
  Tls12Jobs() {
    EXPECT_TRUE(executor_.keys().add(kRsa, PrivateKey::sharing(rsa_key().get())));
    EXPECT_TRUE(executor_.keys().add(kEcdsa, PrivateKey::sharing(ec_key_.get())));
  }
  static std::unique_ptr<CryptoJob> decrypt_job(const Bytes& ciphertext) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::tls12_rsa_decrypt;
    job->credential = kRsa;
    job->premaster_version = kVersion;
    std::ranges::copy(ciphertext, MutableBytes{job->wide}.begin());
    job->wide_len = static_cast<std::uint16_t>(ciphertext.size());
    job->shared_secret.fill(kSubstitute);
    return job;
  }
  JobStatus run(CryptoJob& job) {
    CryptoJob* pointer = &job;
    executor_.run({&pointer, 1}, Tsc{1'000});
    return job.status;
  }
  static Bytes secret_of(const CryptoJob& job) {
    return {job.shared_secret.begin(), job.shared_secret.begin() + job.shared_secret_len};
  }

  static constexpr std::uint8_t kSubstitute = 0x77;
  Owned<EVP_PKEY> ec_key_ = testing::make_ec_key();
  Executor executor_;
};

TEST_F(Tls12Jobs, DecryptsThePremasterSecret) {
  const auto job = decrypt_job(encrypt_raw(padded(premaster())));
  ASSERT_EQ(run(*job), JobStatus::ok);
  EXPECT_EQ(secret_of(*job), premaster());
  // Several times with one prepared operation.
  for (int i = 0; i < 3; ++i) {
    const auto again = decrypt_job(encrypt_raw(padded(premaster())));
    ASSERT_EQ(run(*again), JobStatus::ok);
    EXPECT_EQ(secret_of(*again), premaster());
  }
}

// [RFC 5246 7.4.7.1] Bleichenbacher, ROBOT, and their like need two answers.  There is one.
TEST_F(Tls12Jobs, HasOneAnswerToEveryForgery) {
  const Bytes substitute(crypto::kPremasterLen, kSubstitute);
  std::set<std::string> answers;
  const auto answer_to = [&](const CryptoJob& job) {
    std::string answer = std::to_string(static_cast<int>(job.status)) + " " +
                         std::to_string(job.shared_secret_len) + " " +
                         std::to_string(job.signature_len) + " " + std::to_string(job.wide_len);
    return answer;
  };
  std::uint64_t ok = executor_.counters().value(ExecutorCounter::jobs_ok);
  const auto expect_substitute = [&](CryptoJob& job, const std::string& name) {
    const std::uint16_t len = job.wide_len;
    EXPECT_EQ(run(job), JobStatus::ok) << name;
    EXPECT_EQ(secret_of(job), substitute) << name;
    EXPECT_EQ(executor_.counters().value(ExecutorCounter::jobs_ok), ++ok) << name;
    if (len == 256) answers.insert(answer_to(job));
  };
  for (const Forgery& forgery : forgeries()) {
    const auto job = decrypt_job(forgery.ciphertext);
    expect_substitute(*job, forgery.name);
  }
  for (const CredentialId credential :
       {kEcdsa, CredentialId{}, CredentialId{.index = 0, .generation = 2}}) {
    const auto job = decrypt_job(encrypt_raw(padded(premaster())));
    job->credential = credential;
    expect_substitute(*job, "another key");
  }
  // The answer to a good one is the same, but for the secret.
  const auto good = decrypt_job(encrypt_raw(padded(premaster())));
  ASSERT_EQ(run(*good), JobStatus::ok);
  answers.insert(answer_to(*good));
  EXPECT_EQ(answers.size(), 1U);
  for (const auto counter : {ExecutorCounter::jobs_bad_peer_share,
                             ExecutorCounter::jobs_signer_failed, ExecutorCounter::jobs_expired}) {
    EXPECT_EQ(executor_.counters().value(counter), 0U);
  }
}

// [Marvin, 2023] The time of good and bad paddings.  Both kinds take turns, so that whatever
// disturbs the machine disturbs both; what two halves of the same kind differ by is noise.
TEST_F(Tls12Jobs, TakesAsLongForABadPaddingAsForAGoodOne) {
  constexpr std::size_t kRounds = 400;
  const Bytes good = encrypt_raw(padded(premaster()));
  Bytes no_padding(256, 0x33);
  no_padding[0] = 0x11;
  const Bytes bad = encrypt_raw(no_padding);
  std::vector<std::uint64_t> of_good;
  std::vector<std::uint64_t> of_bad;
  const auto measure = [&](const Bytes& ciphertext, std::vector<std::uint64_t>& times) {
    const auto job = decrypt_job(ciphertext);
    const std::uint64_t begin = __builtin_ia32_rdtsc();
    run(*job);
    times.push_back(__builtin_ia32_rdtsc() - begin);
  };
  for (std::size_t i = 0; i < kRounds; ++i) {
    measure(i % 2 == 0 ? good : bad, i % 2 == 0 ? of_good : of_bad);
    measure(i % 2 == 0 ? bad : good, i % 2 == 0 ? of_bad : of_good);
  }
  // The lower quartile: interruptions only ever make a time longer.
  const auto quartile = [](std::span<const std::uint64_t> times) {
    std::vector<std::uint64_t> sorted(times.begin(), times.end());
    std::ranges::sort(sorted);
    return static_cast<double>(sorted[sorted.size() / 4]);
  };
  const auto noise_of = [&](const std::vector<std::uint64_t>& times) {
    const std::span all{times};
    return std::abs(quartile(all.first(kRounds / 2)) - quartile(all.last(kRounds / 2)));
  };
  const double usual = quartile(of_good);
  const double noise = std::max({noise_of(of_good), noise_of(of_bad), usual / 200});
  EXPECT_LT(std::abs(usual - quartile(of_bad)), 3 * noise);
}

TEST_F(Tls12Jobs, KnowsTheAnswersOfWycheproof) {
  const auto vectors = testing::read_vectors(SALLYPORT_TEST_VECTORS "/rsa_decrypt.vec");
  ASSERT_GE(vectors.size(), 30U);
  const crypto::openssl::Context context;
  crypto::openssl::Signer key;
  for (const auto& v : vectors) {
    if (v.algorithm == "key") {
      const Bytes der = v.bytes("pkcs8");
      const unsigned char* at = der.data();
      EVP_PKEY* const parsed = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
      ASSERT_NE(parsed, nullptr);
      key = crypto::openssl::Signer{context, PrivateKey{parsed}};
      continue;
    }
    Bytes block(512);
    block.resize(key.decrypt_raw(v.bytes("ct"), block));
    // The message that the block holds by PKCS #1, looked for without any hurry.
    const Bytes expected = v.bytes("msg");
    bool valid = block.size() == 256 && block[0] == 0 && block[1] == 2;
    if (valid) {
      const auto zero = std::find(block.begin() + 2, block.end(), std::uint8_t{0});
      valid = zero != block.end() && zero - block.begin() >= 10 &&
              Bytes(zero + 1, block.end()) == expected;
    }
    EXPECT_EQ(valid, v.is_valid()) << v.comment;
    // None of them is a premaster secret.
    Bytes secret(crypto::kPremasterLen, kSubstitute);
    crypto::choose_premaster(block, kVersion, secret);
    EXPECT_EQ(secret, Bytes(crypto::kPremasterLen, kSubstitute)) << v.comment;
  }
}

// --- Finite fields ---

constexpr NamedGroup kFields[] = {NamedGroup::ffdhe2048, NamedGroup::ffdhe3072,
                                  NamedGroup::ffdhe4096};

const char* name_of(NamedGroup group) {
  return group == NamedGroup::ffdhe2048   ? "ffdhe2048"
         : group == NamedGroup::ffdhe3072 ? "ffdhe3072"
                                          : "ffdhe4096";
}

Owned<EVP_PKEY> make_dh_key(NamedGroup group) {
  const Owned<EVP_PKEY_CTX> context{EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr)};
  EVP_PKEY_keygen_init(context.get());
  std::string name = name_of(group);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name.data(), name.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX_set_params(context.get(), params);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_generate(context.get(), &key), 1);
  return Owned<EVP_PKEY>{key};
}

Bytes number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_free(number);
  return bytes;
}

// derive_job is what a server asks after the client's value has come.
std::unique_ptr<CryptoJob> derive_job(const crypto::KeyShare& ours, ByteView peer_value) {
  auto job = std::make_unique<CryptoJob>();
  job->kind = JobKind::tls12_derive;
  job->group = ours.group;
  job->ephemeral = ours;
  std::ranges::copy(peer_value, MutableBytes{job->wide}.begin());
  job->wide_len = static_cast<std::uint16_t>(peer_value.size());
  return job;
}

class FiniteField : public Tls12Jobs {
 protected:
  std::unique_ptr<CryptoJob> sign_job(NamedGroup group) {
    auto job = std::make_unique<CryptoJob>();
    job->kind = JobKind::tls12_sign_params;
    job->credential = kRsa;
    job->scheme = crypto::SignatureScheme::rsa_pkcs1_sha256;
    job->group = group;
    job->ephemeral.group = group;
    job->client_random.fill(0xc1);
    job->server_random.fill(0x5e);
    return job;
  }
};

TEST_F(FiniteField, HasThePrimesOfOpenSsl) {
  for (const NamedGroup group : kFields) {
    const auto key = make_dh_key(group);
    const ByteView prime = crypto::finite_field_prime(group);
    EXPECT_TRUE(std::ranges::equal(prime, number_of(key.get(), OSSL_PKEY_PARAM_FFC_P)));
    EXPECT_EQ(number_of(key.get(), OSSL_PKEY_PARAM_FFC_G), Bytes{crypto::kFiniteFieldGenerator});
  }
  EXPECT_TRUE(crypto::finite_field_prime(NamedGroup::x25519).empty());
  EXPECT_FALSE(crypto::is_finite_field(NamedGroup::x25519));
  EXPECT_TRUE(crypto::is_finite_field(NamedGroup{0x01ff}));
}

// [RFC 5246 7.4.3] Both randoms, then p, g and Ys, each with two bytes of length.
TEST_F(FiniteField, MakesAPairSignsItAndAgrees) {
  for (const NamedGroup group : kFields) {
    const auto job = sign_job(group);
    ASSERT_EQ(run(*job), JobStatus::ok);
    const ByteView prime = crypto::finite_field_prime(group);
    ASSERT_EQ(job->wide_len, prime.size());
    Bytes message(32, 0xc1);
    message.insert(message.end(), 32, 0x5e);
    const auto put = [&message](ByteView number) {
      message.push_back(static_cast<std::uint8_t>(number.size() >> 8));
      message.push_back(static_cast<std::uint8_t>(number.size()));
      message.insert(message.end(), number.begin(), number.end());
    };
    put(prime);
    put(Bytes{2});
    put(ByteView{job->wide}.first(job->wide_len));
    const Owned<EVP_MD_CTX> verify{EVP_MD_CTX_new()};
    EVP_DigestVerifyInit(verify.get(), nullptr, EVP_sha256(), nullptr, rsa_key().get());
    EXPECT_EQ(EVP_DigestVerify(verify.get(), job->signature.data(), job->signature_len,
                               message.data(), message.size()),
              1);

    // OpenSSL as the peer.
    const auto peer = make_dh_key(group);
    const Owned<EVP_PKEY> ours{EVP_PKEY_new()};
    EVP_PKEY_copy_parameters(ours.get(), peer.get());
    ASSERT_EQ(EVP_PKEY_set1_encoded_public_key(ours.get(), job->wide.data(), job->wide_len), 1);
    const Owned<EVP_PKEY_CTX> operation{EVP_PKEY_CTX_new(peer.get(), nullptr)};
    EVP_PKEY_derive_init(operation.get());
    ASSERT_EQ(EVP_PKEY_derive_set_peer(operation.get(), ours.get()), 1);
    Bytes secret(512);
    std::size_t len = secret.size();
    ASSERT_EQ(EVP_PKEY_derive(operation.get(), secret.data(), &len), 1);
    secret.resize(len);
    const auto derive = derive_job(job->ephemeral, number_of(peer.get(), OSSL_PKEY_PARAM_PUB_KEY));
    ASSERT_EQ(run(*derive), JobStatus::ok);
    const Bytes agreed(derive->wide.begin(), derive->wide.begin() + derive->wide_len);
    EXPECT_EQ(agreed, secret);
    EXPECT_NE(agreed.front(), 0);  // [RFC 5246 8.1.2]
  }
}

TEST_F(FiniteField, MakesAnotherPairEveryTime) {
  const auto first = sign_job(NamedGroup::ffdhe2048);
  const auto second = sign_job(NamedGroup::ffdhe2048);
  ASSERT_EQ(run(*first), JobStatus::ok);
  ASSERT_EQ(run(*second), JobStatus::ok);
  EXPECT_NE(first->wide, second->wide);
  EXPECT_EQ(first->ephemeral.private_len, 29);  // 225 bits
}

// [RFC 7919 5.1] 1 < Y < p-1.
TEST_F(FiniteField, RefusesValuesThatMakeTheSecretKnown) {
  for (const NamedGroup group : kFields) {
    const auto pair = sign_job(group);
    ASSERT_EQ(run(*pair), JobStatus::ok);
    const ByteView prime = crypto::finite_field_prime(group);
    const Bytes p(prime.begin(), prime.end());
    const auto with_last = [&p](int step) {
      Bytes value = p;  // ends in ff
      value.back() = static_cast<std::uint8_t>(value.back() + step);
      return value;
    };
    Bytes above = p;
    above.back() = 0;
    for (std::size_t i = above.size() - 1; i-- > 0;) {
      if (++above[i] != 0) break;
    }
    Bytes padded_one(p.size(), 0);
    padded_one.back() = 1;
    Bytes longer = p;
    longer.insert(longer.begin(), 0);
    for (const Bytes& value : {Bytes{0}, Bytes{1}, Bytes(p.size(), 0), padded_one, with_last(-1), p,
                               above, longer, Bytes(p.size(), 0xff), Bytes{}}) {
      if (value.size() > crypto::kMaxFiniteFieldLen) continue;
      const auto job = derive_job(pair->ephemeral, value);
      EXPECT_EQ(run(*job), JobStatus::bad_peer_share) << testing::hex(value).substr(0, 20);
      EXPECT_TRUE(std::ranges::all_of(job->wide, [](auto b) { return b == 0; }));
    }
    for (const Bytes& value : {Bytes{2}, Bytes{0, 5}, with_last(-2)}) {
      const auto job = derive_job(pair->ephemeral, value);
      EXPECT_EQ(run(*job), JobStatus::ok);
    }
  }
}

TEST_F(FiniteField, RefusesAGroupOrAKeyThatItDoesNotHave) {
  auto job = sign_job(NamedGroup{0x0104});  // ffdhe8192
  EXPECT_EQ(run(*job), JobStatus::signer_failed);
  job = sign_job(NamedGroup::ffdhe2048);
  job->credential = kEcdsa;
  EXPECT_EQ(run(*job), JobStatus::signer_failed);
  EXPECT_EQ(job->ephemeral.private_len, 0);
  job->credential = {};
  EXPECT_EQ(run(*job), JobStatus::signer_failed);
  job = derive_job({}, Bytes{2});
  job->ephemeral.group = NamedGroup{0x0104};
  EXPECT_EQ(run(*job), JobStatus::bad_peer_share);
}

}  // namespace
}  // namespace sallyport::offload
