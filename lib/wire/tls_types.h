// Numbers of TLS as IANA assigns them (RFC 8446 appendix B, RFC 5246 appendix A).  A peer may send
// any value, so unknown ones are legal values of these enums.  Names of algorithms live in
// lib/crypto/algorithms.h, because more than TLS messages speak of them.
#pragma once
#include <cstdint>

namespace sallyport::wire {

enum class ProtocolVersion : std::uint16_t {
  none = 0,
  ssl30 = 0x0300,
  tls10 = 0x0301,
  tls11 = 0x0302,
  tls12 = 0x0303,
  tls13 = 0x0304,
};

enum class ContentType : std::uint8_t {
  invalid = 0,
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
};

enum class HandshakeType : std::uint8_t {
  hello_request = 0,
  client_hello = 1,
  server_hello = 2,
  new_session_ticket = 4,
  end_of_early_data = 5,
  encrypted_extensions = 8,
  certificate = 11,
  server_key_exchange = 12,
  certificate_request = 13,
  server_hello_done = 14,
  certificate_verify = 15,
  client_key_exchange = 16,
  finished = 20,
  certificate_url = 21,
  certificate_status = 22,
  key_update = 24,
  compressed_certificate = 25,
  message_hash = 254,
};

enum class AlertLevel : std::uint8_t { warning = 1, fatal = 2 };

// AlertDescription is what a peer hears.  Its zero is close_notify, which is no error: no parser
// returns it, so Result may use it for "no error".
enum class AlertDescription : std::uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  handshake_failure = 40,
  no_certificate = 41,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  illegal_parameter = 47,
  unknown_ca = 48,
  access_denied = 49,
  decode_error = 50,
  decrypt_error = 51,
  protocol_version = 70,
  insufficient_security = 71,
  internal_error = 80,
  inappropriate_fallback = 86,
  user_canceled = 90,
  no_renegotiation = 100,
  missing_extension = 109,
  unsupported_extension = 110,
  unrecognized_name = 112,
  bad_certificate_status_response = 113,
  unknown_psk_identity = 115,
  certificate_required = 116,
  no_application_protocol = 120,
};

enum class ExtensionType : std::uint16_t {
  server_name = 0,
  max_fragment_length = 1,
  status_request = 5,
  supported_groups = 10,
  ec_point_formats = 11,
  signature_algorithms = 13,
  application_layer_protocol_negotiation = 16,
  signed_certificate_timestamp = 18,
  padding = 21,
  encrypt_then_mac = 22,
  extended_master_secret = 23,
  compress_certificate = 27,
  record_size_limit = 28,
  session_ticket = 35,
  pre_shared_key = 41,
  early_data = 42,
  supported_versions = 43,
  cookie = 44,
  psk_key_exchange_modes = 45,
  certificate_authorities = 47,
  post_handshake_auth = 49,
  signature_algorithms_cert = 50,
  key_share = 51,
  renegotiation_info = 0xff01,
};

// RFC 8879 section 7.3.
enum class CertificateCompression : std::uint16_t { none = 0, zlib = 1, brotli = 2, zstd = 3 };

enum class CipherSuite : std::uint16_t {
  none = 0,
  empty_renegotiation_info_scsv = 0x00ff,  // RFC 5746 3.3
  fallback_scsv = 0x5600,                  // RFC 7507
  tls_rsa_with_aes_128_cbc_sha = 0x002f,
  tls_rsa_with_aes_256_cbc_sha = 0x0035,
  tls_rsa_with_aes_128_cbc_sha256 = 0x003c,
  tls_rsa_with_aes_256_cbc_sha256 = 0x003d,
  tls_dhe_rsa_with_aes_128_cbc_sha256 = 0x0067,
  tls_dhe_rsa_with_aes_256_cbc_sha256 = 0x006b,
  tls_rsa_with_aes_128_gcm_sha256 = 0x009c,
  tls_rsa_with_aes_256_gcm_sha384 = 0x009d,
  tls_dhe_rsa_with_aes_128_gcm_sha256 = 0x009e,
  tls_dhe_rsa_with_aes_256_gcm_sha384 = 0x009f,
  tls_aes_128_gcm_sha256 = 0x1301,
  tls_aes_256_gcm_sha384 = 0x1302,
  tls_chacha20_poly1305_sha256 = 0x1303,
  tls_ecdhe_ecdsa_with_aes_128_cbc_sha = 0xc009,
  tls_ecdhe_ecdsa_with_aes_256_cbc_sha = 0xc00a,
  tls_ecdhe_rsa_with_aes_128_cbc_sha = 0xc013,
  tls_ecdhe_rsa_with_aes_256_cbc_sha = 0xc014,
  tls_ecdhe_ecdsa_with_aes_128_cbc_sha256 = 0xc023,
  tls_ecdhe_rsa_with_aes_128_cbc_sha256 = 0xc027,
  tls_ecdhe_ecdsa_with_aes_128_gcm_sha256 = 0xc02b,
  tls_ecdhe_ecdsa_with_aes_256_gcm_sha384 = 0xc02c,
  tls_ecdhe_rsa_with_aes_128_gcm_sha256 = 0xc02f,
  tls_ecdhe_rsa_with_aes_256_gcm_sha384 = 0xc030,
  tls_ecdhe_rsa_with_chacha20_poly1305_sha256 = 0xcca8,
  tls_ecdhe_ecdsa_with_chacha20_poly1305_sha256 = 0xcca9,
  tls_dhe_rsa_with_chacha20_poly1305_sha256 = 0xccaa,
};

}  // namespace sallyport::wire
