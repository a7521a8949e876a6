// The provider that works lanes off eight at a time, with the kernels of lib/crypto/batch, and
// leaves to OpenSSL what has no kernel and the few lanes that would not be worth a batch.
#pragma once
#include <span>

#include "lib/crypto/batch/p256.h"
#include "lib/crypto/batch/x25519.h"
#include "lib/crypto/openssl/context.h"
#include "lib/offload/provider.h"

namespace sallyport::offload {

class BatchProvider {
 public:
  // Makes the kernels' tables.  `context` must outlive it.
  // Precondition: crypto::batch::available().
  explicit BatchProvider(crypto::openssl::Context& context);
  BatchProvider(const BatchProvider&) = delete;
  BatchProvider& operator=(const BatchProvider&) = delete;

  // provider must not be used when this is gone.
  [[nodiscard]] Provider provider() noexcept;

 private:
  [[nodiscard]] bool make_key_shares(crypto::NamedGroup group, Tsc now,
                                     std::span<crypto::KeyShare> shares) noexcept;
  void derive(crypto::NamedGroup group, std::span<DeriveLane> lanes) noexcept;
  void sign(crypto::SignatureScheme scheme, std::span<SignLane> lanes) noexcept;
  // sign_p256 takes at most eight lanes; false when the system has no randomness.
  [[nodiscard]] bool sign_p256(std::span<SignLane* const> lanes) noexcept;
  // draw_private_keys is false when the system has no randomness.
  [[nodiscard]] bool draw_private_keys(crypto::NamedGroup group,
                                       std::span<crypto::KeyShare> shares) noexcept;

  const crypto::openssl::Context& context_;
  Provider one_by_one_;
  crypto::batch::X25519 x25519_;
  crypto::batch::P256 p256_;
};

}  // namespace sallyport::offload
