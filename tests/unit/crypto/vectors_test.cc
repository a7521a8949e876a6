// Known answers: a selection that lives in tests/vectors, and Project Wycheproof's whole files
// where they are at hand.
#include "tests/support/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/aead/aead.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "tests/support/hex.h"
#include "tests/unit/crypto/wycheproof.h"

namespace sallyport::crypto {
namespace {

using nlohmann::json;
using testing::hex;
using testing::unhex;
using Bytes = std::vector<std::uint8_t>;

struct AeadCase {
  AeadAlgorithm algorithm{};
  Bytes key;
  Bytes nonce;
  Bytes aad;
  Bytes plaintext;
  Bytes ciphertext;
  Bytes tag;
  bool valid = false;
};

void check(const AeadEngine& engine, const AeadCase& c, const std::string& name) {
  AeadKey key;
  key.set(c.algorithm, c.key);
  const ExpandedKey expanded{engine, key};
  AeadNonce nonce;
  std::ranges::copy(c.nonce, nonce.begin());
  Bytes record = c.ciphertext;
  for (const std::uint8_t byte : c.tag) record.push_back(byte);
  if (c.valid) {
    Bytes sealed(c.plaintext.size() + kAeadTagLen);
    expanded.seal(nonce, c.aad, c.plaintext, sealed);
    EXPECT_EQ(hex(sealed), hex(record)) << name;
  }
  // In one piece, and cut in three with the tag split.
  Bytes pieces_of = record;
  const MutableBytes all{pieces_of};
  const std::size_t third = all.size() / 3;
  const std::array pieces{all.first(third), all.subspan(third, all.size() - third - 5),
                          all.last(5)};
  EXPECT_EQ(expanded.open(nonce, c.aad, record), c.valid) << name;
  EXPECT_EQ(expanded.open(nonce, c.aad, pieces), c.valid) << name;
  const Bytes nothing(c.plaintext.size(), 0);
  const Bytes& expected = c.valid ? c.plaintext : nothing;
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), record.begin())) << name;
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), pieces_of.begin())) << name;
}

struct EcdhCase {
  NamedGroup group{};
  Bytes private_key;
  Bytes peer_share;
  Bytes shared_secret;
  bool must_agree = false;   // else it may be refused,
  bool must_refuse = false;  // or has to be
};

void check(const openssl::Context& context, const EcdhCase& c, const std::string& name) {
  KeyShare ours;
  ours.group = c.group;
  ours.private_len = 32;
  ours.public_len = static_cast<std::uint8_t>(group_info(c.group).public_len);
  std::ranges::copy(c.private_key, ours.private_key.begin());
  Bytes secret(32);
  const bool agreed = openssl::derive(context, ours, c.peer_share, secret);
  if (agreed) {
    EXPECT_FALSE(c.must_refuse) << name;
    EXPECT_EQ(hex(secret), hex(c.shared_secret)) << name;
  } else {
    EXPECT_FALSE(c.must_agree) << name;
  }
}

std::optional<AeadAlgorithm> aead_named(std::string_view name) {
  if (name == "aes_128_gcm") return AeadAlgorithm::aes_128_gcm;
  if (name == "aes_256_gcm") return AeadAlgorithm::aes_256_gcm;
  if (name == "chacha20_poly1305") return AeadAlgorithm::chacha20_poly1305;
  return std::nullopt;
}

TEST(Vectors, Aead) {
  const AeadEngine engine;
  const auto vectors = testing::read_vectors(SALLYPORT_TEST_VECTORS "/aead.vec");
  ASSERT_GE(vectors.size(), 40U);
  for (const auto& v : vectors) {
    const auto algorithm = aead_named(v.algorithm);
    ASSERT_TRUE(algorithm) << v.algorithm;
    check(engine,
          {*algorithm, v.bytes("key"), v.bytes("iv"), v.bytes("aad"), v.bytes("msg"), v.bytes("ct"),
           v.bytes("tag"), v.is_valid()},
          v.algorithm + ": " + v.comment);
  }
}

TEST(Vectors, KeyAgreement) {
  const openssl::Context context;
  const auto vectors = testing::read_vectors(SALLYPORT_TEST_VECTORS "/ecdh.vec");
  ASSERT_GE(vectors.size(), 60U);
  for (const auto& v : vectors) {
    check(context,
          {v.algorithm == "x25519" ? NamedGroup::x25519 : NamedGroup::secp256r1, v.bytes("private"),
           v.bytes("public"), v.bytes("shared"), v.is_valid(), !v.is_valid()},
          v.algorithm + ": " + v.comment);
  }
}

class Wycheproof : public testing::Wycheproof {};

TEST_F(Wycheproof, Aead) {
  const AeadEngine engine;
  std::size_t count = 0;
  for (const std::string name : {"aes_gcm_test", "chacha20_poly1305_test"}) {
    const json file = load(name);
    if (!file.is_object()) GTEST_SKIP() << name << " is not here";
    for (const json& group : file.at("testGroups")) {
      const int key_bits = group.at("keySize").get<int>();
      if (group.at("ivSize") != 96 || group.at("tagSize") != 128) continue;
      if (key_bits == 192) continue;
      const AeadAlgorithm algorithm = name != "aes_gcm_test" ? AeadAlgorithm::chacha20_poly1305
                                      : key_bits == 128      ? AeadAlgorithm::aes_128_gcm
                                                             : AeadAlgorithm::aes_256_gcm;
      for (const json& test : group.at("tests")) {
        check(engine,
              {algorithm, bytes(test, "key"), bytes(test, "iv"), bytes(test, "aad"),
               bytes(test, "msg"), bytes(test, "ct"), bytes(test, "tag"),
               test.at("result") == "valid"},
              name + " " + name_of(test));
        ++count;
      }
    }
  }
  EXPECT_GT(count, 300U);
}

TEST_F(Wycheproof, KeyAgreement) {
  const openssl::Context context;
  std::size_t count = 0;
  for (const std::string name : {"x25519_test", "ecdh_secp256r1_ecpoint_test"}) {
    const json file = load(name);
    if (!file.is_object()) GTEST_SKIP() << name << " is not here";
    for (const json& group : file.at("testGroups")) {
      for (const json& test : group.at("tests")) {
        const bool valid = test.at("result") == "valid";
        const bool invalid = test.at("result") == "invalid";
        check(context,
              {name == "x25519_test" ? NamedGroup::x25519 : NamedGroup::secp256r1,
               private_key(test), bytes(test, "public"), bytes(test, "shared"), valid, invalid},
              name + " " + name_of(test));
        ++count;
      }
    }
  }
  EXPECT_GT(count, 500U);
}

TEST_F(Wycheproof, HmacAndHkdf) {
  for (const auto algorithm : {HashAlgorithm::sha256}) {
    const json file = load("hmac_sha256_test");
    if (!file.is_object()) GTEST_SKIP() << "hmac_sha256_test is not here";
    for (const json& group : file.at("testGroups")) {
      for (const json& test : group.at("tests")) {
        Bytes mac(digest_len(algorithm));
        HmacKey{algorithm, bytes(test, "key")}.mac({bytes(test, "msg")}, mac);
        const Bytes expected = bytes(test, "tag");
        const bool equal = std::equal(expected.begin(), expected.end(), mac.begin());
        EXPECT_EQ(equal, test.at("result") == "valid") << name_of(test);
      }
    }
  }
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    const json file =
        load(algorithm == HashAlgorithm::sha256 ? "hkdf_sha256_test" : "hkdf_sha384_test");
    if (!file.is_object()) GTEST_SKIP() << "hkdf vectors are not here";
    for (const json& group : file.at("testGroups")) {
      for (const json& test : group.at("tests")) {
        if (test.at("result") != "valid") continue;  // asks for more than 255 digests
        Bytes prk(digest_len(algorithm));
        hkdf_extract(algorithm, bytes(test, "salt"), bytes(test, "ikm"), prk);
        Bytes okm(test.at("size").get<std::size_t>());
        hkdf_expand(HmacKey{algorithm, prk}, bytes(test, "info"), okm);
        EXPECT_EQ(hex(okm), test.at("okm").get<std::string>()) << name_of(test);
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::crypto
