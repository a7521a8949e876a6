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
  // kMaxUses.  To be asked once per batch; empty when the system has no randomness.  Fresh ones are
  // made ahead of time, a step with each batch, the longest of which is one inversion modulo n.
  [[nodiscard]] std::span<batch::RsaBlinding> blindings() noexcept;
  // blindings_in_use are those of the current batch again.
  [[nodiscard]] std::span<batch::RsaBlinding> blindings_in_use() noexcept {
    return state_->blindings;
  }
  // renew_blindings makes the next batch have fresh pairs, all steps at once: after a lane that
  // failed.
  void renew_blindings() noexcept { uses_left_ = 0; }

 private:
  // In batches.  A pair that is squared after each use stays as good as it was; that pairs do not
  // live for ever is for the day when one has become known.
  static constexpr int kMaxUses = 128;
  struct State {
    batch::RsaKey key;
    std::array<batch::RsaBlinding, batch::kLanes> blindings;
    std::array<batch::RsaBlinding, batch::kLanes> next;
  };
  struct Renewal;
  explicit RsaPrivate(const Context& context) noexcept;
  [[nodiscard]] bool go_on_renewing() noexcept;

  const Context& context_;
  State* state_ = nullptr;
  int uses_left_ = 0;
  std::unique_ptr<Renewal> renewal_;  // of `next`
};

}  // namespace sallyport::crypto::openssl
