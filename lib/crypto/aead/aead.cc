#include "lib/crypto/aead/aead.h"

#include <intel-ipsec-mb.h>

#include <algorithm>

#include "lib/base/check.h"

namespace sallyport::crypto {
namespace {

// Stream is one record on its way through the cipher, piece by piece.  Its scratch (counter blocks,
// key stream, running MAC) is wiped with it.
class Stream {
 public:
  Stream(IMB_MGR& table, AeadAlgorithm algorithm, const std::uint8_t* key, const AeadNonce& nonce,
         ByteView aad) noexcept
      : table_{table}, algorithm_{algorithm}, key_{key} {
    switch (algorithm_) {
      case AeadAlgorithm::aes_128_gcm:
        IMB_AES128_GCM_INIT(&table_, gcm_key(), &gcm_, nonce.data(), aad.data(), aad.size());
        return;
      case AeadAlgorithm::aes_256_gcm:
        IMB_AES256_GCM_INIT(&table_, gcm_key(), &gcm_, nonce.data(), aad.data(), aad.size());
        return;
      case AeadAlgorithm::chacha20_poly1305:
        IMB_CHACHA20_POLY1305_INIT(&table_, key_, &chacha_, nonce.data(), aad.data(), aad.size());
        return;
    }
  }
  ~Stream() {
    if (algorithm_ == AeadAlgorithm::chacha20_poly1305) {
      wipe_object(chacha_);
    } else {
      wipe_object(gcm_);
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void encrypt(std::uint8_t* out, const std::uint8_t* in, std::size_t len) noexcept {
    if (len == 0) return;
    switch (algorithm_) {
      case AeadAlgorithm::aes_128_gcm:
        IMB_AES128_GCM_ENC_UPDATE(&table_, gcm_key(), &gcm_, out, in, len);
        return;
      case AeadAlgorithm::aes_256_gcm:
        IMB_AES256_GCM_ENC_UPDATE(&table_, gcm_key(), &gcm_, out, in, len);
        return;
      case AeadAlgorithm::chacha20_poly1305:
        IMB_CHACHA20_POLY1305_ENC_UPDATE(&table_, key_, &chacha_, out, in, len);
        return;
    }
  }
  void decrypt(MutableBytes piece) noexcept {
    if (piece.empty()) return;
    std::uint8_t* const at = piece.data();
    switch (algorithm_) {
      case AeadAlgorithm::aes_128_gcm:
        IMB_AES128_GCM_DEC_UPDATE(&table_, gcm_key(), &gcm_, at, at, piece.size());
        return;
      case AeadAlgorithm::aes_256_gcm:
        IMB_AES256_GCM_DEC_UPDATE(&table_, gcm_key(), &gcm_, at, at, piece.size());
        return;
      case AeadAlgorithm::chacha20_poly1305:
        IMB_CHACHA20_POLY1305_DEC_UPDATE(&table_, key_, &chacha_, at, at, piece.size());
        return;
    }
  }
  // finish works for both directions: the MAC runs over the ciphertext.
  void finish(std::uint8_t* tag) noexcept {
    switch (algorithm_) {
      case AeadAlgorithm::aes_128_gcm:
        IMB_AES128_GCM_ENC_FINALIZE(&table_, gcm_key(), &gcm_, tag, kAeadTagLen);
        return;
      case AeadAlgorithm::aes_256_gcm:
        IMB_AES256_GCM_ENC_FINALIZE(&table_, gcm_key(), &gcm_, tag, kAeadTagLen);
        return;
      case AeadAlgorithm::chacha20_poly1305:
        IMB_CHACHA20_POLY1305_ENC_FINALIZE(&table_, &chacha_, tag, kAeadTagLen);
        return;
    }
  }

 private:
  [[nodiscard]] const gcm_key_data* gcm_key() const noexcept {
    return reinterpret_cast<const gcm_key_data*>(key_);
  }

  IMB_MGR& table_;
  AeadAlgorithm algorithm_;
  const std::uint8_t* key_;
  union {
    gcm_context_data gcm_;
    chacha20_poly1305_context_data chacha_;
  };
};

enum class Direction : std::uint8_t { seal, open };

// chacha_in_one_piece goes through ipsec-mb's job interface, which is a quarter faster than its
// direct calls for a record in one piece and completes before it returns (AeadEngine makes sure).
void chacha_in_one_piece(IMB_MGR& table, Direction direction, const std::uint8_t* key,
                         const AeadNonce& nonce, ByteView aad, ByteView in, std::uint8_t* out,
                         std::uint8_t* tag) noexcept {
  IMB_JOB* const job = IMB_GET_NEXT_JOB(&table);
  job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  const bool seal = direction == Direction::seal;
  job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
  job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = key;
  job->dec_keys = key;
  job->key_len_in_bytes = kMaxAeadKeyLen;
  job->iv = nonce.data();
  job->iv_len_in_bytes = nonce.size();
  job->src = in.data();
  job->dst = out;
  job->cipher_start_src_offset_in_bytes = 0;
  job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = in.size();
  job->msg_len_to_hash_in_bytes = in.size();
  job->auth_tag_output = tag;
  job->auth_tag_output_len_in_bytes = kAeadTagLen;
  job->u.CHACHA20_POLY1305.aad = aad.data();
  job->u.CHACHA20_POLY1305.aad_len_in_bytes = aad.size();
  IMB_SUBMIT_JOB_NOCHECK(&table);
}

// jobs_complete_at_once compares both ways to seal the same record.
bool jobs_complete_at_once(IMB_MGR& table) noexcept {
  constexpr std::array<std::uint8_t, kMaxAeadKeyLen> kKey{1, 2, 3};
  constexpr std::array<std::uint8_t, 100> kText{4, 5, 6};
  constexpr AeadNonce kNonce{7, 8, 9};
  std::array<std::uint8_t, kText.size() + kAeadTagLen> by_job{};
  std::array<std::uint8_t, kText.size() + kAeadTagLen> by_stream{};
  chacha_in_one_piece(table, Direction::seal, kKey.data(), kNonce, kText, kText, by_job.data(),
                      by_job.data() + kText.size());
  Stream stream{table, AeadAlgorithm::chacha20_poly1305, kKey.data(), kNonce, kText};
  stream.encrypt(by_stream.data(), kText.data(), kText.size());
  stream.finish(by_stream.data() + kText.size());
  return by_job == by_stream && IMB_QUEUE_SIZE(&table) == 0;
}

template <class Span>
std::size_t total_size(std::span<const Span> pieces) noexcept {
  std::size_t total = 0;
  for (const Span& piece : pieces) total += piece.size();
  return total;
}

}  // namespace

AeadEngine::AeadEngine() : table_{alloc_mb_mgr(0)} {
  SALLYPORT_CHECK(table_ != nullptr);
  IMB_ARCH architecture{};
  init_mb_mgr_auto(table_, &architecture);
  SALLYPORT_CHECK(imb_get_errno(table_) == 0);
  SALLYPORT_CHECK(jobs_complete_at_once(*table_));
}

AeadEngine::~AeadEngine() { free_mb_mgr(table_); }

void AeadKey::set(AeadAlgorithm which, ByteView key) noexcept {
  algorithm = which;
  std::ranges::copy(key.first(key_len(which)), bytes.expose_for_write().begin());
}

ExpandedKey::~ExpandedKey() {
  if (table_ != nullptr) wipe(storage_);
}

void ExpandedKey::expand(const AeadEngine& engine, const AeadKey& key) noexcept {
  static_assert(sizeof(gcm_key_data) <= kStorageLen && alignof(gcm_key_data) <= 64);
  table_ = &engine.table();
  algorithm_ = key.algorithm;
  const std::uint8_t* const raw = key.bytes.expose().data();
  auto* const gcm = reinterpret_cast<gcm_key_data*>(storage_.data());
  switch (algorithm_) {
    case AeadAlgorithm::aes_128_gcm:
      IMB_AES128_GCM_PRE(table_, raw, gcm);
      return;
    case AeadAlgorithm::aes_256_gcm:
      IMB_AES256_GCM_PRE(table_, raw, gcm);
      return;
    case AeadAlgorithm::chacha20_poly1305:
      std::ranges::copy(key.bytes.expose(), storage_.begin());
      return;
  }
}

void ExpandedKey::seal(const AeadNonce& nonce, ByteView aad, ByteView plaintext,
                       MutableBytes out) const noexcept {
  const std::size_t len = plaintext.size();
  std::uint8_t* const tag = out.subspan(len, kAeadTagLen).data();
  if (algorithm_ == AeadAlgorithm::chacha20_poly1305) {
    chacha_in_one_piece(*table_, Direction::seal, storage_.data(), nonce, aad, plaintext,
                        out.data(), tag);
    return;
  }
  // One call does it all, without the detour over a saved state.
  const auto* const key = reinterpret_cast<const gcm_key_data*>(storage_.data());
  gcm_context_data context;
  if (algorithm_ == AeadAlgorithm::aes_128_gcm) {
    IMB_AES128_GCM_ENC(table_, key, &context, out.data(), plaintext.data(), len, nonce.data(),
                       aad.data(), aad.size(), tag, kAeadTagLen);
  } else {
    IMB_AES256_GCM_ENC(table_, key, &context, out.data(), plaintext.data(), len, nonce.data(),
                       aad.data(), aad.size(), tag, kAeadTagLen);
  }
  wipe_object(context);
}

void ExpandedKey::seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plaintext,
                       MutableBytes out) const noexcept {
  if (plaintext.size() == 1) return seal(nonce, aad, plaintext.front(), out);
  Stream stream{*table_, algorithm_, storage_.data(), nonce, aad};
  for (const ByteView piece : plaintext) {
    stream.encrypt(out.first(piece.size()).data(), piece.data(), piece.size());
    out = out.subspan(piece.size());
  }
  stream.finish(out.first(kAeadTagLen).data());
}

void ExpandedKey::seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plaintext,
                       std::span<const MutableBytes> out) const noexcept {
  Stream stream{*table_, algorithm_, storage_.data(), nonce, aad};
  std::size_t index = 0;  // of the output piece being filled
  MutableBytes room;
  const auto next_room = [&] {
    while (room.empty()) room = out[index++];
  };
  for (ByteView piece : plaintext) {
    while (!piece.empty()) {
      next_room();
      const std::size_t len = std::min(piece.size(), room.size());
      stream.encrypt(room.data(), piece.data(), len);
      piece = piece.subspan(len);
      room = room.subspan(len);
    }
  }
  std::array<std::uint8_t, kAeadTagLen> tag;
  stream.finish(tag.data());
  for (ByteView rest{tag}; !rest.empty();) {
    next_room();
    const std::size_t len = std::min(rest.size(), room.size());
    std::ranges::copy(rest.first(len), room.begin());
    rest = rest.subspan(len);
    room = room.subspan(len);
  }
}

bool ExpandedKey::open(const AeadNonce& nonce, ByteView aad,
                       MutableBytes ciphertext_and_tag) const noexcept {
  if (ciphertext_and_tag.size() < kAeadTagLen) return false;
  const MutableBytes text = ciphertext_and_tag.first(ciphertext_and_tag.size() - kAeadTagLen);
  std::array<std::uint8_t, kAeadTagLen> computed;
  const auto* const key = reinterpret_cast<const gcm_key_data*>(storage_.data());
  gcm_context_data context;
  switch (algorithm_) {
    case AeadAlgorithm::aes_128_gcm:
      IMB_AES128_GCM_DEC(table_, key, &context, text.data(), text.data(), text.size(), nonce.data(),
                         aad.data(), aad.size(), computed.data(), kAeadTagLen);
      wipe_object(context);
      break;
    case AeadAlgorithm::aes_256_gcm:
      IMB_AES256_GCM_DEC(table_, key, &context, text.data(), text.data(), text.size(), nonce.data(),
                         aad.data(), aad.size(), computed.data(), kAeadTagLen);
      wipe_object(context);
      break;
    case AeadAlgorithm::chacha20_poly1305:
      chacha_in_one_piece(*table_, Direction::open, storage_.data(), nonce, aad, text, text.data(),
                          computed.data());
      break;
  }
  const bool genuine = equal_ct(computed, ciphertext_and_tag.last(kAeadTagLen));
  wipe(computed);
  if (!genuine) [[unlikely]] {
    wipe(text);
  }
  return genuine;
}

bool ExpandedKey::open(const AeadNonce& nonce, ByteView aad,
                       std::span<const MutableBytes> ciphertext_and_tag) const noexcept {
  if (ciphertext_and_tag.size() == 1) return open(nonce, aad, ciphertext_and_tag.front());
  const std::size_t total = total_size(ciphertext_and_tag);
  if (total < kAeadTagLen) return false;
  const std::size_t plaintext_len = total - kAeadTagLen;

  // plaintext_part is what of the piece that begins at `offset` is not tag.
  const auto plaintext_part = [plaintext_len](MutableBytes piece, std::size_t offset) noexcept {
    return piece.first(offset >= plaintext_len ? 0
                                               : std::min(piece.size(), plaintext_len - offset));
  };
  Stream stream{*table_, algorithm_, storage_.data(), nonce, aad};
  std::array<std::uint8_t, kAeadTagLen> received;
  std::size_t received_len = 0;
  std::size_t offset = 0;
  for (const MutableBytes piece : ciphertext_and_tag) {
    const MutableBytes text = plaintext_part(piece, offset);
    stream.decrypt(text);
    const ByteView tag_part = piece.subspan(text.size());
    std::ranges::copy(tag_part, received.begin() + static_cast<std::ptrdiff_t>(received_len));
    received_len += tag_part.size();
    offset += piece.size();
  }
  std::array<std::uint8_t, kAeadTagLen> computed;
  stream.finish(computed.data());
  const bool genuine = equal_ct(computed, received);
  wipe(computed);
  if (genuine) [[likely]] {
    return true;
  }
  offset = 0;
  for (const MutableBytes piece : ciphertext_and_tag) {
    wipe(plaintext_part(piece, offset));
    offset += piece.size();
  }
  return false;
}

}  // namespace sallyport::crypto
