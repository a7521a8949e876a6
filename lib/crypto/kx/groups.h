// What TLS needs to know about the (EC)DHE groups that this build implements.
#pragma once
#include <cstddef>

#include "lib/crypto/algorithms.h"

namespace sallyport::crypto {

// GroupInfo is lengths in bytes; all zero for a group that is not implemented.
struct GroupInfo {
  std::size_t public_len = 0;  // as sent in a key_share: X25519 u-coordinate, or 0x04 | x | y
  std::size_t private_len = 0;
  std::size_t shared_len = 0;
};

[[nodiscard]] constexpr GroupInfo group_info(NamedGroup group) noexcept {
  if (group == NamedGroup::x25519) return {32, 32, 32};
  if (group == NamedGroup::secp256r1) return {65, 32, 32};
  return {};
}

[[nodiscard]] constexpr bool is_supported(NamedGroup group) noexcept {
  return group_info(group).public_len != 0;
}

}  // namespace sallyport::crypto
