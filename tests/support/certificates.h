// Makes keys, certificates and PEM files with OpenSSL, for tests: an implementation that shares no
// code with lib/x509.
#pragma once
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::testing {

struct OpensslFree {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(ASN1_TIME* p) const { ASN1_TIME_free(p); }
  void operator()(OCSP_BASICRESP* p) const { OCSP_BASICRESP_free(p); }
  void operator()(OCSP_CERTID* p) const { OCSP_CERTID_free(p); }
  void operator()(OCSP_RESPONSE* p) const { OCSP_RESPONSE_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, OpensslFree>;

struct CertificateOptions {
  std::string common_name = "example.test";
  std::string alternatives;             // "DNS:a.test,IP:198.18.0.1"; empty: no extension
  std::int64_t not_before = 1'000'000;  // Unix seconds
  std::int64_t not_after = 2'000'000;
  X509* issuer = nullptr;  // nullptr: self-signed
  EVP_PKEY* issuer_key = nullptr;
  std::string key_usage{};  // "critical,digitalSignature"; empty: no extension
  std::size_t padding = 0;  // bytes of a comment extension, to make it large
  bool authority = false;
};

[[nodiscard]] inline Owned<EVP_PKEY> make_ec_key(const char* curve = "P-256") {
  return Owned<EVP_PKEY>{EVP_EC_gen(curve)};
}
[[nodiscard]] inline Owned<EVP_PKEY> make_rsa_key(unsigned bits) {
  return Owned<EVP_PKEY>{EVP_RSA_gen(bits)};
}
[[nodiscard]] inline Owned<EVP_PKEY> make_key(const char* type) {
  return Owned<EVP_PKEY>{EVP_PKEY_Q_keygen(nullptr, nullptr, type)};
}

inline void add_extension(X509* certificate, int nid, const std::string& value) {
  const Owned<X509_EXTENSION> extension{X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str())};
  X509_add_ext(certificate, extension.get(), -1);
}

[[nodiscard]] inline Owned<X509> make_certificate(EVP_PKEY* key,
                                                  const CertificateOptions& options = {}) {
  Owned<X509> owner{X509_new()};
  X509* const c = owner.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), 4711);
  ASN1_TIME_set(X509_getm_notBefore(c), options.not_before);
  ASN1_TIME_set(X509_getm_notAfter(c), options.not_after);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(options.common_name.c_str()),
                             -1, -1, 0);
  X509* const issuer = options.issuer != nullptr ? options.issuer : c;
  EVP_PKEY* const issuer_key = options.issuer != nullptr ? options.issuer_key : key;
  X509_set_issuer_name(c, X509_get_subject_name(issuer));
  X509_set_pubkey(c, key);
  if (options.authority) add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
  if (!options.key_usage.empty()) add_extension(c, NID_key_usage, options.key_usage);
  if (!options.alternatives.empty()) add_extension(c, NID_subject_alt_name, options.alternatives);
  if (options.padding > 0) {
    add_extension(c, NID_netscape_comment, std::string(options.padding, 'x'));
  }
  const bool hashes_inside =
      EVP_PKEY_is_a(issuer_key, "ED25519") == 1 || EVP_PKEY_is_a(issuer_key, "ED448") == 1;
  X509_sign(c, issuer_key, hashes_inside ? nullptr : EVP_sha256());
  return owner;
}

[[nodiscard]] inline std::vector<std::uint8_t> der_of(X509* certificate) {
  std::vector<std::uint8_t> der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
  std::uint8_t* at = der.data();
  i2d_X509(certificate, &at);
  return der;
}

[[nodiscard]] inline std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long len = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(len)};
}
[[nodiscard]] inline std::string pem_of(X509* certificate) {
  const Owned<BIO> out{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(out.get(), certificate);
  return text_of(out.get());
}
// pem_of a key: PKCS #8, encrypted when there is a passphrase.
[[nodiscard]] inline std::string pem_of(EVP_PKEY* key, const std::string& passphrase = {}) {
  const Owned<BIO> out{BIO_new(BIO_s_mem())};
  if (passphrase.empty()) {
    PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PKCS8PrivateKey(out.get(), key, EVP_aes_128_cbc(), passphrase.data(),
                                  static_cast<int>(passphrase.size()), nullptr, nullptr);
  }
  return text_of(out.get());
}

}  // namespace sallyport::testing
