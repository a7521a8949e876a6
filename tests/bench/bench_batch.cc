// The batch kernels against OpenSSL's cheapest calls for the same operation.  Both take turns, so
// that a noisy machine disturbs both alike; a figure is the median of the turns' ratios.
//
//   bench_batch --lanes [NAME]   for each operation (whose name contains NAME) and 1 to 8 lanes:
//                                microseconds of the batch, and of OpenSSL for as many operations
//   bench_batch --renewals       for each size of RSA keys: what a renewal of blinding factors
//                                takes the executor, as a whole and in its longest slice
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/check.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/p256.h"
#include "lib/crypto/batch/rsa.h"
#include "lib/crypto/batch/x25519.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "lib/crypto/openssl/private_key.h"
#include "lib/crypto/openssl/random.h"
#include "lib/crypto/openssl/rsa_private.h"
#include "lib/crypto/openssl/signer.h"
#include "lib/offload/executor.h"
#include "tests/bench/metric.h"

namespace sallyport::bench {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::Agreement;

constexpr std::size_t kLanes = 8;

// Operation runs `lanes` operations, by one call of the kernel or one by one.
struct Operation {
  const char* name;
  std::function<void(std::size_t lanes)> batch;
  std::function<void()> openssl;
  // A turn of operations of microseconds is shorter than a time slice of the scheduler.  One of
  // milliseconds is not: there it is CPU time that is measured, which takes too long to read for
  // the short ones.
  int turns = 501;
  bool cpu_time = false;
};

double ticks_per_microsecond() {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const std::uint64_t first = ticks();
  while (Clock::now() - begin < std::chrono::milliseconds{20}) {
  }
  const auto spent = static_cast<double>(ticks() - first);
  return spent / std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

// microseconds since some moment.
double microseconds(bool cpu_time) {
  static const double rate = ticks_per_microsecond();
  if (!cpu_time) return static_cast<double>(ticks()) / rate;
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Medians {
  double batch;  // microseconds of one call
  double openssl;
  double ratio;
};
Medians measure(const Operation& operation, std::size_t lanes) {
  std::vector<double> batch;
  std::vector<double> openssl;
  std::vector<double> ratios;
  const auto timed = [&operation](const auto& work) {
    const double begin = microseconds(operation.cpu_time);
    work();
    return microseconds(operation.cpu_time) - begin;
  };
  operation.batch(lanes);
  operation.openssl();
  for (int turn = 0; turn < operation.turns; ++turn) {
    batch.push_back(timed([&] { operation.batch(lanes); }));
    openssl.push_back(timed([&] {
      for (std::size_t i = 0; i < lanes; ++i) operation.openssl();
    }));
    ratios.push_back(openssl.back() / batch.back());
  }
  return {median(batch), median(openssl), median(ratios)};
}

// KeyAgreement holds eight key pairs of one group, and a peer's.
struct KeyAgreement {
  explicit KeyAgreement(NamedGroup of) : group{of} {
    KeyShare peer;
    SALLYPORT_CHECK(crypto::openssl::make_key_share(context, group, Tsc{}, peer));
    peer_share.assign(peer.public_key.begin(), peer.public_key.begin() + peer.public_len);
    for (std::size_t i = 0; i < kLanes; ++i) {
      SALLYPORT_CHECK(crypto::openssl::make_key_share(context, group, Tsc{}, shares[i]));
      lanes[i] = {.private_key = ByteView{shares[i].private_key}.first(32),
                  .peer_share = peer_share,
                  .shared_secret = secrets[i]};
    }
  }
  KeyAgreement(const KeyAgreement&) = delete;
  KeyAgreement& operator=(const KeyAgreement&) = delete;

  // Random bytes are a part of making a key, for both.
  void draw(std::size_t count) {
    std::array<std::uint8_t, 32 * kLanes> bytes;
    SALLYPORT_CHECK(crypto::openssl::draw_private(context, std::span{bytes}.first(32 * count)));
    for (std::size_t i = 0; i < count; ++i) {
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(32 * i), 32,
                  shares[i].private_key.begin());
    }
  }
  void make_by_openssl() {
    SALLYPORT_CHECK(crypto::openssl::make_key_share(context, group, Tsc{}, shares[0]));
  }
  void derive_by_openssl() {
    SALLYPORT_CHECK(crypto::openssl::derive(context, shares[0], peer_share, secrets[0]));
  }

  crypto::openssl::Context context;
  NamedGroup group;
  std::array<KeyShare, kLanes> shares;
  std::vector<std::uint8_t> peer_share;
  std::array<std::array<std::uint8_t, 32>, kLanes> secrets{};
  std::array<Agreement, kLanes> lanes;
};

// Signing holds eight keys, and digests to sign.
struct Signing {
  Signing() {
    SALLYPORT_CHECK(crypto::openssl::draw_private(context, drawn));
    for (std::size_t i = 0; i < kLanes; ++i) {
      keys[i] = crypto::openssl::PrivateKey{EVP_EC_gen("P-256")};
      signers[i] = crypto::openssl::Signer{context, keys[i]};
      SALLYPORT_CHECK(signers[i] && signers[i].p256_scalar().size() == 32);
    }
  }
  // Entropy for nonces and the hash of the message are a part of signing, for both.
  void sign(const crypto::batch::P256& kernel, std::size_t count) {
    SALLYPORT_CHECK(crypto::openssl::draw_private(context, std::span{drawn}.first(32 * count)));
    for (std::size_t i = 0; i < count; ++i) {
      const crypto::Digest digest = crypto::hash(crypto::HashAlgorithm::sha256, message);
      std::ranges::copy(digest.view(), digests[i].begin());
      lanes[i] = {.key = signers[i].p256_scalar(),
                  .digest = digests[i],
                  .entropy = std::span{drawn}.subspan(32 * i, 32),
                  .signature = signatures[i]};
    }
    kernel.sign(std::span{lanes}.first(count));
    SALLYPORT_CHECK(lanes[0].signature_len != 0);
  }
  void sign_by_openssl() {
    SALLYPORT_CHECK(signers[0].sign(crypto::SignatureScheme::ecdsa_secp256r1_sha256, message,
                                    signatures[0]) != 0);
  }

  crypto::openssl::Context context;
  std::array<crypto::openssl::PrivateKey, kLanes> keys;
  std::array<crypto::openssl::Signer, kLanes> signers;
  std::array<std::uint8_t, 32 * kLanes> drawn{};
  std::array<std::uint8_t, 130> message{};  // as long as what CertificateVerify signs
  std::array<std::array<std::uint8_t, 32>, kLanes> digests{};
  std::array<std::array<std::uint8_t, crypto::kMaxSignature>, kLanes> signatures{};
  std::array<crypto::batch::EcdsaLane, kLanes> lanes;
};

// Raising holds two RSA keys of one size, and numbers to raise to their private exponents.
struct Raising {
  explicit Raising(unsigned bits) : width{bits / 8} {
    for (std::size_t i = 0; i < kKeys; ++i) {
      keys[i] = crypto::openssl::PrivateKey{EVP_RSA_gen(bits)};
      signers[i] = crypto::openssl::Signer{context, keys[i]};
      ours[i] = crypto::openssl::RsaPrivate::from(context, keys[i]);
      SALLYPORT_CHECK(signers[i] && ours[i] != nullptr);
    }
    for (auto& input : inputs) input.fill(0x11);
  }
  // Blinding, fresh pairs now and then, and the check of every result are a part of it, for both.
  void raise(crypto::batch::Rsa& kernel, std::size_t count) {
    for (const auto& key : ours) {
      if (key->uses_left() < static_cast<int>(count)) SALLYPORT_CHECK(key->renew(kernel));
    }
    for (std::size_t i = 0; i < count; ++i) {
      lanes[i] = {.key = &ours[i % kKeys]->key(),
                  .blinding = &ours[i % kKeys]->next_blinding(),
                  .input = ByteView{inputs[i]}.first(width),
                  .output = MutableBytes{outputs[i]}.first(width)};
    }
    kernel.run(std::span{lanes}.first(count));
    SALLYPORT_CHECK(lanes[0].ok);
  }
  void raise_by_openssl() {
    SALLYPORT_CHECK(signers[0].decrypt_raw(ByteView{inputs[0]}.first(width), outputs[0]) == width);
  }

  static constexpr std::size_t kKeys = 2;
  crypto::openssl::Context context;
  std::size_t width;
  std::array<crypto::openssl::PrivateKey, kKeys> keys;
  std::array<crypto::openssl::Signer, kKeys> signers;
  std::array<std::unique_ptr<crypto::openssl::RsaPrivate>, kKeys> ours;
  std::array<std::array<std::uint8_t, crypto::kMaxSignature>, kLanes> inputs{};
  std::array<std::array<std::uint8_t, crypto::kMaxSignature>, kLanes> outputs{};
  std::array<crypto::batch::RsaLane, kLanes> lanes;
};

// For a key pair of X25519 OpenSSL's own way is not the reference: make_key_share agrees with the
// base point instead, because OpenSSL does that faster.
std::vector<Operation> operations() {
  const auto x25519 = std::make_shared<KeyAgreement>(NamedGroup::x25519);
  const auto x25519_kernel = std::make_shared<const crypto::batch::X25519>();
  const auto p256 = std::make_shared<KeyAgreement>(NamedGroup::secp256r1);
  const auto p256_kernel = std::make_shared<const crypto::batch::P256>();
  const auto signing = std::make_shared<Signing>();
  std::vector<Operation> all{
      {"x25519_keygen",
       [=](std::size_t n) {
         x25519->draw(n);
         x25519_kernel->make_public(std::span{x25519->shares}.first(n));
       },
       [=] { x25519->make_by_openssl(); }},
      {"x25519_derive",
       [=](std::size_t n) { x25519_kernel->derive(std::span{x25519->lanes}.first(n)); },
       [=] { x25519->derive_by_openssl(); }},
      {"p256_keygen",
       [=](std::size_t n) {
         p256->draw(n);
         // A draw above the order would have to be repeated; nobody lives to see one.
         SALLYPORT_CHECK(p256_kernel->make_public(std::span{p256->shares}.first(n)));
       },
       [=] { p256->make_by_openssl(); }},
      {"p256_ecdh", [=](std::size_t n) { p256_kernel->derive(std::span{p256->lanes}.first(n)); },
       [=] { p256->derive_by_openssl(); }},
      {"p256_sign", [=](std::size_t n) { signing->sign(*p256_kernel, n); },
       [=] { signing->sign_by_openssl(); }}};
  const auto rsa_kernel = std::make_shared<crypto::batch::Rsa>();
  constexpr std::array kSizes{std::pair{"rsa2048", 2'048U}, std::pair{"rsa3072", 3'072U},
                              std::pair{"rsa4096", 4'096U}};
  for (const auto& [name, bits] : kSizes) {
    // Made when it is first needed: a key of 4,096 bits takes seconds.
    const auto made = std::make_shared<std::unique_ptr<Raising>>();
    const auto raising = [made, size = bits]() -> Raising& {
      if (*made == nullptr) *made = std::make_unique<Raising>(size);
      return **made;
    };
    all.push_back({name, [=](std::size_t n) { raising().raise(*rsa_kernel, n); },
                   [=] { raising().raise_by_openssl(); }, 101, true});
  }
  return all;
}

void print_lanes(const std::vector<Operation>& all, std::string_view word) {
  for (const Operation& operation : all) {
    if (std::string_view{operation.name}.find(word) == std::string_view::npos) continue;
    for (std::size_t lanes = 1; lanes <= kLanes; ++lanes) {
      const Medians m = measure(operation, lanes);
      std::printf("%s %zu lanes: batch %.1f us, OpenSSL %.1f us, ratio %.2f\n", operation.name,
                  lanes, m.batch, m.openssl, m.ratio);
    }
  }
}

// print_renewals takes elapsed time, because that is what frames wait for.
void print_renewals() {
  using crypto::openssl::RsaPrivate;
  constexpr crypto::CredentialId kKey{.index = 0, .generation = 1};
  constexpr int kRenewals = 51;
  constexpr std::size_t kJobs = 3;  // enough for a batch
  for (const unsigned bits : {2'048U, 3'072U, 4'096U}) {
    offload::Executor executor;
    SALLYPORT_CHECK(executor.computing() == offload::Computing::batch);
    SALLYPORT_CHECK(executor.keys().add(kKey, crypto::openssl::PrivateKey{EVP_RSA_gen(bits)}));
    RsaPrivate& key = *executor.keys().find(kKey)->rsa();
    std::array<crypto::CryptoJob, kJobs> jobs;
    std::array<crypto::CryptoJob*, kJobs> pointers;
    std::array<crypto::CryptoJob*, offload::Executor::kMaxBatch> finished;
    std::vector<double> longest;
    std::vector<double> totals;
    for (int renewal = 0; renewal < kRenewals; ++renewal) {
      while (key.uses_left() > RsaPrivate::kUses / 4) static_cast<void>(key.next_blinding());
      for (std::size_t i = 0; i < kJobs; ++i) {
        jobs[i].kind = crypto::JobKind::tls12_sign_params;
        jobs[i].scheme = crypto::SignatureScheme::rsa_pkcs1_sha256;
        jobs[i].credential = kKey;
        pointers[i] = &jobs[i];
      }
      SALLYPORT_CHECK(executor.begin(pointers, finished, Tsc{}) == 0);
      while (executor.go_on(finished, Tsc{}) == 0) {
      }
      double slowest = 0;
      double total = 0;
      while (executor.is_working()) {
        const double begin = microseconds(false);
        static_cast<void>(executor.go_on(finished, Tsc{}));
        const double slice = microseconds(false) - begin;
        slowest = std::max(slowest, slice);
        total += slice;
      }
      longest.push_back(slowest);
      totals.push_back(total);
    }
    std::printf(
        "rsa%u renewal: %.0f us (least %.0f); longest slice: least %.0f us, median %.0f us\n", bits,
        median(totals), *std::ranges::min_element(totals), *std::ranges::min_element(longest),
        median(longest));
  }
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  if (!sallyport::crypto::batch::available()) {
    std::fprintf(stderr, "this processor has no AVX-512 IFMA: nothing to measure\n");
    return 0;
  }
  if (argc >= 2 && std::string_view{argv[1]} == "--renewals") {
    print_renewals();
    return 0;
  }
  const std::vector<Operation> all = operations();
  if (argc >= 2 && std::string_view{argv[1]} == "--lanes") {
    print_lanes(all, argc > 2 ? argv[2] : "");
    return 0;
  }
  std::vector<std::string> names;
  for (const Operation& operation : all) {
    names.push_back(std::string{operation.name} + "_batch_vs_openssl");
  }
  std::vector<Figure> figures;
  for (std::size_t i = 0; i < all.size(); ++i) {
    figures.push_back(
        {names[i].c_str(), "ratio", [&all, i] { return measure(all[i], kLanes).ratio; }});
  }
  return run(argc, argv, figures);
}
