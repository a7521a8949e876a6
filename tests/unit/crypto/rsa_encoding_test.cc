// Signatures made of our own encodings and the batch kernel: known answers where there is only one,
// and OpenSSL's opinion where there is a salt.
#include "lib/crypto/sign/rsa_encoding.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"
#include "tests/support/vectors.h"

namespace sallyport::crypto {
namespace {

using openssl::PrivateKey;
using openssl::RsaPrivate;
using testing::hex;
using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

class RsaSignature : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!batch::available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA";
  }
  static Bytes sign(RsaPrivate& key, const RsaEncoding& encoding, const Bytes& message,
                    const Bytes& salt) {
    Bytes block(key.key().bytes());
    encode_for_rsa(encoding, message, salt, block);
    Bytes signature(block.size());
    batch::Rsa kernel;
    EXPECT_TRUE(key.uses_left() != 0 || key.renew(kernel));
    std::array lanes{batch::RsaLane{
        .key = &key.key(), .blinding = &key.next_blinding(), .input = block, .output = signature}};
    kernel.run(lanes);
    EXPECT_TRUE(lanes[0].ok);
    return signature;
  }
  static PrivateKey read_key(const std::string& name) {
    const Owned<BIO> file{BIO_new_file((SALLYPORT_TEST_VECTORS "/" + name).c_str(), "r")};
    return PrivateKey{PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr)};
  }
  openssl::Context context_;
};

TEST_F(RsaSignature, WithPkcs1IsWhatWycheproofSays) {
  const auto vectors = testing::read_vectors(SALLYPORT_TEST_VECTORS "/rsa_sign.vec");
  ASSERT_GE(vectors.size(), 24U);
  std::unique_ptr<RsaPrivate> key;
  int signatures = 0;
  for (const auto& v : vectors) {
    if (v.algorithm == "key") {
      const Bytes der = v.bytes("pkcs8");
      const unsigned char* at = der.data();
      const PrivateKey parsed{d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()))};
      key = RsaPrivate::from(context_, parsed);
      continue;
    }
    if (key == nullptr) continue;  // Wycheproof has keys of odd shapes, too
    const RsaEncoding encoding =
        rsa_encoding(v.algorithm == "sha256"   ? SignatureScheme::rsa_pkcs1_sha256
                     : v.algorithm == "sha384" ? SignatureScheme::rsa_pkcs1_sha384
                                               : SignatureScheme::rsa_pkcs1_sha512);
    EXPECT_EQ(hex(sign(*key, encoding, v.bytes("msg"), {})), v.text("sig")) << v.comment;
    ++signatures;
  }
  EXPECT_GE(signatures, 20);
}

// Nothing is random there, so OpenSSL's is the only one.
TEST_F(RsaSignature, WithPkcs1IsOpensslsToTheByte) {
  for (const char* const name : {"rsa_3072.pem", "rsa_4096.pem"}) {
    const PrivateKey pkey = read_key(name);
    const auto key = RsaPrivate::from(context_, pkey);
    openssl::Signer openssl{context_, pkey};
    ASSERT_TRUE(key != nullptr && openssl);
    for (const SignatureScheme scheme :
         {SignatureScheme::rsa_pkcs1_sha256, SignatureScheme::rsa_pkcs1_sha384,
          SignatureScheme::rsa_pkcs1_sha512}) {
      ASSERT_TRUE(rsa_encoding(scheme).known() && !rsa_encoding(scheme).pss);
      for (std::uint8_t i = 0; i < 8; ++i) {
        const Bytes message(19U * i, i);
        Bytes expected(kMaxSignature);
        expected.resize(openssl.sign(scheme, message, expected));
        EXPECT_EQ(hex(sign(*key, rsa_encoding(scheme), message, {})), hex(expected));
      }
    }
  }
}

TEST_F(RsaSignature, WithPssIsVerifiedByOpenssl) {
  const Owned<BIO> file{BIO_new_file(SALLYPORT_TEST_VECTORS "/rsa_3072.pem", "r")};
  const std::array keys{testing::make_rsa_key(2'048), Owned<EVP_PKEY>{PEM_read_bio_PrivateKey(
                                                          file.get(), nullptr, nullptr, nullptr)}};
  for (const Owned<EVP_PKEY>& pkey : keys) {
    EVP_PKEY_up_ref(pkey.get());
    const auto key = RsaPrivate::from(context_, PrivateKey{pkey.get()});
    ASSERT_NE(key, nullptr);
    for (const SignatureScheme scheme :
         {SignatureScheme::rsa_pss_rsae_sha256, SignatureScheme::rsa_pss_rsae_sha384,
          SignatureScheme::rsa_pss_rsae_sha512}) {
      const RsaEncoding encoding = rsa_encoding(scheme);
      ASSERT_TRUE(encoding.known() && encoding.pss);
      for (std::uint8_t i = 0; i < 20; ++i) {
        const Bytes message(7U * i, i);
        const Bytes salt(rsa_salt_len(encoding), static_cast<std::uint8_t>(i ^ 0x5a));
        const Bytes signature = sign(*key, encoding, message, salt);
        const Owned<EVP_MD_CTX> verify{EVP_MD_CTX_new()};
        EVP_PKEY_CTX* operation = nullptr;
        const EVP_MD* const md = encoding.hash == SchemeHash::sha256   ? EVP_sha256()
                                 : encoding.hash == SchemeHash::sha384 ? EVP_sha384()
                                                                       : EVP_sha512();
        ASSERT_EQ(EVP_DigestVerifyInit(verify.get(), &operation, md, nullptr, pkey.get()), 1);
        EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, RSA_PSS_SALTLEN_DIGEST);
        EXPECT_EQ(EVP_DigestVerify(verify.get(), signature.data(), signature.size(), message.data(),
                                   message.size()),
                  1);
      }
    }
  }
}

// What the kernel makes of a ciphertext is padded as the vector says, and what OpenSSL makes of it.
TEST_F(RsaSignature, AndDecryptionGiveWycheproofsAnswers) {
  const auto vectors = testing::read_vectors(SALLYPORT_TEST_VECTORS "/rsa_decrypt.vec");
  std::unique_ptr<RsaPrivate> key;
  openssl::Signer openssl;
  int decrypted = 0;
  for (const auto& v : vectors) {
    if (v.algorithm == "key") {
      const Bytes der = v.bytes("pkcs8");
      const unsigned char* at = der.data();
      const PrivateKey parsed{d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()))};
      key = RsaPrivate::from(context_, parsed);
      ASSERT_NE(key, nullptr);
      openssl = openssl::Signer{context_, parsed};
      continue;
    }
    const Bytes ciphertext = v.bytes("ct");
    Bytes block(key->key().bytes());
    batch::Rsa kernel;
    ASSERT_TRUE(key->uses_left() != 0 || key->renew(kernel));
    std::array lanes{batch::RsaLane{.key = &key->key(),
                                    .blinding = &key->next_blinding(),
                                    .input = ciphertext,
                                    .output = block}};
    kernel.run(lanes);
    Bytes expected(block.size());
    const std::size_t len = openssl.decrypt_raw(ciphertext, expected);
    ASSERT_EQ(lanes[0].ok, len == block.size()) << v.comment;
    if (lanes[0].ok) {
      EXPECT_EQ(hex(block), hex(expected)) << v.comment;
    }
    // [RFC 8017 7.2.2]
    bool valid = lanes[0].ok && block[0] == 0 && block[1] == 2;
    if (valid) {
      const auto zero = std::find(block.begin() + 2, block.end(), std::uint8_t{0});
      valid = zero != block.end() && zero - block.begin() >= 10 &&
              Bytes(zero + 1, block.end()) == v.bytes("msg");
    }
    EXPECT_EQ(valid, v.is_valid()) << v.comment;
    ++decrypted;
  }
  EXPECT_GE(decrypted, 25);
}

TEST_F(RsaSignature, IsLeftToOpensslForOtherSchemes) {
  for (const SignatureScheme scheme :
       {SignatureScheme::none, SignatureScheme::rsa_pkcs1_sha1, SignatureScheme::ecdsa_sha1,
        SignatureScheme::ecdsa_secp256r1_sha256, SignatureScheme::ecdsa_secp384r1_sha384,
        SignatureScheme::ed25519}) {
    EXPECT_FALSE(rsa_encoding(scheme).known());
  }
}

}  // namespace
}  // namespace sallyport::crypto
