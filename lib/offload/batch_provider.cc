#include "lib/offload/batch_provider.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/crypto/batch/lanes.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/random.h"
#include "lib/crypto/sign/p256_scalar.h"

namespace sallyport::offload {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::Agreement;
using crypto::batch::EcdsaLane;
using crypto::batch::kLanes;

// With fewer lanes than this OpenSSL is faster; docs/performance.md has the curves.
constexpr std::size_t kLeastAgreements = 2;
constexpr std::size_t kLeastSignatures = 2;

constexpr std::size_t kScalarLen = 32;  // of both groups

// worth_a_batch is how many of `count` lanes go to a kernel: full groups of eight, and the rest if
// it is large enough.
constexpr std::size_t worth_a_batch(std::size_t count, std::size_t least) noexcept {
  const std::size_t rest = count % kLanes;
  return rest < least ? count - rest : count;
}

// has_kernel: the other groups are too rare to come eight at a time.
[[nodiscard]] constexpr bool has_kernel(NamedGroup group) noexcept {
  return group == NamedGroup::x25519 || group == NamedGroup::secp256r1;
}

}  // namespace

BatchProvider::BatchProvider(crypto::openssl::Context& context)
    : context_{context}, one_by_one_{openssl_provider(context)} {}

Provider BatchProvider::provider() noexcept {
  Provider provider = one_by_one_;
  provider.self = this;
  provider.make_key_shares = [](void* self, NamedGroup group, Tsc now,
                                std::span<KeyShare> shares) noexcept {
    return static_cast<BatchProvider*>(self)->make_key_shares(group, now, shares);
  };
  provider.derive = [](void* self, NamedGroup group, std::span<DeriveLane> lanes) noexcept {
    static_cast<BatchProvider*>(self)->derive(group, lanes);
  };
  provider.sign = [](void* self, crypto::SignatureScheme scheme,
                     std::span<SignLane> lanes) noexcept {
    static_cast<BatchProvider*>(self)->sign(scheme, lanes);
  };
  return provider;
}

bool BatchProvider::draw_private_keys(NamedGroup group, std::span<KeyShare> shares) noexcept {
  for (std::size_t done = 0; done < shares.size(); done += kLanes) {
    const auto lanes = shares.subspan(done, std::min(kLanes, shares.size() - done));
    std::array<std::uint8_t, kScalarLen * kLanes> drawn;
    const std::span bytes = std::span{drawn}.first(kScalarLen * lanes.size());
    if (!crypto::openssl::draw_private(context_, bytes)) return false;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const auto scalar = std::span{lanes[i].private_key}.first<kScalarLen>();
      std::ranges::copy(bytes.subspan(kScalarLen * i, kScalarLen), scalar.begin());
      // [FIPS 186-5 A.2.2] What is no scalar is thrown away: once in 2^32 times.
      while (group == NamedGroup::secp256r1 && !crypto::is_p256_scalar(scalar)) {
        if (!crypto::openssl::draw_private(context_, scalar)) return false;
      }
    }
    wipe(drawn);
  }
  return true;
}

bool BatchProvider::make_key_shares(NamedGroup group, Tsc now,
                                    std::span<KeyShare> shares) noexcept {
  if (!has_kernel(group)) {
    return one_by_one_.make_key_shares(one_by_one_.self, group, now, shares);
  }
  const crypto::GroupInfo info = crypto::group_info(group);
  for (KeyShare& share : shares) {
    share.group = group;
    share.made = now;
    share.public_len = static_cast<std::uint8_t>(info.public_len);
    share.private_len = static_cast<std::uint8_t>(info.private_len);
  }
  if (!draw_private_keys(group, shares)) return false;
  if (group == NamedGroup::secp256r1) return p256_.make_public(shares);
  x25519_.make_public(shares);
  return true;
}

void BatchProvider::derive(NamedGroup group, std::span<DeriveLane> lanes) noexcept {
  const std::size_t batched = has_kernel(group) ? worth_a_batch(lanes.size(), kLeastAgreements) : 0;
  for (std::size_t done = 0; done < batched; done += kLanes) {
    const auto from = lanes.subspan(done, std::min(kLanes, batched - done));
    std::array<Agreement, kLanes> agreements;
    for (std::size_t i = 0; i < from.size(); ++i) {
      agreements[i] = {.private_key = ByteView{from[i].ours->private_key}.first(kScalarLen),
                       .peer_share = from[i].peer_share,
                       .shared_secret = from[i].shared_secret};
    }
    const std::span used = std::span{agreements}.first(from.size());
    if (group == NamedGroup::x25519) {
      x25519_.derive(used);
    } else {
      p256_.derive(used);
    }
    for (std::size_t i = 0; i < from.size(); ++i) from[i].ok = agreements[i].ok;
  }
  if (batched < lanes.size()) {
    one_by_one_.derive(one_by_one_.self, group, lanes.subspan(batched));
  }
}

void BatchProvider::sign(crypto::SignatureScheme scheme, std::span<SignLane> lanes) noexcept {
  // All else goes to OpenSSL, which refuses what does not fit.
  std::array<SignLane*, kLanes> gathered;
  std::size_t count = 0;
  const auto fits = [scheme](const SignLane& lane) {
    return scheme == crypto::SignatureScheme::ecdsa_secp256r1_sha256 &&
           !lane.signer->p256_scalar().empty();
  };
  const auto flush = [&] {
    if (count < kLeastSignatures || !sign_p256(std::span{gathered}.first(count))) {
      for (SignLane* const lane : std::span{gathered}.first(count)) {
        one_by_one_.sign(one_by_one_.self, scheme, {lane, 1});
      }
    }
    count = 0;
  };
  for (SignLane& lane : lanes) {
    if (!fits(lane)) {
      one_by_one_.sign(one_by_one_.self, scheme, {&lane, 1});
      continue;
    }
    gathered[count++] = &lane;
    if (count == kLanes) flush();
  }
  flush();
}

bool BatchProvider::sign_p256(std::span<SignLane* const> lanes) noexcept {
  std::array<std::uint8_t, kScalarLen * kLanes> entropy;
  if (!crypto::openssl::draw_private(context_,
                                     std::span{entropy}.first(kScalarLen * lanes.size()))) {
    return false;
  }
  std::array<crypto::Digest, kLanes> digests;
  std::array<EcdsaLane, kLanes> batch;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    digests[i] = crypto::hash(crypto::HashAlgorithm::sha256, lanes[i]->message);
    batch[i] = {.key = lanes[i]->signer->p256_scalar(),
                .digest = ByteView{digests[i].bytes}.first(kScalarLen),
                .entropy = std::span{entropy}.subspan(kScalarLen * i, kScalarLen),
                .signature = lanes[i]->signature};
  }
  p256_.sign(std::span{batch}.first(lanes.size()));
  wipe(entropy);
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i]->signature_len = batch[i].signature_len;
  return true;
}

}  // namespace sallyport::offload
