// How a server asks a client for its certificate, and what the client says (RFC 8446 4.3.2, 4.4.2
// and 4.4.3, RFC 5246 7.4.4, 7.4.6 and 7.4.8).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/wire/reader.h"
#include "lib/wire/tls_messages.h"
#include "lib/wire/tls_types.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

// write_u16_vector and write_names are what both versions of the request have in common.  `names`
// holds distinguished names in DER.
constexpr void write_u16_vector(Writer& w, std::span<const std::uint16_t> values) noexcept {
  w.vec16([&] {
    for (const std::uint16_t value : values) w.u16(value);
  });
}

template <class Names>
constexpr void write_names(Writer& w, const Names& names) noexcept {
  w.vec16([&] {
    for (const auto& name : names) w.vec16(ByteView{name});
  });
}

template <class Names>
constexpr void write_certificate_request13(Writer& w, std::span<const std::uint16_t> schemes,
                                           const Names& names) noexcept {
  write_message(w, HandshakeType::certificate_request, [&] {
    w.u8(0);  // [RFC 8446 4.3.2] the context is empty in a handshake
    w.vec16([&] {
      write_extension(w, ExtensionType::signature_algorithms,
                      [&] { write_u16_vector(w, schemes); });
      // [RFC 8446 4.2.4] no empty list.
      if (names.empty()) return;
      write_extension(w, ExtensionType::certificate_authorities, [&] { write_names(w, names); });
    });
  });
}

template <class Names>
constexpr void write_certificate_request12(Writer& w, std::span<const std::uint16_t> schemes,
                                           const Names& names) noexcept {
  constexpr std::uint8_t kRsaSign = 1;
  constexpr std::uint8_t kEcdsaSign = 64;  // RFC 8422 5.5
  write_message(w, HandshakeType::certificate_request, [&] {
    w.vec8([&] {
      w.u8(kRsaSign);
      w.u8(kEcdsaSign);
    });
    write_u16_vector(w, schemes);
    write_names(w, names);
  });
}

// parse_client_certificate calls visit(ByteView) for each certificate, DER, leaf first.  What it
// returns is close_notify when all is well.
template <class Visit>
[[nodiscard]] constexpr AlertDescription parse_client_certificate(ByteView body,
                                                                  ProtocolVersion version,
                                                                  Visit&& visit) noexcept {
  const bool tls13 = version == ProtocolVersion::tls13;
  AlertDescription alert{};
  Reader r{body};
  // [RFC 8446 4.4.2] the context of our request comes back, and that was empty.
  if (tls13 && !r.vec8(0, 255).empty()) alert = AlertDescription::illegal_parameter;
  r.within(r.vec24(0, 0xff'ffff), [&](Reader& list) {
    while (!list.at_end()) {
      const ByteView certificate = list.vec24(1, 0xff'ffff);
      // [RFC 8446 4.2 and 4.4.2] an extension here answers one of ours, and we sent none to answer.
      if (tls13 && !list.vec16(0, 65'535).empty()) alert = AlertDescription::unsupported_extension;
      if (list.ok()) visit(certificate);
    }
  });
  return r.done() ? alert : AlertDescription::decode_error;
}

struct CertificateVerify {
  std::uint16_t scheme = 0;
  ByteView signature;
};

[[nodiscard]] constexpr Result<CertificateVerify, AlertDescription> parse_certificate_verify(
    ByteView body) noexcept {
  Reader r{body};
  CertificateVerify verify;
  verify.scheme = r.u16();
  verify.signature = r.vec16(0, 65'535);
  if (!r.done()) return Err{AlertDescription::decode_error};
  return verify;
}

}  // namespace sallyport::wire
