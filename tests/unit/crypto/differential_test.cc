// The same operation by OpenSSL's EVP, over random inputs of every length that matters.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/crypto/aead/aead.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/hash/prf.h"
#include "tests/support/hex.h"

namespace sallyport::crypto {
namespace {

using testing::hex;
using Bytes = std::vector<std::uint8_t>;

class Differential : public ::testing::Test {
 protected:
  Bytes random_bytes(std::size_t len) {
    Bytes bytes(len);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  std::size_t random_len(std::size_t limit) { return random_() % (limit + 1); }

 private:
  std::mt19937 random_{20'260'101};  // NOLINT: a fixed seed makes failures repeatable
};

const char* name_of(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::sha256 ? "SHA256" : "SHA384";
}

TEST_F(Differential, HashAndHmac) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    for (int round = 0; round < 300; ++round) {
      const Bytes message = random_bytes(random_len(600));
      const Bytes key = random_bytes(random_len(200));
      Bytes expected(digest_len(algorithm));
      std::size_t len = 0;
      EVP_Q_digest(nullptr, name_of(algorithm), nullptr, message.data(), message.size(),
                   expected.data(), &len);
      EXPECT_EQ(hex(hash(algorithm, message).view()), hex(expected));
      EVP_Q_mac(nullptr, "HMAC", nullptr, name_of(algorithm), nullptr, key.data(), key.size(),
                message.data(), message.size(), expected.data(), expected.size(), &len);
      Bytes mac(digest_len(algorithm));
      HmacKey{algorithm, key}.mac({message}, mac);
      EXPECT_EQ(hex(mac), hex(expected));
    }
  }
}

// derive_by_evp runs one of OpenSSL's KDFs.
Bytes derive_by_evp(const char* kdf, const std::vector<OSSL_PARAM>& params, std::size_t len) {
  EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, kdf, nullptr);
  EVP_KDF_CTX* const context = EVP_KDF_CTX_new(algorithm);
  Bytes out(len);
  EXPECT_EQ(EVP_KDF_derive(context, out.data(), out.size(), params.data()), 1);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(algorithm);
  return out;
}
OSSL_PARAM octets(const char* name, const Bytes& bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}
OSSL_PARAM text(const char* name, const char* value) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}

TEST_F(Differential, Hkdf) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    for (int round = 0; round < 100; ++round) {
      const Bytes salt = random_bytes(1 + random_len(80));
      const Bytes secret = random_bytes(1 + random_len(80));
      const Bytes info = random_bytes(1 + random_len(80));
      const std::size_t len = 1 + random_len(200);
      Bytes prk(digest_len(algorithm));
      hkdf_extract(algorithm, salt, secret, prk);
      Bytes out(len);
      hkdf_expand(HmacKey{algorithm, prk}, info, out);
      EXPECT_EQ(
          hex(out),
          hex(derive_by_evp("HKDF",
                            {text(OSSL_KDF_PARAM_DIGEST, name_of(algorithm)),
                             octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
                             octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()},
                            len)));
    }
  }
}

TEST_F(Differential, Tls12Prf) {
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    for (int round = 0; round < 100; ++round) {
      const Bytes secret = random_bytes(1 + random_len(80));
      const Bytes seed1 = random_bytes(random_len(64));
      const Bytes seed2 = random_bytes(random_len(64));
      const std::size_t len = 1 + random_len(200);
      Bytes out(len);
      tls12_prf(HmacKey{algorithm, secret}, "key expansion", seed1, seed2, out);
      Bytes seed;
      for (const std::uint8_t byte : testing::bytes_of("key expansion")) seed.push_back(byte);
      for (const std::uint8_t byte : seed1) seed.push_back(byte);
      for (const std::uint8_t byte : seed2) seed.push_back(byte);
      EXPECT_EQ(hex(out),
                hex(derive_by_evp("TLS1-PRF",
                                  {text(OSSL_KDF_PARAM_DIGEST, name_of(algorithm)),
                                   octets(OSSL_KDF_PARAM_SECRET, secret),
                                   octets(OSSL_KDF_PARAM_SEED, seed), OSSL_PARAM_construct_end()},
                                  len)));
    }
  }
}

TEST_F(Differential, Aead) {
  struct Case {
    AeadAlgorithm algorithm;
    const EVP_CIPHER* cipher;
  };
  const AeadEngine engine;
  for (const Case& c : {Case{AeadAlgorithm::aes_128_gcm, EVP_aes_128_gcm()},
                        Case{AeadAlgorithm::aes_256_gcm, EVP_aes_256_gcm()},
                        Case{AeadAlgorithm::chacha20_poly1305, EVP_chacha20_poly1305()}}) {
    for (int round = 0; round < 200; ++round) {
      const Bytes raw = random_bytes(key_len(c.algorithm));
      const Bytes nonce_bytes = random_bytes(kAeadNonceLen);
      const Bytes aad = random_bytes(random_len(40));
      const Bytes plaintext = random_bytes(round == 0 ? 16'384 : random_len(2000));

      Bytes expected(plaintext.size() + kAeadTagLen);
      EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
      int len = 0;
      EVP_EncryptInit_ex(context, c.cipher, nullptr, raw.data(), nonce_bytes.data());
      EVP_EncryptUpdate(context, nullptr, &len, aad.data(), static_cast<int>(aad.size()));
      EVP_EncryptUpdate(context, expected.data(), &len, plaintext.data(),
                        static_cast<int>(plaintext.size()));
      EVP_EncryptFinal_ex(context, expected.data() + len, &len);
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kAeadTagLen),
                          expected.data() + plaintext.size());
      EVP_CIPHER_CTX_free(context);

      AeadKey key;
      key.set(c.algorithm, raw);
      const ExpandedKey expanded{engine, key};
      AeadNonce nonce;
      std::ranges::copy(nonce_bytes, nonce.begin());
      Bytes sealed(expected.size());
      expanded.seal(nonce, aad, plaintext, sealed);
      ASSERT_EQ(hex(sealed), hex(expected)) << plaintext.size();
      const std::size_t at = random_len(sealed.size());
      const std::array pieces{MutableBytes{sealed}.first(at), MutableBytes{sealed}.subspan(at)};
      ASSERT_TRUE(expanded.open(nonce, aad, pieces)) << plaintext.size() << " cut at " << at;
      EXPECT_TRUE(std::ranges::equal(plaintext, ByteView{sealed}.first(plaintext.size())));
    }
  }
}

}  // namespace
}  // namespace sallyport::crypto
