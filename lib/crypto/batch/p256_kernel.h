// P-256 (FIPS 186-5, SEC 2) of eight independent lanes, compiled for AVX-512 with IFMA: call these
// only where batch::available() says so.  lib/crypto/batch/p256.h is the door for everybody else.
//
// Time and memory accesses do not depend on scalars, keys or nonces.  Numbers are little-endian
// words.  Every function returns a bit for each lane that is good; what it writes for the others
// means nothing.
#pragma once
#include "lib/crypto/batch/lanes.h"

namespace sallyport::crypto::batch {

// P256Table holds multiples of the base point G.  For digit i of a scalar: j * 64^i * G for
// 1 <= j <= 32, as limbs of x and y in Montgomery form, each limb in an array over j.
struct alignas(64) P256Table {
  static constexpr std::size_t kDigits = 43;
  static constexpr std::size_t kMultiples = 32;
  std::uint64_t limb[kDigits][10][kMultiples];
};

struct P256Point {
  Lanes256 x;
  Lanes256 y;
};

void p256_make_table(P256Table& table) noexcept;

// Multiplies G.  Good: 0 < scalar < n.
std::uint8_t p256_public_kernel(const P256Table& table, const Lanes256& scalar,
                                P256Point& public_key) noexcept;

// Multiplies the peer's point; `shared` is the x-coordinate.  Good: 0 < scalar < n, and the peer's
// coordinates are below p and fulfil the equation of the curve.
std::uint8_t p256_derive_kernel(const Lanes256& scalar, const P256Point& peer,
                                Lanes256& shared) noexcept;

// Signs digests.  Good: 0 < nonce < n, and neither r nor s is zero.
struct P256Signature {
  Lanes256 r;
  Lanes256 s;
};
std::uint8_t p256_sign_kernel(const P256Table& table, const Lanes256& key, const Lanes256& digest,
                              const Lanes256& nonce, P256Signature& signature) noexcept;

}  // namespace sallyport::crypto::batch
