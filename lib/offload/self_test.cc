#include "lib/offload/self_test.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/crypto/kx/groups.h"

namespace sallyport::offload {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::kLanes;

constexpr std::size_t kMaxShare = crypto::kMaxPublicShare;

struct Results {
  std::array<DeriveLane, kLanes> lanes;
  std::array<std::array<std::uint8_t, crypto::kMaxSharedSecret>, kLanes> secrets{};
};

ByteView share_of(const KeyShare& pair) noexcept {
  return ByteView{pair.public_key}.first(pair.public_len);
}

// Pairs agree with shares, lane by lane.
void derive(const Provider& provider, std::span<const KeyShare> ours,
            std::span<const ByteView> peers, Results& out) noexcept {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    out.lanes[i] = {
        .ours = &ours[i], .peer_share = peers[i], .shared_secret = out.secrets[i], .ok = false};
  }
  provider.derive(provider.self, ours[0].group, std::span{out.lanes}.first(ours.size()));
}

bool same(const Results& a, const Results& b, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (a.lanes[i].ok != b.lanes[i].ok) return false;
    if (a.lanes[i].ok && !equal_ct(a.secrets[i], b.secrets[i])) return false;
  }
  return true;
}

// Shares that may be refused, and some that only look as if: as many as there are lanes.
struct Edges {
  std::array<std::array<std::uint8_t, kMaxShare>, kLanes> bytes{};
  std::array<std::size_t, kLanes> len{};
};

Edges x25519_edges() noexcept {
  Edges edges;
  edges.len.fill(32);
  // 0, 1, 9, and p - 1, p, p + 1, 2^255 - 1, all ones.  [RFC 7748 5]
  edges.bytes[1][0] = 1;
  edges.bytes[2][0] = 9;
  for (std::size_t i = 3; i < kLanes; ++i) {
    std::ranges::fill(std::span{edges.bytes[i]}.first(32), std::uint8_t{0xff});
    if (i < 7) edges.bytes[i][31] = 0x7f;
  }
  edges.bytes[3][0] = 0xec;
  edges.bytes[4][0] = 0xed;
  edges.bytes[5][0] = 0xee;
  return edges;
}

bool agrees(const Provider& candidate, const Provider& reference, NamedGroup group,
            const Edges& edges) noexcept {
  std::array<KeyShare, kLanes> ours;
  std::array<KeyShare, kLanes> theirs;
  if (!candidate.make_key_shares(candidate.self, group, Tsc{}, ours) ||
      !reference.make_key_shares(reference.self, group, Tsc{}, theirs)) {
    return false;
  }
  Results one;
  Results other;
  std::array<ByteView, kLanes> our_shares;
  std::array<ByteView, kLanes> their_shares;
  bool good = true;
  // Each of the candidate's pairs with one of the reference's, both ways.
  for (const std::size_t count : {kLanes, std::size_t{3}}) {
    for (std::size_t i = 0; i < count; ++i) {
      our_shares[i] = share_of(ours[i]);
      their_shares[i] = share_of(theirs[i]);
    }
    derive(candidate, std::span{ours}.first(count), their_shares, one);
    derive(reference, std::span{theirs}.first(count), our_shares, other);
    good = good && same(one, other, count);
    for (std::size_t i = 0; i < count; ++i) good = good && one.lanes[i].ok;
  }
  std::array<ByteView, kLanes> odd_shares;
  for (std::size_t i = 0; i < kLanes; ++i) {
    odd_shares[i] = ByteView{edges.bytes[i]}.first(edges.len[i]);
  }
  derive(candidate, ours, odd_shares, one);
  derive(reference, ours, odd_shares, other);
  good = good && same(one, other, kLanes);
  wipe_object(ours);
  wipe_object(theirs);
  wipe_object(one.secrets);
  wipe_object(other.secrets);
  return good;
}

// Of P-256: points with nothing wrong, with one bit wrong, of other forms and lengths.  `points`
// are good ones.
Edges p256_edges(std::span<const KeyShare, kLanes> points) noexcept {
  Edges edges;
  for (std::size_t i = 0; i < kLanes; ++i) {
    edges.bytes[i] = points[i].public_key;
    edges.len[i] = points[i].public_len;
  }
  constexpr std::size_t kFirstOfX = 1;
  constexpr std::size_t kLastOfY = 64;
  edges.bytes[0][kLastOfY] ^= 1;
  edges.bytes[1][kFirstOfX] ^= 0x80;
  edges.bytes[2][0] = 0x02;  // says that it is compressed
  edges.len[3] = 64;
  std::ranges::fill(std::span{edges.bytes[4]}.subspan(kFirstOfX, 64), std::uint8_t{0});
  std::ranges::fill(std::span{edges.bytes[5]}.subspan(kFirstOfX, 64), std::uint8_t{0xff});
  return edges;
}

// signs has two keys in one batch.
bool signs(const Provider& candidate, const crypto::openssl::Context& context) noexcept {
  std::array<crypto::openssl::Signer, 2> keys;
  for (crypto::openssl::Signer& key : keys) {
    key = crypto::openssl::Signer{context, crypto::openssl::PrivateKey::make_p256(context)};
    if (!key) return false;
  }
  std::array<SignLane, kLanes> lanes;
  std::array<std::array<std::uint8_t, 100>, kLanes> messages{};
  std::array<std::array<std::uint8_t, crypto::kMaxSignature>, kLanes> signatures;
  for (const std::size_t count : {kLanes, std::size_t{3}}) {
    for (std::size_t i = 0; i < count; ++i) {
      messages[i][0] = static_cast<std::uint8_t>(16 * count + i);
      lanes[i] = {.signer = &keys[i % keys.size()],
                  .message = messages[i],
                  .signature = signatures[i],
                  .signature_len = 0};
    }
    candidate.sign(candidate.self, crypto::SignatureScheme::ecdsa_secp256r1_sha256,
                   std::span{lanes}.first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView signature = ByteView{signatures[i]}.first(lanes[i].signature_len);
      if (!lanes[i].signer->verifies_p256(messages[i], signature)) return false;
    }
  }
  return true;
}

}  // namespace

bool passes_self_test(const Provider& candidate, const Provider& reference,
                      const crypto::openssl::Context& context) noexcept {
  std::array<KeyShare, kLanes> points;
  return agrees(candidate, reference, NamedGroup::x25519, x25519_edges()) &&
         reference.make_key_shares(reference.self, NamedGroup::secp256r1, Tsc{}, points) &&
         agrees(candidate, reference, NamedGroup::secp256r1, p256_edges(points)) &&
         signs(candidate, context);
}

}  // namespace sallyport::offload
