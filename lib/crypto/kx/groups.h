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
  if (group == NamedGroup::secp384r1) return {97, 48, 48};
  if (group == NamedGroup::x448) return {56, 56, 56};
  return {};
}

// is_made_ahead: nearly every client can do these, and a pair costs little, so some always lie
// ready.  A pair of another group costs ten times as much and is made when somebody wants it.
[[nodiscard]] constexpr bool is_made_ahead(NamedGroup group) noexcept {
  return group == NamedGroup::x25519 || group == NamedGroup::secp256r1;
}

[[nodiscard]] constexpr bool is_supported(NamedGroup group) noexcept {
  return group_info(group).public_len != 0;
}

}  // namespace sallyport::crypto
