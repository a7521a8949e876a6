// No branch and no address in the batch kernels depends on private keys, nonces, secrets of
// blinding, how they are made, or results.  valgrind does not know AVX-512, so these are the
// kernels' own sources compiled with lib/crypto/batch/model_of_avx512.h;
// tests/unit/crypto/batch/flow_test.cc has the real ones.
//
//   ct_batch x25519 | p256 | rsa
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lib/crypto/batch/limbs52.h"
#include "lib/crypto/batch/p256_kernel.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/batch/x25519_kernel.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "lib/offload/self_test.h"
#include "tests/ct/secret.h"
#include "tests/support/hex.h"

namespace {

using namespace sallyport;
using namespace sallyport::crypto::batch;

enum class Order : std::uint8_t { little_endian, big_endian };

// everywhere has the same number in all lanes.
Lanes256 everywhere(std::string_view hexadecimal, Order order) {
  const std::vector<std::uint8_t> bytes = testing::unhex(hexadecimal);
  Lanes256 lanes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = order == Order::little_endian ? i : bytes.size() - 1 - i;
    for (std::uint64_t& word : lanes.word[at / 8])
      word |= std::uint64_t{bytes[i]} << (8 * (at % 8));
  }
  return lanes;
}
template <class T>
void poison(T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  VALGRIND_MAKE_MEM_UNDEFINED(&value, sizeof value);
}
// expect_poisoned makes sure that a secret has come through the kernel as one.
template <class T>
void expect_poisoned(const T& value) {
  std::array<std::uint8_t, sizeof value> bits{};
  ct::expect(VALGRIND_GET_VBITS(&value, bits.data(), bits.size()) == 1, "asking valgrind");
  ct::expect(std::ranges::any_of(bits, [](std::uint8_t b) { return b != 0; }), "nothing is secret");
}
void expect_equal(Lanes256& got, const Lanes256& wanted, const char* what) {
  expect_poisoned(got);
  ct::publish(got);
  ct::expect(std::memcmp(&got, &wanted, sizeof got) == 0, what);
}

// [RFC 7748 5.2, 6.1]
void run_x25519() {
  const auto table = std::make_unique<X25519Table>();
  x25519_make_table(*table);
  Lanes256 out;
  Lanes256 scalar = everywhere("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                               Order::little_endian);
  poison(scalar);
  x25519_public_kernel(*table, scalar, out);
  expect_equal(out,
               everywhere("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                          Order::little_endian),
               "public key of X25519");
  scalar = everywhere("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                      Order::little_endian);
  poison(scalar);
  x25519_derive_kernel(
      scalar,
      everywhere("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                 Order::little_endian),
      out);
  expect_equal(out,
               everywhere("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
                          Order::little_endian),
               "shared secret of X25519");
}

// [RFC 6979 A.2.5] the key, and the nonce and signature for "sample" with SHA-256.
void run_p256() {
  const auto table = std::make_unique<P256Table>();
  p256_make_table(*table);
  const auto number = [](std::string_view digits) { return everywhere(digits, Order::big_endian); };
  const Lanes256 x = number("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
  const Lanes256 r = number("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
  Lanes256 key = number("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
  Lanes256 nonce = number("a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60");
  poison(key);
  P256Point made;
  std::uint8_t good = p256_public_kernel(*table, key, made);
  ct::publish(good);
  ct::expect(good == 0xff, "a good scalar");
  expect_equal(made.x, x, "public key of P-256");
  ct::publish(made);

  // The nonce times the public key is also the key times the nonce's point, whose x is r.
  P256Point point;
  poison(nonce);
  good = p256_public_kernel(*table, nonce, point);
  ct::publish(good);
  ct::publish(point);
  ct::expect(good == 0xff && std::memcmp(&point.x, &r, sizeof r) == 0, "point of the nonce");
  Lanes256 one;
  Lanes256 other;
  poison(key);
  good = p256_derive_kernel(key, point, one);
  ct::publish(good);
  ct::expect(good == 0xff, "good scalars and points");
  good = p256_derive_kernel(nonce, made, other);
  ct::publish(good);
  ct::publish(one);
  ct::expect(good == 0xff, "good scalars and points");
  expect_equal(other, one, "shared secret of P-256");

  Lanes256 digest = number("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf");
  poison(digest);
  P256Signature signature;
  good = p256_sign_kernel(*table, key, digest, nonce, signature);
  ct::publish(good);
  ct::expect(good == 0xff, "a good signature");
  expect_equal(signature.r, r, "r");
  expect_equal(signature.s,
               number("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"), "s");
}

// Not secret are the modulus, what follows from it alone, and the public exponent.
void poison_secrets(RsaBatch& batch) {
  for (RsaBatch::Prime& prime : batch.prime) poison(prime);
  poison(batch.q_inverse);
  poison(batch.blind);
  poison(batch.unblind);
  poison(batch.input);
}

// make_pairs does what Rsa::finish_renewal does, which wants AVX-512.  That the pairs are right is
// seen when they are used.
std::array<RsaBlinding, kLanes> make_pairs(const RsaKey& key) {
  const auto batch = std::make_unique<RsaBatch>();
  for (std::size_t i = 0; i < kLanes; ++i) {
    std::array<std::uint8_t, 256> drawn;
    for (std::size_t at = 0; at < drawn.size(); ++at) {
      drawn[at] = static_cast<std::uint8_t>(at * (2 * i + 3) + i + 1);
    }
    drawn[0] &= 0x7f;
    ct::poison(drawn);
    bool below = is_below_modulus(key, drawn);
    ct::publish(below);
    ct::expect(below, "a number below the modulus");
    ct::publish(drawn);
    load_rsa_renewal(key, drawn, i, *batch);
  }
  poison_secrets(*batch);
  rsa_begin(*batch);
  while (!rsa_step(*batch, 1'000)) {
  }
  expect_poisoned(batch->output);
  expect_poisoned(batch->blind);
  expect_poisoned(batch->unblind);
  ct::publish(batch->good);
  ct::expect(batch->good == 0xff, "eight pairs that cancel out");
  std::array<RsaBlinding, kLanes> pairs;
  for (std::size_t limb = 0; limb < 40; ++limb) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      pairs[i].blind[limb] = batch->blind[limb][i];
      pairs[i].unblind[limb] = batch->unblind[limb][i];
    }
  }
  return pairs;
}

void run_rsa() {
  const crypto::openssl::Context context;
  const crypto::openssl::PrivateKey key = offload::known_rsa_key(context, 2'048);
  const auto ours = crypto::openssl::RsaPrivate::from(context, key);
  crypto::openssl::Signer theirs{context, key};
  ct::expect(ours != nullptr && theirs, "a key");
  std::array<std::uint8_t, 256> input;
  input.fill(0x35);
  std::array<std::uint8_t, 256> expected;
  ct::expect(theirs.decrypt_raw(input, expected) == expected.size(), "OpenSSL");
  const auto batch = std::make_unique<RsaBatch>();
  std::array<RsaBlinding, kLanes> pairs = make_pairs(ours->key());
  for (std::size_t i = 0; i < kLanes; ++i) {
    load_rsa_lane({.key = &ours->key(), .blinding = &pairs[i], .input = input, .output = {}}, i,
                  *batch);
  }
  poison_secrets(*batch);
  rsa_begin(*batch);
  while (!rsa_step(*batch, 1'000)) {
  }
  expect_poisoned(batch->output);
  ct::publish(batch->good);
  ct::publish(batch->output);
  ct::expect(batch->good == 0xff, "eight good results");
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    std::array<std::uint8_t, 256> result;
    take_limbs(
        40, [&](std::size_t limb) { return batch->output[limb][lane]; }, result);
    ct::expect(result == expected, "result of RSA");
  }
}

}  // namespace

int main(int argc, char** argv) {
  ct::must_run_under_memcheck();
  const std::string_view name = argc == 2 ? argv[1] : "";
  if (name == "x25519") {
    run_x25519();
  } else if (name == "p256") {
    run_p256();
  } else if (name == "rsa") {
    run_rsa();
  } else {
    return 2;
  }
  return 0;
}
