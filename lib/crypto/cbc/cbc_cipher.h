// AES-CBC through ipsec-mb, for the cipher suites of TLS 1.2 that have nothing better (RFC 5246
// 6.2.3.2).  It knows blocks only: padding and MAC are in mac_then_encrypt.h and lib/tls.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/crypto/aead/aead.h"
#include "lib/crypto/algorithms.h"

namespace sallyport::crypto {

constexpr std::size_t kAesBlockLen = 16;
constexpr std::size_t kMaxMacKeyLen = 32;

[[nodiscard]] constexpr std::size_t key_len(CbcAlgorithm algorithm) noexcept {
  return algorithm == CbcAlgorithm::aes_128_sha1 || algorithm == CbcAlgorithm::aes_128_sha256 ? 16
                                                                                              : 32;
}
// mac_len is also the length of the MAC's key [RFC 5246 C].
[[nodiscard]] constexpr std::size_t mac_len(CbcAlgorithm algorithm) noexcept {
  return algorithm == CbcAlgorithm::aes_128_sha1 || algorithm == CbcAlgorithm::aes_256_sha1 ? 20
                                                                                            : 32;
}

// CbcText is whole blocks of text, encrypted in place, and the block that goes before them.
struct CbcText {
  ByteView iv;
  MutableBytes text;
};

// CbcCipher is a key ready for use.  Wiped at the end.  The engine must outlive it.
class CbcCipher {
 public:
  // Precondition: key has 16 or 32 bytes.
  CbcCipher(const AeadEngine& engine, ByteView key) noexcept;
  ~CbcCipher();
  CbcCipher(const CbcCipher&) = delete;
  CbcCipher& operator=(const CbcCipher&) = delete;

  // kMaxTexts is how many texts ipsec-mb encrypts side by side where it has the widest vectors.
  static constexpr std::size_t kMaxTexts = 16;

  // encrypt works on several texts at once: a block waits for the one before it, so that a single
  // text leaves most of the AES units idle.  Preconditions: at most kMaxTexts, which do not
  // overlap, and each iv has one block.
  void encrypt(std::span<const CbcText> texts) const noexcept;
  // decrypt does not wait for anything: one text keeps all units busy.
  void decrypt(const CbcText& text) const noexcept;

 private:
  static constexpr std::size_t kMaxRoundKeys = 15;
  using RoundKeys = std::array<std::uint8_t, kMaxRoundKeys * kAesBlockLen>;

  alignas(16) RoundKeys encrypt_keys_{};
  alignas(16) RoundKeys decrypt_keys_{};
  IMB_MGR& table_;
  bool is_256_;
};

}  // namespace sallyport::crypto
