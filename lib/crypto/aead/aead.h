// Authenticated encryption through ipsec-mb's direct calls: AES-128-GCM, AES-256-GCM (RFC 5116) and
// ChaCha20-Poly1305 (RFC 8439), all with 12-byte nonces and 16-byte tags.  A TLS record may lie in
// several pieces of memory.  Nothing here allocates after AeadEngine is made.
//
// A connection keeps an AeadKey (33 bytes); a burst of records expands it once into an ExpandedKey
// on the stack or in a small cache, because a cold expanded key costs more to fetch than to make.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/secret.h"
#include "lib/crypto/algorithms.h"

struct IMB_MGR;

namespace sallyport::crypto {

constexpr std::size_t kAeadTagLen = 16;
constexpr std::size_t kAeadNonceLen = 12;
constexpr std::size_t kMaxAeadKeyLen = 32;

[[nodiscard]] constexpr std::size_t key_len(AeadAlgorithm algorithm) noexcept {
  return algorithm == AeadAlgorithm::aes_128_gcm ? 16 : 32;
}

using AeadNonce = std::array<std::uint8_t, kAeadNonceLen>;

// AeadEngine is ipsec-mb's dispatch table for this CPU.  One per lcore, made at start; it aborts
// when the CPU lacks what the build needs.
class AeadEngine {
 public:
  AeadEngine();
  ~AeadEngine();
  AeadEngine(const AeadEngine&) = delete;
  AeadEngine& operator=(const AeadEngine&) = delete;

  [[nodiscard]] IMB_MGR& table() const noexcept { return *table_; }

 private:
  IMB_MGR* table_;
};

// AeadKey is the raw key that a connection holds for one direction.
struct AeadKey {
  AeadAlgorithm algorithm{};
  Secret<kMaxAeadKeyLen> bytes;

  // set copies key_len(algorithm) bytes from the front of `key`.
  void set(AeadAlgorithm which, ByteView key) noexcept;
  void take_over(AeadKey& from) noexcept {
    algorithm = from.algorithm;
    bytes.take_over(from.bytes);
  }
};

// ExpandedKey is a key ready for use: round keys and powers of the hash key.  Wiped at the end.
class alignas(64) ExpandedKey {
 public:
  ExpandedKey() noexcept = default;  // must expand() before use
  ExpandedKey(const AeadEngine& engine, const AeadKey& key) noexcept { expand(engine, key); }
  ~ExpandedKey();
  ExpandedKey(const ExpandedKey&) = delete;
  ExpandedKey& operator=(const ExpandedKey&) = delete;

  // expand replaces what was there.  The engine must outlive the expanded key.
  void expand(const AeadEngine& engine, const AeadKey& key) noexcept;

  // seal writes ciphertext and tag.  Precondition: out.size() == plaintext + kAeadTagLen.  `out`
  // may begin exactly where a single plaintext piece begins (in place); other overlap is not
  // allowed.
  void seal(const AeadNonce& nonce, ByteView aad, ByteView plaintext,
            MutableBytes out) const noexcept;
  void seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plaintext,
            MutableBytes out) const noexcept;
  // The same into several pieces; their sizes add up to plaintext + kAeadTagLen.  The tag may be
  // split between pieces.
  void seal(const AeadNonce& nonce, ByteView aad, std::span<const ByteView> plaintext,
            std::span<const MutableBytes> out) const noexcept;

  // open decrypts in place; the last kAeadTagLen bytes, which may be split between pieces, are the
  // tag and stay as they are.  False when the tag does not fit or there are fewer than kAeadTagLen
  // bytes: then the would-be plaintext has been wiped.  Nothing may look at the bytes before.
  [[nodiscard]] bool open(const AeadNonce& nonce, ByteView aad,
                          MutableBytes ciphertext_and_tag) const noexcept;
  [[nodiscard]] bool open(const AeadNonce& nonce, ByteView aad,
                          std::span<const MutableBytes> ciphertext_and_tag) const noexcept;

 private:
  static constexpr std::size_t kStorageLen = 1024;  // ipsec-mb's gcm_key_data; checked in aead.cc

  alignas(64) std::array<std::uint8_t, kStorageLen> storage_;
  IMB_MGR* table_ = nullptr;
  AeadAlgorithm algorithm_{};
};

}  // namespace sallyport::crypto
