// Makes OCSP responses (RFC 6960) with OpenSSL, for tests.
#pragma once
#include <openssl/ocsp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/certificates.h"

namespace sallyport::testing {

// OcspAnswer is what a responder says, and who it is.
struct OcspAnswer {
  X509* about = nullptr;
  X509* issuer = nullptr;  // of `about`
  X509* signer = nullptr;
  EVP_PKEY* signer_key = nullptr;
  int status = V_OCSP_CERTSTATUS_GOOD;
  std::int64_t this_update = 1'499'900;  // Unix seconds
  std::int64_t next_update = 1'500'100;  // 0: it does not say
  const EVP_MD* hash = EVP_sha1();
};

[[nodiscard]] inline std::string der_of(OCSP_RESPONSE* response) {
  std::string der(static_cast<std::size_t>(i2d_OCSP_RESPONSE(response, nullptr)), '\0');
  auto* at = reinterpret_cast<std::uint8_t*>(der.data());
  i2d_OCSP_RESPONSE(response, &at);
  return der;
}

// ocsp_response is an OCSPResponse in DER.
[[nodiscard]] inline std::string ocsp_response(const OcspAnswer& answer) {
  const Owned<OCSP_BASICRESP> basic{OCSP_BASICRESP_new()};
  const Owned<OCSP_CERTID> id{OCSP_cert_to_id(answer.hash, answer.about, answer.issuer)};
  const Owned<ASN1_TIME> this_update{ASN1_GENERALIZEDTIME_set(nullptr, answer.this_update)};
  const Owned<ASN1_TIME> next_update{ASN1_GENERALIZEDTIME_set(nullptr, answer.next_update)};
  OCSP_basic_add1_status(basic.get(), id.get(), answer.status, 0,
                         answer.status == V_OCSP_CERTSTATUS_REVOKED ? this_update.get() : nullptr,
                         this_update.get(), answer.next_update == 0 ? nullptr : next_update.get());
  OCSP_basic_sign(basic.get(), answer.signer, answer.signer_key, EVP_sha256(), nullptr, 0);
  const Owned<OCSP_RESPONSE> response{
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get())};
  return der_of(response.get());
}

}  // namespace sallyport::testing
