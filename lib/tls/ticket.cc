#include "lib/tls/ticket.h"

#include <algorithm>

#include "lib/base/text.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

namespace sallyport::tls {
namespace {

using crypto::HashAlgorithm;
using stats::TicketRefusal;

// What the bytes of a state mean.  Another number is a ticket of another release, which shares the
// cluster secret but not the layout.
constexpr std::uint8_t kLayout = 1;
constexpr std::uint8_t kNamingLayout = 2;  // the same, and who the client is
constexpr crypto::AeadNonce kZeroNonce{};
constexpr std::size_t kMaxDomain = 64;

// expand makes the key of one ticket.
void expand(const TicketKey& key, ByteView salt, std::string_view domain,
            const crypto::AeadEngine& aead, crypto::ExpandedKey& out) noexcept {
  std::array<std::uint8_t, kTicketSaltLen + kMaxDomain> info;
  wire::Writer w{info};
  w.bytes(salt);
  w.bytes(as_bytes(domain.substr(0, kMaxDomain)));
  crypto::AeadKey single;
  single.algorithm = crypto::AeadAlgorithm::aes_256_gcm;
  const crypto::HmacKey prk{HashAlgorithm::sha256, key.bytes.expose()};
  crypto::hkdf_expand(prk, w.written(), single.bytes.expose_for_write());
  out.expand(aead, single);
}

void write_state(wire::Writer& w, const SessionState& state) noexcept {
  w.u8(state.names_client ? kNamingLayout : kLayout);
  w.u16(static_cast<std::uint16_t>(state.version));
  w.u16(static_cast<std::uint16_t>(state.cipher_suite));
  w.u8(state.extended_master_secret ? 1 : 0);
  w.u8(state.secret_len);
  w.u32(state.lifetime_seconds);
  w.u32(state.age_add);
  w.u64(state.issued_ms);
  w.u64(state.authenticated_ms);
  w.bytes(state.binding);
  w.bytes(state.client.fingerprint);
  w.bytes(state.secret.expose());
  if (!state.names_client) return;
  w.u64(static_cast<std::uint64_t>(state.client.not_after));
  w.u8(state.client.subject_len);
  const auto* const subject =
      reinterpret_cast<const std::uint8_t*>(state.client.subject_text.data());
  w.bytes({subject, state.client.subject_text.size()});
}

// read_state is false for a layout that this build does not know.
[[nodiscard]] bool read_state(ByteView bytes, SessionState& out) noexcept {
  wire::Reader r{bytes};
  const std::uint8_t layout = r.u8();
  out.names_client = bytes.size() == kNamingStateLen;
  if (layout != (out.names_client ? kNamingLayout : kLayout)) return false;
  out.version = wire::ProtocolVersion{r.u16()};
  out.cipher_suite = wire::CipherSuite{r.u16()};
  out.extended_master_secret = r.u8() != 0;
  out.secret_len = r.u8();
  out.lifetime_seconds = r.u32();
  out.age_add = r.u32();
  out.issued_ms = r.u64();
  out.authenticated_ms = r.u64();
  std::ranges::copy(r.bytes(out.binding.size()), out.binding.begin());
  crypto::ClientIdentity& client = out.client;
  std::ranges::copy(r.bytes(client.fingerprint.size()), client.fingerprint.begin());
  std::ranges::copy(r.bytes(SessionState::kMaxSecretLen), out.secret.expose_for_write().begin());
  if (out.names_client) {
    client.not_after = static_cast<std::int64_t>(r.u64());
    client.subject_len = r.u8();
    std::ranges::copy(r.bytes(client.subject_text.size()), client.subject_text.begin());
    const bool is_none =
        std::ranges::all_of(client.fingerprint, [](std::uint8_t byte) { return byte == 0; });
    client.verdict = is_none ? crypto::ClientVerdict::none : crypto::ClientVerdict::ok;
  }
  return r.done() && out.secret_len <= SessionState::kMaxSecretLen;
}

[[nodiscard]] const TicketKey* find(const TicketKeys& keys, ByteView name) noexcept {
  for (const TicketKey* const key : {&keys.current, &keys.previous, &keys.next}) {
    if (equal_ct(key->name, name)) return key;
  }
  return nullptr;
}

}  // namespace

SessionBinding bind_session(ByteView server_name, ByteView alpn_protocol) noexcept {
  std::array<std::uint8_t, 64> lower;
  crypto::TranscriptHash hash{HashAlgorithm::sha256};
  // Both lengths stand before what they belong to, so no two pairs give the same bytes.
  hash.update(Be16::of(static_cast<std::uint16_t>(server_name.size())).bytes);
  while (!server_name.empty()) {
    const std::size_t n = std::min(server_name.size(), lower.size());
    std::ranges::transform(server_name.first(n), lower.begin(), to_lower<std::uint8_t>);
    hash.update(ByteView{lower}.first(n));
    server_name = server_name.subspan(n);
  }
  hash.update(Be16::of(static_cast<std::uint16_t>(alpn_protocol.size())).bytes);
  hash.update(alpn_protocol);
  SessionBinding binding;
  const crypto::Digest digest = hash.digest();
  std::ranges::copy(digest.view().first(binding.size()), binding.begin());
  return binding;
}

void seal_ticket(const TicketKeys& keys, std::string_view domain, const SessionState& state,
                 const crypto::AeadEngine& aead, Random& random, MutableBytes out) noexcept {
  constexpr std::size_t kSealedAt = TicketKey::kNameLen + kTicketSaltLen;
  const MutableBytes salt = out.subspan(TicketKey::kNameLen, kTicketSaltLen);
  std::ranges::copy(keys.current.name, out.begin());
  random.fill(salt);
  Secret<kNamingStateLen> plain;
  wire::Writer w{plain.expose_for_write()};
  write_state(w, state);
  crypto::ExpandedKey key;
  expand(keys.current, salt, domain, aead, key);
  key.seal(kZeroNonce, {}, ByteView{w.written()}, out.subspan(kSealedAt));
}

TicketRefusal open_ticket(const TicketKeys& keys, std::string_view domain, ByteView ticket,
                          const crypto::AeadEngine& aead, SessionState& out) noexcept {
  if (ticket.size() != kTicketLen && ticket.size() != kNamingTicketLen)
    return TicketRefusal::unknown_key;
  wire::Reader r{ticket};
  const TicketKey* const with = find(keys, r.bytes(TicketKey::kNameLen));
  if (with == nullptr) return TicketRefusal::unknown_key;
  const ByteView salt = r.bytes(kTicketSaltLen);
  Secret<kNamingStateLen + crypto::kAeadTagLen> secret;
  const ByteView sealed = r.rest();
  const MutableBytes opened = MutableBytes{secret.expose_for_write()}.first(sealed.size());
  std::ranges::copy(sealed, opened.begin());
  crypto::ExpandedKey key;
  expand(*with, salt, domain, aead, key);
  if (!key.open(kZeroNonce, {}, opened)) {
    return TicketRefusal::not_authentic;
  }
  if (!read_state(opened.first(opened.size() - crypto::kAeadTagLen), out)) {
    out.secret.clear();
    return TicketRefusal::unknown_key;
  }
  return TicketRefusal::none;
}

}  // namespace sallyport::tls
