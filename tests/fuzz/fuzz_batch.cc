// The batch kernels against OpenSSL: any private keys, shares, digests and numbers, in any number
// of lanes.  The first byte says which kernel, the second how many lanes; then lane by lane what it
// takes, with zeros where the input ends.
//
// Without AVX-512 IFMA there is nothing to compare.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/p256.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/batch/x25519.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "lib/crypto/sign/p256_scalar.h"
#include "lib/offload/self_test.h"

namespace {

using namespace sallyport;
using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::Agreement;
using crypto::batch::kLanes;

void require(bool condition) {
  if (!condition) std::abort();
}

class Input {
 public:
  explicit Input(ByteView bytes) : rest_{bytes} {}
  std::uint8_t byte() {
    std::uint8_t one = 0;
    fill({&one, 1});
    return one;
  }
  void fill(MutableBytes out) {
    const std::size_t len = std::min(out.size(), rest_.size());
    std::ranges::copy(rest_.first(len), out.begin());
    std::ranges::fill(out.subspan(len), std::uint8_t{0});
    rest_ = rest_.subspan(len);
  }

 private:
  ByteView rest_;
};

// Everything that takes time to make, made once.
struct Kernels {
  Kernels() : key{offload::known_rsa_key(context, 2'048)} {
    rsa_key = crypto::openssl::RsaPrivate::from(context, key);
    signer = crypto::openssl::Signer{context, key};
    require(rsa_key != nullptr && signer);
  }
  crypto::openssl::Context context;
  crypto::batch::X25519 x25519;
  crypto::batch::P256 p256;
  crypto::batch::Rsa rsa;
  crypto::openssl::PrivateKey key;
  std::unique_ptr<crypto::openssl::RsaPrivate> rsa_key;
  crypto::openssl::Signer signer;
};

void agree(Kernels& kernels, NamedGroup group, std::size_t count, Input& input) {
  const std::size_t share_len = crypto::group_info(group).public_len;
  std::array<KeyShare, kLanes> ours;
  std::array<std::array<std::uint8_t, 65>, kLanes> shares{};
  std::array<std::array<std::uint8_t, 32>, kLanes> secrets{};
  std::array<Agreement, kLanes> lanes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span scalar = std::span{ours[i].private_key}.first<32>();
    input.fill(scalar);
    // An executor draws no others; OpenSSL does not mind them.
    if (group == NamedGroup::secp256r1 && !crypto::is_p256_scalar(scalar)) scalar[31] |= 1;
    if (group == NamedGroup::secp256r1 && !crypto::is_p256_scalar(scalar)) scalar[0] = 0x7f;
    ours[i].group = group;
    ours[i].private_len = 32;
    input.fill(MutableBytes{shares[i]}.first(share_len));
    lanes[i] = {.private_key = ByteView{ours[i].private_key}.first(32),
                .peer_share = ByteView{shares[i]}.first(share_len),
                .shared_secret = secrets[i]};
  }
  const std::span used = std::span{lanes}.first(count);
  if (group == NamedGroup::x25519) {
    kernels.x25519.derive(used);
  } else {
    kernels.p256.derive(used);
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::uint8_t, 32> expected{};
    const bool good =
        crypto::openssl::derive(kernels.context, ours[i], lanes[i].peer_share, expected);
    require(lanes[i].ok == good);
    if (!good) expected.fill(0);
    require(secrets[i] == expected);
  }
}

void raise(Kernels& kernels, std::size_t count, Input& input) {
  constexpr std::size_t kLen = 256;
  using Block = std::array<std::uint8_t, kLen>;
  std::array<Block, kLanes> inputs;
  std::array<Block, kLanes> results;
  std::array<crypto::batch::RsaLane, kLanes> lanes;
  if (kernels.rsa_key->uses_left() < static_cast<int>(count)) {
    require(kernels.rsa_key->renew(kernels.rsa));
  }
  for (std::size_t i = 0; i < count; ++i) {
    input.fill(inputs[i]);
    results[i].fill(0xff);
    lanes[i] = {.key = &kernels.rsa_key->key(),
                .blinding = &kernels.rsa_key->next_blinding(),
                .input = inputs[i],
                .output = results[i]};
  }
  kernels.rsa.run(std::span{lanes}.first(count));
  for (std::size_t i = 0; i < count; ++i) {
    Block expected{};
    require(lanes[i].ok == (kernels.signer.decrypt_raw(inputs[i], expected) == kLen));
    if (!lanes[i].ok) expected.fill(0);
    require(results[i] == expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!crypto::batch::available()) return 0;
  static Kernels kernels;
  Input input{{data, size}};
  const unsigned kernel = input.byte() % 3U;
  const std::size_t count = 1 + input.byte() % kLanes;
  if (kernel == 0) agree(kernels, NamedGroup::x25519, count, input);
  if (kernel == 1) agree(kernels, NamedGroup::secp256r1, count, input);
  if (kernel == 2) raise(kernels, count, input);
  return 0;
}
