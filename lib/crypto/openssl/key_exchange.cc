#include "lib/crypto/openssl/key_exchange.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

#include "lib/base/secret.h"
#include "lib/crypto/kx/groups.h"
#include "lib/crypto/openssl/parts.h"

namespace sallyport::crypto::openssl {
namespace {

// With both halves given, OpenSSL does not compute the public one again, which would cost as much
// as the key agreement itself.
Pkey import_pair(const Montgomery& curve, const KeyShare& share) noexcept {
  // OpenSSL's parameters are not const, but importing only reads them.
  const auto parameter = [&curve](const char* name, const std::uint8_t* bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes), curve.len);
  };
  std::array params{parameter(OSSL_PKEY_PARAM_PRIV_KEY, share.private_key.data()),
                    parameter(OSSL_PKEY_PARAM_PUB_KEY, share.public_key.data()),
                    OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(curve.import.get(), &key, EVP_PKEY_KEYPAIR, params.data()) != 1) return {};
  return Pkey{key};
}

bool derive(const Context& context, const Montgomery& curve, const KeyShare& ours,
            ByteView peer_share, MutableBytes secret) noexcept {
  if (!curve.import) return false;
  const Pkey key = import_pair(curve, ours);
  EVP_PKEY* const peer = curve.peer.get();
  if (!key || EVP_PKEY_set1_encoded_public_key(peer, peer_share.data(), curve.len) != 1) {
    return false;
  }
  const PkeyContext operation{EVP_PKEY_CTX_new_from_pkey(context.native(), key.get(), nullptr)};
  std::size_t len = curve.len;
  if (!operation || EVP_PKEY_derive_init(operation.get()) != 1 ||
      EVP_PKEY_derive_set_peer_ex(operation.get(), peer, 0) != 1 ||
      EVP_PKEY_derive(operation.get(), secret.data(), &len) != 1 || len != curve.len) {
    return false;
  }
  // [RFC 8446 7.4.2] [RFC 7748 6.1 and 6.2] A point of small order gives zero, whatever our key is.
  // OpenSSL refuses it too; this does not depend on that.
  constexpr std::array<std::uint8_t, kMaxSharedSecret> kZero{};
  return !equal_ct(secret.first(curve.len), std::span{kZero}.first(curve.len));
}

// OpenSSL makes a key pair with portable C code for the base point, and agrees on keys with
// assembler for any point: agreeing with the base point is the cheaper way to the same public key.
bool make_pair(const Context& context, const Montgomery& curve, std::uint8_t base_point,
               KeyShare& out) noexcept {
  const std::array<std::uint8_t, kMaxPrivateShare> base{base_point};  // RFC 7748 section 4
  const ByteView point = ByteView{base}.first(curve.len);
  if (RAND_priv_bytes_ex(context.native(), out.private_key.data(), curve.len, 0) != 1) {
    return false;
  }
  // The agreement does not look at our own public key, which is not known yet.
  std::ranges::copy(point, out.public_key.begin());
  std::array<std::uint8_t, kMaxSharedSecret> public_key{};
  if (!derive(context, curve, out, point, public_key)) return false;
  std::ranges::copy(ByteView{public_key}.first(curve.len), out.public_key.begin());
  return true;
}

bool make_pair(Context::Parts& p, const Weierstrass& curve, KeyShare& out) noexcept {
  BIGNUM* const scalar = p.scalar.get();
  const EC_GROUP* const group = curve.group.get();
  do {
    if (BN_priv_rand_range_ex(scalar, EC_GROUP_get0_order(group), 0, p.bn.get()) != 1) {
      return false;
    }
  } while (BN_is_zero(scalar));
  const auto scalar_len = static_cast<int>(curve.scalar_len);
  const bool made =
      EC_POINT_mul(group, curve.ours.get(), scalar, nullptr, nullptr, p.bn.get()) == 1 &&
      EC_POINT_point2oct(group, curve.ours.get(), POINT_CONVERSION_UNCOMPRESSED,
                         out.public_key.data(), curve.point_len, p.bn.get()) == curve.point_len &&
      BN_bn2binpad(scalar, out.private_key.data(), scalar_len) == scalar_len;
  BN_clear(scalar);
  return made;
}

// EVP_PKEY_derive_set_peer multiplies the peer's point by the group order to check its subgroup.
// These curves have cofactor one: a point on the curve, which oct2point makes sure of, is in the
// group, and then one multiplication is all there is to do.
bool derive(Context::Parts& p, const Weierstrass& curve, const KeyShare& ours, ByteView peer_share,
            MutableBytes secret) noexcept {
  // [RFC 8446 4.2.8.2] Uncompressed form only; [RFC 8422 5.4.1] the same for TLS 1.2.
  constexpr std::uint8_t kUncompressed = 0x04;
  if (peer_share[0] != kUncompressed) return false;
  const EC_GROUP* const group = curve.group.get();
  if (EC_POINT_oct2point(group, curve.peer.get(), peer_share.data(), peer_share.size(),
                         p.bn.get()) != 1 ||
      EC_POINT_is_at_infinity(group, curve.peer.get()) == 1) {
    return false;
  }
  BIGNUM* const scalar = p.scalar.get();
  BIGNUM* const x = p.coordinate.get();
  EC_POINT* const shared = curve.ours.get();
  const auto scalar_len = static_cast<int>(curve.scalar_len);
  const bool derived =
      BN_bin2bn(ours.private_key.data(), scalar_len, scalar) != nullptr &&
      EC_POINT_mul(group, shared, nullptr, curve.peer.get(), scalar, p.bn.get()) == 1 &&
      EC_POINT_is_at_infinity(group, shared) == 0 &&
      EC_POINT_get_affine_coordinates(group, shared, x, nullptr, p.bn.get()) == 1 &&
      BN_bn2binpad(x, secret.data(), scalar_len) == scalar_len;
  BN_clear(scalar);
  BN_clear(x);
  EC_POINT_set_to_infinity(group, shared);
  return derived;
}

}  // namespace

bool make_key_share(const Context& context, NamedGroup group, Tsc now, KeyShare& out) noexcept {
  const GroupInfo info = group_info(group);
  out.group = group;
  out.made = now;
  out.public_len = static_cast<std::uint8_t>(info.public_len);
  out.private_len = static_cast<std::uint8_t>(info.private_len);
  Context::Parts& parts = context.parts();
  switch (group) {
    case NamedGroup::x25519:
      return make_pair(context, parts.x25519, 9, out);
    case NamedGroup::x448:
      return make_pair(context, parts.x448, 5, out);
    case NamedGroup::secp256r1:
      return make_pair(parts, parts.p256, out);
    case NamedGroup::secp384r1:
      return make_pair(parts, parts.p384, out);
    case NamedGroup::ffdhe2048:  // see finite_field.h
    case NamedGroup::ffdhe3072:
    case NamedGroup::ffdhe4096:
    case NamedGroup::none:
      return false;
  }
  return false;
}

bool derive(const Context& context, const KeyShare& ours, ByteView peer_share,
            MutableBytes secret) noexcept {
  const GroupInfo info = group_info(ours.group);
  if (info.public_len == 0 || peer_share.size() != info.public_len ||
      ours.private_len != info.private_len || secret.size() < info.shared_len) {
    return false;
  }
  Context::Parts& parts = context.parts();
  switch (ours.group) {
    case NamedGroup::x25519:
      return derive(context, parts.x25519, ours, peer_share, secret);
    case NamedGroup::x448:
      return derive(context, parts.x448, ours, peer_share, secret);
    case NamedGroup::secp256r1:
      return derive(parts, parts.p256, ours, peer_share, secret);
    case NamedGroup::secp384r1:
      return derive(parts, parts.p384, ours, peer_share, secret);
    case NamedGroup::ffdhe2048:  // see finite_field.h
    case NamedGroup::ffdhe3072:
    case NamedGroup::ffdhe4096:
    case NamedGroup::none:
      return false;
  }
  return false;
}

}  // namespace sallyport::crypto::openssl
