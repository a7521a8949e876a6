// Objects that hold keys leave nothing behind in the memory that they occupied.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/crypto/aead/aead.h"
#include "lib/crypto/hash/hmac.h"

namespace sallyport::crypto {
namespace {

// left_behind makes a T in memory full of 0xee, destroys it, and returns what the memory holds
// then.
template <class T, class... Arguments>
std::vector<std::uint8_t> left_behind(const Arguments&... arguments) {
  alignas(T) std::array<std::uint8_t, sizeof(T)> memory;
  memory.fill(0xee);
  T* const object = std::construct_at(reinterpret_cast<T*>(memory.data()), arguments...);
  std::destroy_at(object);
  __asm__ __volatile__("" : : "r"(memory.data()) : "memory");
  return {memory.begin(), memory.end()};
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](auto b) { return b == 0; });
}

const std::vector<std::uint8_t> kKey(32, 0x5a);

TEST(Wipe, HmacKeyLeavesNoChainingValue) {
  // Behind the 128 bytes of chaining values stands only the name of the hash.
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha384}) {
    const auto rest = left_behind<HmacKey>(algorithm, ByteView{kKey});
    EXPECT_TRUE(all_zero(std::span{rest}.first(128)));
  }
}

TEST(Wipe, ExpandedKeyLeavesNoRoundKey) {
  const AeadEngine engine;
  for (const auto algorithm :
       {AeadAlgorithm::aes_128_gcm, AeadAlgorithm::aes_256_gcm, AeadAlgorithm::chacha20_poly1305}) {
    AeadKey key;
    key.set(algorithm, kKey);
    const auto rest = left_behind<ExpandedKey, AeadEngine, AeadKey>(engine, key);
    EXPECT_TRUE(all_zero(std::span{rest}.first(1024)));
  }
}

TEST(Wipe, TakingOverAnAeadKeyEmptiesTheSource) {
  AeadKey from;
  from.set(AeadAlgorithm::aes_256_gcm, kKey);
  AeadKey to;
  to.take_over(from);
  EXPECT_TRUE(all_zero(from.bytes.expose()));
  EXPECT_TRUE(std::ranges::equal(to.bytes.expose(), kKey));
}

}  // namespace
}  // namespace sallyport::crypto
