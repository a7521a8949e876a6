#include "lib/crypto/openssl/key_exchange.h"
#include "lib/offload/provider.h"

namespace sallyport::offload {
namespace {

using crypto::openssl::Context;

bool make_key_shares(void* self, crypto::NamedGroup group, Tsc now,
                     std::span<crypto::KeyShare> shares) noexcept {
  const Context& context = *static_cast<Context*>(self);
  for (crypto::KeyShare& share : shares) {
    if (!crypto::openssl::make_key_share(context, group, now, share)) return false;
  }
  return true;
}

void derive(void* self, crypto::NamedGroup /*group*/, std::span<DeriveLane> lanes) noexcept {
  const Context& context = *static_cast<Context*>(self);
  for (DeriveLane& lane : lanes) {
    lane.ok = crypto::openssl::derive(context, *lane.ours, lane.peer_share, lane.shared_secret);
  }
}

void sign(void* /*self*/, crypto::SignatureScheme scheme, std::span<SignLane> lanes) noexcept {
  for (SignLane& lane : lanes) {
    lane.signature_len = lane.signer->sign(scheme, lane.message, lane.signature);
  }
}

}  // namespace

Provider openssl_provider(Context& context) noexcept {
  return {.self = &context, .make_key_shares = make_key_shares, .derive = derive, .sign = sign};
}

}  // namespace sallyport::offload
