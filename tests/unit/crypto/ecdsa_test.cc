// What surrounds an ECDSA signature: scalars, nonces, DER.
#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/sign/ecdsa_nonce.h"
#include "lib/crypto/sign/ecdsa_signature.h"
#include "lib/crypto/sign/p256_scalar.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

using testing::hex;
using Scalar = std::array<std::uint8_t, 32>;

Scalar scalar(std::string_view text) {
  Scalar out{};
  std::ranges::copy(testing::unhex(text), out.begin());
  return out;
}
Scalar sha256(std::string_view text) {
  Scalar out{};
  const Digest digest = hash(HashAlgorithm::sha256, testing::bytes_of(text));
  std::ranges::copy(digest.view(), out.begin());
  return out;
}

constexpr std::string_view kOrder =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr std::string_view kBelowOrder =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
constexpr std::string_view kAboveOrder =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552";
const std::string kZero(64, '0');
const std::string kOne = std::string(63, '0') + '1';
const std::string kAllOnes(64, 'f');

TEST(P256Scalar, IsFromOneToTheOrderLessOne) {
  EXPECT_FALSE(is_p256_scalar(scalar(kZero)));
  EXPECT_TRUE(is_p256_scalar(scalar(kOne)));
  EXPECT_TRUE(is_p256_scalar(scalar("80" + std::string(62, '0'))));
  EXPECT_TRUE(is_p256_scalar(scalar("ffffffff" + std::string(56, '0'))));
  EXPECT_TRUE(is_p256_scalar(scalar(kBelowOrder)));
  EXPECT_FALSE(is_p256_scalar(scalar(kOrder)));
  EXPECT_FALSE(is_p256_scalar(scalar(kAboveOrder)));
  EXPECT_FALSE(is_p256_scalar(scalar(kAllOnes)));
}

TEST(P256Scalar, IsReducedModuloTheOrder) {
  const auto reduced = [](std::string_view number) {
    Scalar out = scalar(number);
    reduce_modulo_n(out);
    return hex(out);
  };
  EXPECT_EQ(reduced(kZero), kZero);
  EXPECT_EQ(reduced(kBelowOrder), kBelowOrder);
  EXPECT_EQ(reduced(kOrder), kZero);
  EXPECT_EQ(reduced(kAboveOrder), kOne);
  EXPECT_EQ(reduced(kAllOnes), "00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaae");
}

const Scalar kKey = scalar("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");

std::string first_nonce(const Scalar& key, const Scalar& digest, ByteView entropy) {
  EcdsaNonce nonces{key, digest, entropy};
  Scalar nonce;
  nonces.next(nonce);
  return hex(nonce);
}

// [RFC 6979 3.2] The examples of its appendix A.2.5.
TEST(EcdsaNonce, IsThatOfTheStandardWithoutEntropy) {
  EXPECT_EQ(first_nonce(kKey, sha256("sample"), {}),
            "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60");
  EXPECT_EQ(first_nonce(kKey, sha256("test"), {}),
            "d16b6ae827f17175e040871a1c7ec3500192c4c92677336ec2537acaee0008e0");
}

// [RFC 6979 3.6]
TEST(EcdsaNonce, DependsOnEverythingThatGoesInto) {
  const Scalar entropy = sha256("entropy");
  const Scalar digest = sha256("sample");
  Scalar other_key = kKey;
  other_key[31] ^= 1;
  Scalar other_entropy = entropy;
  other_entropy[0] ^= 0x80;
  const std::set<std::string> nonces{
      first_nonce(kKey, digest, {}), first_nonce(kKey, digest, entropy),
      first_nonce(kKey, digest, other_entropy), first_nonce(kKey, sha256("test"), entropy),
      first_nonce(other_key, digest, entropy)};
  EXPECT_EQ(nonces.size(), 5U);
  EXPECT_EQ(first_nonce(kKey, digest, entropy), first_nonce(kKey, digest, entropy));
}

TEST(EcdsaNonce, IsAnotherEachTime) {
  EcdsaNonce nonces{kKey, sha256("sample"), {}};
  std::set<std::string> seen;
  Scalar nonce;
  for (int i = 0; i < 100; ++i) {
    nonces.next(nonce);
    EXPECT_TRUE(is_p256_scalar(nonce));
    seen.insert(hex(nonce));
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(EcdsaSignature, IsTheShortestDer) {
  const auto encoded = [](std::string_view r, std::string_view s) {
    std::array<std::uint8_t, kMaxP256Signature> out;
    out.fill(0xee);
    const std::size_t len = encode_p256_signature(scalar(r), scalar(s), out);
    return hex(ByteView{out}.first(len));
  };
  const std::string small = std::string(62, '0') + "7f";
  const std::string needs_zero = std::string(62, '0') + "80";
  EXPECT_EQ(encoded(kOne, small), "300602010102017f");
  EXPECT_EQ(encoded(needs_zero, kZero),
            "3007020200800201"
            "00");
  EXPECT_EQ(encoded(kAllOnes, kAllOnes), "3046022100" + kAllOnes + "022100" + kAllOnes);
  const std::string positive = "7f" + std::string(62, 'f');
  EXPECT_EQ(encoded(positive, kBelowOrder),
            "30450220" + positive + "022100" + std::string{kBelowOrder});
}

}  // namespace
}  // namespace sallyport::crypto
