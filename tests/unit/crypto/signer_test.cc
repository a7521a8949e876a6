#include "lib/crypto/openssl/signer.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/crypto/job.h"
#include "lib/crypto/sign/content.h"
#include "lib/crypto/sign/schemes.h"
#include "tests/support/certificates.h"
#include "tests/support/hex.h"

namespace sallyport::crypto::openssl {
namespace {

using testing::Owned;
using Bytes = std::vector<std::uint8_t>;

// with_public_exponent is the same RSA key with another public exponent: what it signs is a sound
// power of the private exponent, but does not verify, as after a fault.
PrivateKey with_public_exponent(EVP_PKEY* key, unsigned long exponent) {
  BIGNUM* n = nullptr;
  BIGNUM* d = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d);
  BIGNUM* const e = BN_new();
  BN_set_word(e, exponent);
  OSSL_PARAM_BLD* const builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, d);
  OSSL_PARAM* const params = OSSL_PARAM_BLD_to_param(builder);
  const Owned<EVP_PKEY_CTX> import{EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata_init(import.get());
  EVP_PKEY_fromdata(import.get(), &made, EVP_PKEY_KEYPAIR, params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  BN_free(d);
  BN_free(e);
  return PrivateKey{made};
}

TEST(Signer, KeepsTheScalarOfP256AndOfNothingElse) {
  const Context context;
  const auto key = testing::make_ec_key();
  Signer signer{context, PrivateKey::sharing(key.get())};
  BIGNUM* number = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
  Bytes expected(32);
  BN_bn2binpad(number, expected.data(), 32);
  BN_free(number);
  EXPECT_EQ(testing::hex(signer.p256_scalar()), testing::hex(expected));
  Signer moved{std::move(signer)};
  EXPECT_EQ(testing::hex(moved.p256_scalar()), testing::hex(expected));
  EXPECT_TRUE((Signer{context, PrivateKey::sharing(testing::make_rsa_key(2048).get())}
                   .p256_scalar()
                   .empty()));
  EXPECT_TRUE((Signer{context, PrivateKey::sharing(testing::make_key("ED25519").get())}
                   .p256_scalar()
                   .empty()));
  EXPECT_TRUE(Signer{}.p256_scalar().empty());
}

TEST(Signer, NeverReleasesAnRsaSignatureThatDoesNotVerify) {
  const Context context;
  const auto key = testing::make_rsa_key(2048);
  const Bytes message(100, 1);
  for (const auto scheme :
       {SignatureScheme::rsa_pss_rsae_sha256, SignatureScheme::rsa_pkcs1_sha256}) {
    Bytes signature(kMaxSignature, 0xee);
    Signer sound{context, with_public_exponent(key.get(), 65537)};
    EXPECT_EQ(sound.sign(scheme, message, signature), 256);
    std::ranges::fill(signature, std::uint8_t{0xee});
    Signer faulty{context, with_public_exponent(key.get(), 3)};
    ASSERT_TRUE(faulty);
    EXPECT_EQ(faulty.sign(scheme, message, signature), 0);
    EXPECT_TRUE(std::ranges::all_of(signature, [](auto b) { return b == 0; }));
  }
}

TEST(Signer, OutlivesTheKeyThatItWasMadeFrom) {
  const Context context;
  Signer signer;
  EXPECT_FALSE(signer);
  {
    const auto key = testing::make_ec_key();
    signer = Signer{context, PrivateKey::sharing(key.get())};
  }
  Bytes signature(kMaxSignature);
  EXPECT_GT(signer.sign(SignatureScheme::ecdsa_secp256r1_sha256, Bytes(10), signature), 60);
}

TEST(Signer, NeedsRoomForTheLongestSignature) {
  const Context context;
  Signer signer{context, PrivateKey::sharing(testing::make_ec_key().get())};
  Bytes signature(kMaxSignature - 1);
  EXPECT_EQ(signer.sign(SignatureScheme::ecdsa_secp256r1_sha256, Bytes(10), signature), 0);
}

TEST(Schemes, EachFitsExactlyOneTypeOfKey) {
  for (const auto scheme : {SignatureScheme::rsa_pkcs1_sha256, SignatureScheme::rsa_pss_rsae_sha512,
                            SignatureScheme::ecdsa_secp256r1_sha256,
                            SignatureScheme::ecdsa_secp384r1_sha384, SignatureScheme::ed25519}) {
    int fitting = 0;
    for (const auto type :
         {KeyType::rsa, KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::ed25519}) {
      fitting += fits_key(scheme, type) ? 1 : 0;
    }
    EXPECT_EQ(fitting, 1);
    EXPECT_FALSE(fits_key(scheme, KeyType::none));
  }
  EXPECT_FALSE(fits_key(SignatureScheme::rsa_pkcs1_sha1, KeyType::rsa));
  EXPECT_FALSE(allowed_in_tls13(SignatureScheme::rsa_pkcs1_sha256));
}

// [RFC 5246 7.4.1.4.1, RFC 8446 4.2.3]
TEST(Schemes, OfEcdsaFitEveryCurveInTls12) {
  for (const auto scheme :
       {SignatureScheme::ecdsa_secp256r1_sha256, SignatureScheme::ecdsa_secp384r1_sha384,
        SignatureScheme::ecdsa_secp521r1_sha512}) {
    EXPECT_TRUE(fits_key_in_tls12(scheme, KeyType::ecdsa_p256));
    EXPECT_TRUE(fits_key_in_tls12(scheme, KeyType::ecdsa_p384));
    for (const auto type : {KeyType::none, KeyType::rsa, KeyType::ed25519}) {
      EXPECT_FALSE(fits_key_in_tls12(scheme, type));
    }
  }
  EXPECT_FALSE(fits_key_in_tls12(SignatureScheme::ecdsa_sha1, KeyType::ecdsa_p256));
  EXPECT_TRUE(fits_key_in_tls12(SignatureScheme::rsa_pkcs1_sha256, KeyType::rsa));
  EXPECT_FALSE(fits_key_in_tls12(SignatureScheme::rsa_pkcs1_sha256, KeyType::ecdsa_p256));
  EXPECT_FALSE(fits_key(SignatureScheme::ecdsa_secp521r1_sha512, KeyType::ecdsa_p256));
  EXPECT_FALSE(allowed_in_tls13(SignatureScheme::ecdsa_secp521r1_sha512));
}

// [RFC 8446 4.4.3] The example of that section: a transcript hash of 32 bytes of 0x01.
TEST(SignedContent, IsTheOneThatRfc8446Prints) {
  EXPECT_EQ(testing::hex(certificate_verify_content(Bytes(32, 0x01)).view()),
            "2020202020202020202020202020202020202020202020202020202020202020"
            "2020202020202020202020202020202020202020202020202020202020202020"
            "544c5320312e332c207365727665722043657274696669636174655665726966"
            "79"
            "00"
            "0101010101010101010101010101010101010101010101010101010101010101");
}

}  // namespace
}  // namespace sallyport::crypto::openssl
