// RecordKeys: what protects the records of one direction, and the functions that seal and open them
// (RFC 8446 5.2 and 5.3, RFC 5246 6.2.3, RFC 5288, RFC 7366, RFC 7905).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/result.h"
#include "lib/crypto/aead/aead.h"
#include "lib/crypto/cbc/cbc_cipher.h"
#include "lib/stats/reasons.h"
#include "lib/tls/record.h"
#include "lib/wire/tls_types.h"

namespace sallyport::tls {

class Engine;

// RecordKeys is a raw key, a nonce mask and the sequence number.  Moving it wipes the source.
class RecordKeys {
 public:
  enum class Format : std::uint8_t {
    tls13,                 // inner content type; nonce = mask ^ sequence number
    tls12,                 // ChaCha20: nonce = mask ^ sequence number
    tls12_explicit_nonce,  // GCM: nonce = salt, eight bytes from the record
    tls12_cbc,             // CBC with a MAC inside; an IV in every record
    tls12_cbc_then_mac,    // CBC with a MAC outside (RFC 7366)
  };

  RecordKeys() noexcept = default;
  RecordKeys(RecordKeys&& from) noexcept { take(from); }
  RecordKeys& operator=(RecordKeys&& from) noexcept {
    if (this != &from) take(from);
    return *this;
  }
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;
  ~RecordKeys() { wipe(iv_); }

  // set starts a new epoch: the sequence number is 0 again.
  void set(Format format, crypto::AeadAlgorithm aead, ByteView key, ByteView iv) noexcept;
  // set_cbc does the same for the formats with CBC.  The key of their MAC is kept elsewhere.
  void set_cbc(Format format, crypto::CbcAlgorithm algorithm, ByteView key) noexcept;
  void clear() noexcept;

  [[nodiscard]] Format format() const noexcept { return format_; }
  [[nodiscard]] const crypto::AeadKey& key() const noexcept { return key_; }
  [[nodiscard]] bool is_cbc() const noexcept { return format_ >= Format::tls12_cbc; }
  [[nodiscard]] crypto::CbcAlgorithm cbc() const noexcept { return cbc_; }
  [[nodiscard]] std::uint64_t sequence_number() const noexcept { return sequence_number_; }
  void count_record() noexcept { ++sequence_number_; }
  [[nodiscard]] crypto::AeadNonce nonce(ByteView explicit_part) const noexcept;
  // Bytes between the record header and the ciphertext.
  [[nodiscard]] std::size_t explicit_nonce_len() const noexcept {
    if (is_cbc()) return crypto::kAesBlockLen;
    return format_ == Format::tls12_explicit_nonce ? 8 : 0;
  }
  // record_len is how long the record of so many bytes of plaintext is.
  [[nodiscard]] std::size_t record_len(std::size_t plaintext_len) const noexcept {
    return is_cbc() ? cbc_record_len(plaintext_len) : plaintext_len + overhead();
  }
  // overhead is by how much a record is longer than its plaintext: exactly, or with CBC at most.
  [[nodiscard]] std::size_t overhead() const noexcept {
    if (is_cbc()) return kRecordHeader + 2 * crypto::kAesBlockLen + crypto::mac_len(cbc_);
    return kRecordHeader + explicit_nonce_len() + crypto::kAeadTagLen +
           (format_ == Format::tls13 ? 1 : 0);
  }

 private:
  void take(RecordKeys& from) noexcept;
  [[nodiscard]] std::size_t cbc_record_len(std::size_t plaintext_len) const noexcept;

  std::uint64_t sequence_number_ = 0;
  crypto::AeadKey key_;  // with CBC the bytes alone
  std::array<std::uint8_t, crypto::kAeadNonceLen> iv_{};
  // In one byte, because two of these are part of an idle connection.
  Format format_ : 4 {};
  crypto::CbcAlgorithm cbc_ : 4 {};
};
static_assert(sizeof(RecordKeys) == 56);

// The functions below take the key of the MAC as well, which CBC formats need and others ignore.

// seal_record writes one record and returns its size, keys.record_len() of the plaintext.
// Preconditions: together at most kMaxFragment bytes, and room for the record; returns 0 when one
// does not hold.  `out` must not overlap the plaintext.
[[nodiscard]] std::size_t seal_record(Engine& engine, RecordKeys& keys, wire::ContentType type,
                                      std::span<const ByteView> plaintext, MutableBytes out,
                                      ByteView mac_key = {}) noexcept;
// The same into several pieces, the first of which has room for plaintext_offset() bytes.
[[nodiscard]] std::size_t seal_record(Engine& engine, RecordKeys& keys, wire::ContentType type,
                                      std::span<const ByteView> plaintext,
                                      std::span<const MutableBytes> out,
                                      ByteView mac_key = {}) noexcept;

// seal_in_place is the same for a plaintext that the caller has put where plaintext_offset() says.
[[nodiscard]] std::size_t plaintext_offset(const RecordKeys& keys) noexcept;
[[nodiscard]] std::size_t seal_in_place(Engine& engine, RecordKeys& keys, wire::ContentType type,
                                        std::size_t plaintext_len, MutableBytes out,
                                        ByteView mac_key = {}) noexcept;

// seal_each_in_place does that to several records, which a CBC cipher works on side by side, and
// returns the bytes of all.  When a precondition of one does not hold it seals none and returns 0.
// Precondition: at most kMaxBurst records, which do not overlap.
struct InPlaceRecord {
  MutableBytes out;
  std::size_t plaintext_len = 0;
};
constexpr std::size_t kMaxBurst = crypto::CbcCipher::kMaxTexts;
[[nodiscard]] std::size_t seal_each_in_place(Engine& engine, RecordKeys& keys,
                                             wire::ContentType type,
                                             std::span<const InPlaceRecord> records,
                                             ByteView mac_key = {}) noexcept;

// OpenedRecord is what was inside a protected record: its type, and where its content lies.
struct OpenedRecord {
  wire::ContentType type{};
  std::uint16_t offset = 0;  // over the concatenation of the pieces, record header included
  std::uint16_t len = 0;
};

// open_record decrypts one record in place; `pieces` hold header and body.  On failure the bytes
// are wiped and the sequence number stays, so that the caller may skip the record [RFC 8446
// 4.2.10].  Precondition: at most kMaxPieces pieces, none of them empty.
[[nodiscard]] Result<OpenedRecord, stats::HandshakeFailure> open_record(
    Engine& engine, RecordKeys& keys, std::span<const MutableBytes> pieces,
    ByteView mac_key = {}) noexcept;

}  // namespace sallyport::tls
