#include "lib/tls/hello_cookie.h"

#include <algorithm>

#include "lib/base/secret.h"
#include "lib/tls/cipher_suites.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::tls {
namespace {

using crypto::Digest;
using wire::ClientHello;
using wire::ExtensionType;

constexpr std::size_t kTagLen = crypto::digest_len(crypto::HashAlgorithm::sha256);
using Tag = std::array<std::uint8_t, kTagLen>;

// fingerprint covers what the second ClientHello must repeat [RFC 8446 4.1.2].
[[nodiscard]] Digest fingerprint(const ClientHello& hello) noexcept {
  crypto::TranscriptHash hash{crypto::HashAlgorithm::sha256};
  hash.update(Be16::of(hello.legacy_version).bytes);
  hash.update(hello.random);
  const auto session_id_len = static_cast<std::uint8_t>(hello.legacy_session_id.size());
  hash.update({&session_id_len, 1});
  hash.update(hello.legacy_session_id);
  const auto suites_len = Be16::of(static_cast<std::uint16_t>(hello.cipher_suites.raw().size()));
  hash.update(suites_len.bytes);
  hash.update(hello.cipher_suites.raw());
  for (wire::Reader r{hello.extensions}; !r.at_end();) {
    const auto type = ExtensionType{r.u16()};
    const ByteView body = r.vec16(0, 65'535);
    switch (type) {
      case ExtensionType::key_share:
      case ExtensionType::early_data:
      case ExtensionType::cookie:
      case ExtensionType::pre_shared_key:
      case ExtensionType::padding:
        continue;
      default:
        break;
    }
    const auto head = std::array{Be16::of(static_cast<std::uint16_t>(type)),
                                 Be16::of(static_cast<std::uint16_t>(body.size()))};
    hash.update(head[0].bytes);
    hash.update(head[1].bytes);
    hash.update(body);
  }
  return hash.digest();
}

[[nodiscard]] Tag tag_of(const crypto::HmacKey& key, ByteView content,
                         const ClientHello& hello) noexcept {
  Tag tag{};
  key.mac({fingerprint(hello).view(), content}, tag);
  return tag;
}

}  // namespace

SealedCookie seal_cookie(const crypto::HmacKey& key, const HelloCookie& cookie,
                         const ClientHello& hello) noexcept {
  SealedCookie sealed;
  wire::Writer w{sealed.bytes_};
  w.u16(static_cast<std::uint16_t>(cookie.cipher_suite));
  w.u16(static_cast<std::uint16_t>(cookie.group));
  w.bytes(cookie.hello.view());
  w.bytes(tag_of(key, w.written(), hello));
  sealed.len_ = w.written().size();
  return sealed;
}

std::optional<HelloCookie> open_cookie(const crypto::HmacKey& key,
                                       const ClientHello& hello) noexcept {
  if (hello.cookie.size() < kTagLen) return std::nullopt;
  const ByteView content = hello.cookie.first(hello.cookie.size() - kTagLen);
  if (!equal_ct(hello.cookie.last(kTagLen), tag_of(key, content, hello))) return std::nullopt;

  wire::Reader r{content};
  HelloCookie cookie;
  cookie.cipher_suite = wire::CipherSuite{r.u16()};
  cookie.group = crypto::NamedGroup{r.u16()};
  const SuiteInfo* const suite = suite_info(cookie.cipher_suite);
  if (suite == nullptr) return std::nullopt;
  cookie.hello.len = static_cast<std::uint8_t>(crypto::digest_len(suite->hash));
  const ByteView digest = r.bytes(cookie.hello.len);
  if (!r.done()) return std::nullopt;
  std::ranges::copy(digest, cookie.hello.bytes.begin());
  return cookie;
}

}  // namespace sallyport::tls
