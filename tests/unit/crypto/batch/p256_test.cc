#include "lib/crypto/batch/p256.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/lanes.h"
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/transpose.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/sign/ecdsa_signature.h"
#include "tests/support/hex.h"
#include "tests/support/long_run.h"
#include "tests/support/vectors.h"
#include "tests/unit/crypto/batch/agreements.h"
#include "tests/unit/crypto/batch/stack_scan.h"

namespace sallyport::crypto::batch {
namespace {

using testing::hex;
using testing::unhex;
using Bytes = std::vector<std::uint8_t>;

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EC_GROUP* p) const { EC_GROUP_free(p); }
  void operator()(EC_POINT* p) const { EC_POINT_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(BN_CTX* p) const { BN_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIGNUM> number(const Bytes& bytes) {
  return Owned<BIGNUM>{BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
}
Bytes bytes_of(const BIGNUM* n) {
  Bytes bytes(32);
  BN_bn2binpad(n, bytes.data(), 32);
  return bytes;
}

// Curve is what OpenSSL says.
class Curve {
 public:
  Curve() : group_{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)}, context_{BN_CTX_new()} {
    EC_GROUP_get_curve(group_.get(), p_.get(), nullptr, nullptr, nullptr);
  }
  // multiply gives the uncompressed product; of the base point, if `point` is empty.
  [[nodiscard]] Bytes multiply(const Bytes& scalar, const Bytes& point) const {
    const Owned<EC_POINT> result{EC_POINT_new(group_.get())};
    const Owned<BIGNUM> k = number(scalar);
    if (point.empty()) {
      EC_POINT_mul(group_.get(), result.get(), k.get(), nullptr, nullptr, context_.get());
    } else {
      const Owned<EC_POINT> q{EC_POINT_new(group_.get())};
      if (EC_POINT_oct2point(group_.get(), q.get(), point.data(), point.size(), context_.get()) !=
          1) {
        return {};
      }
      EC_POINT_mul(group_.get(), result.get(), nullptr, q.get(), k.get(), context_.get());
    }
    Bytes bytes(65);
    const std::size_t len =
        EC_POINT_point2oct(group_.get(), result.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(),
                           bytes.size(), context_.get());
    bytes.resize(len);
    return bytes;
  }
  // point_at finds the point with this x-coordinate; empty where there is none.
  [[nodiscard]] Bytes point_at(const Bytes& x) const {
    Bytes compressed{0x02};
    compressed.insert(compressed.end(), x.begin(), x.end());
    const Owned<EC_POINT> q{EC_POINT_new(group_.get())};
    if (EC_POINT_oct2point(group_.get(), q.get(), compressed.data(), compressed.size(),
                           context_.get()) != 1) {
      return {};
    }
    Bytes bytes(65);
    EC_POINT_point2oct(group_.get(), q.get(), POINT_CONVERSION_UNCOMPRESSED, bytes.data(), 65,
                       context_.get());
    return bytes;
  }
  // sign makes r and s with this nonce.
  [[nodiscard]] std::pair<Bytes, Bytes> sign(const Bytes& key, const Bytes& digest,
                                             const Bytes& nonce) const {
    const Bytes point = multiply(nonce, {});
    const Owned<BIGNUM> r = number({point.begin() + 1, point.begin() + 33});
    BN_nnmod(r.get(), r.get(), n(), context_.get());
    const Owned<BIGNUM> s = number(key);
    BN_mod_mul(s.get(), s.get(), r.get(), n(), context_.get());
    BN_mod_add(s.get(), s.get(), number(digest).get(), n(), context_.get());
    const Owned<BIGNUM> inverse{BN_mod_inverse(nullptr, number(nonce).get(), n(), context_.get())};
    BN_mod_mul(s.get(), s.get(), inverse.get(), n(), context_.get());
    return {bytes_of(r.get()), bytes_of(s.get())};
  }
  [[nodiscard]] const BIGNUM* p() const { return p_.get(); }
  [[nodiscard]] const BIGNUM* n() const { return EC_GROUP_get0_order(group_.get()); }

 private:
  Owned<EC_GROUP> group_;
  Owned<BN_CTX> context_;
  Owned<BIGNUM> p_{BN_new()};
};

// offset is base + by, or base - by.
Bytes offset(const BIGNUM* base, long by) {
  const Owned<BIGNUM> sum{BN_dup(base)};
  if (by >= 0) {
    BN_add_word(sum.get(), static_cast<BN_ULONG>(by));
  } else {
    BN_sub_word(sum.get(), static_cast<BN_ULONG>(-by));
  }
  return bytes_of(sum.get());
}
Bytes small(unsigned value) {
  Bytes bytes(32, 0);
  bytes[30] = static_cast<std::uint8_t>(value >> 8);
  bytes[31] = static_cast<std::uint8_t>(value);
  return bytes;
}

bool verifies(const Bytes& public_point, const Bytes& digest, ByteView signature) {
  char name[] = "prime256v1";
  Bytes point = public_point;
  const std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  const Owned<EVP_PKEY_CTX> import{EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(import.get());
  EVP_PKEY_fromdata(import.get(), &key, EVP_PKEY_PUBLIC_KEY,
                    const_cast<OSSL_PARAM*>(params.data()));
  const Owned<EVP_PKEY> owner{key};
  const Owned<EVP_PKEY_CTX> operation{EVP_PKEY_CTX_new(key, nullptr)};
  return EVP_PKEY_verify_init(operation.get()) == 1 &&
         EVP_PKEY_verify(operation.get(), signature.data(), signature.size(), digest.data(),
                         digest.size()) == 1;
}

struct ToSign {
  Bytes key;
  Bytes digest;
};

class BatchP256 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    static const P256 kernel;  // the table is the same for all tests
    p256_ = &kernel;
  }
  [[nodiscard]] std::vector<Bytes> agree(const std::vector<Pair>& pairs) const {
    return batch::agree(*p256_, pairs);
  }
  // make gives public keys, all empty if one of the private keys is refused.
  [[nodiscard]] std::vector<Bytes> make(const std::vector<Bytes>& scalars) const {
    std::vector<KeyShare> shares(scalars.size());
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      std::ranges::copy(scalars[i], shares[i].private_key.begin());
    }
    const bool good = p256_->make_public(shares);
    std::vector<Bytes> out;
    for (const KeyShare& share : shares) {
      out.emplace_back(share.public_key.begin(), share.public_key.begin() + (good ? 65 : 0));
    }
    return out;
  }
  [[nodiscard]] std::vector<Bytes> sign(const std::vector<ToSign>& inputs,
                                        const Bytes& entropy) const {
    std::vector<Bytes> signatures(inputs.size(), Bytes(kMaxP256Signature));
    std::vector<EcdsaLane> lanes;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      lanes.push_back({.key = inputs[i].key,
                       .digest = inputs[i].digest,
                       .entropy = entropy,
                       .signature = signatures[i]});
    }
    p256_->sign(lanes);
    for (std::size_t i = 0; i < inputs.size(); ++i) signatures[i].resize(lanes[i].signature_len);
    return signatures;
  }
  void expect_agreement(const std::vector<Pair>& pairs) const {
    const std::vector<Bytes> got = agree(pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Bytes product = curve_.multiply(pairs[i].scalar, pairs[i].peer);
      ASSERT_EQ(product.size(), 65U) << "the test itself is wrong";
      ASSERT_EQ(hex(got[i]), hex(ByteView{product}.subspan(1, 32)))
          << "lane " << i << " scalar " << hex(pairs[i].scalar) << " peer " << hex(pairs[i].peer);
    }
  }
  void expect_public(const std::vector<Bytes>& scalars) const {
    const std::vector<Bytes> got = make(scalars);
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      ASSERT_EQ(hex(got[i]), hex(curve_.multiply(scalars[i], {})))
          << "lane " << i << " scalar " << hex(scalars[i]);
    }
  }
  void expect_signatures(const std::vector<ToSign>& inputs) {
    const std::vector<Bytes> signatures = sign(inputs, random_bytes());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      ASSERT_TRUE(verifies(curve_.multiply(inputs[i].key, {}), inputs[i].digest, signatures[i]))
          << "lane " << i << " key " << hex(inputs[i].key) << " digest " << hex(inputs[i].digest);
    }
  }
  Bytes random_bytes() {
    Bytes bytes(32);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  Bytes random_scalar() {
    Bytes bytes = random_bytes();
    while (BN_cmp(number(bytes).get(), curve_.n()) >= 0) bytes = random_bytes();
    return bytes;
  }
  Bytes random_point() { return curve_.multiply(random_scalar(), {}); }

  // Scalars with few digits, with digits at their limits, and near the order, where sums of
  // multiples come closest to meeting each other.
  std::vector<Bytes> edge_scalars() {
    std::vector<Bytes> scalars;
    for (unsigned i = 1; i <= 70; ++i) scalars.push_back(small(i));
    for (long i = 1; i <= 70; ++i) scalars.push_back(offset(curve_.n(), -i));
    for (int bit = 0; bit < 256; ++bit) {
      const Owned<BIGNUM> power{BN_new()};
      BN_set_bit(power.get(), bit);
      for (const long by : {-1L, 0L, 1L}) {
        const Bytes scalar = offset(power.get(), by);
        if (scalar != small(0)) scalars.push_back(scalar);
      }
    }
    for (const unsigned width : {5U, 6U}) {
      for (unsigned a = 0; a < 1U << width; ++a) {
        for (const unsigned b :
             {a, 0U, (1U << (width - 1)) - 1, 1U << (width - 1), (1U << width) - 1}) {
          const Owned<BIGNUM> k{BN_new()};
          for (unsigned i = 255 / width; i-- > 0;) {
            BN_lshift(k.get(), k.get(), static_cast<int>(width));
            BN_add_word(k.get(), i % 2 == 0 ? a : b);
          }
          if (!BN_is_zero(k.get())) scalars.push_back(bytes_of(k.get()));
        }
      }
    }
    return scalars;
  }

  const P256* p256_ = nullptr;
  Curve curve_;
  std::mt19937 random_{20'261'122};  // NOLINT: a fixed seed makes failures repeatable
};

TEST_F(BatchP256, MakesKeysWithOpenssl) {
  const int groups = testing::rounds(10'000, 1'000'000) / static_cast<int>(kLanes);
  for (int group = 0; group < groups; ++group) {
    std::vector<Bytes> scalars;
    for (std::size_t i = 0; i < kLanes; ++i) scalars.push_back(random_scalar());
    ASSERT_NO_FATAL_FAILURE(expect_public(scalars));
  }
}

TEST_F(BatchP256, MakesKeysWithOpensslAtTheEdges) { expect_public(edge_scalars()); }

TEST_F(BatchP256, MakesNoKeysOfWhatIsNoScalar) {
  for (const Bytes& bad :
       {small(0), offset(curve_.n(), 0), offset(curve_.n(), 1), Bytes(32, 0xff)}) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<Bytes> scalars(kLanes, small(5));
      EXPECT_FALSE(make(scalars)[0].empty());
      scalars[lane] = bad;
      EXPECT_TRUE(make(scalars)[0].empty()) << hex(bad);
    }
  }
}

TEST_F(BatchP256, AgreesWithOpenssl) {
  const int groups = testing::rounds(10'000, 1'000'000) / static_cast<int>(kLanes);
  Bytes point = random_point();
  for (int group = 0; group < groups; ++group) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Bytes scalar = random_scalar();
      pairs.push_back({scalar, point});
      point = curve_.multiply(scalar, {});
    }
    ASSERT_NO_FATAL_FAILURE(expect_agreement(pairs));
  }
}

TEST_F(BatchP256, AgreesWithOpensslAtTheEdges) {
  std::vector<Pair> pairs;
  const Bytes point = random_point();
  for (const Bytes& scalar : edge_scalars()) pairs.push_back({scalar, point});
  expect_agreement(pairs);
}

// Points with coordinates of few and of many bits, and small multiples of the base point.
TEST_F(BatchP256, AgreesOnOddPoints) {
  std::vector<Pair> pairs;
  for (unsigned i = 0; i < 64; ++i) {
    for (const Bytes& x : {small(i), offset(curve_.p(), -static_cast<long>(i) - 1)}) {
      const Bytes point = curve_.point_at(x);
      if (!point.empty()) pairs.push_back({random_scalar(), point});
    }
  }
  ASSERT_GT(pairs.size(), 40U);
  for (unsigned i = 1; i <= 40; ++i) {
    pairs.push_back({random_scalar(), curve_.multiply(small(i), {})});
    pairs.push_back(
        {random_scalar(), curve_.multiply(offset(curve_.n(), -static_cast<long>(i)), {})});
  }
  expect_agreement(pairs);
}

TEST_F(BatchP256, RefusesWhatIsNoPointAndNoScalarAndKeepsLanesApart) {
  const Bytes good = random_point();
  std::vector<Pair> bad;
  const auto with = [&](auto change) {
    Bytes share = good;
    change(share);
    bad.push_back({random_scalar(), share});
  };
  with([](Bytes& s) { s[64] ^= 1; });
  with([](Bytes& s) { s[1] ^= 0x80; });
  with([](Bytes& s) { s[0] = 0x02; });
  with([](Bytes& s) { s[0] = 0x06; });  // hybrid
  with([](Bytes& s) { s[0] = 0x00; });
  with([](Bytes& s) { s.resize(64); });
  with([](Bytes& s) { s.resize(66); });
  with([](Bytes& s) { s.resize(33); });
  with([](Bytes& s) { s.clear(); });
  with([](Bytes& s) { s = {0}; });  // infinity
  with([](Bytes& s) { std::fill(s.begin() + 1, s.end(), std::uint8_t{0}); });
  with([](Bytes& s) { std::fill(s.begin() + 1, s.end(), std::uint8_t{0xff}); });
  // The same point with p added to a coordinate: only small ones leave room for it.
  for (unsigned i = 0; i < 16; ++i) {
    Bytes share = curve_.point_at(small(i));
    if (share.empty()) continue;
    std::ranges::copy(offset(curve_.p(), static_cast<long>(i)), share.begin() + 1);
    bad.push_back({random_scalar(), share});
  }
  ASSERT_GT(bad.size(), 15U);
  for (const Bytes& scalar :
       {small(0), offset(curve_.n(), 0), offset(curve_.n(), 1), Bytes(32, 0xff)}) {
    bad.push_back({scalar, good});
  }
  const Pair fine{random_scalar(), good};
  const Bytes product = curve_.multiply(fine.scalar, fine.peer);
  const std::string expected = hex(ByteView{product}.subspan(1, 32));
  for (const Pair& pair : bad) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<Pair> pairs(kLanes, fine);
      pairs[lane] = pair;
      const std::vector<Bytes> got = agree(pairs);
      for (std::size_t i = 0; i < kLanes; ++i) {
        ASSERT_EQ(hex(got[i]), i == lane ? "" : expected)
            << hex(pair.scalar) << " with " << hex(pair.peer);
      }
    }
  }
}

TEST_F(BatchP256, GivesKnownAnswers) {
  std::vector<Pair> pairs;
  std::vector<std::string> expected;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/ecdh.vec")) {
    if (v.algorithm == "x25519") continue;
    pairs.push_back({v.bytes("private"), v.bytes("public")});
    expected.push_back(v.is_valid() ? std::string{v.text("shared")} : "");
  }
  ASSERT_GE(pairs.size(), 350U);
  const std::vector<Bytes> got = agree(pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) EXPECT_EQ(hex(got[i]), expected[i]) << i;
}

// [RFC 6979 3.2] The examples of its appendix A.2.5.
TEST_F(BatchP256, SignsAsTheStandardSaysWithoutEntropy) {
  const Bytes key = unhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  const auto digest = [](std::string_view text) {
    const Digest d = hash(HashAlgorithm::sha256, testing::bytes_of(text));
    return Bytes{d.view().begin(), d.view().end()};
  };
  const std::vector<Bytes> got = sign({{key, digest("sample")}, {key, digest("test")}}, {});
  EXPECT_EQ(hex(got[0]),
            "3046"
            "022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  EXPECT_EQ(hex(got[1]),
            "3045"
            "022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
            "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
}

TEST_F(BatchP256, SignsWhatOpensslVerifies) {
  const int groups = testing::rounds(10'000, 1'000'000) / static_cast<int>(kLanes);
  for (int group = 0; group < groups; ++group) {
    std::vector<ToSign> inputs;
    for (std::size_t i = 0; i < kLanes; ++i) inputs.push_back({random_scalar(), random_bytes()});
    ASSERT_NO_FATAL_FAILURE(expect_signatures(inputs));
  }
}

TEST_F(BatchP256, SignsWhatOpensslVerifiesAtTheEdges) {
  const std::vector<Bytes> digests{small(0),
                                   small(1),
                                   Bytes(32, 0xff),
                                   offset(curve_.n(), -1),
                                   offset(curve_.n(), 0),
                                   offset(curve_.n(), 1),
                                   offset(curve_.p(), 0),
                                   random_bytes()};
  std::vector<ToSign> inputs;
  for (const Bytes& key : edge_scalars()) {
    inputs.push_back({key, digests[inputs.size() % digests.size()]});
  }
  expect_signatures(inputs);
}

// [FIPS 186-5 6.4.1] Nonces that nobody would draw: with leading zeros, next to the order, and with
// digits at their limits.
TEST_F(BatchP256, SignsWithAnyNonceAsTheStandardSays) {
  const auto table = std::make_unique<P256Table>();
  p256_make_table(*table);
  const std::vector<Bytes> nonces = edge_scalars();
  for (std::size_t done = 0; done < nonces.size(); done += kLanes) {
    const std::size_t count = std::min(kLanes, nonces.size() - done);
    const ToSign input{random_scalar(), random_bytes()};
    Lanes256 key{};
    Lanes256 digest{};
    Lanes256 nonce{};
    for (std::size_t i = 0; i < count; ++i) {
      set_lane_big_endian(key, i, std::span{input.key}.first<32>());
      set_lane_big_endian(digest, i, std::span{input.digest}.first<32>());
      set_lane_big_endian(nonce, i, std::span{nonces[done + i]}.first<32>());
    }
    P256Signature made;
    const unsigned good = p256_sign_kernel(*table, key, digest, nonce, made);
    ASSERT_EQ(good, (1U << count) - 1) << "lanes without a nonce are no good";
    for (std::size_t i = 0; i < count; ++i) {
      Bytes r(32);
      Bytes s(32);
      take_lane_big_endian(made.r, i, std::span{r}.first<32>());
      take_lane_big_endian(made.s, i, std::span{s}.first<32>());
      const auto [expected_r, expected_s] = curve_.sign(input.key, input.digest, nonces[done + i]);
      ASSERT_EQ(hex(r), hex(expected_r)) << "nonce " << hex(nonces[done + i]);
      ASSERT_EQ(hex(s), hex(expected_s)) << "nonce " << hex(nonces[done + i]);
    }
  }
}

TEST_F(BatchP256, MakesNoSignatureWithWhatIsNoNonce) {
  const auto table = std::make_unique<P256Table>();
  p256_make_table(*table);
  Lanes256 key{};
  Lanes256 digest{};
  Lanes256 nonce{};
  const std::array<Bytes, kLanes> nonces{small(1), small(0),       offset(curve_.n(), 0),
                                         small(2), small(3),       offset(curve_.n(), 1),
                                         small(4), Bytes(32, 0xff)};
  const Bytes scalar = random_scalar();
  for (std::size_t i = 0; i < kLanes; ++i) {
    set_lane_big_endian(key, i, std::span{scalar}.first<32>());
    set_lane_big_endian(nonce, i, std::span{nonces[i]}.first<32>());
  }
  P256Signature made;
  EXPECT_EQ(p256_sign_kernel(*table, key, digest, nonce, made), 0b0101'1001);
}

TEST_F(BatchP256, SignsDifferentlyWithOtherEntropy) {
  const ToSign input{random_scalar(), random_bytes()};
  const std::vector<ToSign> inputs(kLanes, input);
  const std::vector<Bytes> once = sign(inputs, random_bytes());
  const std::vector<Bytes> again = sign(inputs, random_bytes());
  EXPECT_EQ(once[0], once[7]);
  EXPECT_NE(once[0], again[0]);
}

TEST_F(BatchP256, WorksOffAnyNumberOfLanes) {
  for (std::size_t count = 0; count <= 2 * kLanes + 1; ++count) {
    std::vector<Pair> pairs;
    std::vector<Bytes> scalars;
    std::vector<ToSign> inputs;
    for (std::size_t i = 0; i < count; ++i) {
      pairs.push_back({random_scalar(), random_point()});
      scalars.push_back(random_scalar());
      inputs.push_back({random_scalar(), random_bytes()});
    }
    ASSERT_NO_FATAL_FAILURE(expect_agreement(pairs));
    ASSERT_NO_FATAL_FAILURE(expect_public(scalars));
    ASSERT_NO_FATAL_FAILURE(expect_signatures(inputs));
  }
}

// Words of a scalar as they come and as a kernel holds them.
int traces(const Bytes& scalar) {
  int found = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, scalar.data() + 8 * i, sizeof word);
    found += testing::words_below_stack(word);
    found += testing::words_below_stack(__builtin_bswap64(word));
  }
  std::uint64_t lowest = 0;
  std::memcpy(&lowest, scalar.data() + 24, sizeof lowest);
  return found + testing::words_below_stack(__builtin_bswap64(lowest) & ((1ULL << 52) - 1));
}

TEST_F(BatchP256, LeavesNothingOnTheStack) {
  if (!testing::kStackCanBeScanned) GTEST_SKIP() << "the stack cannot be scanned in this build";
  std::vector<Bytes> scalars;
  std::vector<Bytes> secrets(kLanes, Bytes(32));
  std::vector<Bytes> signatures(kLanes, Bytes(kMaxP256Signature));
  const Bytes peer = random_point();
  const Bytes digest = random_bytes();
  const Bytes entropy = random_bytes();
  std::vector<Agreement> lanes;
  std::vector<KeyShare> shares(kLanes);
  std::vector<EcdsaLane> to_sign;
  for (std::size_t i = 0; i < kLanes; ++i) scalars.push_back(random_scalar());
  for (std::size_t i = 0; i < kLanes; ++i) {
    lanes.push_back({.private_key = scalars[i], .peer_share = peer, .shared_secret = secrets[i]});
    std::ranges::copy(scalars[i], shares[i].private_key.begin());
    to_sign.push_back(
        {.key = scalars[i], .digest = digest, .entropy = entropy, .signature = signatures[i]});
  }
  p256_->derive(lanes);
  EXPECT_EQ(traces(scalars[7]), 0);
  EXPECT_EQ(traces(secrets[7]), 0);
  ASSERT_TRUE(p256_->make_public(shares));
  EXPECT_EQ(traces(scalars[7]), 0);
  p256_->sign(to_sign);
  EXPECT_EQ(traces(scalars[7]), 0);
}

}  // namespace
}  // namespace sallyport::crypto::batch
