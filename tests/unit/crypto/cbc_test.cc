// AES-CBC, the MAC of records, and what is inside a record that was MACed before it was encrypted.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "lib/base/constant_time.h"
#include "lib/crypto/cbc/cbc_cipher.h"
#include "lib/crypto/cbc/mac_then_encrypt.h"
#include "lib/crypto/cbc/record_mac.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

using testing::hex;
using testing::unhex;
using Bytes = std::vector<std::uint8_t>;

constexpr CbcAlgorithm kMacs[] = {CbcAlgorithm::aes_128_sha1, CbcAlgorithm::aes_128_sha256};

Bytes pattern(std::size_t len) {
  Bytes bytes(len);
  for (std::size_t i = 0; i < len; ++i) bytes[i] = static_cast<std::uint8_t>(i * 11 + i / 253);
  return bytes;
}

TEST(ConstantTime, ComparesAllThatAreNearEachOtherOrALimit) {
  const std::uint64_t values[] = {
      0, 1, 2, 15, 16, 255, 256, 0x7fff'ffff'ffff'ffff, 0x8000'0000'0000'0000, ~std::uint64_t{0}};
  constexpr ct::Mask kTrue = ~ct::Mask{0};
  for (const std::uint64_t a : values) {
    EXPECT_EQ(ct::is_zero(a), a == 0 ? kTrue : 0);
    for (const std::uint64_t b : values) {
      EXPECT_EQ(ct::equal(a, b), a == b ? kTrue : 0);
      EXPECT_EQ(ct::less(a, b), a < b ? kTrue : 0);
      EXPECT_EQ(ct::at_least(a, b), a >= b ? kTrue : 0);
      EXPECT_EQ(ct::select(ct::less(a, b), a, b), std::min(a, b));
    }
  }
  EXPECT_EQ(ct::equal(Bytes{1, 2}, Bytes{1, 2}), kTrue);
  EXPECT_EQ(ct::equal(Bytes{1, 2}, Bytes{1, 130}), 0U);
}

// [NIST SP 800-38A F.2.1 and F.2.5]
TEST(CbcCipher, KnowsTheAnswersOfNist) {
  const AeadEngine engine;
  const Bytes iv = unhex("000102030405060708090a0b0c0d0e0f");
  const Bytes text = unhex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const std::pair<const char*, const char*> cases[] = {
      {"2b7e151628aed2a6abf7158809cf4f3c",
       "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
       "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
      {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
       "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
       "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
  };
  for (const auto& [key, expected] : cases) {
    const CbcCipher cipher{engine, unhex(key)};
    Bytes work = text;
    cipher.encrypt({{{iv, work}}});
    EXPECT_EQ(hex(work), expected);
    cipher.decrypt({iv, work});
    EXPECT_EQ(work, text);
  }
}

TEST(CbcCipher, AgreesWithOpenSslOnRecordsOfEverySize) {
  const AeadEngine engine;
  for (const std::size_t key_len : {std::size_t{16}, std::size_t{32}}) {
    const Bytes key = pattern(key_len);
    const Bytes iv(16, 0xa7);
    const CbcCipher cipher{engine, key};
    for (std::size_t len = 16; len <= 16'688; len += len < 1'024 ? 16 : 2'608) {
      const Bytes text = pattern(len);
      Bytes ours = text;
      cipher.encrypt({{{iv, ours}}});
      Bytes theirs(len + 16);
      int out_len = 0;
      EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
      EVP_EncryptInit_ex(context, key_len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc(), nullptr,
                         key.data(), iv.data());
      EVP_CIPHER_CTX_set_padding(context, 0);
      EVP_EncryptUpdate(context, theirs.data(), &out_len, text.data(), static_cast<int>(len));
      EVP_CIPHER_CTX_free(context);
      theirs.resize(static_cast<std::size_t>(out_len));
      ASSERT_EQ(ours, theirs) << len;
      cipher.decrypt({iv, ours});
      ASSERT_EQ(ours, text) << len;
    }
  }
}

// Side by side are texts of different sizes, an empty one among them, each with an IV of its own.
TEST(CbcCipher, EncryptsSeveralTextsAsIfEachWereAlone) {
  const AeadEngine engine;
  for (const std::size_t key_len : {std::size_t{16}, std::size_t{32}}) {
    const CbcCipher cipher{engine, pattern(key_len)};
    for (std::size_t n = 1; n <= CbcCipher::kMaxTexts; ++n) {
      std::vector<Bytes> ivs, together, alone;
      for (std::size_t i = 0; i < n; ++i) {
        ivs.emplace_back(16, static_cast<std::uint8_t>(0x30 + i));
        together.push_back(pattern(16 * (i * 37 % 100)));
      }
      alone = together;
      std::vector<CbcText> texts;
      for (std::size_t i = 0; i < n; ++i) texts.push_back({ivs[i], together[i]});
      cipher.encrypt(texts);
      for (std::size_t i = 0; i < n; ++i) {
        cipher.encrypt({{{ivs[i], alone[i]}}});
        ASSERT_EQ(together[i], alone[i]) << n << " " << i;
      }
    }
  }
}

Bytes openssl_mac(CbcAlgorithm algorithm, const Bytes& key, const MacHeader& header,
                  ByteView content) {
  Bytes message(header.begin(), header.end());
  message.insert(message.end(), content.begin(), content.end());
  Bytes mac(mac_len(algorithm));
  HMAC(mac.size() == 20 ? EVP_sha1() : EVP_sha256(), key.data(), static_cast<int>(key.size()),
       message.data(), message.size(), mac.data(), nullptr);
  return mac;
}

// Both ways of computing a MAC, for every length of a content and every number of bytes behind it
// that could be padding.
TEST(RecordMac, AgreesWithOpenSslForEveryLength) {
  for (const CbcAlgorithm algorithm : kMacs) {
    const Bytes key = pattern(mac_len(algorithm));
    const RecordMac mac{algorithm, key};
    MacHeader header;
    std::iota(header.begin(), header.end(), std::uint8_t{3});
    for (std::size_t max_len = 0; max_len <= 400; max_len += max_len < 260 ? 1 : 7) {
      const Bytes text = pattern(max_len);
      Bytes out(mac.len());
      mac.mac(header, text, out);
      ASSERT_EQ(out, openssl_mac(algorithm, key, header, text)) << max_len;
      const std::size_t min_len = max_len - std::min<std::size_t>(max_len, 255);
      for (std::size_t len = min_len; len <= max_len; len += 1 + max_len / 16) {
        mac.mac_of_secret_len(header, text, len, min_len, out);
        ASSERT_EQ(out, openssl_mac(algorithm, key, header, ByteView{text}.first(len)))
            << len << " of " << max_len;
      }
    }
    const Bytes large = pattern(16'384);
    Bytes out(mac.len());
    mac.mac_of_secret_len(header, large, 16'200, 16'129, out);
    EXPECT_EQ(out, openssl_mac(algorithm, key, header, ByteView{large}.first(16'200)));
  }
}

TEST(RecordMac, TakesAKeyThatIsPaddedWithZeros) {
  Bytes key = pattern(20);
  const MacHeader header{};
  Bytes expected(20);
  RecordMac{CbcAlgorithm::aes_128_sha1, key}.mac(header, {}, expected);
  key.resize(32);
  Bytes padded(20);
  RecordMac{CbcAlgorithm::aes_128_sha1, key}.mac(header, {}, padded);
  EXPECT_EQ(padded, expected);
}

class UnsealTest : public ::testing::TestWithParam<CbcAlgorithm> {
 protected:
  // sealed_text is content, MAC and padding of so many bytes and one.
  Bytes sealed_text(const Bytes& content, std::size_t padding) const {
    MacHeader header = header_;
    header[11] = static_cast<std::uint8_t>(content.size() >> 8);
    header[12] = static_cast<std::uint8_t>(content.size());
    Bytes text = content;
    const Bytes mac = openssl_mac(GetParam(), key_, header, content);
    text.insert(text.end(), mac.begin(), mac.end());
    text.insert(text.end(), padding + 1, static_cast<std::uint8_t>(padding));
    return text;
  }
  bool is_good(const Bytes& text) const {
    const Unsealed unsealed = unseal(mac_, header_, text);
    EXPECT_TRUE(unsealed.good == 0 || unsealed.good == ~ct::Mask{0});
    EXPECT_LE(unsealed.content_len, text.size());
    return unsealed.good != 0;
  }
  Bytes key_ = pattern(mac_len(GetParam()));
  RecordMac mac_{GetParam(), key_};
  MacHeader header_{0, 0, 0, 0, 0, 0, 0, 9, 23, 3, 3};
};

// [RFC 5246 6.2.3.2] padding_length is anything from 0 to 255.
TEST_P(UnsealTest, AcceptsEveryPaddingThatThereMayBe) {
  for (const std::size_t content_len : {0U, 1U, 100U, 300U}) {
    const Bytes content = pattern(content_len);
    for (std::size_t padding = 0; padding <= 255; ++padding) {
      const Bytes text = sealed_text(content, padding);
      const Unsealed unsealed = unseal(mac_, header_, text);
      ASSERT_NE(unsealed.good, 0U) << padding;
      ASSERT_EQ(unsealed.content_len, content_len);
    }
  }
}

TEST_P(UnsealTest, RefusesEveryChangedByte) {
  for (const std::size_t padding : {0U, 1U, 11U, 255U}) {
    const Bytes text = sealed_text(pattern(70), padding);
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const int flip : {1, 0x80}) {
        Bytes changed = text;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
        EXPECT_FALSE(is_good(changed)) << padding << " " << at;
      }
    }
  }
}

TEST_P(UnsealTest, RefusesPaddingThatLeavesNoRoomForTheMac) {
  // All the same byte: right as padding, for as long as it fits.
  for (const std::size_t len :
       {mac_.len() + 1, mac_.len() + 2, std::size_t{64}, std::size_t{256}}) {
    for (unsigned value = 0; value <= 255; ++value) {
      EXPECT_FALSE(is_good(Bytes(len, static_cast<std::uint8_t>(value)))) << len << " " << value;
    }
  }
}

TEST_P(UnsealTest, CoversSequenceNumberTypeAndLength) {
  const Bytes text = sealed_text(pattern(40), 7);
  ASSERT_TRUE(is_good(text));
  for (const std::size_t at : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{10}}) {
    header_[at] ^= 1;
    EXPECT_FALSE(is_good(text)) << at;
    header_[at] ^= 1;
  }
  // The same bytes, one of them counted as padding: another length.
  Bytes shorter = sealed_text(pattern(40), 7);
  shorter.insert(shorter.begin(), 0);
  EXPECT_FALSE(is_good(shorter));
}

INSTANTIATE_TEST_SUITE_P(Macs, UnsealTest, ::testing::ValuesIn(kMacs));

}  // namespace
}  // namespace sallyport::crypto
