#include "lib/control/certificate_compression.h"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "lib/tls/flight.h"
#include "lib/wire/reader.h"
#include "lib/x509/credential.h"

namespace sallyport::control {
namespace {

using Bytes = std::vector<std::uint8_t>;
using wire::CertificateCompression;

tls::Credential self_made(const std::string& name) {
  const x509::Loaded made =
      x509::make_self_signed({.common_name = name, .dns_names = {}, .now = 1'800'000'000});
  tls::Credential credential;
  credential.chain = made.credential->chain;
  return credential;
}

// message_of is the message as a handshake would send it.
Bytes message_of(const tls::Credential& credential, CertificateCompression compression) {
  tls::Parameters agreed;
  agreed.version = wire::ProtocolVersion::tls13;
  agreed.staple = !credential.staple.empty();
  agreed.certificate_compression = compression;
  const tls::CertificateMessage message{credential, agreed};
  Bytes bytes(message.len());
  EXPECT_EQ(message.copy_to(0, bytes), bytes.size());
  return bytes;
}

// unpack is what a client does with a CompressedCertificate message [RFC 8879 4].
Bytes unpack(ByteView message) {
  wire::Reader r{message};
  EXPECT_EQ(r.u8(), 25);
  wire::Reader body{r.vec24(1, 100'000)};
  EXPECT_TRUE(r.done());
  const auto algorithm = CertificateCompression{body.u16()};
  Bytes out(body.u24());
  const ByteView packed = body.vec24(1, 100'000);
  EXPECT_TRUE(body.done());
  if (algorithm == CertificateCompression::zlib) {
    uLongf len = out.size();
    EXPECT_EQ(uncompress(out.data(), &len, packed.data(), packed.size()), Z_OK);
    EXPECT_EQ(len, out.size());
    return out;
  }
  EXPECT_EQ(algorithm, CertificateCompression::brotli);
  std::size_t len = out.size();
  EXPECT_EQ(BrotliDecoderDecompress(packed.size(), packed.data(), &len, out.data()),
            BROTLI_DECODER_RESULT_SUCCESS);
  EXPECT_EQ(len, out.size());
  return out;
}

TEST(CertificateCompression, IsTheMessageThatWouldHaveBeenSent) {
  for (const bool has_staple : {false, true}) {
    tls::Credential credential = self_made("site.test");
    credential.chain.push_back(self_made("issuer.test").chain[0]);
    if (has_staple) credential.staple = Bytes(900, 0x0c);
    compress(credential);
    ASSERT_EQ(credential.compressed.size(), 2U);
    const Bytes plain = message_of(credential, CertificateCompression::none);
    for (const tls::Credential::Compressed& compressed : credential.compressed) {
      const Bytes message = message_of(credential, compressed.algorithm);
      EXPECT_LT(message.size(), plain.size());
      EXPECT_EQ(unpack(message), Bytes(plain.begin() + 4, plain.end()));
    }
    EXPECT_LE(credential.compressed[0].body.size(), credential.compressed[1].body.size());
  }
}

TEST(CertificateCompression, LeavesOutWhatWouldBeLonger) {
  tls::Credential credential;
  credential.chain = {Bytes{1, 2, 3, 4, 5}};
  compress(credential);
  EXPECT_TRUE(credential.compressed.empty());
}

}  // namespace
}  // namespace sallyport::control
