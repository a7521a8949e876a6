#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <array>

#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {
namespace {

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_name(X509* certificate, const std::string& common_name) {
  X509_NAME* const name = X509_get_subject_name(certificate);
  const auto* const text = reinterpret_cast<const unsigned char*>(common_name.data());
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text,
                                    static_cast<int>(common_name.size()), -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

// [RFC 5280 4.1.2.2] A positive serial number of at most 20 bytes; here 16 random ones.
bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  const std::unique_ptr<BIGNUM, Free<BN_free>> number{
      BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)};
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

// A name goes into OpenSSL's own little language, where commas and colons mean something else.
bool is_plain(const std::string& name) {
  return !name.empty() && name.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                              "WXYZ0123456789-._*") == std::string::npos;
}

}  // namespace

Loaded make_self_signed(const SelfSignedOptions& options) {
  const auto failure = [](std::string why) {
    ERR_clear_error();
    return Loaded{.credential = std::nullopt,
                  .error = LoadError::generation_failed,
                  .message = "cannot make a certificate: " + std::move(why)};
  };
  std::vector<std::string> names = options.dns_names;
  if (names.empty()) names.push_back(options.common_name);
  std::string alternatives;
  for (const std::string& name : names) {
    if (!is_plain(name)) return failure("\"" + name + "\" is not a DNS name");
    alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  }

  Pkey key{EVP_EC_gen("P-256")};
  const Certificate certificate{X509_new()};
  X509* const c = certificate.get();
  const bool made =
      key != nullptr && c != nullptr && X509_set_version(c, X509_VERSION_3) == 1 && set_serial(c) &&
      ASN1_TIME_set(X509_getm_notBefore(c), options.now) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(c), options.now + options.lifetime_seconds) != nullptr &&
      set_name(c, options.common_name) && X509_set_pubkey(c, key.get()) == 1 &&
      add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(c, NID_key_usage, "critical,digitalSignature") &&
      add_extension(c, NID_ext_key_usage, "serverAuth") &&
      add_extension(c, NID_subject_alt_name, alternatives) &&
      add_extension(c, NID_subject_key_identifier, "hash") &&
      X509_sign(c, key.get(), EVP_sha256()) != 0;
  if (!made) return failure("OpenSSL refused");

  Credential credential;
  credential.chain.push_back(to_der(c));
  describe(c, credential);
  credential.key = crypto::openssl::PrivateKey{key.release()};
  credential.key_type = credential.key.type();
  credential.key_bits = credential.key.bits();
  return {.credential = std::move(credential), .error = LoadError::none, .message = {}};
}

}  // namespace sallyport::x509
