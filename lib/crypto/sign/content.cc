#include "lib/crypto/sign/content.h"

#include <algorithm>
#include <string_view>

#include "lib/crypto/kx/ffdhe.h"

namespace sallyport::crypto {
namespace {

class Appender {
 public:
  void bytes(ByteView from) noexcept {
    std::ranges::copy(from,
                      MutableBytes{content_.bytes}.subspan(content_.len, from.size()).begin());
    content_.len += from.size();
  }
  void fill(std::uint8_t byte, std::size_t count) noexcept {
    std::ranges::fill(MutableBytes{content_.bytes}.subspan(content_.len, count), byte);
    content_.len += count;
  }
  [[nodiscard]] const SignedContent& content() const noexcept { return content_; }

 private:
  SignedContent content_;
};

// [RFC 8446 4.4.3] 64 spaces, the context string, a zero byte, the transcript hash.
SignedContent verify_content(std::string_view context, ByteView transcript_hash) noexcept {
  Appender out;
  out.fill(0x20, 64);
  out.bytes({reinterpret_cast<const std::uint8_t*>(context.data()), context.size()});
  out.fill(0, 1);
  out.bytes(transcript_hash);
  return out.content();
}

}  // namespace

SignedContent certificate_verify_content(ByteView transcript_hash) noexcept {
  return verify_content("TLS 1.3, server CertificateVerify", transcript_hash);
}

SignedContent client_certificate_verify_content(ByteView transcript_hash) noexcept {
  return verify_content("TLS 1.3, client CertificateVerify", transcript_hash);
}

// [RFC 8422 5.4] client_random, server_random, then ECParameters {named_curve, NamedCurve} and the
// point with its length byte.
SignedContent server_key_exchange_content(ByteView client_random, ByteView server_random,
                                          const KeyShare& ephemeral) noexcept {
  constexpr std::uint8_t kNamedCurve = 3;
  Appender out;
  out.bytes(client_random);
  out.bytes(server_random);
  out.fill(kNamedCurve, 1);
  out.bytes(Be16::of(static_cast<std::uint16_t>(ephemeral.group)).bytes);
  out.fill(ephemeral.public_len, 1);
  out.bytes(ByteView{ephemeral.public_key}.first(
      std::min<std::size_t>(ephemeral.public_len, ephemeral.public_key.size())));
  return out.content();
}

FiniteFieldContent::FiniteFieldContent(ByteView client_random, ByteView server_random,
                                       NamedGroup group, ByteView public_value) noexcept {
  const auto put = [this](ByteView from) {
    std::ranges::copy(from, MutableBytes{bytes_}.subspan(len_, from.size()).begin());
    len_ += from.size();
  };
  const auto put_vector = [&put](ByteView from) {
    put(Be16::of(static_cast<std::uint16_t>(from.size())).bytes);
    put(from);
  };
  put(client_random);
  put(server_random);
  put_vector(finite_field_prime(group));
  put_vector({&kFiniteFieldGenerator, 1});
  put_vector(public_value);
}

}  // namespace sallyport::crypto
