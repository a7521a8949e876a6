// Between the bytes of one lane and the words of all.
#pragma once
#include <cstring>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/crypto/batch/lanes.h"

namespace sallyport::crypto::batch {

constexpr std::size_t kLaneBytes = 32;

inline void set_lane_little_endian(Lanes256& lanes, std::size_t lane,
                                   std::span<const std::uint8_t, kLaneBytes> bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    std::memcpy(&lanes.word[i][lane], bytes.data() + 8 * i, sizeof(std::uint64_t));
  }
}
inline void take_lane_little_endian(const Lanes256& lanes, std::size_t lane,
                                    std::span<std::uint8_t, kLaneBytes> bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    std::memcpy(bytes.data() + 8 * i, &lanes.word[i][lane], sizeof(std::uint64_t));
  }
}

}  // namespace sallyport::crypto::batch
