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

constexpr std::size_t kX25519Len = 32;
constexpr std::size_t kScalarLen = 32;
constexpr std::size_t kPointLen = 65;

// With both halves given, OpenSSL does not compute the public one again, which would cost as much
// as the key agreement itself.
Pkey import_x25519(Context::Parts& parts, const KeyShare& share) noexcept {
  // OpenSSL's parameters are not const, but importing only reads them.
  const auto parameter = [](const char* name, const std::uint8_t* bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes), kX25519Len);
  };
  std::array params{parameter(OSSL_PKEY_PARAM_PRIV_KEY, share.private_key.data()),
                    parameter(OSSL_PKEY_PARAM_PUB_KEY, share.public_key.data()),
                    OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(parts.x25519_import.get(), &key, EVP_PKEY_KEYPAIR, params.data()) != 1) {
    return {};
  }
  return Pkey{key};
}

bool derive_x25519(const Context& context, const KeyShare& ours, ByteView peer_share,
                   MutableBytes secret) noexcept {
  Context::Parts& parts = context.parts();
  const Pkey key = import_x25519(parts, ours);
  EVP_PKEY* const peer = parts.x25519_peer.get();
  if (!key || EVP_PKEY_set1_encoded_public_key(peer, peer_share.data(), kX25519Len) != 1) {
    return false;
  }
  const PkeyContext operation{EVP_PKEY_CTX_new_from_pkey(context.native(), key.get(), nullptr)};
  std::size_t len = kX25519Len;
  if (!operation || EVP_PKEY_derive_init(operation.get()) != 1 ||
      EVP_PKEY_derive_set_peer_ex(operation.get(), peer, 0) != 1 ||
      EVP_PKEY_derive(operation.get(), secret.data(), &len) != 1 || len != kX25519Len) {
    return false;
  }
  // [RFC 8446 7.4.2] [RFC 7748 6.1] A point of small order gives zero, whatever our key is. OpenSSL
  // refuses it too; this does not depend on that.
  constexpr std::array<std::uint8_t, kX25519Len> kZero{};
  return !equal_ct(secret.first(kX25519Len), kZero);
}

// OpenSSL makes a key pair with portable C code for the base point, and agrees on keys with
// assembler for any point: agreeing with the base point is the cheaper way to the same public key.
bool make_x25519(const Context& context, KeyShare& out) noexcept {
  constexpr std::array<std::uint8_t, kX25519Len> kBasePoint{9};  // RFC 7748 section 4.1
  if (RAND_priv_bytes_ex(context.native(), out.private_key.data(), kX25519Len, 0) != 1) {
    return false;
  }
  // The agreement does not look at our own public key, which is not known yet.
  std::ranges::copy(kBasePoint, out.public_key.begin());
  std::array<std::uint8_t, kX25519Len> public_key{};
  if (!derive_x25519(context, out, kBasePoint, public_key)) return false;
  std::ranges::copy(public_key, out.public_key.begin());
  return true;
}

bool make_p256(const Context& context, KeyShare& out) noexcept {
  Context::Parts& p = context.parts();
  BIGNUM* const scalar = p.scalar.get();
  const BIGNUM* const order = EC_GROUP_get0_order(p.p256.get());
  do {
    if (BN_priv_rand_range_ex(scalar, order, 0, p.bn.get()) != 1) return false;
  } while (BN_is_zero(scalar));
  const bool made =
      EC_POINT_mul(p.p256.get(), p.ours.get(), scalar, nullptr, nullptr, p.bn.get()) == 1 &&
      EC_POINT_point2oct(p.p256.get(), p.ours.get(), POINT_CONVERSION_UNCOMPRESSED,
                         out.public_key.data(), kPointLen, p.bn.get()) == kPointLen &&
      BN_bn2binpad(scalar, out.private_key.data(), kScalarLen) == kScalarLen;
  BN_clear(scalar);
  return made;
}

// EVP_PKEY_derive_set_peer multiplies the peer's point by the group order to check its subgroup.
// P-256 has cofactor one: a point on the curve, which oct2point makes sure of, is in the group, and
// then one multiplication is all there is to do.
bool derive_p256(const Context& context, const KeyShare& ours, ByteView peer_share,
                 MutableBytes secret) noexcept {
  // [RFC 8446 4.2.8.2] Uncompressed form only; [RFC 8422 5.4.1] the same for TLS 1.2.
  constexpr std::uint8_t kUncompressed = 0x04;
  if (peer_share[0] != kUncompressed) return false;
  Context::Parts& p = context.parts();
  EC_GROUP* const group = p.p256.get();
  if (EC_POINT_oct2point(group, p.peer.get(), peer_share.data(), peer_share.size(), p.bn.get()) !=
          1 ||
      EC_POINT_is_at_infinity(group, p.peer.get()) == 1) {
    return false;
  }
  BIGNUM* const scalar = p.scalar.get();
  BIGNUM* const x = p.coordinate.get();
  const bool derived =
      BN_bin2bn(ours.private_key.data(), kScalarLen, scalar) != nullptr &&
      EC_POINT_mul(group, p.ours.get(), nullptr, p.peer.get(), scalar, p.bn.get()) == 1 &&
      EC_POINT_is_at_infinity(group, p.ours.get()) == 0 &&
      EC_POINT_get_affine_coordinates(group, p.ours.get(), x, nullptr, p.bn.get()) == 1 &&
      BN_bn2binpad(x, secret.data(), kScalarLen) == kScalarLen;
  BN_clear(scalar);
  BN_clear(x);
  EC_POINT_set_to_infinity(group, p.ours.get());
  return derived;
}

}  // namespace

bool make_key_share(const Context& context, NamedGroup group, Tsc now, KeyShare& out) noexcept {
  const GroupInfo info = group_info(group);
  out.group = group;
  out.made = now;
  out.public_len = static_cast<std::uint8_t>(info.public_len);
  out.private_len = static_cast<std::uint8_t>(info.private_len);
  switch (group) {
    case NamedGroup::x25519:
      return make_x25519(context, out);
    case NamedGroup::secp256r1:
      return make_p256(context, out);
    case NamedGroup::none:
    case NamedGroup::secp384r1:
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
  return ours.group == NamedGroup::x25519 ? derive_x25519(context, ours, peer_share, secret)
                                          : derive_p256(context, ours, peer_share, secret);
}

}  // namespace sallyport::crypto::openssl
