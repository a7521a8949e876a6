// The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): the first bytes that a
// backend reads, which tell it who the client is that it will talk to through us.
//
// Only what a sender needs: the command PROXY over TCP.  Nothing here is ever parsed; whoever sends
// such a header to us is a client like any other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"
#include "lib/wire/writer.h"

namespace sallyport::wire {

// ProxyTlv is the type of one of the values behind the addresses.
enum class ProxyTlv : std::uint8_t {
  alpn = 0x01,
  authority = 0x02,
  crc32c = 0x03,
  ssl = 0x20,
  // Inside `ssl`.
  ssl_version = 0x21,
  ssl_cn = 0x22,
  ssl_cipher = 0x23,
  ssl_sig_alg = 0x24,
  ssl_key_alg = 0x25,
  // 0xe0 to 0xef are for applications to agree on; what these hold is told in
  // docs/proxy-protocol.md and never changes.
  ja3 = 0xe0,
  ja4 = 0xe1,
  client_certificate_sha256 = 0xe2,
  client_certificate_subject = 0xe3,
};

// ProxyClientTls is what the client and we agreed on, and how the client has shown who it is.
struct ProxyClientTls {
  bool certificate_in_connection = false;  // it showed a certificate on this very connection
  bool certificate_in_session = false;     // or on an earlier one of the session that it resumes
  bool certificate_verified = false;       // and that was found to be good
  // Text, each left out when empty.
  std::string_view version;      // "TLSv1.3"
  std::string_view cipher;       // as OpenSSL calls it
  std::string_view common_name;  // of the client's certificate, UTF-8
  // Of the certificate that we showed.
  std::string_view signature_algorithm;  // "RSA-SHA256"
  std::string_view key_algorithm;        // "RSA2048"
};

// ProxyHeader is what a header says.  Everything from `alpn` on is left out when empty.
struct ProxyHeader {
  SocketAddress source;       // the client, as it reached us
  SocketAddress destination;  // the address that it asked for, of the same family
  ProxyClientTls tls;
  ByteView alpn;         // the protocol that was agreed on
  ByteView authority;    // the name that the client asked for
  std::string_view ja3;  // fingerprints of the client program
  std::string_view ja4;
  std::string_view client_certificate_sha256;  // in hexadecimal
  std::string_view client_certificate_subject;
};

// Room for addresses of either family and every value: names of 255 bytes, two lengths of 255 more,
// and texts of ours that are all shorter than 64.
constexpr std::size_t kMaxProxyHeader = 1'536;

// write_proxy_header appends a whole header, with its checksum.  `w` fails when a text is longer
// than kMaxProxyHeader allows for.  Precondition: nothing was written before.
void write_proxy_header(Writer& w, const ProxyHeader& header) noexcept;

}  // namespace sallyport::wire
