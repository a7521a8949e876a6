#include "lib/crypto/batch/rsa.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/limbs52.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"
#include "tests/support/long_run.h"
#include "tests/unit/crypto/batch/stack_scan.h"

namespace sallyport::crypto::batch {
namespace {

using openssl::PrivateKey;
using openssl::RsaPrivate;
using testing::hex;
using Bytes = std::vector<std::uint8_t>;
using testing::Owned;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct FreeNumber {
  void operator()(BIGNUM* n) const { BN_free(n); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;
struct FreeContext {
  void operator()(BN_CTX* c) const { BN_CTX_free(c); }
  void operator()(OSSL_PARAM_BLD* b) const { OSSL_PARAM_BLD_free(b); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
};

Number part_of(EVP_PKEY* key, const char* name) {
  BIGNUM* part = nullptr;
  EVP_PKEY_get_bn_param(key, name, &part);
  return Number{part};
}
Bytes bytes_of(const BIGNUM* n, std::size_t len) {
  Bytes bytes(len);
  BN_bn2binpad(n, bytes.data(), static_cast<int>(len));
  return bytes;
}

Owned<EVP_PKEY> generate(unsigned bits, unsigned long exponent, int primes = 2) {
  const Owned<EVP_PKEY_CTX> made{EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  const Number e{BN_new()};
  BN_set_word(e.get(), exponent);
  EVP_PKEY_keygen_init(made.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(made.get(), static_cast<int>(bits));
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(made.get(), e.get());
  EVP_PKEY_CTX_set_rsa_keygen_primes(made.get(), primes);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_generate(made.get(), &key);
  return Owned<EVP_PKEY>{key};
}
Owned<EVP_PKEY> read_key(const char* name) {
  const std::string path = std::string{SALLYPORT_TEST_VECTORS} + "/" + name;
  const Owned<BIO> file{BIO_new_file(path.c_str(), "r")};
  return Owned<EVP_PKEY>{PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr)};
}

// Uneven is a key whose primes have 1,100 and 948 bits.
Owned<EVP_PKEY> make_uneven_key() {
  const std::unique_ptr<BN_CTX, FreeContext> bn{BN_CTX_new()};
  std::array<Number, 8> numbers;
  for (Number& number : numbers) number.reset(BN_new());
  const auto& [n, e, d, p, q, d_p, d_q, inverse] = numbers;
  BN_set_word(e.get(), 65'537);
  do {
    BN_generate_prime_ex(p.get(), 1'100, 0, nullptr, nullptr, nullptr);
    BN_generate_prime_ex(q.get(), 948, 0, nullptr, nullptr, nullptr);
    BN_mul(n.get(), p.get(), q.get(), bn.get());
  } while (BN_num_bits(n.get()) != 2'048);
  const Number p_less{BN_dup(p.get())};
  const Number q_less{BN_dup(q.get())};
  const Number order{BN_new()};
  BN_sub_word(p_less.get(), 1);
  BN_sub_word(q_less.get(), 1);
  BN_mul(order.get(), p_less.get(), q_less.get(), bn.get());
  BN_mod_inverse(d.get(), e.get(), order.get(), bn.get());
  BN_mod(d_p.get(), d.get(), p_less.get(), bn.get());
  BN_mod(d_q.get(), d.get(), q_less.get(), bn.get());
  BN_mod_inverse(inverse.get(), q.get(), p.get(), bn.get());
  const std::unique_ptr<OSSL_PARAM_BLD, FreeContext> build{OSSL_PARAM_BLD_new()};
  constexpr std::array kNames{OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
                              OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
                              OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
                              OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    OSSL_PARAM_BLD_push_BN(build.get(), kNames[i], numbers[i].get());
  }
  const std::unique_ptr<OSSL_PARAM, FreeContext> params{OSSL_PARAM_BLD_to_param(build.get())};
  const Owned<EVP_PKEY_CTX> import{EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(import.get());
  EVP_PKEY_fromdata(import.get(), &key, EVP_PKEY_KEYPAIR, params.get());
  return Owned<EVP_PKEY>{key};
}

// Key is one of OpenSSL's, for the kernel and for OpenSSL.
struct Key {
  Key(const openssl::Context& context, Owned<EVP_PKEY> pkey)
      : native{pkey.get()},
        owner{pkey.release()},
        ours{RsaPrivate::from(context, owner)},
        theirs{context, owner},
        n{part_of(native, OSSL_PKEY_PARAM_RSA_N)},
        width{owner.bits() / 8U},
        public_operation{EVP_PKEY_CTX_new_from_pkey(nullptr, native, nullptr)} {
    EVP_PKEY_encrypt_init(public_operation.get());
    EVP_PKEY_CTX_set_rsa_padding(public_operation.get(), RSA_NO_PADDING);
  }
  // apply_public raises to the public exponent; empty for what is not below the modulus.
  [[nodiscard]] Bytes apply_public(const Bytes& number) const {
    Bytes out(width);
    std::size_t len = out.size();
    const int done =
        EVP_PKEY_encrypt(public_operation.get(), out.data(), &len, number.data(), number.size());
    return done == 1 && len == width ? out : Bytes{};
  }
  [[nodiscard]] Bytes modulus(long plus) const {
    const Number sum{BN_dup(n.get())};
    if (plus >= 0) {
      BN_add_word(sum.get(), static_cast<BN_ULONG>(plus));
    } else {
      BN_sub_word(sum.get(), static_cast<BN_ULONG>(-plus));
    }
    return bytes_of(sum.get(), width);
  }
  EVP_PKEY* native;
  PrivateKey owner;
  std::unique_ptr<RsaPrivate> ours;
  openssl::Signer theirs;
  Number n;
  std::size_t width;
  Owned<EVP_PKEY_CTX> public_operation;
};

struct Operation {
  Key* key;
  Bytes input;
};

class BatchRsa : public ::testing::Test {
 protected:
  static constexpr std::size_t kSmallKeys = 9;
  static void SetUpTestSuite() {
    if (!available()) return;
    context_ = new openssl::Context;
    keys_ = new std::vector<std::unique_ptr<Key>>;
    // RSA-2048: as many as there are lanes and one more, with three public exponents.
    for (std::size_t i = 0; i < kSmallKeys; ++i) {
      const unsigned long exponent = i == 3 ? 3 : i == 6 ? 0xffff'fffb : 65'537;
      keys_->push_back(std::make_unique<Key>(*context_, generate(2'048, exponent)));
    }
    keys_->push_back(std::make_unique<Key>(*context_, read_key("rsa_3072.pem")));
    keys_->push_back(std::make_unique<Key>(*context_, read_key("rsa_4096.pem")));
  }
  static void TearDownTestSuite() {
    delete keys_;
    delete context_;
  }
  void SetUp() override {
    if (!available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    rsa_ = std::make_unique<Rsa>();
    for (const auto& key : *keys_) ASSERT_NE(key->ours, nullptr);
  }
  static Key& small_key(std::size_t i) { return *(*keys_)[i % kSmallKeys]; }
  static std::vector<Key*> one_of_each_size() {
    return {&small_key(0), (*keys_)[kSmallKeys].get(), (*keys_)[kSmallKeys + 1].get()};
  }

  RsaBlinding& next_blinding(RsaPrivate& key) {
    EXPECT_TRUE(key.uses_left() != 0 || key.renew(*rsa_));
    return key.next_blinding();
  }
  // raise gives what each lane gives; empty where it is refused.
  std::vector<Bytes> raise(const std::vector<Operation>& operations) {
    std::vector<Bytes> results;
    std::vector<RsaLane> lanes;
    for (const Operation& o : operations) results.emplace_back(o.key->width, 0xee);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      RsaPrivate& ours = *operations[i].key->ours;
      lanes.push_back({.key = &ours.key(),
                       .blinding = &next_blinding(ours),
                       .input = operations[i].input,
                       .output = results[i]});
    }
    rsa_->run(lanes);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (lanes[i].ok) continue;
      EXPECT_EQ(results[i], Bytes(results[i].size(), 0)) << "a refused lane gave something away";
      results[i].clear();
    }
    return results;
  }
  void expect_what_openssl_says(const std::vector<Operation>& operations) {
    const std::vector<Bytes> results = raise(operations);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      Bytes expected(operations[i].key->width);
      ASSERT_EQ(operations[i].key->theirs.decrypt_raw(operations[i].input, expected),
                expected.size());
      ASSERT_EQ(hex(results[i]), hex(expected)) << "lane " << i << hex(operations[i].input);
    }
  }
  // random_input is below the modulus of `key`.
  Bytes random_input(const Key& key) {
    Bytes bytes(key.width);
    do {
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    } while (bytes >= key.modulus(0));
    return bytes;
  }
  // expect_roots raises each result to the public exponent, with OpenSSL.  That is a permutation of
  // the numbers below the modulus, so only one result leads back to the input: nothing that a
  // comparison with OpenSSL's private operation would find is missed, for a thirtieth of the time.
  void expect_roots(const std::vector<Operation>& operations) {
    const std::vector<Bytes> results = raise(operations);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      ASSERT_EQ(hex(operations[i].key->apply_public(results[i])), hex(operations[i].input))
          << "lane " << i;
    }
  }
  // expect_random compares so many operations with OpenSSL's private one, and all others by its
  // public one.
  void expect_random(const std::vector<Key*>& keys, int compared, int operations) {
    for (int done = 0; done < operations; done += static_cast<int>(kLanes)) {
      std::vector<Operation> group;
      for (std::size_t i = 0; i < kLanes; ++i) {
        Key& key = *keys[(i + static_cast<std::size_t>(done) / kLanes) % keys.size()];
        group.push_back({&key, random_input(key)});
      }
      if (done < compared) {
        ASSERT_NO_FATAL_FAILURE(expect_what_openssl_says(group));
      } else {
        ASSERT_NO_FATAL_FAILURE(expect_roots(group));
      }
    }
  }
  static constexpr int kRandom = kSanitized ? 1'000 : 10'000;

  static inline openssl::Context* context_ = nullptr;
  static inline std::vector<std::unique_ptr<Key>>* keys_ = nullptr;
  std::unique_ptr<Rsa> rsa_;
  std::mt19937 random_{20'261'124};  // NOLINT: a fixed seed makes failures repeatable
};

TEST_F(BatchRsa, AgreesWithOpenssl2048) {
  std::vector<Key*> keys;
  for (std::size_t i = 0; i < kSmallKeys; ++i) keys.push_back(&small_key(i));
  expect_random(keys, 800, testing::rounds(kRandom, 1'000'000));
}
TEST_F(BatchRsa, AgreesWithOpenssl3072) {
  expect_random({one_of_each_size()[1]}, 320, testing::rounds(kRandom, 1'000'000));
}
TEST_F(BatchRsa, AgreesWithOpenssl4096) {
  expect_random({one_of_each_size()[2]}, 160, testing::rounds(kRandom, 500'000));
}

// Small and large numbers, powers of two, and multiples of the primes, which have no inverse.
TEST_F(BatchRsa, AgreesWithOpensslAtTheEdges) {
  for (Key* const key : one_of_each_size()) {
    std::vector<Operation> operations;
    for (const long i : {0L, 1L, 2L, 3L, 65'537L}) {
      const Number n{BN_new()};
      BN_set_word(n.get(), static_cast<BN_ULONG>(i));
      operations.push_back({key, bytes_of(n.get(), key->width)});
    }
    for (const long i : {1L, 2L, 3L}) operations.push_back({key, key->modulus(-i)});
    for (std::size_t bit = 51; bit < 8 * key->width - 1; bit += 52 * 4 + 13) {
      const Number n{BN_new()};
      BN_set_bit(n.get(), static_cast<int>(bit));
      operations.push_back({key, bytes_of(n.get(), key->width)});
    }
    for (const char* const name : {OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2}) {
      const Number prime = part_of(key->native, name);
      operations.push_back({key, bytes_of(prime.get(), key->width)});
      BN_mul_word(prime.get(), 1'000'003);
      operations.push_back({key, bytes_of(prime.get(), key->width)});
    }
    ASSERT_NO_FATAL_FAILURE(expect_what_openssl_says(operations));
  }
}

TEST_F(BatchRsa, RefusesWhatIsNotBelowTheModulusAndKeepsLanesApart) {
  Key& key = small_key(0);
  for (const Bytes& bad : {key.modulus(0), key.modulus(1), Bytes(key.width, 0xff), Bytes(255, 1),
                           Bytes(257, 0), Bytes{}}) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<Operation> operations;
      for (std::size_t i = 0; i < kLanes; ++i) operations.push_back({&key, Bytes(key.width, 0x11)});
      Bytes expected(key.width);
      ASSERT_EQ(key.theirs.decrypt_raw(operations[0].input, expected), key.width);
      operations[lane].input = bad;
      const std::vector<Bytes> results = raise(operations);
      for (std::size_t i = 0; i < kLanes; ++i) {
        ASSERT_EQ(hex(results[i]), i == lane ? "" : hex(expected)) << "lane " << i;
      }
    }
  }
}

TEST_F(BatchRsa, WorksOffAnyNumberOfLanesOfAnySizes) {
  const std::vector<Key*> sizes = one_of_each_size();
  for (std::size_t count = 0; count <= 2 * kLanes + 1; ++count) {
    std::vector<Operation> operations;
    for (std::size_t i = 0; i < count; ++i) {
      Key& key = i % 5 == 4 ? *sizes[1] : small_key(i);
      operations.push_back({&key, random_input(key)});
    }
    ASSERT_NO_FATAL_FAILURE(expect_what_openssl_says(operations));
  }
}

TEST_F(BatchRsa, LeavesKeysOfOtherShapesToOpenssl) {
  const auto fits = [](Owned<EVP_PKEY> key) {
    EXPECT_NE(key, nullptr);
    return RsaPrivate::from(*context_, PrivateKey{key.release()}) != nullptr;
  };
  EXPECT_TRUE(fits(generate(2'048, 17)));
  EXPECT_FALSE(fits(generate(1'024, 65'537)));
  EXPECT_FALSE(fits(generate(2'046, 65'537)));
  EXPECT_FALSE(fits(generate(2'560, 65'537)));
  EXPECT_FALSE(fits(generate(2'048, 65'537, 3))) << "three primes";
  EXPECT_FALSE(fits(generate(2'048, 0x1'0000'000f))) << "a public exponent of 33 bits";
  EXPECT_FALSE(fits(make_uneven_key()));
  EXPECT_FALSE(fits(testing::make_ec_key()));
  EXPECT_EQ(RsaPrivate::from(*context_, PrivateKey{}), nullptr);
}

// [Boneh, DeMillo, Lipton 1997] What is wrong modulo one prime would give both away.
TEST_F(BatchRsa, RefusesWhatAFaultHasTouched) {
  Key& key = small_key(1);
  using Change = void (*)(RsaKey&);
  const std::array<Change, 11> changes{
      [](RsaKey& k) { k.prime[0].exponent[3] ^= 1ULL << 17; },
      [](RsaKey& k) { k.prime[1].exponent[0] ^= 1; },
      [](RsaKey& k) { k.prime[0].modulus[1] ^= 4; },
      [](RsaKey& k) { k.prime[1].modulus[19] ^= 1; },
      [](RsaKey& k) { k.prime[0].cube[7] ^= 1ULL << 51; },
      [](RsaKey& k) { k.prime[1].cube[0] ^= 1; },
      [](RsaKey& k) { k.prime[0].negative_inverse ^= 2; },
      [](RsaKey& k) { k.q_inverse[19] ^= 1; },
      [](RsaKey& k) { k.square[3] ^= 1; },
      [](RsaKey& k) { k.modulus[39] ^= 1; },
      [](RsaKey& k) { k.public_exponent = 65'539; },
  };
  for (std::size_t c = 0; c < changes.size(); ++c) {
    const auto faulty = std::make_unique<RsaKey>(key.ours->key());
    changes[c](*faulty);
    const std::size_t bad = c % kLanes;
    std::vector<Bytes> inputs;
    std::vector<Bytes> results(kLanes, Bytes(key.width, 0xee));
    std::vector<RsaLane> lanes;
    for (std::size_t i = 0; i < kLanes; ++i) inputs.push_back(random_input(key));
    for (std::size_t i = 0; i < kLanes; ++i) {
      lanes.push_back({.key = i == bad ? faulty.get() : &key.ours->key(),
                       .blinding = &next_blinding(*key.ours),
                       .input = inputs[i],
                       .output = results[i]});
    }
    rsa_->run(lanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      Bytes expected(key.width);
      ASSERT_EQ(key.theirs.decrypt_raw(inputs[i], expected), key.width);
      EXPECT_EQ(lanes[i].ok, i != bad) << "change " << c;
      EXPECT_EQ(results[i], i == bad ? Bytes(key.width, 0) : expected) << "change " << c;
    }
  }
}

// The same for the kernel's own numbers, half-way: one bit of a power, one bit of every entry of a
// table.
TEST_F(BatchRsa, RefusesWhatAFaultTouchesOnTheWay) {
  Key& key = small_key(2);
  for (const int after : {150, 900, 1'500, 2'500}) {
    const auto batch = std::make_unique<RsaBatch>();
    const Bytes input = random_input(key);
    for (std::size_t i = 0; i < kLanes; ++i) {
      load_rsa_lane({.key = &key.ours->key(),
                     .blinding = &next_blinding(*key.ours),
                     .input = input,
                     .output = {}},
                    i, *batch);
    }
    rsa_begin(*batch);
    ASSERT_FALSE(rsa_step(*batch, after));
    ASSERT_EQ(batch->phase, RsaBatch::Phase::power);
    batch->power[batch->half][5][3] ^= 1U << 9;
    for (auto& entry : batch->table) entry[2][6] ^= 1;
    while (!rsa_step(*batch, 100)) {
    }
    // Not the lanes with a fault, and all others.
    EXPECT_EQ(batch->good, 0xff & ~(1 << 3) & ~(1 << 6)) << "after " << after;
    for (const auto& limb : batch->output) {
      EXPECT_EQ(limb[3], 0U);
      EXPECT_EQ(limb[6], 0U);
    }
  }
}

TEST_F(BatchRsa, TakesAnyStepsAndNeverMuchMoreThanAskedFor) {
  for (Key* const key : one_of_each_size()) {
    Bytes expected(key->width);
    const Bytes input = random_input(*key);
    ASSERT_EQ(key->theirs.decrypt_raw(input, expected), key->width);
    for (const int step : {1, 30, 1'000'000}) {
      Bytes result(key->width);
      std::array lanes{RsaLane{.key = &key->ours->key(),
                               .blinding = &next_blinding(*key->ours),
                               .input = input,
                               .output = result}};
      rsa_->begin(lanes);
      int steps = 1;
      while (!rsa_->step(step)) ++steps;
      rsa_->finish(lanes);
      EXPECT_TRUE(lanes[0].ok);
      EXPECT_EQ(result, expected);
      if (step == 1'000'000) {
        EXPECT_EQ(steps, 1);
      }
      // A step of one multiplication does one thing: a window, a squaring modulo n.
      if (step == 1) {
        EXPECT_GT(steps, 2 * 128 * key->ours->key().tens);
      }
    }
  }
}

// Every use leaves another pair, and after a while they are new ones.
TEST_F(BatchRsa, BlindsEveryUseDifferently) {
  Key& key = small_key(4);
  std::vector<std::array<std::uint64_t, kMaxRsaLimbs>> seen;
  for (int use = 0; use < 140; ++use) {
    std::vector<Bytes> results(kLanes, Bytes(key.width));
    const Bytes input = random_input(key);
    std::vector<RsaLane> lanes;
    for (std::size_t i = 0; i < kLanes; ++i) {
      RsaBlinding& pair = next_blinding(*key.ours);
      seen.push_back(pair.blind);
      lanes.push_back(
          {.key = &key.ours->key(), .blinding = &pair, .input = input, .output = results[i]});
    }
    rsa_->run(lanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      EXPECT_TRUE(lanes[i].ok);
      EXPECT_EQ(results[i], results[0]);
    }
  }
  const std::size_t all = seen.size();
  std::ranges::sort(seen);
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  EXPECT_EQ(seen.size(), all);
}

// plain is the number that Montgomery's form stands for: OpenSSL divides it by R.
Number plain(const Key& key, const std::array<std::uint64_t, kMaxRsaLimbs>& limbs) {
  const std::unique_ptr<BN_CTX, FreeContext> bn{BN_CTX_new()};
  const std::size_t count = 20 * static_cast<std::size_t>(key.ours->key().tens);
  Bytes bytes(kMaxLongBytes);
  take_limbs(
      count, [&](std::size_t i) { return limbs[i] & kLimb52Mask; }, bytes);
  const Number r{BN_new()};
  BN_set_bit(r.get(), static_cast<int>(kLimb52Bits * count));
  BN_mod_inverse(r.get(), r.get(), key.n.get(), bn.get());
  Number number{BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
  BN_mod_mul(number.get(), number.get(), r.get(), key.n.get(), bn.get());
  return number;
}
// cancels_out asks OpenSSL whether U^e B is 1 modulo n.
bool cancels_out(const Key& key, const RsaBlinding& pair) {
  const std::unique_ptr<BN_CTX, FreeContext> bn{BN_CTX_new()};
  const Number e = part_of(key.native, OSSL_PKEY_PARAM_RSA_E);
  const Number product = plain(key, pair.unblind);
  BN_mod_exp(product.get(), product.get(), e.get(), key.n.get(), bn.get());
  BN_mod_mul(product.get(), product.get(), plain(key, pair.blind).get(), key.n.get(), bn.get());
  return BN_is_one(product.get());
}

TEST_F(BatchRsa, MakesPairsThatCancelOut) {
  std::vector<Key*> keys = one_of_each_size();
  for (const std::size_t i : {3U, 6U}) keys.push_back(&small_key(i));  // other public exponents
  for (Key* const key : keys) {
    std::vector<std::array<std::uint64_t, kMaxRsaLimbs>> seen;
    for (int renewal = 0; renewal < 4; ++renewal) {
      ASSERT_TRUE(key->ours->renew(*rsa_));
      ASSERT_EQ(key->ours->uses_left(), RsaPrivate::kUses);
      for (std::size_t i = 0; i < kLanes; ++i) {
        const RsaBlinding& pair = key->ours->next_blinding();
        EXPECT_TRUE(cancels_out(*key, pair));
        seen.push_back(pair.blind);
        seen.push_back(pair.unblind);
      }
    }
    const std::size_t all = seen.size();
    std::ranges::sort(seen);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    EXPECT_EQ(seen.size(), all);
    const std::vector<Operation> operations(kLanes, {key, random_input(*key)});
    ASSERT_NO_FATAL_FAILURE(expect_what_openssl_says(operations));
  }
}

// What is drawn is one half of a pair, and the other half is what OpenSSL says.
TEST_F(BatchRsa, InvertsTheRootOfWhatIsDrawn) {
  for (Key* const key : one_of_each_size()) {
    const std::unique_ptr<BN_CTX, FreeContext> bn{BN_CTX_new()};
    Bytes drawn;
    std::vector<Bytes> numbers(kLanes, Bytes(key->width));
    numbers[0].back() = 1;
    numbers[1].back() = 2;
    numbers[2] = key->modulus(-1);
    for (std::size_t i = 3; i < kLanes; ++i) numbers[i] = random_input(*key);
    for (const Bytes& number : numbers) drawn.insert(drawn.end(), number.begin(), number.end());
    std::array<RsaBlinding, kLanes> pairs;
    rsa_->begin_renewal(key->ours->key(), drawn);
    while (!rsa_->step(100)) {
    }
    ASSERT_TRUE(rsa_->finish_renewal(pairs));
    for (std::size_t i = 0; i < kLanes; ++i) {
      Bytes root(key->width);
      ASSERT_EQ(key->theirs.decrypt_raw(numbers[i], root), key->width);
      const Number inverse{BN_bin2bn(root.data(), static_cast<int>(root.size()), nullptr)};
      BN_mod_inverse(inverse.get(), inverse.get(), key->n.get(), bn.get());
      EXPECT_EQ(bytes_of(plain(*key, pairs[i].blind).get(), key->width), numbers[i]) << i;
      EXPECT_EQ(BN_cmp(plain(*key, pairs[i].unblind).get(), inverse.get()), 0) << i;
    }
  }
}

// Zero, and what a prime divides, has no inverse.  The other lanes do not notice; but of such a
// batch nothing is used.
TEST_F(BatchRsa, MakesNoPairOfWhatHasNoInverse) {
  for (Key* const key : one_of_each_size()) {
    const std::array bad{
        bytes_of(part_of(key->native, OSSL_PKEY_PARAM_RSA_FACTOR1).get(), key->width),
        bytes_of(part_of(key->native, OSSL_PKEY_PARAM_RSA_FACTOR2).get(), key->width),
        Bytes(key->width, 0)};
    const auto batch = std::make_unique<RsaBatch>();
    Bytes drawn;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Bytes number = i % 2 == 1 && i / 2 < bad.size() ? bad[i / 2] : random_input(*key);
      drawn.insert(drawn.end(), number.begin(), number.end());
      load_rsa_renewal(key->ours->key(), number, i, *batch);
    }
    rsa_begin(*batch);
    while (!rsa_step(*batch, 1'000)) {
    }
    EXPECT_EQ(batch->good, 0b1101'0101);
    const std::size_t limbs = 20 * static_cast<std::size_t>(batch->tens);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const bool good = (batch->good >> i & 1) != 0;
      RsaBlinding pair;
      for (std::size_t limb = 0; limb < limbs; ++limb) {
        pair.blind[limb] = batch->blind[limb][i];
        pair.unblind[limb] = batch->unblind[limb][i];
      }
      EXPECT_EQ(good, cancels_out(*key, pair)) << "lane " << i;
      EXPECT_EQ(good, pair.blind != RsaBlinding{}.blind) << "lane " << i;
      EXPECT_EQ(good, pair.unblind != RsaBlinding{}.unblind) << "lane " << i;
    }
    std::array<RsaBlinding, kLanes> pairs{};
    pairs[7].blind[3] = 5;
    rsa_->begin_renewal(key->ours->key(), drawn);
    while (!rsa_->step(1'000)) {
    }
    EXPECT_FALSE(rsa_->finish_renewal(pairs));
    EXPECT_EQ(pairs[0].unblind, RsaBlinding{}.unblind);
    EXPECT_EQ(pairs[7].blind[3], 5U);
  }
}

// A fault in a renewal is seen, and the pairs that there are stay in force.
TEST_F(BatchRsa, KeepsItsPairsWhereARenewalFails) {
  Key& key = small_key(7);
  ASSERT_TRUE(key.ours->renew(*rsa_));
  auto& stored = const_cast<RsaKey&>(key.ours->key());  // memory that only this test writes to
  using Change = void (*)(RsaKey&);
  const std::array<Change, 5> changes{
      [](RsaKey& k) { k.prime[0].negative_exponent[3] ^= 1ULL << 17; },
      [](RsaKey& k) { k.prime[1].negative_exponent[0] ^= 2; },
      [](RsaKey& k) { k.prime[1].cube[0] ^= 1; },
      [](RsaKey& k) { k.q_inverse[19] ^= 1; },
      [](RsaKey& k) { k.square[3] ^= 1; },
  };
  const auto good = std::make_unique<RsaKey>(stored);
  int used = 0;
  int failed = 0;
  for (const Change change : changes) {
    change(stored);
    EXPECT_FALSE(key.ours->renew(*rsa_));
    EXPECT_EQ(key.ours->failed_renewals(), ++failed);
    stored = *good;
    EXPECT_EQ(key.ours->uses_left(), RsaPrivate::kUses - used);
    const std::vector<Operation> operations(kLanes, {&key, random_input(key)});
    ASSERT_NO_FATAL_FAILURE(expect_what_openssl_says(operations));
    used += static_cast<int>(kLanes);
  }
  key.ours->distrust_blindings();
  EXPECT_EQ(key.ours->uses_left(), 0);
  ASSERT_TRUE(key.ours->renew(*rsa_));
  EXPECT_EQ(key.ours->failed_renewals(), 0);
}

TEST_F(BatchRsa, CountsBatchesWithAFaultInARow) {
  Key& key = small_key(6);
  RsaPrivate& ours = *key.ours;
  EXPECT_EQ(ours.failed_batches(), 0);
  for (int failed = 1; failed <= 2; ++failed) {
    ASSERT_TRUE(ours.renew(*rsa_));
    for (std::size_t lane = 0; lane < kLanes; ++lane) ours.distrust_blindings();
    EXPECT_EQ(ours.failed_batches(), failed);
    EXPECT_EQ(ours.uses_left(), 0);
  }
  ASSERT_TRUE(ours.renew(*rsa_));
  EXPECT_EQ(ours.failed_batches(), 2) << "a renewal is no use";
  ours.use_passed();
  EXPECT_EQ(ours.failed_batches(), 0);
}

// The check is of the numbers that will be used, so a fault between the one and the other is seen.
TEST_F(BatchRsa, ChecksTheVeryPairsThatItGives) {
  for (Key* const key : one_of_each_size()) {
    const auto batch = std::make_unique<RsaBatch>();
    for (std::size_t i = 0; i < kLanes; ++i) {
      load_rsa_renewal(key->ours->key(), random_input(*key), i, *batch);
    }
    rsa_begin(*batch);
    while (batch->phase != RsaBatch::Phase::verify || batch->position != 0) {
      ASSERT_FALSE(rsa_step(*batch, 1));
    }
    batch->square[3][5] ^= 1;  // out of it comes one half of a pair
    ASSERT_TRUE(rsa_step(*batch, 1));
    EXPECT_EQ(batch->good, 0b1101'1111);
  }
}

// Numbers that are drawn are uniform below the modulus, so that none is left out.
TEST_F(BatchRsa, TellsNumbersBelowTheModulus) {
  for (Key* const key : one_of_each_size()) {
    const RsaKey& ours = key->ours->key();
    for (const long above : {0L, 1L, 1'000'000L}) {
      EXPECT_FALSE(is_below_modulus(ours, key->modulus(above)));
    }
    for (const long below : {-1L, -2L, -1'000'000L}) {
      EXPECT_TRUE(is_below_modulus(ours, key->modulus(below)));
    }
    EXPECT_TRUE(is_below_modulus(ours, Bytes(key->width, 0)));
    EXPECT_FALSE(is_below_modulus(ours, Bytes(key->width, 0xff)));
  }
}

int traces(ByteView number) {
  int found = 0;
  for (std::size_t at = 0; at + 8 <= number.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, number.data() + at, sizeof word);
    found += testing::words_below_stack(word);
    found += testing::words_below_stack(__builtin_bswap64(word));
  }
  return found;
}
template <std::size_t N>
int traces_of_limbs(const std::array<std::uint64_t, N>& limbs) {
  int found = 0;
  for (const std::uint64_t limb : limbs) {
    if (limb > 0xffff) found += testing::words_below_stack(limb);
  }
  return found;
}

TEST_F(BatchRsa, LeavesNothingOnTheStack) {
  if (!testing::kStackCanBeScanned) GTEST_SKIP() << "the stack cannot be scanned in this build";
  Key& key = small_key(5);
  const Bytes input = random_input(key);
  Bytes result(key.width);
  std::array lanes{RsaLane{.key = &key.ours->key(),
                           .blinding = &next_blinding(*key.ours),
                           .input = input,
                           .output = result}};
  rsa_->run(lanes);
  EXPECT_EQ(traces(result), 0);
  for (const RsaKey::Prime& prime : key.ours->key().prime) {
    EXPECT_EQ(traces_of_limbs(prime.modulus), 0);
    EXPECT_EQ(traces_of_limbs(prime.exponent), 0);
  }
  ASSERT_TRUE(lanes[0].ok);
}

TEST_F(BatchRsa, LeavesNothingOfARenewalOnTheStack) {
  if (!testing::kStackCanBeScanned) GTEST_SKIP() << "the stack cannot be scanned in this build";
  Key& key = small_key(5);
  Bytes drawn;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const Bytes number = random_input(key);
    drawn.insert(drawn.end(), number.begin(), number.end());
  }
  const auto pairs = std::make_unique<std::array<RsaBlinding, kLanes>>();
  for (std::size_t i = 0; i < kLanes; ++i) {
    ASSERT_TRUE(is_below_modulus(key.ours->key(), ByteView{drawn}.subspan(256 * i, 256)));
  }
  rsa_->begin_renewal(key.ours->key(), drawn);
  while (!rsa_->step(500)) {
  }
  ASSERT_TRUE(rsa_->finish_renewal(*pairs));
  EXPECT_EQ(traces(drawn), 0);
  for (const RsaBlinding& pair : *pairs) {
    EXPECT_EQ(traces_of_limbs(pair.blind), 0);
    EXPECT_EQ(traces_of_limbs(pair.unblind), 0);
  }
  for (const RsaKey::Prime& prime : key.ours->key().prime) {
    EXPECT_EQ(traces_of_limbs(prime.negative_exponent), 0);
  }
}

TEST_F(BatchRsa, WipesABatch) {
  const auto batch = std::make_unique<RsaBatch>();
  std::memset(static_cast<void*>(batch.get()), 0xa5, sizeof *batch);
  rsa_wipe(*batch);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(batch.get());
  EXPECT_TRUE(std::all_of(bytes, bytes + sizeof *batch, [](std::uint8_t b) { return b == 0; }));
}

}  // namespace
}  // namespace sallyport::crypto::batch
