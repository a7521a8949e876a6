#include "lib/crypto/hash/md5.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <string>
#include <string_view>

#include "lib/base/text.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

std::string md5(std::string_view text) {
  Md5 hash;
  hash.update(as_bytes(text));
  std::array<std::uint8_t, Md5::kDigestLen> digest{};
  hash.finish(digest);
  return testing::hex(digest);
}

// [RFC 1321 A.5] The test suite.
TEST(Md5, IsThatOfTheRfc) {
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Md5, DoesNotDependOnHowTheInputIsCut) {
  std::string text;
  for (std::size_t len = 0; len <= 300; ++len, text += static_cast<char>('a' + len % 26)) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> expected{};
    unsigned expected_len = 0;
    ASSERT_EQ(
        EVP_Digest(text.data(), text.size(), expected.data(), &expected_len, EVP_md5(), nullptr),
        1);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{64}, len + 1}) {
      Md5 hash;
      for (std::size_t at = 0; at < len; at += piece) {
        hash.update(as_bytes(std::string_view{text}.substr(at, piece)));
      }
      std::array<std::uint8_t, Md5::kDigestLen> digest{};
      hash.finish(digest);
      ASSERT_TRUE(std::equal(digest.begin(), digest.end(), expected.begin()))
          << len << " " << piece;
    }
  }
}

}  // namespace
}  // namespace sallyport::crypto
