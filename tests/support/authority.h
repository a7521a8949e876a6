// Authorities that vouch for clients, their lists of revocations, and clients.
#pragma once
#include <openssl/x509.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/certificates.h"

namespace sallyport::testing {

// Member is a certificate with its key.
struct Member {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
};

[[nodiscard]] inline Member issue(const Member* issuer, CertificateOptions options,
                                  Owned<EVP_PKEY> key = make_ec_key()) {
  if (issuer != nullptr) {
    options.issuer = issuer->certificate.get();
    options.issuer_key = issuer->key.get();
  }
  auto certificate = make_certificate(key.get(), options);
  return {std::move(key), std::move(certificate)};
}

[[nodiscard]] inline CertificateOptions authority_named(const std::string& name) {
  CertificateOptions options;
  options.common_name = name;
  options.authority = true;
  return options;
}

[[nodiscard]] inline CertificateOptions client_named(const std::string& name) {
  CertificateOptions options;
  options.common_name = name;
  return options;
}

// crl_pem is a list by `issuer` with these certificates on it.
[[nodiscard]] inline std::string crl_pem(const Member& issuer, const std::vector<X509*>& revoked,
                                         std::int64_t next_update = 2'000'000) {
  X509_CRL* const crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.certificate.get()));
  ASN1_TIME* const time = ASN1_TIME_set(nullptr, 1'000'000);
  X509_CRL_set1_lastUpdate(crl, time);
  ASN1_TIME_set(time, next_update);
  X509_CRL_set1_nextUpdate(crl, time);
  ASN1_TIME_set(time, 1'200'000);
  for (X509* const certificate : revoked) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
  }
  X509_CRL_sign(crl, issuer.key.get(), EVP_sha256());
  const Owned<BIO> out{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509_CRL(out.get(), crl);
  ASN1_TIME_free(time);
  X509_CRL_free(crl);
  return text_of(out.get());
}

}  // namespace sallyport::testing
