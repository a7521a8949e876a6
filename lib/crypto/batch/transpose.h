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
inline void set_lane_big_endian(Lanes256& lanes, std::size_t lane,
                                std::span<const std::uint8_t, kLaneBytes> bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * (3 - i), sizeof word);
    lanes.word[i][lane] = __builtin_bswap64(word);
  }
}
inline void take_lane_big_endian(const Lanes256& lanes, std::size_t lane,
                                 std::span<std::uint8_t, kLaneBytes> bytes) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t word = __builtin_bswap64(lanes.word[i][lane]);
    std::memcpy(bytes.data() + 8 * (3 - i), &word, sizeof word);
  }
}

}  // namespace sallyport::crypto::batch
