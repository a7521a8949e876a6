// RecordMac: HMAC-SHA1 or HMAC-SHA256 over records of TLS 1.2 (RFC 5246 6.2.3.1), also over a
// content whose length is a secret.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/crypto/cbc/cbc_cipher.h"

namespace sallyport::crypto {

// MacHeader is what the MAC covers before the content: sequence number, type, version, length.
using MacHeader = std::array<std::uint8_t, 13>;

class RecordMac {
 public:
  // A key shorter than the MAC counts as padded with zeros, which is what HMAC makes of it.
  // Precondition: key has at most one block of 64 bytes.
  RecordMac(CbcAlgorithm algorithm, ByteView key) noexcept;
  ~RecordMac();
  RecordMac(const RecordMac&) = delete;
  RecordMac& operator=(const RecordMac&) = delete;

  [[nodiscard]] std::size_t len() const noexcept { return len_; }

  // mac writes len() bytes to the front of `out`.
  void mac(const MacHeader& header, ByteView content, MutableBytes out) const noexcept;

  // mac_of_secret_len does the same over the first `content_len` bytes of `text`.  Time and memory
  // accesses depend on text.size() and min_len only, never on content_len: the number of
  // compressions is that of the longest content.  Precondition: min_len <= content_len <=
  // text.size().
  void mac_of_secret_len(const MacHeader& header, ByteView text, std::size_t content_len,
                         std::size_t min_len, MutableBytes out) const noexcept;

 private:
  using Chain = std::array<std::uint32_t, 8>;  // SHA-1 uses five of them

  void compress(Chain& chain, const std::uint8_t* blocks, std::size_t count) const noexcept;
  void finish(const Chain& inner, MutableBytes out) const noexcept;

  Chain inner_{};
  Chain outer_{};
  std::size_t len_;
};

}  // namespace sallyport::crypto
