// The provider that works lanes off eight at a time, with the kernels of lib/crypto/batch, and
// leaves to OpenSSL what has no kernel and the few lanes that would not be worth a batch.
#pragma once
#include <span>

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

  const crypto::openssl::Context& context_;
  Provider one_by_one_;
  crypto::batch::X25519 x25519_;
};

}  // namespace sallyport::offload
