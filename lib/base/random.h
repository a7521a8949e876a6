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
