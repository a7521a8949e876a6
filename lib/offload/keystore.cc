#include "lib/offload/keystore.h"

#include <utility>

namespace sallyport::offload {

bool KeyStore::add(crypto::CredentialId id, const crypto::openssl::PrivateKey& key) {
  if (id.generation == 0 || id.index >= capacity_) return false;
  if (id.index >= slots_.size()) slots_.resize(id.index + 1);
  Slot& slot = slots_[id.index];
  if (slot.generation != 0) return false;
  crypto::openssl::Signer signer{context_, key};
  if (!signer) return false;
  if (for_kernels_) signer.prepare_rsa();
  slot.generation = id.generation;
  slot.signer = std::move(signer);
  ++size_;
  return true;
}

void KeyStore::retire(crypto::CredentialId id) noexcept {
  if (find(id) == nullptr) return;
  slots_[id.index] = Slot{};
  --size_;
}

crypto::openssl::Signer* KeyStore::find(crypto::CredentialId id) noexcept {
  if (id.generation == 0 || id.index >= slots_.size()) return nullptr;
  Slot& slot = slots_[id.index];
  return slot.generation == id.generation ? &slot.signer : nullptr;
}

}  // namespace sallyport::offload
