// Owners of OpenSSL's X.509 objects, for lib/x509 alone: this header brings OpenSSL's.
#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/crypto/openssl/owner.h"
#include "lib/x509/credential.h"

namespace sallyport::x509 {

using crypto::openssl::Free;
using crypto::openssl::Pkey;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using CertificateStore = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

// CertificateList owns the list, not the certificates: they belong to others.
struct FreeList {
  void operator()(STACK_OF(X509) * list) const noexcept { sk_X509_free(list); }
};
using CertificateList = std::unique_ptr<STACK_OF(X509), FreeList>;

// name_text is a distinguished name in one line, most specific part first.
[[nodiscard]] std::string name_text(const X509_NAME* name);
// unix_seconds is 0 for what is no time.
[[nodiscard]] std::int64_t unix_seconds(const ASN1_TIME* time);

// allows tells whether keyUsage lets the key of `certificate` do what this bit (KU_...) stands for:
// anything, when there is no such extension (RFC 5280 4.2.1.3), and when extensions cannot be read:
// that is for the verification of a chain to refuse.
[[nodiscard]] bool allows(X509* certificate, std::uint32_t bit);

// describe fills everything of a credential that comes from its leaf, except chain and key.
void describe(X509* leaf, Credential& credential);
// chain_schemes is Credential::chain_schemes of a chain, leaf first.
[[nodiscard]] std::vector<std::uint16_t> chain_schemes(std::span<const Certificate> chain);

// to_der is a certificate as it is sent.
[[nodiscard]] std::vector<std::uint8_t> to_der(X509* certificate);

}  // namespace sallyport::x509
