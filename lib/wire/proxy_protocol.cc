#include "lib/wire/proxy_protocol.h"

#include <nmmintrin.h>

#include <array>

#include "lib/base/text.h"

namespace sallyport::wire {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::uint8_t kVersion2Proxy = 0x21;
constexpr std::uint8_t kTcpOverIpv4 = 0x11;
constexpr std::uint8_t kTcpOverIpv6 = 0x21;

// Bits of the field `client` inside the value `ssl`.
constexpr std::uint8_t kClientTls = 0x01;
constexpr std::uint8_t kClientCertificateInConnection = 0x02;
constexpr std::uint8_t kClientCertificateInSession = 0x04;

constexpr std::size_t kCrcLen = 4;

// crc32c is the checksum of RFC 3309; every CPU that this is built for has an instruction for it.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes) noexcept {
  std::uint64_t crc = 0xffff'ffff;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (const std::uint8_t byte : bytes) rest = _mm_crc32_u8(rest, byte);
  return ~rest;
}

void write_value(Writer& w, ProxyTlv type, ByteView value) noexcept {
  if (value.empty()) return;
  w.u8(static_cast<std::uint8_t>(type));
  w.vec16(value);
}

void write_value(Writer& w, ProxyTlv type, std::string_view text) noexcept {
  write_value(w, type, as_bytes(text));
}

void write_tls(Writer& w, const ProxyClientTls& tls) noexcept {
  w.u8(static_cast<std::uint8_t>(ProxyTlv::ssl));
  w.vec16([&] {
    std::uint8_t client = kClientTls;
    if (tls.certificate_in_connection) client |= kClientCertificateInConnection;
    if (tls.certificate_in_session) client |= kClientCertificateInSession;
    w.u8(client);
    // Zero stands for a certificate that was shown and is good: nobody has shown one otherwise.
    w.u32(tls.certificate_verified ? 0 : 1);
    write_value(w, ProxyTlv::ssl_version, tls.version);
    write_value(w, ProxyTlv::ssl_cn, tls.common_name);
    write_value(w, ProxyTlv::ssl_cipher, tls.cipher);
    write_value(w, ProxyTlv::ssl_sig_alg, tls.signature_algorithm);
    write_value(w, ProxyTlv::ssl_key_alg, tls.key_algorithm);
  });
}

}  // namespace

void write_proxy_header(Writer& w, const ProxyHeader& header) noexcept {
  w.bytes(kSignature);
  w.u8(kVersion2Proxy);
  w.u8(header.source.ip.is_v4() ? kTcpOverIpv4 : kTcpOverIpv6);
  MutableBytes checksum;
  w.vec16([&] {
    w.bytes(header.source.ip.octets());
    w.bytes(header.destination.ip.octets());
    w.u16(header.source.port);
    w.u16(header.destination.port);
    write_value(w, ProxyTlv::alpn, header.alpn);
    write_value(w, ProxyTlv::authority, header.authority);
    write_tls(w, header.tls);
    write_value(w, ProxyTlv::ja3, header.ja3);
    write_value(w, ProxyTlv::ja4, header.ja4);
    write_value(w, ProxyTlv::client_certificate_sha256, header.client_certificate_sha256);
    write_value(w, ProxyTlv::client_certificate_subject, header.client_certificate_subject);
    w.u8(static_cast<std::uint8_t>(ProxyTlv::crc32c));
    w.u16(kCrcLen);
    checksum = w.reserve(kCrcLen);
    for (std::uint8_t& byte : checksum) byte = 0;
  });
  if (!w.ok()) return;
  // Over the whole header, with zeros where it will stand.
  store(checksum, Be32::of(crc32c(w.written())));
}

}  // namespace sallyport::wire
