// Random: the generator that is injected into everything which draws.  ChaCha20 with fast key
// erasure (the key that made a block is overwritten before the block is handed out), so a later
// leak of its state does not tell earlier output.  Never blocks, never fails, never allocates.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"

namespace sallyport {

constexpr std::size_t kChaCha20BlockLength = 64;
using ChaCha20Key = std::array<std::uint8_t, 32>;
using ChaCha20Nonce = std::array<std::uint8_t, 12>;

// chacha20_block writes one block of key stream (RFC 8439 section 2.3).  For Random; records are
// sealed by lib/crypto.
void chacha20_block(const ChaCha20Key& key, std::uint32_t counter, const ChaCha20Nonce& nonce,
                    std::span<std::uint8_t, kChaCha20BlockLength> out) noexcept;

class Random {
 public:
  static constexpr std::size_t kSeedLength = 32;
  using Seed = std::array<std::uint8_t, kSeedLength>;

  // Seed comes from the operating system in production; a test's fixed seed gives a fixed stream.
  explicit Random(const Seed& seed) noexcept;
  ~Random();
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;

  // reseed mixes fresh entropy in; it never makes the state weaker.
  void reseed(const Seed& entropy) noexcept;

  void fill(MutableBytes out) noexcept;
  [[nodiscard]] std::uint32_t u32() noexcept;
  [[nodiscard]] std::uint64_t u64() noexcept;
  // below is uniform over [0, bound), without modulo bias.  Precondition: bound > 0.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept;

 private:
  void refill() noexcept;

  static constexpr std::size_t kBufferLength = 1024;
  std::array<std::uint8_t, kSeedLength> key_{};
  std::array<std::uint8_t, kBufferLength> buffer_{};
  std::size_t used_ = kBufferLength;
};

}  // namespace sallyport
