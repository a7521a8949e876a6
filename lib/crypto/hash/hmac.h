// HMAC (RFC 2104) with the padded key hashed once: every further MAC under the same key costs two
// compressions less.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

#include "lib/base/byteorder.h"
#include "lib/crypto/hash/sha2.h"
#include "lib/crypto/hash/transcript_hash.h"

namespace sallyport::crypto {

// HmacKey is a key of any length, absorbed.  Secret: wiped when it goes away, never copied.
class HmacKey {
 public:
  HmacKey(HashAlgorithm algorithm, ByteView key) noexcept;
  ~HmacKey();
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;

  [[nodiscard]] HashAlgorithm algorithm() const noexcept { return algorithm_; }
  // mac authenticates the concatenation of `pieces` and writes digest_len(algorithm()) bytes to the
  // front of `out`.  Precondition: out.size() >= digest_len(algorithm()).
  void mac(std::initializer_list<ByteView> pieces, MutableBytes out) const noexcept;

 private:
  template <class Hash, class Chain>
  void absorb(ByteView key, Chain& inner, Chain& outer) noexcept;
  template <class Hash, class Chain>
  void mac_with(std::initializer_list<ByteView> pieces, const Chain& inner, const Chain& outer,
                MutableBytes out) const noexcept;

  using Chain256 = std::array<std::uint32_t, 8>;
  using Chain512 = std::array<std::uint64_t, 8>;
  struct Chains256 {
    Chain256 inner;
    Chain256 outer;
  };
  struct Chains512 {
    Chain512 inner;
    Chain512 outer;
  };
  union {
    Chains256 sha256_;
    Chains512 sha384_;
  };
  HashAlgorithm algorithm_;
};

}  // namespace sallyport::crypto
