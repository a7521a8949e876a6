#include "lib/crypto/batch/x25519.h"

#include <algorithm>
#include <array>

#include "lib/base/check.h"
#include "lib/base/secret.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/transpose.h"
#include "lib/crypto/batch/x25519_kernel.h"

namespace sallyport::crypto::batch {
namespace {

// derive_x25519_group is derive for at most eight lanes.
void derive_x25519_group(std::span<Agreement> lanes) noexcept {
  Lanes256 scalar{};
  Lanes256 peer{};
  Lanes256 shared;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    set_lane_little_endian(scalar, i, lanes[i].private_key.first<kLaneBytes>());
    lanes[i].ok = lanes[i].peer_share.size() == kLaneBytes;
    if (lanes[i].ok) set_lane_little_endian(peer, i, lanes[i].peer_share.first<kLaneBytes>());
  }
  x25519_derive_kernel(scalar, peer, shared);
  constexpr std::array<std::uint8_t, kLaneBytes> kZero{};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const auto secret = lanes[i].shared_secret.first<kLaneBytes>();
    take_lane_little_endian(shared, i, secret);
    // An unused lane, and one without a peer's share, agreed with the point u = 0 on zero.
    lanes[i].ok = !equal_ct(secret, kZero);
  }
  wipe_object(scalar);
  wipe_object(shared);
}

void make_public_group(const X25519Table& table, std::span<KeyShare> shares) noexcept {
  Lanes256 scalar{};
  Lanes256 public_key;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    set_lane_little_endian(scalar, i, std::span{shares[i].private_key}.first<kLaneBytes>());
  }
  x25519_public_kernel(table, scalar, public_key);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    take_lane_little_endian(public_key, i, std::span{shares[i].public_key}.first<kLaneBytes>());
  }
  wipe_object(scalar);
}

}  // namespace

X25519::X25519() {
  SALLYPORT_CHECK(available());
  table_ = std::make_unique_for_overwrite<X25519Table>();
  x25519_make_table(*table_);
}

X25519::~X25519() = default;

void X25519::make_public(std::span<KeyShare> shares) const noexcept {
  for (; !shares.empty(); shares = shares.subspan(std::min(shares.size(), kLanes))) {
    make_public_group(*table_, shares.first(std::min(shares.size(), kLanes)));
  }
}

void X25519::derive(std::span<Agreement> lanes) const noexcept {
  for (; !lanes.empty(); lanes = lanes.subspan(std::min(lanes.size(), kLanes))) {
    derive_x25519_group(lanes.first(std::min(lanes.size(), kLanes)));
  }
}

}  // namespace sallyport::crypto::batch
