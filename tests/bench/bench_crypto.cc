// What each primitive costs on this machine, one call at a time.  The asymmetric operations are
// measured as the executor runs them: whole jobs.
#include <benchmark/benchmark.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "lib/crypto/aead/aead.h"
#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/hash/prf.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/crypto/openssl/key_exchange.h"
#include "lib/offload/executor.h"

namespace sallyport {
namespace {

using crypto::AeadAlgorithm;
using crypto::CryptoJob;
using crypto::HashAlgorithm;
using crypto::JobKind;
using crypto::NamedGroup;
using crypto::SignatureScheme;
using Bytes = std::vector<std::uint8_t>;

// --- hashes and what is built on them ----------------------------------------------------------

void transcript(benchmark::State& state, HashAlgorithm algorithm) {
  const Bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) {
    crypto::TranscriptHash hash{algorithm};
    hash.update(message);
    benchmark::DoNotOptimize(hash.digest());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(transcript, sha256, HashAlgorithm::sha256)->Arg(32)->Arg(512)->Arg(4096);
BENCHMARK_CAPTURE(transcript, sha384, HashAlgorithm::sha384)->Arg(32)->Arg(512)->Arg(4096);

void hmac_key(benchmark::State& state, HashAlgorithm algorithm) {
  const Bytes key(crypto::digest_len(algorithm), 7);
  for (auto _ : state) {
    const crypto::HmacKey absorbed{algorithm, key};
    benchmark::DoNotOptimize(absorbed);
  }
}
BENCHMARK_CAPTURE(hmac_key, sha256, HashAlgorithm::sha256);
BENCHMARK_CAPTURE(hmac_key, sha384, HashAlgorithm::sha384);

void hmac_32_bytes(benchmark::State& state, HashAlgorithm algorithm) {
  const crypto::HmacKey key{algorithm, Bytes(32, 7)};
  const Bytes message(32, 9);
  Bytes out(48);
  for (auto _ : state) {
    key.mac({message}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK_CAPTURE(hmac_32_bytes, sha256, HashAlgorithm::sha256);
BENCHMARK_CAPTURE(hmac_32_bytes, sha384, HashAlgorithm::sha384);

// The schedule of a full TLS 1.3 handshake on the server: three secrets, four traffic secrets with
// key and iv each, both Finished, resumption master secret and one ticket's secret.
void tls13_key_schedule(benchmark::State& state, HashAlgorithm algorithm) {
  const std::size_t len = crypto::digest_len(algorithm);
  const Bytes zeros(len, 0);
  const Bytes shared(32, 0x42);
  const crypto::Digest empty = crypto::hash(algorithm, {});
  Bytes early(len);
  crypto::hkdf_extract(algorithm, {}, zeros, early);
  Bytes derived_early(len);
  crypto::derive_secret(crypto::HmacKey{algorithm, early}, "derived", empty, derived_early);
  Bytes secret(len);
  Bytes traffic(len);
  Bytes finished(len);
  std::array<std::uint8_t, 16> key;
  std::array<std::uint8_t, 12> iv;
  const auto traffic_keys = [&](const crypto::HmacKey& from, std::string_view label, bool finish) {
    crypto::derive_secret(from, label, empty, traffic);
    const crypto::HmacKey traffic_key{algorithm, traffic};
    crypto::hkdf_expand_label(traffic_key, "key", {}, key);
    crypto::hkdf_expand_label(traffic_key, "iv", {}, iv);
    if (!finish) return;
    crypto::hkdf_expand_label(traffic_key, "finished", {}, finished);
    crypto::HmacKey{algorithm, finished}.mac({empty.view()}, finished);
  };
  for (auto _ : state) {
    crypto::hkdf_extract(algorithm, derived_early, shared, secret);
    {
      const crypto::HmacKey handshake{algorithm, secret};
      traffic_keys(handshake, "c hs traffic", true);
      traffic_keys(handshake, "s hs traffic", true);
      crypto::derive_secret(handshake, "derived", empty, secret);
    }
    crypto::hkdf_extract(algorithm, secret, zeros, secret);
    const crypto::HmacKey master{algorithm, secret};
    traffic_keys(master, "c ap traffic", false);
    traffic_keys(master, "s ap traffic", false);
    crypto::derive_secret(master, "res master", empty, secret);
    crypto::hkdf_expand_label(crypto::HmacKey{algorithm, secret}, "resumption", iv, traffic);
    benchmark::DoNotOptimize(traffic.data());
  }
}
BENCHMARK_CAPTURE(tls13_key_schedule, sha256, HashAlgorithm::sha256);
BENCHMARK_CAPTURE(tls13_key_schedule, sha384, HashAlgorithm::sha384);

// Master secret, key block, both Finished.
void tls12_key_schedule(benchmark::State& state) {
  const Bytes premaster(32, 0x42);
  const Bytes randoms(32, 1);
  Bytes master(48);
  Bytes block(40);
  Bytes finished(12);
  for (auto _ : state) {
    crypto::tls12_prf(crypto::HmacKey{HashAlgorithm::sha256, premaster}, "extended master secret",
                      randoms, {}, master);
    const crypto::HmacKey key{HashAlgorithm::sha256, master};
    crypto::tls12_prf(key, "key expansion", randoms, randoms, block);
    crypto::tls12_prf(key, "client finished", randoms, {}, finished);
    crypto::tls12_prf(key, "server finished", randoms, {}, finished);
    benchmark::DoNotOptimize(finished.data());
  }
}
BENCHMARK(tls12_key_schedule);

// --- records -----------------------------------------------------------------------------------

struct Cipher {
  explicit Cipher(AeadAlgorithm algorithm) {
    key.set(algorithm, Bytes(32, 3));
    expanded.expand(engine, key);
  }
  crypto::AeadEngine engine;
  crypto::AeadKey key;
  crypto::ExpandedKey expanded;
  crypto::AeadNonce nonce{};
  Bytes aad = Bytes(5, 1);
};

void expand(benchmark::State& state, AeadAlgorithm algorithm) {
  Cipher cipher{algorithm};
  for (auto _ : state) {
    cipher.expanded.expand(cipher.engine, cipher.key);
    benchmark::DoNotOptimize(cipher.expanded);
  }
}
BENCHMARK_CAPTURE(expand, aes_128_gcm, AeadAlgorithm::aes_128_gcm);
BENCHMARK_CAPTURE(expand, aes_256_gcm, AeadAlgorithm::aes_256_gcm);
BENCHMARK_CAPTURE(expand, chacha20_poly1305, AeadAlgorithm::chacha20_poly1305);

void seal(benchmark::State& state, AeadAlgorithm algorithm) {
  Cipher cipher{algorithm};
  const auto len = static_cast<std::size_t>(state.range(0));
  const Bytes plaintext(len, 0x5a);
  Bytes record(len + crypto::kAeadTagLen);
  for (auto _ : state) {
    cipher.expanded.seal(cipher.nonce, cipher.aad, plaintext, record);
    benchmark::DoNotOptimize(record.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(seal, aes_128_gcm, AeadAlgorithm::aes_128_gcm)->Arg(16)->Arg(1350)->Arg(16384);
BENCHMARK_CAPTURE(seal, aes_256_gcm, AeadAlgorithm::aes_256_gcm)->Arg(1350)->Arg(16384);
BENCHMARK_CAPTURE(seal, chacha20_poly1305, AeadAlgorithm::chacha20_poly1305)
    ->Arg(16)
    ->Arg(1350)
    ->Arg(16384);

// open works in place, so each round needs its ciphertext back: the copy is part of the figure.
void open(benchmark::State& state, AeadAlgorithm algorithm) {
  Cipher cipher{algorithm};
  const auto len = static_cast<std::size_t>(state.range(0));
  const auto piece_len = static_cast<std::size_t>(state.range(1));
  Bytes sealed(len + crypto::kAeadTagLen);
  cipher.expanded.seal(cipher.nonce, cipher.aad, Bytes(len, 0x5a), sealed);
  Bytes record = sealed;
  std::vector<MutableBytes> pieces;
  for (MutableBytes rest{record}; !rest.empty(); rest = rest.subspan(pieces.back().size())) {
    pieces.push_back(rest.first(std::min(piece_len, rest.size())));
  }
  for (auto _ : state) {
    record = sealed;
    benchmark::DoNotOptimize(cipher.expanded.open(cipher.nonce, cipher.aad, pieces));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(open, aes_128_gcm, AeadAlgorithm::aes_128_gcm)
    ->Args({1350, 16384})
    ->Args({16384, 32768})
    ->Args({16384, 1448});
BENCHMARK_CAPTURE(open, chacha20_poly1305, AeadAlgorithm::chacha20_poly1305)
    ->Args({1350, 16384})
    ->Args({16384, 1448});

// --- jobs --------------------------------------------------------------------------------------

struct Bench {
  Bench(SignatureScheme scheme, NamedGroup group) {
    EVP_PKEY* const key =
        scheme == SignatureScheme::ecdsa_secp256r1_sha256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    const crypto::openssl::PrivateKey owner{key};
    const bool added = executor.keys().add({.index = 0, .generation = 1}, owner);
    crypto::KeyShare peer;
    const bool made = crypto::openssl::make_key_share(context, group, Tsc{}, job->ephemeral) &&
                      crypto::openssl::make_key_share(context, group, Tsc{}, peer);
    if (!added || !made) std::abort();
    std::copy_n(peer.public_key.begin(), peer.public_len, job->peer_share.begin());
    job->peer_share_len = peer.public_len;
    job->scheme = scheme;
    job->group = group;
    job->credential = {.index = 0, .generation = 1};
  }
  void run(benchmark::State& state, JobKind kind) {
    job->kind = kind;
    CryptoJob* const pointer = job.get();
    for (auto _ : state) {
      executor.run({&pointer, 1}, Tsc{1});
      if (job->status != crypto::JobStatus::ok) state.SkipWithError("job failed");
    }
  }
  offload::Executor executor;
  crypto::openssl::Context context;
  std::unique_ptr<CryptoJob> job = std::make_unique<CryptoJob>();
};

void job(benchmark::State& state, JobKind kind, NamedGroup group, SignatureScheme scheme) {
  Bench{scheme, group}.run(state, kind);
}
constexpr auto kEcdsa = SignatureScheme::ecdsa_secp256r1_sha256;
constexpr auto kPss = SignatureScheme::rsa_pss_rsae_sha256;
BENCHMARK_CAPTURE(job, derive_x25519, JobKind::tls12_derive, NamedGroup::x25519, kEcdsa)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, derive_p256, JobKind::tls12_derive, NamedGroup::secp256r1, kEcdsa)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, sign_ecdsa_p256, JobKind::tls12_sign_params, NamedGroup::x25519, kEcdsa)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, sign_rsa2048_pss, JobKind::tls12_sign_params, NamedGroup::x25519, kPss)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, tls13_x25519_ecdsa, JobKind::tls13_derive_and_sign, NamedGroup::x25519,
                  kEcdsa)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, eight_shares_x25519, JobKind::make_key_shares, NamedGroup::x25519, kEcdsa)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(job, eight_shares_p256, JobKind::make_key_shares, NamedGroup::secp256r1, kEcdsa)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sallyport

BENCHMARK_MAIN();
