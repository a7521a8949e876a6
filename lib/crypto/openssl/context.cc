#include "lib/crypto/openssl/context.h"

#include <openssl/obj_mac.h>

#include <array>

#include "lib/base/check.h"
#include "lib/crypto/openssl/parts.h"

namespace sallyport::crypto::openssl {

Context::Context() : parts_{std::make_unique<Parts>()} {
  Parts& p = *parts_;
  p.library.reset(OSSL_LIB_CTX_new());
  SALLYPORT_CHECK(p.library != nullptr);
  OSSL_LIB_CTX* const library = p.library.get();
  p.sha256.reset(EVP_MD_fetch(library, "SHA256", nullptr));
  p.sha384.reset(EVP_MD_fetch(library, "SHA384", nullptr));
  p.sha512.reset(EVP_MD_fetch(library, "SHA512", nullptr));
  p.md_context.reset(EVP_MD_CTX_new());
  SALLYPORT_CHECK(p.sha256 && p.sha384 && p.sha512 && p.md_context);
  p.x25519_import.reset(EVP_PKEY_CTX_new_from_name(library, "X25519", nullptr));
  SALLYPORT_CHECK(p.x25519_import && EVP_PKEY_fromdata_init(p.x25519_import.get()) == 1);
  constexpr std::array<unsigned char, 32> kBasePoint{9};  // until the first peer replaces it
  p.x25519_peer.reset(EVP_PKEY_new_raw_public_key_ex(library, "X25519", nullptr, kBasePoint.data(),
                                                     kBasePoint.size()));
  SALLYPORT_CHECK(p.x25519_peer != nullptr);
  p.p256.reset(EC_GROUP_new_by_curve_name_ex(library, nullptr, NID_X9_62_prime256v1));
  p.bn.reset(BN_CTX_secure_new_ex(library));
  p.scalar.reset(BN_secure_new());
  p.coordinate.reset(BN_secure_new());
  SALLYPORT_CHECK(p.p256 && p.bn && p.scalar && p.coordinate);
  BN_set_flags(p.scalar.get(), BN_FLG_CONSTTIME);
  p.ours.reset(EC_POINT_new(p.p256.get()));
  p.peer.reset(EC_POINT_new(p.p256.get()));
  SALLYPORT_CHECK(p.ours && p.peer);
}

Context::~Context() = default;

ossl_lib_ctx_st* Context::native() const noexcept { return parts_->library.get(); }

bool lock_key_memory(unsigned long bytes) noexcept {
  constexpr std::size_t kSmallestBlock = 32;
  // 2 means that the memory is there but could not be locked.
  return CRYPTO_secure_malloc_init(bytes, kSmallestBlock) == 1;
}

}  // namespace sallyport::crypto::openssl
