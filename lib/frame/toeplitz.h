// Toeplitz: the hash by which NICs spread connections over queues, computed by us so that we know
// which worker owns a tuple before the first frame arrives (design: Ownership).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/address.h"
#include "lib/base/byteorder.h"

namespace sallyport::frame {

constexpr std::size_t kToeplitzKeyLength = 40;
using ToeplitzKey = std::array<std::uint8_t, kToeplitzKeyLength>;

// A key with a 16-bit period makes the hash symmetric: both directions of a connection fall on the
// same queue (Woo and Park 2012).
[[nodiscard]] const ToeplitzKey& symmetric_toeplitz_key() noexcept;

// toeplitz hashes source and destination address and port, in that order, as NICs do for TCP.
[[nodiscard]] std::uint32_t toeplitz(const ToeplitzKey& key, const SocketAddress& source,
                                     const SocketAddress& destination) noexcept;
[[nodiscard]] std::uint32_t toeplitz(const ToeplitzKey& key, ByteView input) noexcept;

// Reta maps a hash to a worker: reta[hash % kRetaSize].
constexpr std::size_t kRetaSize = 128;
class Reta {
 public:
  // Precondition: 1 <= num_workers <= 256.
  explicit Reta(std::size_t num_workers = 1) noexcept {
    for (std::size_t i = 0; i < kRetaSize; ++i) {
      entries_[i] = static_cast<std::uint8_t>(i % num_workers);
    }
  }
  [[nodiscard]] std::uint8_t owner(std::uint32_t hash) const noexcept {
    return entries_[hash % kRetaSize];
  }
  [[nodiscard]] const std::array<std::uint8_t, kRetaSize>& entries() const noexcept {
    return entries_;
  }

 private:
  std::array<std::uint8_t, kRetaSize> entries_{};
};

}  // namespace sallyport::frame
