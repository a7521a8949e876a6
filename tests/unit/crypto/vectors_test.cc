// Known answers, which live in tests/vectors.
#include "tests/support/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/crypto/aead/aead.h"
#include "lib/crypto/cbc/record_mac.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

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
  bool valid = false;
};

void check(const openssl::Context& context, const EcdhCase& c, const std::string& name) {
  KeyShare ours;
  ours.group = c.group;
  ours.private_len = 32;
  ours.public_len = static_cast<std::uint8_t>(group_info(c.group).public_len);
  std::ranges::copy(c.private_key, ours.private_key.begin());
  Bytes secret(32);
  const bool agreed = openssl::derive(context, ours, c.peer_share, secret);
  EXPECT_EQ(agreed, c.valid) << name;
  if (agreed) {
    EXPECT_EQ(hex(secret), hex(c.shared_secret)) << name;
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
  ASSERT_GE(vectors.size(), 440U);
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
  ASSERT_GE(vectors.size(), 870U);
  for (const auto& v : vectors) {
    check(context,
          {v.algorithm == "x25519" ? NamedGroup::x25519 : NamedGroup::secp256r1, v.bytes("private"),
           v.bytes("public"), v.bytes("shared"), v.is_valid()},
          v.algorithm + ": " + v.comment);
  }
}

std::optional<HashAlgorithm> hash_named(std::string_view name) {
  if (name.ends_with("_sha256")) return HashAlgorithm::sha256;
  if (name.ends_with("_sha384")) return HashAlgorithm::sha384;
  return std::nullopt;
}

void check(const testing::Vector& v, ByteView mac) {
  const Bytes tag = v.bytes("tag");
  ASSERT_FALSE(tag.empty()) << v.comment;
  const bool equal = std::ranges::equal(mac.first(std::min(tag.size(), mac.size())), tag);
  EXPECT_EQ(equal, v.is_valid()) << v.algorithm << ": " << v.comment;
}

TEST(Vectors, Hmac) {
  std::map<std::string, int> count;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/hmac.vec")) {
    const auto algorithm = hash_named(v.algorithm);
    if (!algorithm) continue;
    Bytes mac(digest_len(*algorithm));
    HmacKey{*algorithm, v.bytes("key")}.mac({v.bytes("msg")}, mac);
    check(v, mac);
    ++count[v.algorithm];
  }
  EXPECT_GE(count["hmac_sha256"], 170);
  EXPECT_GE(count["hmac_sha384"], 6);
}

// The MACs of CBC records have code of their own; what is long enough for it goes through it too.
TEST(Vectors, HmacOfRecords) {
  std::map<std::string, int> count;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/hmac.vec")) {
    const Bytes key = v.bytes("key");
    const Bytes message = v.bytes("msg");
    MacHeader header;
    if (v.algorithm == "hmac_sha384" || key.size() > 64 || message.size() < header.size()) continue;
    const RecordMac engine{
        v.algorithm == "hmac_sha1" ? CbcAlgorithm::aes_128_sha1 : CbcAlgorithm::aes_128_sha256,
        key};
    std::copy_n(message.begin(), header.size(), header.begin());
    const ByteView content = ByteView{message}.subspan(header.size());
    Bytes mac(engine.len());
    engine.mac(header, content, mac);
    check(v, mac);
    Bytes padded(content.begin(), content.end());
    padded.resize(content.size() + 100, 0x5c);
    engine.mac_of_secret_len(header, padded, content.size(), 0, mac);
    check(v, mac);
    ++count[v.algorithm];
  }
  EXPECT_GE(count["hmac_sha1"], 4);
  EXPECT_GE(count["hmac_sha256"], 80);
}

TEST(Vectors, Hkdf) {
  std::map<std::string, int> count;
  for (const auto& v : testing::read_vectors(SALLYPORT_TEST_VECTORS "/hkdf.vec")) {
    const auto algorithm = hash_named(v.algorithm);
    ASSERT_TRUE(algorithm) << v.algorithm;
    const std::string name = v.algorithm + ": " + v.comment;
    const auto size = std::stoul(std::string{v.text("size")});
    ++count[v.algorithm];
    // [RFC 5869 2.3] The one way to be wrong, which hkdf_expand leaves to its callers.
    const bool too_much = size > 255 * digest_len(*algorithm);
    EXPECT_EQ(too_much, !v.is_valid()) << name;
    if (too_much) continue;
    Bytes prk(digest_len(*algorithm));
    hkdf_extract(*algorithm, v.bytes("salt"), v.bytes("ikm"), prk);
    Bytes okm(size);
    hkdf_expand(HmacKey{*algorithm, prk}, v.bytes("info"), okm);
    EXPECT_EQ(hex(okm), v.text("okm")) << name;
  }
  EXPECT_GE(count["hkdf_sha256"], 86);
  EXPECT_GE(count["hkdf_sha384"], 83);
}

}  // namespace
}  // namespace sallyport::crypto
