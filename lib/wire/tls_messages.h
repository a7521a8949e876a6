// TLS records and handshake messages other than ClientHello: parsed to values, emitted from values
// (RFC 8446 sections 4 and 5, RFC 5246 section 7, RFC 8422 section 5).
//
// Emitters write through a Writer the caller has sized; parsers take the body of a message, without
// its 4-byte header.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/reader.h"
#include "lib/wire/tls_types.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

// RecordHeader is the five bytes before every TLSPlaintext and TLSCiphertext.
struct RecordHeader {
  std::uint8_t type = 0;
  Be16 legacy_record_version;
  Be16 length;

  [[nodiscard]] constexpr ContentType content_type() const noexcept { return ContentType{type}; }
  [[nodiscard]] static constexpr RecordHeader of(ContentType content_type, ProtocolVersion version,
                                                 std::size_t length) noexcept {
    return {static_cast<std::uint8_t>(content_type), Be16::of(static_cast<std::uint16_t>(version)),
            Be16::of(static_cast<std::uint16_t>(length))};
  }
};
static_assert(sizeof(RecordHeader) == 5 && alignof(RecordHeader) == 1);

// HandshakeHeader is the four bytes before every handshake message.
struct HandshakeHeader {
  std::uint8_t type = 0;
  Be24 length;
  [[nodiscard]] constexpr HandshakeType message_type() const noexcept {
    return HandshakeType{type};
  }
};
static_assert(sizeof(HandshakeHeader) == 4 && alignof(HandshakeHeader) == 1);

// write_message wraps what body() writes into a handshake message.
template <class Body>
constexpr void write_message(Writer& w, HandshakeType type, Body&& body) noexcept {
  w.u8(static_cast<std::uint8_t>(type));
  w.vec24(body);
}

template <class Body>
constexpr void write_extension(Writer& w, ExtensionType type, Body&& body) noexcept {
  w.u16(static_cast<std::uint16_t>(type));
  w.vec16(body);
}

// [RFC 8446 4.1.3] a ServerHello with this random is a HelloRetryRequest.
inline constexpr std::array<std::uint8_t, 32> kHelloRetryRequestRandom{
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
// [RFC 8446 4.1.3] the last eight bytes of a random when a server that could do 1.3 settles for
// 1.2.
inline constexpr std::array<std::uint8_t, 8> kDowngradeToTls12{0x44, 0x4f, 0x57, 0x4e,
                                                               0x47, 0x52, 0x44, 0x01};

// ServerHello of TLS 1.3.  A HelloRetryRequest has kHelloRetryRequestRandom, no key_exchange, and a
// cookie.
struct ServerHello13 {
  ByteView random;
  ByteView legacy_session_id_echo;
  CipherSuite cipher_suite = CipherSuite::none;
  std::uint16_t group = 0;  // 0: no key exchange, the pre-shared key stands alone
  ByteView key_exchange;
  bool pre_shared_key = false;
  std::uint16_t selected_identity = 0;
  ByteView cookie{};  // empty: none
};

constexpr void write_server_hello13(Writer& w, const ServerHello13& hello) noexcept {
  write_message(w, HandshakeType::server_hello, [&] {
    w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls12));  // legacy_version
    w.bytes(hello.random);
    w.vec8(hello.legacy_session_id_echo);
    w.u16(static_cast<std::uint16_t>(hello.cipher_suite));
    w.u8(0);  // legacy_compression_method
    w.vec16([&] {
      if (hello.pre_shared_key) {
        write_extension(w, ExtensionType::pre_shared_key, [&] { w.u16(hello.selected_identity); });
      }
      if (hello.group != 0) {
        write_extension(w, ExtensionType::key_share, [&] {
          w.u16(hello.group);
          if (!hello.key_exchange.empty()) w.vec16(hello.key_exchange);
        });
      }
      if (!hello.cookie.empty()) {
        write_extension(w, ExtensionType::cookie, [&] { w.vec16(hello.cookie); });
      }
      write_extension(w, ExtensionType::supported_versions,
                      [&] { w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls13)); });
    });
  });
}

// write_alpn is the answer in EncryptedExtensions or a TLS 1.2 ServerHello: exactly one protocol.
constexpr void write_alpn(Writer& w, ByteView protocol) noexcept {
  write_extension(w, ExtensionType::application_layer_protocol_negotiation,
                  [&] { w.vec16([&] { w.vec8(protocol); }); });
}

// FragmentLimits are a server's answers to a client that limits the size of records; 0: no answer.
struct FragmentLimits {
  std::uint16_t record_size_limit = 0;   // what we take (RFC 8449 4)
  std::uint8_t max_fragment_length = 0;  // what the client asked for (RFC 6066 4)
  [[nodiscard]] constexpr bool empty() const noexcept {
    return record_size_limit == 0 && max_fragment_length == 0;
  }
};

constexpr void write_fragment_limits(Writer& w, const FragmentLimits& limits) noexcept {
  if (limits.max_fragment_length != 0) {
    write_extension(w, ExtensionType::max_fragment_length,
                    [&] { w.u8(limits.max_fragment_length); });
  }
  if (limits.record_size_limit != 0) {
    write_extension(w, ExtensionType::record_size_limit, [&] { w.u16(limits.record_size_limit); });
  }
}

// write_staple is the extension status_request of a CertificateEntry (RFC 8446 4.4.2.1).
constexpr void write_staple(Writer& w, ByteView ocsp_response) noexcept {
  constexpr std::uint8_t kOcsp = 1;
  write_extension(w, ExtensionType::status_request, [&] {
    w.u8(kOcsp);
    w.vec24([&] { w.bytes(ocsp_response); });
  });
}

struct EncryptedExtensions {
  ByteView alpn_protocol;  // empty: none agreed
  bool server_name_accepted = false;
  FragmentLimits fragment_limits;
};

constexpr void write_encrypted_extensions(Writer& w, const EncryptedExtensions& ee) noexcept {
  write_message(w, HandshakeType::encrypted_extensions, [&] {
    w.vec16([&] {
      // [RFC 6066 3] a server that used the name says so with an empty extension.
      if (ee.server_name_accepted) write_extension(w, ExtensionType::server_name, [] {});
      if (!ee.alpn_protocol.empty()) write_alpn(w, ee.alpn_protocol);
      write_fragment_limits(w, ee.fragment_limits);
    });
  });
}

// write_certificate13 is the body of a server's Certificate message of TLS 1.3 (RFC 8446 4.4.2):
// `chain` holds DER, leaf first; `staple` is an OCSPResponse for the leaf, or empty.
template <class Chain>
constexpr void write_certificate13(Writer& w, const Chain& chain, ByteView staple) noexcept {
  w.u8(0);  // certificate_request_context
  w.vec24([&] {
    for (const auto& certificate : chain) {
      w.vec24([&] { w.bytes(certificate); });
      w.vec16([&] {
        if (!staple.empty()) write_staple(w, staple);
      });
      staple = {};  // [4.4.2.1] only the leaf's
    }
  });
}

constexpr void write_certificate_verify(Writer& w, std::uint16_t scheme,
                                        ByteView signature) noexcept {
  write_message(w, HandshakeType::certificate_verify, [&] {
    w.u16(scheme);
    w.vec16(signature);
  });
}

constexpr void write_finished(Writer& w, ByteView verify_data) noexcept {
  write_message(w, HandshakeType::finished, [&] { w.bytes(verify_data); });
}

// [RFC 8446 4.4.1] what stands for ClientHello1 in the transcript after a HelloRetryRequest.
constexpr void write_message_hash(Writer& w, ByteView client_hello_hash) noexcept {
  write_message(w, HandshakeType::message_hash, [&] { w.bytes(client_hello_hash); });
}

enum class KeyUpdateRequest : std::uint8_t { update_not_requested = 0, update_requested = 1 };

constexpr void write_key_update(Writer& w, KeyUpdateRequest request) noexcept {
  write_message(w, HandshakeType::key_update, [&] { w.u8(static_cast<std::uint8_t>(request)); });
}

// [RFC 8446 4.6.3] any other value is an illegal_parameter.
[[nodiscard]] constexpr Result<KeyUpdateRequest, AlertDescription> parse_key_update(
    ByteView body) noexcept {
  Reader r{body};
  const std::uint8_t request = r.u8();
  if (!r.done()) return Err{AlertDescription::decode_error};
  if (request > 1) return Err{AlertDescription::illegal_parameter};
  return KeyUpdateRequest{request};
}

// ServerHello of TLS 1.2.
struct ServerHello12 {
  ByteView random;
  ByteView session_id;
  CipherSuite cipher_suite = CipherSuite::none;
  ByteView alpn_protocol;               // empty: none agreed
  bool secure_renegotiation = false;    // RFC 5746: the client signalled it
  bool extended_master_secret = false;  // RFC 7627
  bool encrypt_then_mac = false;        // RFC 7366
  bool ec_point_formats = false;        // the client sent the extension
  bool server_name_accepted = false;
  bool session_ticket = false;  // RFC 5077: NewSessionTicket will follow
  bool status_follows = false;  // RFC 6066 8: a CertificateStatus message
  FragmentLimits fragment_limits;
};

constexpr void write_server_hello12(Writer& w, const ServerHello12& hello) noexcept {
  write_message(w, HandshakeType::server_hello, [&] {
    w.u16(static_cast<std::uint16_t>(ProtocolVersion::tls12));
    w.bytes(hello.random);
    w.vec8(hello.session_id);
    w.u16(static_cast<std::uint16_t>(hello.cipher_suite));
    w.u8(0);  // compression_method null
    // [RFC 5246 7.4.1.3] no extension the client did not offer, and no empty list at all.
    if (!hello.secure_renegotiation && !hello.extended_master_secret && !hello.ec_point_formats &&
        !hello.server_name_accepted && !hello.session_ticket && !hello.encrypt_then_mac &&
        !hello.status_follows && hello.fragment_limits.empty() && hello.alpn_protocol.empty()) {
      return;
    }
    w.vec16([&] {
      if (hello.server_name_accepted) write_extension(w, ExtensionType::server_name, [] {});
      if (hello.status_follows) write_extension(w, ExtensionType::status_request, [] {});
      // [RFC 5746 3.6] empty in the first handshake of a connection.
      if (hello.secure_renegotiation) {
        write_extension(w, ExtensionType::renegotiation_info, [&] { w.vec8(ByteView{}); });
      }
      if (hello.ec_point_formats) {
        write_extension(w, ExtensionType::ec_point_formats, [&] { w.vec8([&] { w.u8(0); }); });
      }
      if (hello.session_ticket) write_extension(w, ExtensionType::session_ticket, [] {});
      if (!hello.alpn_protocol.empty()) write_alpn(w, hello.alpn_protocol);
      if (hello.encrypt_then_mac) write_extension(w, ExtensionType::encrypt_then_mac, [] {});
      if (hello.extended_master_secret) {
        write_extension(w, ExtensionType::extended_master_secret, [] {});
      }
      write_fragment_limits(w, hello.fragment_limits);
    });
  });
}

// write_server_ecdh_params is ServerECDHParams (RFC 8422 5.4): what the signature covers, and what
// ServerKeyExchange begins with.
constexpr void write_server_ecdh_params(Writer& w, std::uint16_t group, ByteView point) noexcept {
  w.u8(3);  // ECCurveType named_curve
  w.u16(group);
  w.vec8(point);
}

constexpr void write_server_key_exchange(Writer& w, std::uint16_t group, ByteView point,
                                         std::uint16_t scheme, ByteView signature) noexcept {
  write_message(w, HandshakeType::server_key_exchange, [&] {
    write_server_ecdh_params(w, group, point);
    w.u16(scheme);
    w.vec16(signature);
  });
}

constexpr void write_server_hello_done(Writer& w) noexcept {
  write_message(w, HandshakeType::server_hello_done, [] {});
}

// parse_client_key_exchange gives the client's point (RFC 8422 5.7).
[[nodiscard]] constexpr Result<ByteView, AlertDescription> parse_client_key_exchange(
    ByteView body) noexcept {
  Reader r{body};
  const ByteView point = r.vec8(1, 255);
  if (!r.done()) return Err{AlertDescription::decode_error};
  return point;
}

// write_finite_field_head is ServerKeyExchange up to the prime of ServerDHParams (RFC 5246 7.4.3),
// write_finite_field_tail all behind it.
struct FiniteFieldExchange {
  std::size_t prime_len = 0;
  ByteView generator;
  ByteView public_value;
  std::uint16_t scheme = 0;
  ByteView signature;
};

constexpr void write_finite_field_head(Writer& w, const FiniteFieldExchange& exchange) noexcept {
  const std::size_t len = 2 + exchange.prime_len + 2 + exchange.generator.size() + 2 +
                          exchange.public_value.size() + 2 + 2 + exchange.signature.size();
  w.u8(static_cast<std::uint8_t>(HandshakeType::server_key_exchange));
  w.u24(static_cast<std::uint32_t>(len));
  w.u16(static_cast<std::uint16_t>(exchange.prime_len));
}

constexpr void write_finite_field_tail(Writer& w, const FiniteFieldExchange& exchange) noexcept {
  w.vec16(exchange.generator);
  w.vec16(exchange.public_value);
  w.u16(exchange.scheme);
  w.vec16(exchange.signature);
}

// parse_wide_key_exchange gives the number of a ClientKeyExchange with two bytes of length: a
// public value in a finite field (RFC 5246 7.4.7.2), or an encrypted premaster secret (7.4.7.1).
[[nodiscard]] constexpr Result<ByteView, AlertDescription> parse_wide_key_exchange(
    ByteView body) noexcept {
  Reader r{body};
  const ByteView number = r.vec16(1, 65'535);
  if (!r.done()) return Err{AlertDescription::decode_error};
  return number;
}

struct Alert {
  AlertLevel level = AlertLevel::fatal;
  AlertDescription description{};
};

[[nodiscard]] constexpr Result<Alert, AlertDescription> parse_alert(ByteView body) noexcept {
  Reader r{body};
  const Alert alert{AlertLevel{r.u8()}, AlertDescription{r.u8()}};
  if (!r.done()) return Err{AlertDescription::decode_error};
  return alert;
}

}  // namespace sallyport::wire
