// P-256, eight at a time: key pairs, key agreement, and ECDSA with SHA-256.
//
// What it costs does not depend on how many of the eight lanes are in use, except for the nonces of
// signatures, which are made one by one.  Its time and its memory accesses do not depend on private
// keys, nonces or shared secrets; registers and stack hold none of them when it returns.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "lib/crypto/batch/agreement.h"
#include "lib/crypto/job.h"

namespace sallyport::crypto::batch {

struct P256Table;

// EcdsaLane is one signature of a batch.
struct EcdsaLane {
  ByteView key;     // 32 bytes, big-endian, in [1, n - 1]
  ByteView digest;  // 32 bytes
  // Fresh randomness for the nonce, 32 bytes.  Empty only in tests: see EcdsaNonce.
  ByteView entropy;
  MutableBytes signature;           // room for kMaxP256Signature bytes of DER
  std::uint16_t signature_len = 0;  // 0: failed
};

class P256 {
 public:
  // Makes the table of multiples of the base point, 110 KB, in about two milliseconds.
  // Precondition: available().
  P256();
  ~P256();
  P256(const P256&) = delete;
  P256& operator=(const P256&) = delete;

  // make_public writes the public key of every share whose private key is there, uncompressed.
  // False when a private key is not in [1, n - 1].
  [[nodiscard]] bool make_public(std::span<KeyShare> shares) const noexcept;

  // derive works every lane off; one that is refused changes no other.  Refused are shares that are
  // not uncompressed points of the curve, [RFC 8446 4.2.8.2], and private keys not in [1, n - 1].
  void derive(std::span<Agreement> lanes) const noexcept;

  // sign works every lane off.  Lanes may have different keys.
  void sign(std::span<EcdsaLane> lanes) const noexcept;

 private:
  std::unique_ptr<P256Table> table_;
};

}  // namespace sallyport::crypto::batch
