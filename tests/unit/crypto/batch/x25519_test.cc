#include "lib/crypto/batch/x25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/lanes.h"
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

Bytes number(std::string_view big_endian) {
  Bytes bytes = unhex(big_endian);
  std::ranges::reverse(bytes);
  bytes.resize(32);
  return bytes;
}

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

// What OpenSSL says; empty where it refuses.
Bytes agree_by_openssl(const Bytes& scalar, const Bytes& peer) {
  const Key ours{EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, scalar.data(), 32)};
  const Key theirs{EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, peer.data(), 32)};
  const std::unique_ptr<EVP_PKEY_CTX, Free> context{EVP_PKEY_CTX_new(ours.get(), nullptr)};
  Bytes secret(32);
  std::size_t len = secret.size();
  EVP_PKEY_derive_init(context.get());
  EVP_PKEY_derive_set_peer(context.get(), theirs.get());
  if (EVP_PKEY_derive(context.get(), secret.data(), &len) != 1) return {};
  return secret;
}
Bytes public_by_openssl(const Bytes& scalar) {
  const Key key{EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, scalar.data(), 32)};
  Bytes share(32);
  std::size_t len = share.size();
  EVP_PKEY_get_raw_public_key(key.get(), share.data(), &len);
  return share;
}

class BatchX25519 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
    // The table is the same for all tests.
    static const X25519 kernel;
    x25519_ = &kernel;
  }

  [[nodiscard]] std::vector<Bytes> agree(const std::vector<Pair>& pairs) const {
    return batch::agree(*x25519_, pairs);
  }
  [[nodiscard]] std::vector<Bytes> public_keys(const std::vector<Bytes>& scalars) const {
    std::vector<KeyShare> shares(scalars.size());
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      std::ranges::copy(scalars[i], shares[i].private_key.begin());
    }
    x25519_->make_public(shares);
    std::vector<Bytes> out;
    for (const KeyShare& share : shares) {
      out.emplace_back(share.public_key.begin(), share.public_key.begin() + 32);
    }
    return out;
  }
  Bytes random_bytes() {
    Bytes bytes(32);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  void expect_as_openssl(const std::vector<Pair>& pairs) const {
    const std::vector<Bytes> got = agree(pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      ASSERT_EQ(hex(got[i]), hex(agree_by_openssl(pairs[i].scalar, pairs[i].peer)))
          << "lane " << i << " scalar " << hex(pairs[i].scalar) << " peer " << hex(pairs[i].peer);
    }
  }
  void expect_public_as_openssl(const std::vector<Bytes>& scalars) const {
    const std::vector<Bytes> got = public_keys(scalars);
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      ASSERT_EQ(hex(got[i]), hex(public_by_openssl(scalars[i])))
          << "lane " << i << " scalar " << hex(scalars[i]);
    }
  }

  const X25519* x25519_ = nullptr;
  std::mt19937 random_{20'261'121};  // NOLINT: a fixed seed makes failures repeatable
};

// [RFC 7748 5.2]
TEST_F(BatchX25519, AgreesAsTheStandardSays) {
  const std::vector<Pair> pairs{
      {unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
       unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")},
      {unhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
       unhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")}};
  const std::vector<Bytes> got = agree(pairs);
  EXPECT_EQ(hex(got[0]), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(hex(got[1]), "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

// [RFC 7748 6.1] Bob's half.
TEST_F(BatchX25519, MakesKeysAsTheStandardSays) {
  const Bytes bob = unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const Bytes alice = unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(hex(public_keys({bob})[0]),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  EXPECT_EQ(hex(agree({{bob, alice}})[0]),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

// [RFC 7748 5.2] Each result is the next scalar, and each scalar the next coordinate.
TEST_F(BatchX25519, SurvivesIteration) {
  const Bytes nine = number("09");
  std::vector<Pair> pairs(kLanes, {nine, nine});
  std::vector<Bytes> secrets(kLanes, Bytes(32));
  std::vector<Agreement> lanes;
  for (std::size_t i = 0; i < kLanes; ++i) {
    lanes.push_back(
        {.private_key = pairs[i].scalar, .peer_share = pairs[i].peer, .shared_secret = secrets[i]});
  }
  const int iterations = testing::rounds(1'000, 1'000'000);
  for (int iteration = 0; iteration < iterations; ++iteration) {
    x25519_->derive(lanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::ranges::copy(pairs[i].scalar, pairs[i].peer.begin());
      std::ranges::copy(secrets[i], pairs[i].scalar.begin());
    }
    if (iteration == 999) {
      for (const Bytes& secret : secrets) {
        ASSERT_EQ(hex(secret), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
      }
    }
  }
  if (!testing::is_long_run()) return;
  for (const Bytes& secret : secrets) {
    EXPECT_EQ(hex(secret), "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424");
  }
}

TEST_F(BatchX25519, GivesKnownAnswers) {
  std::vector<Pair> pairs;
  std::vector<std::string> expected;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/ecdh.vec")) {
    if (v.algorithm != "x25519") continue;
    pairs.push_back({v.bytes("private"), v.bytes("public")});
    expected.push_back(v.is_valid() ? std::string{v.text("shared")} : "");
  }
  ASSERT_GE(pairs.size(), 500U);
  const std::vector<Bytes> got = agree(pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) EXPECT_EQ(hex(got[i]), expected[i]);
}

TEST_F(BatchX25519, AgreesWithOpenssl) {
  const int groups = testing::rounds(10'000, 1'000'000) / static_cast<int>(kLanes);
  for (int group = 0; group < groups; ++group) {
    std::vector<Pair> pairs;
    for (std::size_t i = 0; i < kLanes; ++i) pairs.push_back({random_bytes(), random_bytes()});
    ASSERT_NO_FATAL_FAILURE(expect_as_openssl(pairs));
  }
}

TEST_F(BatchX25519, MakesKeysWithOpenssl) {
  const int groups = testing::rounds(10'000, 1'000'000) / static_cast<int>(kLanes);
  for (int group = 0; group < groups; ++group) {
    std::vector<Bytes> scalars;
    for (std::size_t i = 0; i < kLanes; ++i) scalars.push_back(random_bytes());
    ASSERT_NO_FATAL_FAILURE(expect_public_as_openssl(scalars));
  }
}

// edge_numbers: 0 to 20, p - 20 to p + 20 and 2^255 - 1, with bit 255 clear and set, limbs of all
// ones and all zeros, and the points of small order (RFC 7748 section 7 speaks of them).
std::vector<Bytes> edge_numbers() {
  std::vector<Bytes> numbers;
  for (unsigned i = 0; i <= 20; ++i) {
    Bytes small(32, 0);
    small[0] = static_cast<std::uint8_t>(i);
    numbers.push_back(small);
    for (const unsigned low : {0xed - i, 0xed + i}) {
      if (low > 0xff) continue;
      Bytes near_p(32, 0xff);
      near_p[0] = static_cast<std::uint8_t>(low);
      near_p[31] = 0x7f;
      numbers.push_back(near_p);
    }
  }
  numbers.push_back(number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
  numbers.push_back(unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
  numbers.push_back(unhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
  // One limb of 52 bits all ones, or all but one.
  for (unsigned limb = 0; limb < 5; ++limb) {
    Bytes ones(32, 0);
    Bytes others(32, 0xff);
    for (unsigned bit = 52 * limb; bit < std::min(52 * limb + 52, 255U); ++bit) {
      ones[bit / 8] = static_cast<std::uint8_t>(ones[bit / 8] | (1U << (bit % 8)));
      others[bit / 8] = static_cast<std::uint8_t>(others[bit / 8] & ~(1U << (bit % 8)));
    }
    numbers.push_back(ones);
    numbers.push_back(others);
  }
  const std::size_t count = numbers.size();
  for (std::size_t i = 0; i < count; ++i) {
    Bytes high = numbers[i];
    high[31] ^= 0x80;
    numbers.push_back(high);
  }
  return numbers;
}

TEST_F(BatchX25519, AgreesWithOpensslAtTheEdges) {
  std::vector<Pair> pairs;
  for (const Bytes& peer : edge_numbers()) {
    pairs.push_back({random_bytes(), peer});
    pairs.push_back({Bytes(32, 0), peer});
    pairs.push_back({Bytes(32, 0xff), peer});
  }
  for (const Bytes& scalar : edge_numbers()) pairs.push_back({scalar, random_bytes()});
  expect_as_openssl(pairs);
}

// Digits of a scalar from -16 to 16: all equal, and next to each other in both orders.
TEST_F(BatchX25519, MakesKeysWithOpensslAtTheEdges) {
  std::vector<Bytes> scalars = edge_numbers();
  for (unsigned a = 0; a < 32; ++a) {
    for (const unsigned b : {a, 0U, 15U, 16U, 17U, 31U}) {
      Bytes scalar(32, 0);
      for (unsigned digit = 0; digit < 51; ++digit) {
        const unsigned value = digit % 2 == 0 ? a : b;
        for (unsigned bit = 0; bit < 5; ++bit) {
          const unsigned at = 3 + 5 * digit + bit;
          if (at >= 256 || (value >> bit & 1U) == 0) continue;
          scalar[at / 8] = static_cast<std::uint8_t>(scalar[at / 8] | (1U << (at % 8)));
        }
      }
      scalars.push_back(scalar);
    }
  }
  expect_public_as_openssl(scalars);
}

TEST_F(BatchX25519, WorksOffAnyNumberOfLanes) {
  for (std::size_t count = 0; count <= 2 * kLanes + 1; ++count) {
    std::vector<Pair> pairs;
    std::vector<Bytes> scalars;
    for (std::size_t i = 0; i < count; ++i) {
      pairs.push_back({random_bytes(), random_bytes()});
      scalars.push_back(random_bytes());
    }
    ASSERT_NO_FATAL_FAILURE(expect_as_openssl(pairs));
    ASSERT_NO_FATAL_FAILURE(expect_public_as_openssl(scalars));
  }
}

TEST_F(BatchX25519, KeepsLanesApart) {
  const Pair good{random_bytes(), random_bytes()};
  const std::string expected = hex(agree_by_openssl(good.scalar, good.peer));
  const std::array<Bytes, 6> bad_peers{
      number("00"),
      number("01"),
      number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec"),  // p - 1
      unhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
      Bytes(31, 9),
      Bytes(65, 9)};
  for (const Bytes& bad : bad_peers) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<Pair> pairs(kLanes, good);
      pairs[lane].peer = bad;
      const std::vector<Bytes> got = agree(pairs);
      for (std::size_t i = 0; i < kLanes; ++i) {
        EXPECT_EQ(hex(got[i]), i == lane ? "" : expected) << "lane " << i << " beside " << lane;
      }
    }
  }
}

TEST_F(BatchX25519, LeavesNothingOnTheStack) {
  if (!testing::kStackCanBeScanned) GTEST_SKIP() << "the stack cannot be scanned in this build";
  std::vector<Bytes> scalars;
  std::vector<Bytes> secrets(kLanes, Bytes(32));
  std::vector<Agreement> lanes;
  std::vector<KeyShare> shares(kLanes);
  const Bytes peer = random_bytes();
  for (std::size_t i = 0; i < kLanes; ++i) scalars.push_back(random_bytes());
  for (std::size_t i = 0; i < kLanes; ++i) {
    lanes.push_back({.private_key = scalars[i], .peer_share = peer, .shared_secret = secrets[i]});
    std::ranges::copy(scalars[i], shares[i].private_key.begin());
  }
  const auto word_of = [](const Bytes& bytes, std::size_t i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * i, 8);
    return word;
  };
  x25519_->derive(lanes);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(testing::words_below_stack(word_of(scalars[7], i)), 0) << "scalar";
    EXPECT_EQ(testing::words_below_stack(word_of(secrets[7], i)), 0) << "shared secret";
  }
  // What the kernel works with: shifted words, and limbs.
  EXPECT_EQ(testing::words_below_stack(word_of(secrets[7], 0) & ((1ULL << 52) - 1)), 0);
  x25519_->make_public(shares);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(testing::words_below_stack(word_of(scalars[7], i)), 0) << "scalar";
  }
}

}  // namespace
}  // namespace sallyport::crypto::batch
