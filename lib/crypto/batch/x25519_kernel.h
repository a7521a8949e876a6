// X25519 (RFC 7748) of eight independent lanes, compiled for AVX-512 with IFMA: call these only
// where batch::available() says so.  lib/crypto/batch/x25519.h is the door for everybody else.
//
// Time and memory accesses do not depend on scalars or coordinates.
#pragma once
#include "lib/crypto/batch/lanes.h"

namespace sallyport::crypto::batch {

// X25519Table holds multiples of the base point on the Edwards form of the curve.  For digit i of a
// scalar: j * 32^i * 8 B for 1 <= j <= 16, as limbs of y + x, y - x and 2 d x y, each limb in an
// array over j, so that a lane's entry is one permutation away.
struct alignas(64) X25519Table {
  static constexpr std::size_t kDigits = 51;
  static constexpr std::size_t kMultiples = 16;
  std::uint64_t limb[kDigits][15][kMultiples];
};

void x25519_make_table(X25519Table& table) noexcept;

// Both clamp the scalars themselves.  [RFC 7748 5]
void x25519_public_kernel(const X25519Table& table, const Lanes256& scalar,
                          Lanes256& public_key) noexcept;
// A peer's point of small order gives zero; whoever asked must look.
void x25519_derive_kernel(const Lanes256& scalar, const Lanes256& peer, Lanes256& shared) noexcept;

}  // namespace sallyport::crypto::batch
