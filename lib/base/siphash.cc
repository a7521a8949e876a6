#include "lib/base/siphash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace sallyport {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void compress(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

static_assert(std::endian::native == std::endian::little, "words are read in little-endian order");

}  // namespace

std::uint64_t siphash(const SipKey& key, ByteView message) noexcept {
  State s{key.k0 ^ 0x736f'6d65'7073'6575, key.k1 ^ 0x646f'7261'6e64'6f6d,
          key.k0 ^ 0x6c79'6765'6e65'7261, key.k1 ^ 0x7465'6462'7974'6573};
  const std::size_t whole = message.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, message.data() + i, 8);
    s.compress(word);
  }
  // The last word carries the length in its top byte.
  std::uint64_t last = std::uint64_t{message.size()} << 56;
  for (std::size_t i = whole; i < message.size(); ++i) {
    last |= std::uint64_t{message[i]} << (8 * (i - whole));
  }
  s.compress(last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace sallyport
