#include "lib/crypto/batch/p256.h"

#include <algorithm>
#include <array>

#include "lib/base/check.h"
#include "lib/base/secret.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/transpose.h"
#include "lib/crypto/sign/ecdsa_nonce.h"
#include "lib/crypto/sign/ecdsa_signature.h"

namespace sallyport::crypto::batch {
namespace {

constexpr std::uint8_t kUncompressed = 0x04;  // [SEC 1 2.3.3]
constexpr std::size_t kPointLen = 1 + 2 * kLaneBytes;

bool is_set(std::uint8_t good, std::size_t lane) noexcept { return (good >> lane & 1) != 0; }

bool make_public_group(const P256Table& table, std::span<KeyShare> shares) noexcept {
  Lanes256 scalar{};
  P256Point point;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    set_lane_big_endian(scalar, i, std::span{shares[i].private_key}.first<kLaneBytes>());
  }
  const std::uint8_t good = p256_public_kernel(table, scalar, point);
  bool all = true;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::span bytes{shares[i].public_key};
    bytes[0] = kUncompressed;
    take_lane_big_endian(point.x, i, bytes.subspan<1, kLaneBytes>());
    take_lane_big_endian(point.y, i, bytes.subspan<1 + kLaneBytes, kLaneBytes>());
    all = all && is_set(good, i);
  }
  wipe_object(scalar);
  return all;
}

// derive_p256_group is derive for at most eight lanes.
void derive_p256_group(std::span<Agreement> lanes) noexcept {
  Lanes256 scalar{};
  P256Point peer{};
  Lanes256 shared;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const ByteView share = lanes[i].peer_share;
    lanes[i].ok = share.size() == kPointLen && share[0] == kUncompressed;
    if (!lanes[i].ok) continue;
    set_lane_big_endian(scalar, i, lanes[i].private_key.first<kLaneBytes>());
    set_lane_big_endian(peer.x, i, share.subspan<1, kLaneBytes>());
    set_lane_big_endian(peer.y, i, share.subspan<1 + kLaneBytes, kLaneBytes>());
  }
  const std::uint8_t good = p256_derive_kernel(scalar, peer, shared);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const auto secret = lanes[i].shared_secret.first<kLaneBytes>();
    lanes[i].ok = lanes[i].ok && is_set(good, i);
    if (lanes[i].ok) {
      take_lane_big_endian(shared, i, secret);
    } else {
      wipe(secret);
    }
  }
  wipe_object(scalar);
  wipe_object(shared);
}

void sign_group(const P256Table& table, std::span<EcdsaLane> lanes) noexcept {
  Lanes256 key{};
  Lanes256 digest{};
  Lanes256 nonce{};
  P256Signature made;
  std::array<std::uint8_t, kLaneBytes> r;
  std::array<std::uint8_t, kLaneBytes> s;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const EcdsaLane& lane = lanes[i];
    EcdsaNonce nonces{lane.key.first<kLaneBytes>(), lane.digest.first<kLaneBytes>(), lane.entropy};
    nonces.next(s);
    set_lane_big_endian(nonce, i, s);
    set_lane_big_endian(key, i, lane.key.first<kLaneBytes>());
    set_lane_big_endian(digest, i, lane.digest.first<kLaneBytes>());
  }
  const std::uint8_t good = p256_sign_kernel(table, key, digest, nonce, made);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    take_lane_big_endian(made.r, i, r);
    take_lane_big_endian(made.s, i, s);
    // r or s is zero once in 2^255 times; then the lane fails rather than trying again.
    lanes[i].signature_len =
        is_set(good, i) ? encode_p256_signature(r, s, lanes[i].signature) : std::uint16_t{0};
  }
  wipe_object(key);
  wipe_object(nonce);
  wipe(s);
}

template <class Lane, class Function>
void in_groups(std::span<Lane> lanes, Function function) noexcept {
  for (std::size_t done = 0; done < lanes.size(); done += kLanes) {
    function(lanes.subspan(done, std::min(kLanes, lanes.size() - done)));
  }
}

}  // namespace

P256::P256() {
  SALLYPORT_CHECK(available());
  table_ = std::make_unique_for_overwrite<P256Table>();
  p256_make_table(*table_);
}

P256::~P256() = default;

bool P256::make_public(std::span<KeyShare> shares) const noexcept {
  bool all = true;
  in_groups(shares, [&](auto group) { all = make_public_group(*table_, group) && all; });
  return all;
}

void P256::derive(std::span<Agreement> lanes) const noexcept {
  in_groups(lanes, [](auto group) { derive_p256_group(group); });
}

void P256::sign(std::span<EcdsaLane> lanes) const noexcept {
  in_groups(lanes, [this](auto group) { sign_group(*table_, group); });
}

}  // namespace sallyport::crypto::batch
