// What goes into the batch kernels and comes out of them: plain memory, so that a kernel's
// translation unit, compiled for AVX-512, sees no inline function of anybody else.
#pragma once
#include <cstddef>
#include <cstdint>

namespace sallyport::crypto::batch {

constexpr std::size_t kLanes = 8;

// Lanes256 holds a 256-bit integer of each lane: word[0] has everybody's lowest 64 bits.
struct alignas(64) Lanes256 {
  std::uint64_t word[4][kLanes];
};

}  // namespace sallyport::crypto::batch
