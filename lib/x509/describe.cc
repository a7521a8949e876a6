#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "lib/base/text.h"
#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {
namespace {

std::string text_of(const ASN1_STRING* string) {
  const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
  return {data, static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// DNS names compare without case [RFC 4343 3]; a NUL or another odd byte inside a name is an old
// trick to make two readers see different names, so such a name is left out.
void add_name(std::string name, std::vector<std::string>& names) {
  std::ranges::transform(name, name.begin(), to_lower<char>);
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '*';
  });
  if (name.empty() || !plain) return;
  if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

// [RFC 6125 6.4.4] The common name counts only where there is no subjectAltName of a DNS name.
std::vector<std::string> dns_names(X509* leaf) {
  std::vector<std::string> names;
  bool has_dns_name = false;
  const GeneralNames list{
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr))};
  if (list != nullptr) {
    for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
      const GENERAL_NAME* const name = sk_GENERAL_NAME_value(list.get(), i);
      if (name->type != GEN_DNS) continue;
      has_dns_name = true;
      add_name(text_of(name->d.dNSName), names);
    }
  }
  if (has_dns_name) return names;
  X509_NAME* const subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) {
    add_name(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), names);
  }
  return names;
}

// signature_scheme is the number by which a client would list the signature of `certificate`, made
// with the key of `issuer` (null: not known); 0: it has none.  The curve of an ECDSA key is left
// out, as clients leave it out in certificates.
std::uint16_t signature_scheme(X509* certificate, X509* issuer) {
  int hash = NID_undef;
  int key = NID_undef;
  if (X509_get_signature_info(certificate, &hash, &key, nullptr, nullptr) != 1) return 0;
  struct Numbers {
    int hash;
    std::uint16_t pkcs1;
    std::uint16_t ecdsa;
    std::uint16_t pss_rsae;
    std::uint16_t pss_pss;
  };
  // [RFC 8446 4.2.3]
  constexpr std::array kNumbers{Numbers{NID_sha1, 0x0201, 0x0203, 0, 0},
                                Numbers{NID_sha256, 0x0401, 0x0403, 0x0804, 0x0809},
                                Numbers{NID_sha384, 0x0501, 0x0503, 0x0805, 0x080a},
                                Numbers{NID_sha512, 0x0601, 0x0603, 0x0806, 0x080b}};
  if (key == NID_ED25519) return 0x0807;
  if (key == NID_ED448) return 0x0808;
  const auto numbers = std::ranges::find(kNumbers, hash, &Numbers::hash);
  if (numbers == kNumbers.end()) return 0;
  if (key == NID_rsaEncryption) return numbers->pkcs1;
  if (key == NID_X9_62_id_ecPublicKey) return numbers->ecdsa;
  if (key != NID_rsassaPss) return 0;
  const bool is_pss_key =
      issuer != nullptr && EVP_PKEY_get_base_id(X509_get0_pubkey(issuer)) == EVP_PKEY_RSA_PSS;
  return is_pss_key ? numbers->pss_pss : numbers->pss_rsae;
}

}  // namespace

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  // Of nothing OpenSSL makes the present time.
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return ::timegm(&parts);
}

std::string name_text(const X509_NAME* name) {
  const Bio out{BIO_new(BIO_s_mem())};
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long len = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(len)};
}

std::vector<std::uint8_t> to_der(X509* certificate) {
  const int len = i2d_X509(certificate, nullptr);
  std::vector<std::uint8_t> der(static_cast<std::size_t>(std::max(len, 0)));
  std::uint8_t* at = der.data();
  i2d_X509(certificate, &at);
  return der;
}

bool allows(X509* certificate, std::uint32_t bit) {
  const std::uint32_t usage = X509_get_key_usage(certificate);
  // Where any extension is malformed OpenSSL tells of none.
  if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0) {
    ERR_clear_error();
    return true;
  }
  return (usage & bit) != 0;
}

void describe(X509* leaf, Credential& credential) {
  credential.may_sign = allows(leaf, KU_DIGITAL_SIGNATURE);
  credential.may_decrypt = allows(leaf, KU_KEY_ENCIPHERMENT);
  credential.names = dns_names(leaf);
  credential.subject = name_text(X509_get_subject_name(leaf));
  const int signature = X509_get_signature_nid(leaf);
  if (signature != NID_undef) credential.signature_algorithm = OBJ_nid2sn(signature);
  credential.not_before = unix_seconds(X509_get0_notBefore(leaf));
  credential.not_after = unix_seconds(X509_get0_notAfter(leaf));
  unsigned len = 0;
  X509_digest(leaf, EVP_sha256(), credential.fingerprint.data(), &len);
}

std::string fingerprint_text(const Credential& credential) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t byte : credential.fingerprint) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

std::string certificate_pem(const Credential& credential) {
  if (credential.chain.empty()) return {};
  const std::vector<std::uint8_t>& der = credential.chain.front();
  const Bio out{BIO_new(BIO_s_mem())};
  PEM_write_bio(out.get(), PEM_STRING_X509, "", der.data(), static_cast<long>(der.size()));
  char* text = nullptr;
  const long len = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(len)};
}

std::vector<std::uint16_t> chain_schemes(std::span<const Certificate> chain) {
  std::vector<std::uint16_t> schemes;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    X509* const certificate = chain[i].get();
    if (X509_self_signed(certificate, 0) == 1) continue;
    X509* const issuer = i + 1 < chain.size() ? chain[i + 1].get() : nullptr;
    const std::uint16_t scheme = signature_scheme(certificate, issuer);
    if (std::ranges::find(schemes, scheme) == schemes.end()) schemes.push_back(scheme);
  }
  return schemes;
}

}  // namespace sallyport::x509
