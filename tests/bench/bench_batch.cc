// The batch kernels against OpenSSL's cheapest calls for the same operation.  Both take turns, so
// that a noisy machine disturbs both alike; a figure is the median of the turns' ratios.
//
//   bench_batch --lanes   for each operation and 1 to 8 lanes: microseconds of the batch, and of
//                         OpenSSL for as many operations
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/check.h"
#include "lib/crypto/batch/cpu.h"
#include "lib/crypto/batch/x25519.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "tests/bench/metric.h"

namespace sallyport::bench {
namespace {

using crypto::KeyShare;
using crypto::NamedGroup;
using crypto::batch::Agreement;

constexpr std::size_t kLanes = 8;
// A turn is shorter than a time slice of the scheduler.
constexpr int kTurns = 501;

// Operation runs `lanes` operations, by one call of the kernel or one by one.
struct Operation {
  const char* name;
  std::function<void(std::size_t lanes)> batch;
  std::function<void()> openssl;
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

std::uint64_t timed(const std::function<void()>& work) {
  const std::uint64_t begin = ticks();
  work();
  return ticks() - begin;
}

struct Medians {
  double batch;  // ticks of one call
  double openssl;
  double ratio;
};
Medians measure(const Operation& operation, std::size_t lanes) {
  std::vector<double> batch;
  std::vector<double> openssl;
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto ours = timed([&] { operation.batch(lanes); });
    const auto theirs = timed([&] {
      for (std::size_t i = 0; i < lanes; ++i) operation.openssl();
    });
    batch.push_back(static_cast<double>(ours));
    openssl.push_back(static_cast<double>(theirs));
    ratios.push_back(static_cast<double>(theirs) / static_cast<double>(ours));
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
    SALLYPORT_CHECK(RAND_priv_bytes_ex(context.native(), bytes.data(), 32 * count, 0) == 1);
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

// x25519_keygen also beats OpenSSL's own way to a key pair: make_key_share agrees with the base
// point instead, because OpenSSL does that faster.
std::vector<Operation> operations() {
  const auto x25519 = std::make_shared<KeyAgreement>(NamedGroup::x25519);
  const auto kernel = std::make_shared<const crypto::batch::X25519>();
  return {
      {"x25519_keygen",
       [=](std::size_t n) {
         x25519->draw(n);
         kernel->make_public(std::span{x25519->shares}.first(n));
       },
       [=] { x25519->make_by_openssl(); }},
      {"x25519_derive", [=](std::size_t n) { kernel->derive(std::span{x25519->lanes}.first(n)); },
       [=] { x25519->derive_by_openssl(); }}};
}

void print_lanes(const std::vector<Operation>& all) {
  const double ticks_per_us = ticks_per_microsecond();
  for (const Operation& operation : all) {
    for (std::size_t lanes = 1; lanes <= kLanes; ++lanes) {
      const Medians m = measure(operation, lanes);
      std::printf("%s %zu lanes: batch %.1f us, OpenSSL %.1f us, ratio %.2f\n", operation.name,
                  lanes, m.batch / ticks_per_us, m.openssl / ticks_per_us, m.ratio);
    }
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
  const std::vector<Operation> all = operations();
  if (argc == 2 && std::string_view{argv[1]} == "--lanes") {
    print_lanes(all);
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
