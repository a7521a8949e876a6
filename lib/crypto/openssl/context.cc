#include "lib/crypto/openssl/context.h"

#include <openssl/obj_mac.h>

#include <array>
#include <cstdint>

#include "lib/base/check.h"
#include "lib/crypto/openssl/parts.h"

namespace sallyport::crypto::openssl {

namespace {

constexpr std::size_t kMaxMontgomeryLen = 56;

Montgomery make_montgomery(OSSL_LIB_CTX* library, const char* name, std::size_t len,
                           std::uint8_t base_point) {
  Montgomery curve{.len = len, .import = {}, .peer = {}};
  curve.import.reset(EVP_PKEY_CTX_new_from_name(library, name, nullptr));
  // The base point [RFC 7748 4] until the first peer replaces it.
  const std::array<std::uint8_t, kMaxMontgomeryLen> bytes{base_point};
  curve.peer.reset(EVP_PKEY_new_raw_public_key_ex(library, name, nullptr, bytes.data(), len));
  const bool is_known =
      curve.import && curve.peer && EVP_PKEY_fromdata_init(curve.import.get()) == 1;
  if (!is_known) curve.import.reset();
  return curve;
}

Weierstrass make_weierstrass(OSSL_LIB_CTX* library, int curve_name, std::size_t scalar_len) {
  Weierstrass curve{.scalar_len = scalar_len,
                    .point_len = 1 + 2 * scalar_len,
                    .group = EcGroup{EC_GROUP_new_by_curve_name_ex(library, nullptr, curve_name)},
                    .ours = {},
                    .peer = {}};
  SALLYPORT_CHECK(curve.group != nullptr);
  curve.ours.reset(EC_POINT_new(curve.group.get()));
  curve.peer.reset(EC_POINT_new(curve.group.get()));
  SALLYPORT_CHECK(curve.ours && curve.peer);
  return curve;
}

}  // namespace

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
  p.x25519 = make_montgomery(library, "X25519", 32, 9);
  SALLYPORT_CHECK(p.x25519.import != nullptr);
  p.x448 = make_montgomery(library, "X448", 56, 5);  // may be left out of a libcrypto
  p.p256 = make_weierstrass(library, NID_X9_62_prime256v1, 32);
  p.p384 = make_weierstrass(library, NID_secp384r1, 48);
  p.bn.reset(BN_CTX_secure_new_ex(library));
  p.scalar.reset(BN_secure_new());
  p.coordinate.reset(BN_secure_new());
  SALLYPORT_CHECK(p.bn && p.scalar && p.coordinate);
  BN_set_flags(p.scalar.get(), BN_FLG_CONSTTIME);
}

Context::~Context() = default;

std::span<const NamedGroup> Context::missing_groups() const noexcept {
  static constexpr std::array kMissing{NamedGroup::x448};
  return std::span{kMissing}.first(parts_->x448.import ? 0 : kMissing.size());
}

ossl_lib_ctx_st* Context::native() const noexcept { return parts_->library.get(); }

}  // namespace sallyport::crypto::openssl
