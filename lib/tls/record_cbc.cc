#include "lib/tls/record_cbc.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/crypto/cbc/cbc_cipher.h"
#include "lib/crypto/cbc/mac_then_encrypt.h"
#include "lib/crypto/cbc/record_mac.h"
#include "lib/tls/engine.h"
#include "lib/tls/pieces.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using crypto::CbcCipher;
using crypto::kAesBlockLen;
using crypto::RecordMac;
using stats::HandshakeFailure;
using wire::ContentType;
using wire::RecordHeader;

constexpr std::size_t kBody = kRecordHeader + kAesBlockLen;  // where the ciphertext begins

[[nodiscard]] bool is_mac_outside(const RecordKeys& keys) noexcept {
  return keys.format() == RecordKeys::Format::tls12_cbc_then_mac;
}

[[nodiscard]] ByteView aes_key(const RecordKeys& keys) noexcept {
  return keys.key().bytes.expose().first(crypto::key_len(keys.cbc()));
}

// mac_header: [RFC 5246 6.2.3.1] the length is that of the content; [RFC 7366 3] outside, that of
// IV and ciphertext.
[[nodiscard]] crypto::MacHeader mac_header(std::uint64_t sequence_number, ContentType type,
                                           std::size_t len) noexcept {
  crypto::MacHeader bytes{};
  wire::Writer w{bytes};
  w.u64(sequence_number);
  w.u8(static_cast<std::uint8_t>(type));
  w.u16(static_cast<std::uint16_t>(wire::ProtocolVersion::tls12));
  w.u16(static_cast<std::uint16_t>(len));
  return bytes;
}

// Scratch is where a record lies in one piece, wiped as far as it was used.
class Scratch {
 public:
  explicit Scratch(std::size_t len) noexcept : len_{len} {}
  ~Scratch() { wipe(bytes()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] MutableBytes bytes() noexcept { return MutableBytes{bytes_}.first(len_); }

 private:
  std::array<std::uint8_t, kMaxRecord> bytes_;
  std::size_t len_;
};

// write_to copies `from` into the pieces, beginning at `offset` of their concatenation.
void write_to(std::span<const MutableBytes> pieces, std::size_t offset, ByteView from) noexcept {
  const PieceRange range{pieces, offset, from.size()};
  for (const MutableBytes piece : range.pieces()) {
    copy_bytes(from.first(piece.size()), piece);
    from = from.subspan(piece.size());
  }
}

// Content is where a genuine record holds what it carries.
struct Content {
  std::size_t offset = 0;
  std::size_t len = 0;
};

[[nodiscard]] Result<Content, HandshakeFailure> open_mac_inside(const RecordKeys& keys,
                                                                const CbcCipher& cipher,
                                                                const RecordMac& mac,
                                                                ContentType type,
                                                                MutableBytes record) noexcept {
  const MutableBytes text = record.subspan(kBody);
  // What is known of every record before it is decrypted: these sizes do not exist.
  if (text.size() % kAesBlockLen != 0 || text.size() < mac.len() + 1) {
    return Err{HandshakeFailure::bad_record_mac};
  }
  cipher.decrypt({record.subspan(kRecordHeader, kAesBlockLen), text});
  const crypto::Unsealed unsealed = unseal(mac, mac_header(keys.sequence_number(), type, 0), text);
  // The one look at the verdict: what was wrong stays unknown.
  if (unsealed.good == 0) return Err{HandshakeFailure::bad_record_mac};
  return Content{kBody, unsealed.content_len};
}

[[nodiscard]] Result<Content, HandshakeFailure> open_mac_outside(const RecordKeys& keys,
                                                                 const CbcCipher& cipher,
                                                                 const RecordMac& mac,
                                                                 ContentType type,
                                                                 MutableBytes record) noexcept {
  if (record.size() < kBody + kAesBlockLen + mac.len()) {
    return Err{HandshakeFailure::bad_record_mac};
  }
  const MutableBytes sealed =
      record.subspan(kRecordHeader, record.size() - kRecordHeader - mac.len());
  if (sealed.size() % kAesBlockLen != 0) return Err{HandshakeFailure::bad_record_mac};
  std::array<std::uint8_t, crypto::kMaxMacKeyLen> computed{};
  mac.mac(mac_header(keys.sequence_number(), type, sealed.size()), sealed, computed);
  // [RFC 7366 3] nothing is decrypted before this.
  if (!equal_ct(ByteView{computed}.first(mac.len()), record.last(mac.len()))) {
    return Err{HandshakeFailure::bad_record_mac};
  }
  const MutableBytes text = sealed.subspan(kAesBlockLen);
  cipher.decrypt({sealed.first(kAesBlockLen), text});
  // Only the client itself can have written this, so there is nothing to hide.
  const std::size_t padding = std::size_t{text.back()} + 1;
  const bool padded =
      padding <= text.size() &&
      std::ranges::all_of(text.last(padding), [&](auto b) { return b == text.back(); });
  if (!padded) return Err{HandshakeFailure::bad_record_mac};
  return Content{kBody, text.size() - padding};
}

}  // namespace

std::size_t seal_cbc_in_place(Engine& engine, RecordKeys& keys, ContentType type,
                              std::span<const InPlaceRecord> records, ByteView mac_key) noexcept {
  const RecordMac mac{keys.cbc(), mac_key};
  const CbcCipher cipher{engine.aead(), aes_key(keys)};
  const bool outside = is_mac_outside(keys);

  std::array<crypto::CbcText, kMaxBurst> texts;
  std::uint64_t sequence_number = keys.sequence_number();
  std::size_t sealed = 0;
  for (std::size_t i = 0; i < records.size(); ++i, ++sequence_number) {
    const auto [out, plaintext_len] = records[i];
    const std::size_t record_len = keys.record_len(plaintext_len);
    sealed += record_len;
    store(out, RecordHeader::of(type, wire::ProtocolVersion::tls12, record_len - kRecordHeader));
    // [RFC 5246 6.2.3.2] An IV that nobody could foresee: with the last block of the record before
    // in its place, BEAST guesses plaintext.
    const MutableBytes iv = out.subspan(kRecordHeader, kAesBlockLen);
    engine.random().fill(iv);
    const MutableBytes text = out.subspan(kBody, record_len - kBody - (outside ? mac.len() : 0));
    std::size_t used = plaintext_len;
    if (!outside) {
      mac.mac(mac_header(sequence_number, type, plaintext_len), text.first(plaintext_len),
              text.subspan(plaintext_len));
      used += mac.len();
    }
    const std::size_t padding = text.size() - used;
    std::ranges::fill(text.last(padding), static_cast<std::uint8_t>(padding - 1));
    texts[i] = {iv, text};
  }
  cipher.encrypt(std::span{texts}.first(records.size()));
  for (const auto& [out, plaintext_len] : records) {
    if (outside) {
      const std::size_t mac_at = keys.record_len(plaintext_len) - mac.len();
      const ByteView covered = out.first(mac_at).subspan(kRecordHeader);
      mac.mac(mac_header(keys.sequence_number(), type, covered.size()), covered,
              out.subspan(mac_at));
    }
    keys.count_record();
  }
  return sealed;
}

std::size_t seal_cbc_record(Engine& engine, RecordKeys& keys, ContentType type,
                            std::span<const ByteView> plaintext, std::span<const MutableBytes> out,
                            ByteView mac_key) noexcept {
  std::size_t plaintext_len = 0;
  for (const ByteView piece : plaintext) plaintext_len += piece.size();
  const std::size_t record_len = keys.record_len(plaintext_len);
  if (plaintext_len > kMaxFragment || out.size() > kMaxPieces || total_len(out) < record_len) {
    return 0;
  }
  Scratch scratch{record_len};
  if (seal_record(engine, keys, type, plaintext, scratch.bytes(), mac_key) != record_len) return 0;
  write_to(out, 0, scratch.bytes());
  return record_len;
}

Result<OpenedRecord, HandshakeFailure> open_cbc_record(Engine& engine, RecordKeys& keys,
                                                       std::span<const MutableBytes> pieces,
                                                       ByteView mac_key) noexcept {
  const std::size_t record_len = total_len(pieces);
  if (record_len < kBody + kAesBlockLen || record_len > kMaxRecord) {
    return Err{HandshakeFailure::bad_record_mac};
  }
  const bool contiguous = pieces.size() == 1;
  Scratch scratch{contiguous ? 0 : record_len};
  if (!contiguous) PieceRange{pieces, 0, record_len}.copy_to(scratch.bytes());
  const MutableBytes record = contiguous ? pieces.front() : scratch.bytes();

  const ContentType type = load<RecordHeader>(record).content_type();
  const RecordMac mac{keys.cbc(), mac_key};
  const CbcCipher cipher{engine.aead(), aes_key(keys)};
  const auto content = is_mac_outside(keys) ? open_mac_outside(keys, cipher, mac, type, record)
                                            : open_mac_inside(keys, cipher, mac, type, record);
  if (!content) {
    wipe(record.subspan(kRecordHeader));
    return Err{content.error()};
  }
  keys.count_record();
  // [RFC 5246 6.2.1] content above 2^14 bytes.
  if (content->len > kMaxFragment) return Err{HandshakeFailure::record_overflow};
  if (!contiguous) write_to(pieces, content->offset, record.subspan(kBody, content->len));
  return OpenedRecord{type, static_cast<std::uint16_t>(content->offset),
                      static_cast<std::uint16_t>(content->len)};
}

}  // namespace sallyport::tls
