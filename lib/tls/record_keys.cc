#include "lib/tls/record_keys.h"

#include <algorithm>

#include "lib/base/secret.h"
#include "lib/tls/engine.h"
#include "lib/tls/pieces.h"
#include "lib/tls/record_cbc.h"
#include "lib/wire/tls_messages.h"

namespace sallyport::tls {
namespace {

using stats::HandshakeFailure;
using wire::ContentType;
using wire::RecordHeader;

// AdditionalData is what the tag covers beside the ciphertext.
class AdditionalData {
 public:
  // [RFC 8446 5.2] the record header; [RFC 5246 6.2.3.3] sequence number, type, version and the
  // length of the plaintext.
  AdditionalData(const RecordKeys& keys, const RecordHeader& header,
                 std::size_t plaintext_len) noexcept {
    wire::Writer w{bytes_};
    if (keys.format() == RecordKeys::Format::tls13) {
      w.object(header);
    } else {
      w.u64(keys.sequence_number());
      w.u8(header.type);
      w.object(header.legacy_record_version);
      w.u16(static_cast<std::uint16_t>(plaintext_len));
    }
    len_ = w.size();
  }
  [[nodiscard]] ByteView view() const noexcept { return ByteView{bytes_}.first(len_); }

 private:
  std::array<std::uint8_t, 13> bytes_;
  std::size_t len_ = 0;
};

[[nodiscard]] bool is_tls13(const RecordKeys& keys) noexcept {
  return keys.format() == RecordKeys::Format::tls13;
}

// begin_record writes header and explicit nonce of a record of ours.
RecordHeader begin_record(const RecordKeys& keys, ContentType type, std::size_t record_len,
                          MutableBytes out) noexcept {
  // [RFC 8446 5.2] the outer type of a protected record is application_data.
  const auto header = RecordHeader::of(is_tls13(keys) ? ContentType::application_data : type,
                                       wire::ProtocolVersion::tls12, record_len - kRecordHeader);
  wire::Writer w{out};
  w.object(header);
  // The sequence number never repeats under a key, which is all that an explicit nonce needs.
  if (keys.explicit_nonce_len() != 0) w.u64(keys.sequence_number());
  return header;
}

// content_len is the plaintext of TLS 1.3 without padding and type, or 0 with type invalid.
[[nodiscard]] OpenedRecord strip_padding(std::span<const MutableBytes> plaintext) noexcept {
  std::size_t len = total_len(plaintext);
  for (std::size_t i = plaintext.size(); i-- > 0;) {
    const MutableBytes piece = plaintext[i];
    for (std::size_t at = piece.size(); at-- > 0;) {
      --len;
      if (piece[at] == 0) continue;
      return {ContentType{piece[at]}, 0, static_cast<std::uint16_t>(len)};
    }
  }
  return {};
}

}  // namespace

void RecordKeys::set(Format format, crypto::AeadAlgorithm aead, ByteView key,
                     ByteView iv) noexcept {
  clear();
  format_ = format;
  key_.set(aead, key);
  std::ranges::copy(iv, iv_.begin());
}

void RecordKeys::set_cbc(Format format, crypto::CbcAlgorithm algorithm, ByteView key) noexcept {
  clear();
  format_ = format;
  cbc_ = algorithm;
  std::ranges::copy(key, key_.bytes.expose_for_write().begin());
}

std::size_t RecordKeys::cbc_record_len(std::size_t plaintext_len) const noexcept {
  constexpr std::size_t kBlock = crypto::kAesBlockLen;
  const std::size_t mac_len = crypto::mac_len(cbc_);
  const bool mac_outside = format_ == Format::tls12_cbc_then_mac;
  // At least one byte of padding, which says how much of it there is.
  const std::size_t padded = (plaintext_len + (mac_outside ? 0 : mac_len) + kBlock) / kBlock;
  return kRecordHeader + kBlock + padded * kBlock + (mac_outside ? mac_len : 0);
}

void RecordKeys::clear() noexcept {
  sequence_number_ = 0;
  key_.bytes.clear();
  wipe(iv_);
}

void RecordKeys::take(RecordKeys& from) noexcept {
  sequence_number_ = from.sequence_number_;
  key_.take_over(from.key_);
  iv_ = from.iv_;
  format_ = from.format_;
  cbc_ = from.cbc_;
  from.clear();
}

crypto::AeadNonce RecordKeys::nonce(ByteView explicit_part) const noexcept {
  crypto::AeadNonce nonce = iv_;
  if (format_ == Format::tls12_explicit_nonce) {
    std::ranges::copy(explicit_part, nonce.begin() + 4);
    return nonce;
  }
  // [RFC 8446 5.3, RFC 7905 2] the sequence number, padded on the left, XOR the mask.
  const auto number = Be64::of(sequence_number_);
  for (std::size_t i = 0; i < number.bytes.size(); ++i) nonce[4 + i] ^= number.bytes[i];
  return nonce;
}

std::size_t plaintext_offset(const RecordKeys& keys) noexcept {
  return kRecordHeader + keys.explicit_nonce_len();
}

std::size_t seal_record(Engine& engine, RecordKeys& keys, ContentType type,
                        std::span<const ByteView> plaintext, MutableBytes out,
                        ByteView mac_key) noexcept {
  // The cipher is so much faster over one piece, in place, that the copy into it pays for itself.
  const std::size_t body = plaintext_offset(keys);
  std::size_t len = 0;
  for (const ByteView piece : plaintext) {
    if (piece.size() > kMaxFragment - len) return 0;
    if (out.size() < body + len + piece.size()) return 0;
    copy_bytes(piece, out.subspan(body + len));
    len += piece.size();
  }
  return seal_in_place(engine, keys, type, len, out, mac_key);
}

std::size_t seal_record(Engine& engine, RecordKeys& keys, ContentType type,
                        std::span<const ByteView> plaintext, std::span<const MutableBytes> out,
                        ByteView mac_key) noexcept {
  if (out.size() == 1) return seal_record(engine, keys, type, plaintext, out.front(), mac_key);
  if (keys.is_cbc()) return seal_cbc_record(engine, keys, type, plaintext, out, mac_key);
  std::array<ByteView, kMaxPieces + 1> pieces;
  if (plaintext.size() > kMaxPieces) return 0;
  std::size_t num_pieces = 0;
  std::size_t plaintext_len = 0;
  for (const ByteView piece : plaintext) {
    if (piece.empty()) continue;
    plaintext_len += piece.size();
    pieces[num_pieces++] = piece;
  }
  const std::size_t record_len = plaintext_len + keys.overhead();
  const std::size_t body = plaintext_offset(keys);
  if (plaintext_len > kMaxFragment || out.empty() || out.size() > kMaxPieces ||
      out.front().size() < body || total_len(out) < record_len) {
    return 0;
  }
  const auto inner_type = static_cast<std::uint8_t>(type);
  if (is_tls13(keys)) pieces[num_pieces++] = ByteView{&inner_type, 1};
  const RecordHeader header = begin_record(keys, type, record_len, out.front());
  const AdditionalData additional{keys, header, plaintext_len};
  const ByteView explicit_nonce = out.front().subspan(kRecordHeader, keys.explicit_nonce_len());
  const auto nonce = keys.nonce(explicit_nonce);
  const std::span<const ByteView> in = std::span{pieces}.first(num_pieces);
  const PieceRange sealed{out, body, record_len - body};
  engine.expanded(keys.key(), Engine::Use::seal)
      .seal(nonce, additional.view(), in, sealed.pieces());
  keys.count_record();
  return record_len;
}

std::size_t seal_in_place(Engine& engine, RecordKeys& keys, ContentType type,
                          std::size_t plaintext_len, MutableBytes out, ByteView mac_key) noexcept {
  if (keys.is_cbc()) {
    const InPlaceRecord record{out, plaintext_len};
    return seal_each_in_place(engine, keys, type, {&record, 1}, mac_key);
  }
  const std::size_t record_len = plaintext_len + keys.overhead();
  if (plaintext_len > kMaxFragment || out.size() < record_len) return 0;
  const std::size_t body = plaintext_offset(keys);
  std::size_t inner_len = plaintext_len;
  if (is_tls13(keys)) out[body + inner_len++] = static_cast<std::uint8_t>(type);
  const RecordHeader header = begin_record(keys, type, record_len, out);
  const AdditionalData additional{keys, header, plaintext_len};
  const ByteView explicit_nonce = out.subspan(kRecordHeader, keys.explicit_nonce_len());
  engine.expanded(keys.key(), Engine::Use::seal)
      .seal(keys.nonce(explicit_nonce), additional.view(), ByteView{out.subspan(body, inner_len)},
            out.subspan(body, record_len - body));
  keys.count_record();
  return record_len;
}

std::size_t seal_each_in_place(Engine& engine, RecordKeys& keys, ContentType type,
                               std::span<const InPlaceRecord> records, ByteView mac_key) noexcept {
  const bool possible = std::ranges::all_of(records, [&keys](const InPlaceRecord& record) {
    return record.plaintext_len <= kMaxFragment &&
           keys.record_len(record.plaintext_len) <= record.out.size();
  });
  if (!possible || records.size() > kMaxBurst) return 0;
  if (keys.is_cbc()) return seal_cbc_in_place(engine, keys, type, records, mac_key);
  std::size_t sealed = 0;
  for (const InPlaceRecord& record : records) {
    sealed += seal_in_place(engine, keys, type, record.plaintext_len, record.out);
  }
  return sealed;
}

Result<OpenedRecord, HandshakeFailure> open_record(Engine& engine, RecordKeys& keys,
                                                   std::span<const MutableBytes> pieces,
                                                   ByteView mac_key) noexcept {
  if (keys.is_cbc()) return open_cbc_record(engine, keys, pieces, mac_key);
  std::array<std::uint8_t, kRecordHeader + 8> front{};
  const std::size_t record_len = total_len(pieces);
  const std::size_t body = plaintext_offset(keys);
  if (record_len < body + crypto::kAeadTagLen) return Err{HandshakeFailure::bad_record_mac};
  PieceRange{pieces, 0, body}.copy_to(front);
  const auto header = load<RecordHeader>(front);

  const PieceRange sealed{pieces, body, record_len - body};
  const std::size_t plaintext_len = record_len - body - crypto::kAeadTagLen;
  const AdditionalData additional{keys, header, plaintext_len};
  const auto nonce = keys.nonce(ByteView{front}.subspan(kRecordHeader, keys.explicit_nonce_len()));
  if (!engine.expanded(keys.key(), Engine::Use::open)
           .open(nonce, additional.view(), sealed.pieces())) {
    return Err{HandshakeFailure::bad_record_mac};
  }
  keys.count_record();

  if (!is_tls13(keys)) {
    // [RFC 5246 6.2.1] content above 2^14 bytes.
    if (plaintext_len > kMaxFragment) return Err{HandshakeFailure::record_overflow};
    return OpenedRecord{header.content_type(), static_cast<std::uint16_t>(body),
                        static_cast<std::uint16_t>(plaintext_len)};
  }
  // [RFC 8446 5.4] content, type and padding together are at most 2^14 + 1 bytes.
  if (plaintext_len > kMaxFragment + 1) return Err{HandshakeFailure::record_overflow};
  const PieceRange inner{pieces, body, plaintext_len};
  OpenedRecord record = strip_padding(inner.pieces());
  // [RFC 8446 5.4] nothing but zeros, so no type at all.
  if (record.type == ContentType::invalid) return Err{HandshakeFailure::unexpected_message};
  record.offset = static_cast<std::uint16_t>(body);
  return record;
}

}  // namespace sallyport::tls
