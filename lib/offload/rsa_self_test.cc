#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/openssl/private_key.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "lib/offload/self_test.h"

namespace sallyport::offload {
namespace {

using crypto::batch::kLanes;
using crypto::batch::RsaLane;
using crypto::openssl::PrivateKey;
using crypto::openssl::RsaPrivate;

using Bytes = std::vector<std::uint8_t>;

// number is what SHA-256 makes of a name: the same always, and as good as random.
Bytes number(std::string_view name, std::size_t len) {
  Bytes bytes;
  for (std::uint8_t i = 0; bytes.size() < len; ++i) {
    crypto::TranscriptHash hash{crypto::HashAlgorithm::sha256};
    hash.update({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    hash.update({&i, 1});
    const crypto::Digest digest = hash.digest();
    bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.begin() + 32);
  }
  bytes.resize(len);
  return bytes;
}

// prime is the number of that name with the two highest bits set and, in place of its last four
// bytes, those that make it prime.
Bytes prime(std::string_view name, std::size_t len, std::uint32_t last) {
  Bytes bytes = number(name, len);
  bytes[0] |= 0xc0;
  store(MutableBytes{bytes}.last(4), Be32::of(last));
  return bytes;
}

struct KnownKey {
  std::size_t bits;
  std::string_view p;
  std::uint32_t p_last;
  std::string_view q;
  std::uint32_t q_last;
};
constexpr std::array kKnownKeys{
    KnownKey{2'048, "RSA-2048 p", 521, "RSA-2048 q", 981},
    KnownKey{3'072, "RSA-3072 p", 511, "RSA-3072 q", 1'471},
    KnownKey{4'096, "RSA-4096 p", 307, "RSA-4096 q", 821},
};

// agrees works off `count` lanes of one input, one of which may have to be refused.
bool agrees(crypto::batch::Rsa& kernel, RsaPrivate& key, const Bytes& input, const Bytes& expected,
            std::size_t count, std::size_t refused, RsaRun run) {
  if (!key.renew(kernel)) return false;
  const Bytes above(input.size(), 0xff);
  std::array<Bytes, kLanes> results;
  std::array<RsaLane, kLanes> lanes;
  for (std::size_t i = 0; i < count; ++i) {
    results[i].assign(input.size(), 0xff);
    lanes[i] = {.key = &key.key(),
                .blinding = &key.next_blinding(),
                .input = i == refused ? above : input,
                .output = results[i]};
  }
  run(kernel, std::span{lanes}.first(count));
  bool good = true;
  for (std::size_t i = 0; i < count; ++i) {
    const bool accepted = i != refused;
    good = good && lanes[i].ok == accepted &&
           results[i] == (accepted ? expected : Bytes(input.size(), 0));
  }
  return good;
}

}  // namespace

PrivateKey known_rsa_key(const crypto::openssl::Context& context, std::size_t bits) {
  const auto* const known = std::ranges::find(kKnownKeys, bits, &KnownKey::bits);
  if (known == kKnownKeys.end()) return {};
  return PrivateKey::make_rsa(context, prime(known->p, bits / 16, known->p_last),
                              prime(known->q, bits / 16, known->q_last));
}

bool passes_rsa_self_test(const crypto::openssl::Context& context, RsaRun run) {
  crypto::batch::Rsa kernel;
  for (const KnownKey& known : kKnownKeys) {
    const std::size_t len = known.bits / 8;
    const PrivateKey pair = known_rsa_key(context, known.bits);
    crypto::openssl::Signer openssl{context, pair};
    const auto key = RsaPrivate::from(context, pair);
    Bytes input = number("input", len);
    input[0] &= 0x7f;
    Bytes expected(len);
    if (key == nullptr || openssl.decrypt_raw(input, expected) != len) return false;
    if (!agrees(kernel, *key, input, expected, kLanes, kLanes, run)) return false;
    // The larger kernels are the same code, and take their time.
    if (known.bits == 2'048 && !agrees(kernel, *key, input, expected, 3, 1, run)) return false;
  }
  return true;
}

}  // namespace sallyport::offload
