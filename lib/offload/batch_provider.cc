#include "lib/offload/batch_provider.h"

#include <algorithm>
#include <array>

#include "lib/base/secret.h"
#include "lib/crypto/batch/lanes.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/random.h"

namespace sallyport::offload {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::Agreement;
using crypto::batch::kLanes;

// With fewer lanes than this OpenSSL is faster; docs/performance.md has the curves.
constexpr std::size_t kLeastAgreements = 2;

// worth_a_batch is how many of `count` lanes go to a kernel: full groups of eight, and the rest if
// it is large enough.
constexpr std::size_t worth_a_batch(std::size_t count, std::size_t least) noexcept {
  const std::size_t rest = count % kLanes;
  return rest < least ? count - rest : count;
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
    const Provider& openssl = static_cast<BatchProvider*>(self)->one_by_one_;
    openssl.sign(openssl.self, scheme, lanes);
  };
  return provider;
}

bool BatchProvider::make_key_shares(NamedGroup group, Tsc now,
                                    std::span<KeyShare> shares) noexcept {
  if (group != NamedGroup::x25519) {
    return one_by_one_.make_key_shares(one_by_one_.self, group, now, shares);
  }
  const crypto::GroupInfo info = crypto::group_info(group);
  for (KeyShare& share : shares) {
    share.group = group;
    share.made = now;
    share.public_len = static_cast<std::uint8_t>(info.public_len);
    share.private_len = static_cast<std::uint8_t>(info.private_len);
  }
  for (std::size_t done = 0; done < shares.size(); done += kLanes) {
    const auto lanes = shares.subspan(done, std::min(kLanes, shares.size() - done));
    std::array<std::uint8_t, 32 * kLanes> drawn;
    if (!crypto::openssl::draw_private(context_, std::span{drawn}.first(32 * lanes.size()))) {
      return false;
    }
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      std::ranges::copy(std::span{drawn}.subspan(32 * i, 32), lanes[i].private_key.begin());
    }
    wipe(drawn);
  }
  x25519_.make_public(shares);
  return true;
}

void BatchProvider::derive(NamedGroup group, std::span<DeriveLane> lanes) noexcept {
  const std::size_t batched =
      group == NamedGroup::x25519 ? worth_a_batch(lanes.size(), kLeastAgreements) : 0;
  for (std::size_t done = 0; done < batched; done += kLanes) {
    const auto from = lanes.subspan(done, std::min(kLanes, batched - done));
    std::array<Agreement, kLanes> agreements;
    for (std::size_t i = 0; i < from.size(); ++i) {
      agreements[i] = {.private_key = ByteView{from[i].ours->private_key}.first(32),
                       .peer_share = from[i].peer_share,
                       .shared_secret = from[i].shared_secret};
    }
    x25519_.derive(std::span{agreements}.first(from.size()));
    for (std::size_t i = 0; i < from.size(); ++i) from[i].ok = agreements[i].ok;
  }
  if (batched < lanes.size()) {
    one_by_one_.derive(one_by_one_.self, group, lanes.subspan(batched));
  }
}

}  // namespace sallyport::offload
