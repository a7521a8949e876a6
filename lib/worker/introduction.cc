#include "lib/worker/introduction.h"

#include <array>
#include <string_view>

#include "lib/base/text.h"
#include "lib/tls/suite_names.h"
#include "lib/wire/distinguished_name.h"

namespace sallyport::worker {
namespace {

// HexText is bytes in hexadecimal, without an allocation.
template <std::size_t kLen>
class HexText {
 public:
  explicit HexText(std::span<const std::uint8_t, kLen> bytes) noexcept {
    std::size_t used = 0;
    put_hex(bytes, [&](char digit) { text_[used++] = digit; });
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 2 * kLen> text_;
};

}  // namespace

void write_introduction(wire::Writer& w, const FourTuple& client, const tls::Server& tls,
                        const tls::ServerConfig& config, const tls::HelloNotes& notes,
                        const crypto::ClientIdentity* identity) noexcept {
  wire::ProxyHeader header;
  header.source = client.remote;
  header.destination = client.local;
  header.tls.version = tls::version_name(tls.version());
  header.tls.cipher = tls::openssl_name(tls.cipher_suite());
  if (tls.alpn() < config.alpn_protocols.size()) {
    header.alpn = as_bytes(config.alpn_protocols[tls.alpn()]);
  }
  header.authority = notes.server_name();
  // Where a session is resumed no certificate of ours is shown.
  if (!tls.is_resumed() && notes.credential < config.credentials.size()) {
    const tls::Credential& shown = config.credentials[notes.credential];
    header.tls.signature_algorithm = shown.signature_algorithm;
    header.tls.key_algorithm = shown.key_algorithm;
  }
  const HexText<16> ja3{notes.fingerprint.ja3};
  if (notes.fingerprint.known) {
    header.ja3 = ja3.view();
    header.ja4 = notes.fingerprint.ja4();
  }
  if (identity == nullptr) {
    wire::write_proxy_header(w, header);
    return;
  }
  header.tls.certificate_in_connection = !tls.is_resumed();
  header.tls.certificate_in_session = true;
  header.tls.certificate_verified = identity->verdict == crypto::ClientVerdict::ok;
  std::array<char, crypto::ClientIdentity::kMaxSubject> name;
  header.tls.common_name = {name.data(), wire::common_name(identity->subject(), name)};
  const HexText<32> fingerprint{identity->fingerprint};
  header.client_certificate_sha256 = fingerprint.view();
  header.client_certificate_subject = identity->subject();
  wire::write_proxy_header(w, header);
}

}  // namespace sallyport::worker
