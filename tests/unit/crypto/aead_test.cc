#include "lib/crypto/aead/aead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

using testing::hex;
using testing::unhex;
using Bytes = std::vector<std::uint8_t>;

constexpr std::array kAlgorithms{AeadAlgorithm::aes_128_gcm, AeadAlgorithm::aes_256_gcm,
                                 AeadAlgorithm::chacha20_poly1305};

Bytes pattern(std::size_t len) {
  Bytes bytes(len);
  for (std::size_t i = 0; i < len; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + 7);
  return bytes;
}

class AeadTest : public ::testing::TestWithParam<AeadAlgorithm> {
 protected:
  AeadTest() {
    key_.set(GetParam(), pattern(32));
    expanded_.expand(engine_, key_);
  }
  // cut splits `bytes` into pieces of `step` bytes; an empty piece comes first.
  template <class Span>
  static std::vector<Span> cut(Span bytes, std::size_t step) {
    std::vector<Span> pieces{bytes.first(0)};
    while (!bytes.empty()) {
      pieces.push_back(bytes.first(std::min(step, bytes.size())));
      bytes = bytes.subspan(pieces.back().size());
    }
    return pieces;
  }

  AeadEngine engine_;
  AeadKey key_;
  ExpandedKey expanded_;
  const AeadNonce nonce_{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const Bytes aad_ = unhex("1703030420");
};

TEST_P(AeadTest, OpensWhatItSealed) {
  for (const std::size_t len : {0U, 1U, 15U, 16U, 17U, 255U, 1350U, 16384U}) {
    const Bytes plaintext = pattern(len);
    Bytes record(len + kAeadTagLen);
    expanded_.seal(nonce_, aad_, plaintext, record);
    EXPECT_TRUE(len < 16 || !std::ranges::equal(plaintext, ByteView{record}.first(len)));
    ASSERT_TRUE(expanded_.open(nonce_, aad_, record)) << len;
    EXPECT_TRUE(std::ranges::equal(plaintext, ByteView{record}.first(len)));
  }
}

TEST_P(AeadTest, SealsInPlace) {
  const Bytes plaintext = pattern(1000);
  Bytes expected(1000 + kAeadTagLen);
  expanded_.seal(nonce_, aad_, plaintext, expected);
  Bytes record = plaintext;
  record.resize(1000 + kAeadTagLen);
  expanded_.seal(nonce_, aad_, ByteView{record}.first(1000), record);
  EXPECT_EQ(hex(record), hex(expected));
}

TEST_P(AeadTest, DoesNotDependOnHowTheRecordIsCut) {
  for (const std::size_t len : {0U, 1U, 40U, 333U}) {
    const Bytes plaintext = pattern(len);
    Bytes whole(len + kAeadTagLen);
    expanded_.seal(nonce_, aad_, plaintext, whole);
    for (const std::size_t step : {1U, 3U, 15U, 16U, 17U, 63U, 64U, 65U, 100U}) {
      const auto in = cut(ByteView{plaintext}, step);
      Bytes gathered(len + kAeadTagLen);
      expanded_.seal(nonce_, aad_, in, gathered);
      EXPECT_EQ(hex(gathered), hex(whole)) << len << " by " << step;
      Bytes scattered(len + kAeadTagLen);
      expanded_.seal(nonce_, aad_, in, cut(MutableBytes{scattered}, 2 * step + 1));
      EXPECT_EQ(hex(scattered), hex(whole)) << len << " by " << step;
      ASSERT_TRUE(expanded_.open(nonce_, aad_, cut(MutableBytes{scattered}, step)))
          << len << " by " << step;
      EXPECT_TRUE(std::ranges::equal(plaintext, ByteView{scattered}.first(len)));
    }
  }
}

TEST_P(AeadTest, RefusesAndWipesEverythingThatWasTouched) {
  const Bytes plaintext = pattern(100);
  Bytes genuine(100 + kAeadTagLen);
  expanded_.seal(nonce_, aad_, plaintext, genuine);
  for (std::size_t bit = 0; bit < genuine.size() * 8; bit += 11) {
    Bytes record = genuine;
    record[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(expanded_.open(nonce_, aad_, cut(MutableBytes{record}, 33)));
    EXPECT_TRUE(std::all_of(record.begin(), record.begin() + 100, [](auto b) { return b == 0; }));
  }
  Bytes record = genuine;
  EXPECT_FALSE(expanded_.open(nonce_, unhex("1703030421"), record));
  record = genuine;
  AeadNonce other = nonce_;
  other[11] ^= 1;
  EXPECT_FALSE(expanded_.open(other, aad_, record));
}

TEST_P(AeadTest, RefusesLessThanATag) {
  for (std::size_t len = 0; len < kAeadTagLen; ++len) {
    Bytes record(len, 0);
    EXPECT_FALSE(expanded_.open(nonce_, aad_, record));
  }
}

INSTANTIATE_TEST_SUITE_P(All, AeadTest, ::testing::ValuesIn(kAlgorithms));

// NIST SP 800-38D test cases 2 and 14, RFC 8439 A.5-like values come from the vector files.
TEST(Aead, MatchesTheGcmSpecification) {
  const AeadEngine engine;
  AeadKey key;
  key.set(AeadAlgorithm::aes_128_gcm, Bytes(16, 0));
  const ExpandedKey aes128{engine, key};
  Bytes out(32);
  aes128.seal(AeadNonce{}, {}, Bytes(16, 0), out);
  EXPECT_EQ(hex(out), "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
  key.set(AeadAlgorithm::aes_256_gcm, Bytes(32, 0));
  const ExpandedKey aes256{engine, key};
  aes256.seal(AeadNonce{}, {}, Bytes(16, 0), out);
  EXPECT_EQ(hex(out), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

}  // namespace
}  // namespace sallyport::crypto
