// What a Context holds, for lib/crypto/openssl alone: this header brings OpenSSL's.
#pragma once
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>

#include "lib/crypto/openssl/context.h"
#include "lib/crypto/openssl/owner.h"

namespace sallyport::crypto::openssl {

using LibraryContext = std::unique_ptr<OSSL_LIB_CTX, Free<OSSL_LIB_CTX_free>>;
using Md = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
using BnContext = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Bn = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using EcGroup = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using EcPoint = std::unique_ptr<EC_POINT, Free<EC_POINT_clear_free>>;

// Montgomery is what agreeing on keys over Curve25519 or Curve448 needs (RFC 7748).
struct Montgomery {
  std::size_t len = 0;  // of keys, shares and secrets
  PkeyContext import;   // turns raw bytes into a key; empty where libcrypto lacks the curve
  Pkey peer;            // its public value is replaced for every peer
};

// Weierstrass is what agreeing on keys over one of NIST's prime curves needs.
struct Weierstrass {
  std::size_t scalar_len = 0;
  std::size_t point_len = 0;  // uncompressed
  EcGroup group;
  EcPoint ours;
  EcPoint peer;
};

struct Context::Parts {
  LibraryContext library;
  Md sha256;
  Md sha384;
  Md sha512;
  MdContext md_context;
  Montgomery x25519;
  Montgomery x448;
  Weierstrass p256;
  Weierstrass p384;
  BnContext bn;
  Bn scalar;      // a private scalar while it is used; cleared afterwards
  Bn coordinate;  // the x-coordinate of a shared point; cleared afterwards
};

}  // namespace sallyport::crypto::openssl
