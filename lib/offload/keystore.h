// KeyStore: the private keys of one executor, by CredentialId.  Keys enter from the control plane
// and never leave; jobs name them by {index, generation}, so a job for a retired key finds nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/private_key.h"
#include "lib/crypto/openssl/signer.h"

namespace sallyport::offload {

class KeyStore {
 public:
  // Holds up to `capacity` keys, and grows as they come.  `context` must outlive the store.
  KeyStore(const crypto::openssl::Context& context, std::size_t capacity) noexcept
      : context_{context}, capacity_{capacity} {}

  // prepare_for_kernels has keys that are added from now on made ready for the batch kernels.
  void prepare_for_kernels() noexcept { for_kernels_ = true; }

  // add copies the key into this executor's own library context.  False when the index is beyond
  // the capacity or in use, the generation is 0, or the key cannot be used for TLS.
  [[nodiscard]] bool add(crypto::CredentialId id, const crypto::openssl::PrivateKey& key);
  // retire forgets the key; an id that is not there any more is ignored.
  void retire(crypto::CredentialId id) noexcept;

  // find is nullptr for an id that was never added or has been retired.
  [[nodiscard]] crypto::openssl::Signer* find(crypto::CredentialId id) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Slot {
    std::uint32_t generation = 0;  // 0: free
    crypto::openssl::Signer signer;
  };
  const crypto::openssl::Context& context_;
  std::size_t capacity_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  bool for_kernels_ = false;
};

}  // namespace sallyport::offload
