#include "lib/frame/toeplitz.h"

#include <algorithm>
#include <cstring>

namespace sallyport::frame {
namespace {

constexpr ToeplitzKey make_symmetric_key() noexcept {
  ToeplitzKey key{};
  for (std::size_t i = 0; i < key.size(); i += 2) {
    key[i] = 0x6d;
    key[i + 1] = 0x5a;
  }
  return key;
}

// has_period_16: every 16-bit word of the key is the same.
bool has_period_16(const ToeplitzKey& key) noexcept {
  return std::memcmp(key.data(), key.data() + 2, key.size() - 2) == 0;
}

// The first 64 bits of the key, as one number.
constexpr std::uint64_t front_of(const ToeplitzKey& key) noexcept {
  std::uint64_t front = 0;
  for (std::size_t i = 0; i < 8; ++i) front = (front << 8) | key[i];
  return front;
}

}  // namespace

const ToeplitzKey& symmetric_toeplitz_key() noexcept {
  static constexpr ToeplitzKey kKey = make_symmetric_key();
  return kKey;
}

std::uint32_t toeplitz(const ToeplitzKey& key, ByteView input) noexcept {
  // For each set bit of the input, from its most significant one on, the 32 bits of the key that
  // begin at the same position are added without carry.
  std::uint64_t window = front_of(key);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::uint64_t byte = input[i];
    for (unsigned bit = 0; bit < 8; ++bit) {
      const std::uint64_t mask = 0 - ((byte >> (7 - bit)) & 1);
      sum ^= (window << bit) & mask;
    }
    // The upper 32 bits are the part in use, the next 7 the part that shifts in.
    const std::uint64_t incoming = i + 8 < key.size() ? key[i + 8] : 0;
    window = (window << 8) | incoming;
  }
  return static_cast<std::uint32_t>(sum >> 32);
}

std::uint32_t toeplitz(const ToeplitzKey& key, const SocketAddress& source,
                       const SocketAddress& destination) noexcept {
  constexpr std::size_t kMaxInput = 36;
  std::array<std::uint8_t, kMaxInput> input;
  std::size_t used = 0;
  const auto append = [&input, &used](ByteView bytes) noexcept {
    std::ranges::copy(bytes, input.begin() + static_cast<std::ptrdiff_t>(used));
    used += bytes.size();
  };
  append(source.ip.octets());
  append(destination.ip.octets());
  append(Be16::of(source.port).bytes);
  append(Be16::of(destination.port).bytes);
  const ByteView all = ByteView{input}.first(used);
  if (!has_period_16(key)) return toeplitz(key, all);
  // With a period of 16 bits a word counts the same wherever it stands: hash their sum instead.
  std::array<std::uint8_t, 2> folded{};
  for (std::size_t i = 0; i < all.size(); i += 2) {
    folded[0] ^= all[i];
    folded[1] ^= all[i + 1];
  }
  return toeplitz(key, folded);
}

}  // namespace sallyport::frame
