#include "lib/control/certificate_compression.h"

#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/wire/tls_messages.h"
#include "lib/wire/writer.h"

namespace sallyport::control {
namespace {

using Bytes = std::vector<std::uint8_t>;
using wire::CertificateCompression;

// From quality 9 on it takes fifty times as long for one percent.
constexpr int kBrotliQuality = 5;
constexpr int kZlibLevel = 9;

Bytes by_zlib(const Bytes& in) {
  uLongf len = compressBound(static_cast<uLong>(in.size()));
  Bytes out(len);
  if (compress2(out.data(), &len, in.data(), static_cast<uLong>(in.size()), kZlibLevel) != Z_OK) {
    return {};
  }
  out.resize(len);
  return out;
}

Bytes by_brotli(const Bytes& in) {
  std::size_t len = BrotliEncoderMaxCompressedSize(in.size());
  Bytes out(len);
  if (BrotliEncoderCompress(kBrotliQuality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, in.size(),
                            in.data(), &len, out.data()) != BROTLI_TRUE) {
    return {};
  }
  out.resize(len);
  return out;
}

// message_body is the Certificate message of TLS 1.3 without its header, which is not compressed
// [RFC 8879 4].
Bytes message_body(const tls::Credential& credential) {
  std::size_t room = 64 + credential.staple.size();
  for (const Bytes& certificate : credential.chain) room += certificate.size() + 8;
  Bytes body(room);
  wire::Writer w{body};
  wire::write_certificate13(w, credential.chain, credential.staple);
  body.resize(w.written().size());
  return body;
}

}  // namespace

void compress(tls::Credential& credential) {
  credential.compressed.clear();
  const Bytes body = message_body(credential);
  constexpr std::size_t kStructure = 2 + 3 + 3;
  for (auto& [algorithm, packed] : {std::pair{CertificateCompression::brotli, by_brotli(body)},
                                    std::pair{CertificateCompression::zlib, by_zlib(body)}}) {
    if (packed.empty() || packed.size() + kStructure >= body.size()) continue;
    Bytes out(kStructure + packed.size());
    wire::Writer w{out};
    w.u16(static_cast<std::uint16_t>(algorithm));
    w.u24(static_cast<std::uint32_t>(body.size()));
    w.vec24([&w, &packed = packed] { w.bytes(packed); });
    credential.compressed.push_back({.algorithm = algorithm, .body = std::move(out)});
  }
  std::ranges::stable_sort(credential.compressed, {},
                           [](const auto& compressed) { return compressed.body.size(); });
}

}  // namespace sallyport::control
