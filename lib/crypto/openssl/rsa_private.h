// RsaPrivate: an RSA key out of OpenSSL for the batch kernel, with what blinds its inputs.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/openssl/private_key.h"

namespace sallyport::crypto::openssl {

class RsaPrivate {
 public:
  // from is null for a key that the kernel has no shape for: another type or size, more than two
  // primes or two of unequal length, a public exponent above 32 bits.
  [[nodiscard]] static std::unique_ptr<RsaPrivate> from(const Context& context,
                                                        const PrivateKey& key);
  ~RsaPrivate();
  RsaPrivate(const RsaPrivate&) = delete;
  RsaPrivate& operator=(const RsaPrivate&) = delete;

  [[nodiscard]] const batch::RsaKey& key() const noexcept { return state_->key; }
  // blindings has a pair for every lane that may hold this key in one batch, fresh ones after
  // kMaxUses.  To be asked once per batch; empty when the system has no randomness.
  [[nodiscard]] std::span<batch::RsaBlinding> blindings() noexcept;
  // renew_blindings makes the next batch have fresh pairs: after a lane that failed.
  void renew_blindings() noexcept { uses_left_ = 0; }

 private:
  // [Kocher 1996] OpenSSL renews its pair after as many uses.
  static constexpr int kMaxUses = 32;
  struct State {
    batch::RsaKey key;
    std::array<batch::RsaBlinding, batch::kLanes> blindings;
  };
  RsaPrivate(const Context& context) noexcept : context_{context} {}
  [[nodiscard]] bool make_blindings() noexcept;

  const Context& context_;
  // In locked memory, if lock_key_memory was called.
  State* state_ = nullptr;
  int uses_left_ = 0;
};

}  // namespace sallyport::crypto::openssl
