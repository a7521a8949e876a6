// X25519 (RFC 7748), eight at a time.
//
// What it costs does not depend on how many of the eight lanes are in use.  Its time and its memory
// accesses do not depend on private keys or shared secrets; registers and stack hold neither when
// it returns.
#pragma once
#include <memory>
#include <span>

#include "lib/crypto/batch/agreement.h"
#include "lib/crypto/job.h"

namespace sallyport::crypto::batch {

struct X25519Table;

class X25519 {
 public:
  // Makes the table of multiples of the base point, 98 KB, in about a millisecond.
  // Precondition: available().
  X25519();
  ~X25519();
  X25519(const X25519&) = delete;
  X25519& operator=(const X25519&) = delete;

  // make_public writes the public key of every share whose private key is there.
  void make_public(std::span<KeyShare> shares) const noexcept;

  // derive works every lane off; one that is refused changes no other.  Refused are shares of
  // another length than 32 and all that lead to an all-zero secret: [RFC 7748 6.1], [RFC
  // 8446 7.4.2].
  void derive(std::span<Agreement> lanes) const noexcept;

 private:
  std::unique_ptr<X25519Table> table_;
};

}  // namespace sallyport::crypto::batch
