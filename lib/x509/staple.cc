#include "lib/x509/staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "lib/x509/locked_file.h"
#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {
namespace {

using crypto::openssl::Free;
using Response = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>>;
using BasicResponse = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>>;
using CertificateId = std::unique_ptr<OCSP_CERTID, Free<OCSP_CERTID_free>>;

constexpr std::int64_t kDay = 24LL * 3600;
// Clocks of responders run ahead of ours by minutes at times.
constexpr std::int64_t kClockSkew = 300;

LoadedStaple failure(std::string message) {
  ERR_clear_error();
  return {.staple = std::nullopt, .message = std::move(message)};
}

Certificate parse(const std::vector<std::uint8_t>& der) {
  const std::uint8_t* at = der.data();
  return Certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
}

// is_signed: by the issuer itself, or by a responder that it certified for this purpose
// [RFC 6960 4.2.2.2].
bool is_signed(OCSP_BASICRESP* response, X509* issuer) {
  const CertificateStore store{X509_STORE_new()};
  X509_STORE_add_cert(store.get(), issuer);
  // An issuer in the middle of a chain is as good an end as a root.
  X509_VERIFY_PARAM_set_flags(X509_STORE_get0_param(store.get()),
                              X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  const CertificateList issuers{sk_X509_new_null()};
  sk_X509_push(issuers.get(), issuer);
  return OCSP_basic_verify(response, issuers.get(), store.get(), 0) == 1;
}

}  // namespace

LoadedStaple load_staple(const std::string& file,
                         const std::vector<std::vector<std::uint8_t>>& chain, std::int64_t now) {
  const LockedFile bytes{file};
  if (bytes.error() != 0) return failure(file + ": cannot read: " + std::strerror(bytes.error()));
  const ByteView der = bytes.bytes();
  if (der.size() > kMaxStapleBytes) {
    return failure(file + ": " + std::to_string(der.size()) + " bytes, at most " +
                   std::to_string(kMaxStapleBytes) + " are sent with a certificate");
  }
  const std::uint8_t* at = der.data();
  const Response response{d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size()))};
  if (response == nullptr || at != der.data() + der.size()) {
    return failure(file + ": is no OCSP response in DER");
  }
  if (const int status = OCSP_response_status(response.get());
      status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return failure(file + ": the responder gave no answer: " + OCSP_response_status_str(status));
  }
  const BasicResponse basic{OCSP_response_get1_basic(response.get())};
  if (basic == nullptr) return failure(file + ": is of a kind of OCSP response that nobody uses");

  const Certificate leaf = parse(chain.front());
  const Certificate issuer = parse(chain.size() > 1 ? chain[1] : chain.front());
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  bool is_found = false;
  // Responders name certificates by SHA-1, some by SHA-256.
  for (const EVP_MD* const hash : {EVP_sha1(), EVP_sha256()}) {
    const CertificateId id{OCSP_cert_to_id(hash, leaf.get(), issuer.get())};
    is_found = OCSP_resp_find_status(basic.get(), id.get(), &status, nullptr, nullptr, &this_update,
                                     &next_update) == 1;
    if (is_found) break;
  }
  if (!is_found) {
    return failure(file + ": speaks of other certificates, or the chain lacks the issuer");
  }
  if (!is_signed(basic.get(), issuer.get())) {
    return failure(file + ": is not signed by the issuer of the certificate");
  }
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    return failure(file + ": says that the certificate is " + OCSP_cert_status_str(status));
  }
  Staple staple{.der = {der.begin(), der.end()},
                .this_update = unix_seconds(this_update),
                .next_update = unix_seconds(next_update)};
  if (staple.next_update == 0) staple.next_update = staple.this_update + kDay;
  if (now > staple.next_update) return failure(file + ": is out of date; fetch a new one");
  if (now + kClockSkew < staple.this_update) {
    return failure(file + ": is not valid yet; is this machine's clock right?");
  }
  ERR_clear_error();
  return {.staple = std::move(staple), .message = {}};
}

}  // namespace sallyport::x509
