// What a client says about itself: Certificate and CertificateVerify of both versions, with any
// field changed.
#pragma once
#include <cstdint>
#include <vector>

#include "tests/support/tls_client.h"

namespace sallyport::testing {

struct ClientCertificate {
  bool tls13 = true;
  std::vector<Bytes> chain{sequence(400, 0xc1), sequence(500, 0xc2)};
  Bytes context;     // TLS 1.3: certificate_request_context
  Bytes extensions;  // TLS 1.3: of each entry
  std::uint16_t scheme = 0x0403;
  Bytes signature = Bytes(70, 0x51);

  [[nodiscard]] static ClientCertificate none(bool tls13) {
    ClientCertificate empty;
    empty.tls13 = tls13;
    empty.chain.clear();
    return empty;
  }
  [[nodiscard]] Bytes message() const {
    return testing::message(HandshakeType::certificate, written([&](wire::Writer& w) {
                              if (tls13) w.vec8(ByteView{context});
                              w.vec24([&] {
                                for (const Bytes& certificate : chain) {
                                  w.vec24(ByteView{certificate});
                                  if (tls13) w.vec16(ByteView{extensions});
                                }
                              });
                            }));
  }
  [[nodiscard]] Bytes verify() const {
    return testing::message(HandshakeType::certificate_verify, written([&](wire::Writer& w) {
                              w.u16(scheme);
                              w.vec16(ByteView{signature});
                            }));
  }
};

}  // namespace sallyport::testing
