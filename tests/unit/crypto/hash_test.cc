#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "lib/crypto/hash/compress.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/hash/hmac.h"
#include "lib/crypto/hash/prf.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

using testing::bytes_of;
using testing::hex;
using testing::unhex;
using Bytes = std::vector<std::uint8_t>;

std::string hmac(HashAlgorithm algorithm, ByteView key, ByteView message) {
  Bytes out(digest_len(algorithm));
  HmacKey{algorithm, key}.mac({message}, out);
  return hex(out);
}

TEST(Hash, MatchesTheExamplesOfFips180) {
  EXPECT_EQ(hex(hash(HashAlgorithm::sha256, bytes_of("abc")).view()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hash(HashAlgorithm::sha256, {}).view()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(hash(HashAlgorithm::sha384, bytes_of("abc")).view()),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
}

// [FIPS 180-4] and, for lengths around those of blocks, OpenSSL.
TEST(Hash, Sha512IsWhatFips180AndOpensslSay) {
  const auto sha512 = [](ByteView message, std::size_t step) {
    Sha512 state;
    for (; !message.empty(); message = message.subspan(std::min(step, message.size()))) {
      state.update(message.first(std::min(step, message.size())));
    }
    Bytes digest(Sha512::kDigestLen);
    state.finish(std::span{digest}.first<Sha512::kDigestLen>());
    return hex(digest);
  };
  EXPECT_EQ(sha512(bytes_of("abc"), 3),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  Bytes message(300);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 7);
  for (std::size_t len = 0; len <= message.size(); ++len) {
    Bytes expected(Sha512::kDigestLen);
    ASSERT_EQ(EVP_Digest(message.data(), len, expected.data(), nullptr, EVP_sha512(), nullptr), 1);
    for (const std::size_t step : {1U, 100U, 300U}) {
      ASSERT_EQ(sha512(ByteView{message}.first(len), step), hex(expected)) << len;
    }
  }
}

TEST(Hash, DoesNotDependOnHowTheMessageIsCut) {
  Bytes message(700);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 7);
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    for (std::size_t len : {0U, 1U, 55U, 56U, 63U, 64U, 111U, 112U, 127U, 128U, 129U, 300U, 700U}) {
      const ByteView whole = ByteView{message}.first(len);
      for (std::size_t step = 1; step <= 131; step += 13) {
        TranscriptHash state{algorithm};
        for (ByteView rest = whole; !rest.empty(); rest = rest.subspan(std::min(step, rest.size())))
          state.update(rest.first(std::min(step, rest.size())));
        EXPECT_EQ(hex(state.digest().view()), hex(hash(algorithm, whole).view())) << len;
      }
    }
  }
}

TEST(Hash, ACopyOfTheStateGoesItsOwnWay) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    TranscriptHash one{algorithm};
    one.update(bytes_of("client hello"));
    TranscriptHash two = one;
    two.update(bytes_of("other"));
    one.update(bytes_of("server hello"));
    EXPECT_EQ(hex(one.digest().view()),
              hex(hash(algorithm, bytes_of("client helloserver hello")).view()));
    EXPECT_EQ(hex(two.digest().view()), hex(hash(algorithm, bytes_of("client helloother")).view()));
  }
}

TEST(Hash, CompressesAlikeWithAndWithoutTheShaExtensions) {
  Bytes blocks(64 * 5);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::uint8_t>(i * 13);
  std::array<std::uint32_t, 8> one{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::uint32_t, 8> two = one;
  sha256_compress(one, blocks.data(), 5);
  sha256_compress_openssl(two, blocks.data(), 5);
  EXPECT_EQ(one, two);
}

TEST(Hmac, MatchesRfc4231) {
  EXPECT_EQ(hmac(HashAlgorithm::sha256, Bytes(20, 0x0b), bytes_of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac(HashAlgorithm::sha384, Bytes(20, 0x0b), bytes_of("Hi There")),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(hmac(HashAlgorithm::sha256, bytes_of("Jefe"), bytes_of("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // A key longer than a block is hashed first.
  EXPECT_EQ(hmac(HashAlgorithm::sha256, Bytes(131, 0xaa),
                 bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac(HashAlgorithm::sha384, Bytes(131, 0xaa),
                 bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
            "0c2ef6ab4030fe8296248df163f44952");
}

// [RFC 2104 2] Spelled out with two plain hashes, for every length around the block borders.
TEST(Hmac, IsTwoHashesWhateverTheLengthAndTheCut) {
  Bytes message(300);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 5);
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    const std::size_t block = algorithm == HashAlgorithm::sha256 ? 64 : 128;
    Bytes inner_pad(block, 0x36);
    Bytes outer_pad(block, 0x5c);
    const Bytes key = unhex("00112233445566778899aabbccddeeff");
    for (std::size_t i = 0; i < key.size(); ++i) {
      inner_pad[i] ^= key[i];
      outer_pad[i] ^= key[i];
    }
    const HmacKey absorbed{algorithm, key};
    for (std::size_t len = 0; len <= message.size(); ++len) {
      const ByteView part = ByteView{message}.first(len);
      TranscriptHash inner{algorithm};
      inner.update(inner_pad);
      inner.update(part);
      TranscriptHash outer{algorithm};
      outer.update(outer_pad);
      outer.update(inner.digest().view());
      Bytes mac(digest_len(algorithm));
      absorbed.mac({part.first(len / 3), {}, part.subspan(len / 3)}, mac);
      ASSERT_EQ(hex(mac), hex(outer.digest().view())) << len;
    }
  }
}

TEST(Hkdf, MatchesRfc5869) {
  Bytes prk(32);
  hkdf_extract(HashAlgorithm::sha256, unhex("000102030405060708090a0b0c"), Bytes(22, 0x0b), prk);
  EXPECT_EQ(hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  Bytes okm(42);
  hkdf_expand(HmacKey{HashAlgorithm::sha256, prk}, unhex("f0f1f2f3f4f5f6f7f8f9"), okm);
  EXPECT_EQ(hex(okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  // Neither salt nor info.
  hkdf_extract(HashAlgorithm::sha256, {}, Bytes(22, 0x0b), prk);
  hkdf_expand(HmacKey{HashAlgorithm::sha256, prk}, {}, okm);
  EXPECT_EQ(hex(okm),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// [RFC 8446 7.1] The key schedule of RFC 8448 section 3, from the shared secret to a traffic key.
TEST(Hkdf, WalksTheKeyScheduleOfRfc8448) {
  constexpr auto kSha256 = HashAlgorithm::sha256;
  Bytes secret(32);
  hkdf_extract(kSha256, {}, Bytes(32, 0), secret);
  EXPECT_EQ(hex(secret), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  Bytes derived(32);
  derive_secret(HmacKey{kSha256, secret}, "derived", hash(kSha256, {}), derived);
  EXPECT_EQ(hex(derived), "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
  hkdf_extract(kSha256, derived,
               unhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"), secret);
  EXPECT_EQ(hex(secret), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");

  Digest transcript;  // ClientHello, ServerHello
  transcript.len = 32;
  std::ranges::copy(unhex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"),
                    transcript.bytes.begin());
  const HmacKey handshake{kSha256, secret};
  Bytes traffic(32);
  derive_secret(handshake, "c hs traffic", transcript, traffic);
  EXPECT_EQ(hex(traffic), "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
  derive_secret(handshake, "s hs traffic", transcript, traffic);
  EXPECT_EQ(hex(traffic), "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
  Bytes key(16);
  Bytes iv(12);
  hkdf_expand_label(HmacKey{kSha256, traffic}, "key", {}, key);
  hkdf_expand_label(HmacKey{kSha256, traffic}, "iv", {}, iv);
  EXPECT_EQ(hex(key), "3fce516009c21727d0f2e4e86ee403bc");
  EXPECT_EQ(hex(iv), "5d313eb2671276ee13000b30");

  derive_secret(handshake, "derived", hash(kSha256, {}), derived);
  // The extract of the next stage may write over its own salt.
  hkdf_extract(kSha256, derived, Bytes(32, 0), derived);
  EXPECT_EQ(hex(derived), "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
}

// [RFC 5246 5] The vector that the TLS working group's list agreed on for P_SHA256.
TEST(Tls12Prf, MatchesTheKnownVector) {
  const HmacKey secret{HashAlgorithm::sha256, unhex("9bbe436ba940f017b17652849a71db35")};
  const Bytes seed = unhex("a0ba9f936cda311827a6f796ffd5198c");
  Bytes out(100);
  tls12_prf(secret, "test label", seed, {}, out);
  const std::string expected =
      "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
      "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
      "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
      "87347b66";
  EXPECT_EQ(hex(out), expected);
  Bytes cut(100);
  tls12_prf(secret, "test label", ByteView{seed}.first(5), ByteView{seed}.subspan(5), cut);
  EXPECT_EQ(hex(cut), expected);
}

}  // namespace
}  // namespace sallyport::crypto
