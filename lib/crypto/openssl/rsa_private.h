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

  // There are eight pairs, for as many lanes of a batch as may hold this key, and they are good for
  // so many uses together.  A pair that is squared after each use stays as good as it was; that
  // pairs do not live for ever is for the day when one has become known.
  static constexpr int kUses = 128 * static_cast<int>(batch::kLanes);
  // uses_left is 0 until the first renewal.
  [[nodiscard]] int uses_left() const noexcept { return uses_left_; }
  // next_blinding is a pair for one use; of eight in a row each is another.
  // Precondition: uses_left() > 0.
  [[nodiscard]] batch::RsaBlinding& next_blinding() noexcept;

  // begin_renewal has `kernel` begin to make fresh pairs; false when the system has no randomness.
  // Until finish_renewal those that there are remain in force, and if that is false they still do.
  [[nodiscard]] bool begin_renewal(batch::Rsa& kernel) const noexcept;
  // finish_renewal puts them in force.  Precondition: the kernel has nothing left to do.
  [[nodiscard]] bool finish_renewal(batch::Rsa& kernel) noexcept;
  // failed_renewals is how many have failed, for a fault, since the last one that did not.
  [[nodiscard]] int failed_renewals() const noexcept { return failed_renewals_; }
  // renew does all of that at once, which takes as long as a batch.
  [[nodiscard]] bool renew(batch::Rsa& kernel) noexcept;
  // distrust_blindings leaves none to use: after a lane that failed.
  void distrust_blindings() noexcept;
  // use_passed is for a lane that did not fail.
  void use_passed() noexcept { failed_batches_ = 0; }
  // failed_batches is in how many batches lanes have failed, for a fault, since the last lane that
  // did not.
  [[nodiscard]] int failed_batches() const noexcept { return failed_batches_; }

 private:
  struct State {
    batch::RsaKey key;
    std::array<batch::RsaBlinding, batch::kLanes> blindings;
  };
  explicit RsaPrivate(const Context& context) noexcept;

  const Context& context_;
  State* state_ = nullptr;
  int uses_left_ = 0;
  std::size_t next_ = 0;  // of the pairs
  int failed_renewals_ = 0;
  int failed_batches_ = 0;
  bool distrusted_ = false;  // since the last renewal
};

}  // namespace sallyport::crypto::openssl
