#include "lib/tls/suite_names.h"

namespace sallyport::tls {

using wire::CipherSuite;
using wire::ProtocolVersion;

std::string_view openssl_name(CipherSuite suite) noexcept {
  switch (suite) {
    case CipherSuite::none:
    case CipherSuite::empty_renegotiation_info_scsv:
    case CipherSuite::fallback_scsv:
      break;
    case CipherSuite::tls_rsa_with_aes_128_cbc_sha:
      return "AES128-SHA";
    case CipherSuite::tls_rsa_with_aes_256_cbc_sha:
      return "AES256-SHA";
    case CipherSuite::tls_rsa_with_aes_128_cbc_sha256:
      return "AES128-SHA256";
    case CipherSuite::tls_rsa_with_aes_256_cbc_sha256:
      return "AES256-SHA256";
    case CipherSuite::tls_dhe_rsa_with_aes_128_cbc_sha256:
      return "DHE-RSA-AES128-SHA256";
    case CipherSuite::tls_dhe_rsa_with_aes_256_cbc_sha256:
      return "DHE-RSA-AES256-SHA256";
    case CipherSuite::tls_rsa_with_aes_128_gcm_sha256:
      return "AES128-GCM-SHA256";
    case CipherSuite::tls_rsa_with_aes_256_gcm_sha384:
      return "AES256-GCM-SHA384";
    case CipherSuite::tls_dhe_rsa_with_aes_128_gcm_sha256:
      return "DHE-RSA-AES128-GCM-SHA256";
    case CipherSuite::tls_dhe_rsa_with_aes_256_gcm_sha384:
      return "DHE-RSA-AES256-GCM-SHA384";
    case CipherSuite::tls_aes_128_gcm_sha256:
      return "TLS_AES_128_GCM_SHA256";
    case CipherSuite::tls_aes_256_gcm_sha384:
      return "TLS_AES_256_GCM_SHA384";
    case CipherSuite::tls_chacha20_poly1305_sha256:
      return "TLS_CHACHA20_POLY1305_SHA256";
    case CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha:
      return "ECDHE-ECDSA-AES128-SHA";
    case CipherSuite::tls_ecdhe_ecdsa_with_aes_256_cbc_sha:
      return "ECDHE-ECDSA-AES256-SHA";
    case CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha:
      return "ECDHE-RSA-AES128-SHA";
    case CipherSuite::tls_ecdhe_rsa_with_aes_256_cbc_sha:
      return "ECDHE-RSA-AES256-SHA";
    case CipherSuite::tls_ecdhe_ecdsa_with_aes_128_cbc_sha256:
      return "ECDHE-ECDSA-AES128-SHA256";
    case CipherSuite::tls_ecdhe_rsa_with_aes_128_cbc_sha256:
      return "ECDHE-RSA-AES128-SHA256";
    case CipherSuite::tls_ecdhe_ecdsa_with_aes_128_gcm_sha256:
      return "ECDHE-ECDSA-AES128-GCM-SHA256";
    case CipherSuite::tls_ecdhe_ecdsa_with_aes_256_gcm_sha384:
      return "ECDHE-ECDSA-AES256-GCM-SHA384";
    case CipherSuite::tls_ecdhe_rsa_with_aes_128_gcm_sha256:
      return "ECDHE-RSA-AES128-GCM-SHA256";
    case CipherSuite::tls_ecdhe_rsa_with_aes_256_gcm_sha384:
      return "ECDHE-RSA-AES256-GCM-SHA384";
    case CipherSuite::tls_ecdhe_rsa_with_chacha20_poly1305_sha256:
      return "ECDHE-RSA-CHACHA20-POLY1305";
    case CipherSuite::tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256:
      return "ECDHE-ECDSA-CHACHA20-POLY1305";
    case CipherSuite::tls_dhe_rsa_with_chacha20_poly1305_sha256:
      return "DHE-RSA-CHACHA20-POLY1305";
  }
  return {};
}

std::string_view version_name(ProtocolVersion version) noexcept {
  if (version == ProtocolVersion::tls13) return "TLSv1.3";
  return version == ProtocolVersion::tls12 ? "TLSv1.2" : std::string_view{};
}

}  // namespace sallyport::tls
