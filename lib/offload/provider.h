// Provider: who computes.  The executor sorts jobs into lanes of one operation; a provider works
// them off: OpenSSL one by one, or a vector kernel eight at a time.  Lanes of one call may hold
// different keys.
#pragma once
#include <cstdint>
#include <span>

#include "lib/base/byteorder.h"
#include "lib/base/units.h"
#include "lib/crypto/job.h"
#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/signer.h"

namespace sallyport::offload {

// One key agreement: all of one group.
struct DeriveLane {
  const crypto::KeyShare* ours = nullptr;
  ByteView peer_share;
  MutableBytes shared_secret;  // group_info(group).shared_len bytes
  bool ok = false;
};

// One signature: all of one scheme, each with its own key.
struct SignLane {
  crypto::openssl::Signer* signer = nullptr;
  ByteView message;
  MutableBytes signature;           // kMaxSignature bytes
  std::uint16_t signature_len = 0;  // 0: failed
};

// Provider is a table of functions, called once per group of lanes.  A lane that fails does not
// disturb the others.
struct Provider {
  void* self = nullptr;
  // Fills every share; false when not all of them are good.
  bool (*make_key_shares)(void* self, crypto::NamedGroup group, Tsc now,
                          std::span<crypto::KeyShare> shares) noexcept = nullptr;
  void (*derive)(void* self, crypto::NamedGroup group,
                 std::span<DeriveLane> lanes) noexcept = nullptr;
  void (*sign)(void* self, crypto::SignatureScheme scheme,
               std::span<SignLane> lanes) noexcept = nullptr;
};

// openssl_provider works lanes off one by one.  `context` must outlive it.
[[nodiscard]] Provider openssl_provider(crypto::openssl::Context& context) noexcept;

}  // namespace sallyport::offload
