#include "lib/tls/key_schedule.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "lib/crypto/hash/hkdf.h"
#include "lib/crypto/hash/prf.h"

namespace sallyport::tls {
namespace {

using crypto::Digest;
using crypto::HashAlgorithm;
using crypto::HmacKey;

constexpr std::array<std::uint8_t, crypto::kMaxDigestLen> kZeros{};

// The longest key block of our suites: two keys of 32 bytes for AES and two for HMAC-SHA256.
constexpr std::size_t kMaxKeyBlock = 2 * (32 + crypto::kMaxMacKeyLen);

[[nodiscard]] ByteView zeros(HashAlgorithm algorithm) noexcept {
  return ByteView{kZeros}.first(crypto::digest_len(algorithm));
}

// advance is the arrow between two stages of [RFC 8446 7.1]: Derive-Secret(., "derived", ""), then
// HKDF-Extract of what comes in from the side.
void advance(HashAlgorithm algorithm, ByteView secret, ByteView input, MutableBytes out) noexcept {
  Secret<crypto::kMaxDigestLen> derived;
  const MutableBytes salt = derived.expose_for_write().first(crypto::digest_len(algorithm));
  {
    const HmacKey key{algorithm, secret};
    crypto::derive_secret(key, "derived", crypto::hash(algorithm, {}), salt);
  }
  crypto::hkdf_extract(algorithm, salt, input, out);
}

void derive(const HashSecret& secret, std::string_view label, const Digest& transcript,
            MutableBytes out) noexcept {
  const HmacKey key{secret.algorithm(), secret.expose()};
  crypto::derive_secret(key, label, transcript, out);
}

}  // namespace

void TrafficSecret::derive_keys(crypto::AeadAlgorithm aead, RecordKeys& keys) const noexcept {
  const HmacKey secret{algorithm(), expose()};
  Secret<crypto::kMaxAeadKeyLen> key;
  Secret<crypto::kAeadNonceLen> iv;
  const MutableBytes key_bytes = key.expose_for_write().first(crypto::key_len(aead));
  crypto::hkdf_expand_label(secret, "key", {}, key_bytes);
  crypto::hkdf_expand_label(secret, "iv", {}, iv.expose_for_write());
  keys.set(RecordKeys::Format::tls13, aead, key_bytes, iv.expose());
}

Digest TrafficSecret::finished(const Digest& transcript) const noexcept {
  Secret<crypto::kMaxDigestLen> finished_key;
  const MutableBytes key = finished_key.expose_for_write().first(crypto::digest_len(algorithm()));
  {
    const HmacKey base{algorithm(), expose()};
    crypto::hkdf_expand_label(base, "finished", {}, key);
  }
  Digest verify_data;
  verify_data.len = static_cast<std::uint8_t>(crypto::digest_len(algorithm()));
  const HmacKey mac{algorithm(), key};
  mac.mac({transcript.view()}, verify_data.bytes);
  return verify_data;
}

void TrafficSecret::update() noexcept {
  const HmacKey current{algorithm(), expose()};
  crypto::hkdf_expand_label(current, "traffic upd", {}, expose_for_write());
}

void TrafficSecret::hold_mac_key(ByteView key) noexcept {
  static_assert(crypto::Sha256::kDigestLen == crypto::kMaxMacKeyLen);
  *this = TrafficSecret{HashAlgorithm::sha256};
  std::ranges::copy(key, expose_for_write().begin());
}

TrafficSecret MasterSecret::client_application(const Digest& transcript) const noexcept {
  TrafficSecret secret{algorithm()};
  derive(*this, "c ap traffic", transcript, secret.expose_for_write());
  return secret;
}

TrafficSecret MasterSecret::server_application(const Digest& transcript) const noexcept {
  TrafficSecret secret{algorithm()};
  derive(*this, "s ap traffic", transcript, secret.expose_for_write());
  return secret;
}

ResumptionSecret MasterSecret::resumption(const Digest& transcript) const noexcept {
  ResumptionSecret secret{algorithm()};
  derive(*this, "res master", transcript, secret.expose_for_write());
  return secret;
}

void ResumptionSecret::ticket_key(ByteView ticket_nonce, MutableBytes out) const noexcept {
  const HmacKey secret{algorithm(), expose()};
  crypto::hkdf_expand_label(secret, "resumption", ticket_nonce,
                            out.first(crypto::digest_len(algorithm())));
}

TrafficSecret HandshakeSecret::client_handshake(const Digest& transcript) const noexcept {
  TrafficSecret secret{algorithm()};
  derive(*this, "c hs traffic", transcript, secret.expose_for_write());
  return secret;
}

TrafficSecret HandshakeSecret::server_handshake(const Digest& transcript) const noexcept {
  TrafficSecret secret{algorithm()};
  derive(*this, "s hs traffic", transcript, secret.expose_for_write());
  return secret;
}

MasterSecret HandshakeSecret::into_master() && noexcept {
  MasterSecret master{algorithm()};
  advance(algorithm(), expose(), zeros(algorithm()), master.expose_for_write());
  clear();
  return master;
}

EarlySecret::EarlySecret(HashAlgorithm algorithm) noexcept
    : EarlySecret{algorithm, zeros(algorithm)} {}

EarlySecret::EarlySecret(HashAlgorithm algorithm, ByteView pre_shared_key) noexcept
    : HashSecret{algorithm} {
  crypto::hkdf_extract(algorithm, {}, pre_shared_key, expose_for_write());
}

Digest EarlySecret::resumption_binder(const Digest& transcript) const noexcept {
  // A binder is made like a Finished, with a base key of its own.
  TrafficSecret binder_key{algorithm()};
  derive(*this, "res binder", crypto::hash(algorithm(), {}), binder_key.expose_for_write());
  return binder_key.finished(transcript);
}

HandshakeSecret EarlySecret::into_handshake(ByteView shared_secret) && noexcept {
  HandshakeSecret handshake{algorithm()};
  // [RFC 8446 7.1] zeros stand for what is not there.
  advance(algorithm(), expose(), shared_secret.empty() ? zeros(algorithm()) : shared_secret,
          handshake.expose_for_write());
  clear();
  return handshake;
}

void MasterSecret12::derive(HashAlgorithm algorithm, ByteView premaster, ByteView client_random,
                            ByteView server_random) noexcept {
  algorithm_ = algorithm;
  const HmacKey key{algorithm, premaster};
  crypto::tls12_prf(key, "master secret", client_random, server_random, bytes_.expose_for_write());
}

void MasterSecret12::derive_extended(HashAlgorithm algorithm, ByteView premaster,
                                     const Digest& session_hash) noexcept {
  algorithm_ = algorithm;
  const HmacKey key{algorithm, premaster};
  crypto::tls12_prf(key, "extended master secret", session_hash.view(), {},
                    bytes_.expose_for_write());
}

void MasterSecret12::restore(HashAlgorithm algorithm, ByteView secret) noexcept {
  algorithm_ = algorithm;
  std::ranges::copy(secret.first(kLen), bytes_.expose_for_write().begin());
}

void MasterSecret12::derive_keys(const Protection12& protection, ByteView client_random,
                                 ByteView server_random, const Direction12& client,
                                 const Direction12& server) const noexcept {
  const bool cbc = protection.cbc != crypto::CbcAlgorithm::none;
  const auto aead = protection.aead;
  const bool gcm = aead != crypto::AeadAlgorithm::chacha20_poly1305;
  // [RFC 5288 3] GCM takes four bytes of salt; [RFC 7905 2] ChaCha20 a whole nonce mask.
  std::size_t iv_len = gcm ? 4 : crypto::kAeadNonceLen;
  std::size_t key_len = crypto::key_len(aead);
  std::size_t mac_key_len = 0;
  if (cbc) {
    iv_len = 0;  // [RFC 5246 6.2.3.2] every record brings its own
    key_len = crypto::key_len(protection.cbc);
    mac_key_len = crypto::mac_len(protection.cbc);
  }
  Secret<kMaxKeyBlock> block;
  MutableBytes bytes = block.expose_for_write().first(2 * (mac_key_len + key_len + iv_len));
  {
    const HmacKey master{algorithm_, bytes_.expose()};
    crypto::tls12_prf(master, "key expansion", server_random, client_random, bytes);
  }
  if (cbc) {
    client.mac_key.hold_mac_key(bytes.first(mac_key_len));
    server.mac_key.hold_mac_key(bytes.subspan(mac_key_len, mac_key_len));
    bytes = bytes.subspan(2 * mac_key_len);
    const auto cbc_format = protection.encrypt_then_mac ? RecordKeys::Format::tls12_cbc_then_mac
                                                        : RecordKeys::Format::tls12_cbc;
    client.keys.set_cbc(cbc_format, protection.cbc, bytes.first(key_len));
    server.keys.set_cbc(cbc_format, protection.cbc, bytes.subspan(key_len, key_len));
    return;
  }
  const auto format = gcm ? RecordKeys::Format::tls12_explicit_nonce : RecordKeys::Format::tls12;
  client.keys.set(format, aead, bytes.first(key_len), bytes.subspan(2 * key_len, iv_len));
  server.keys.set(format, aead, bytes.subspan(key_len, key_len),
                  bytes.subspan(2 * key_len + iv_len, iv_len));
}

MasterSecret12::VerifyData MasterSecret12::finished(Sender sender,
                                                    const Digest& transcript) const noexcept {
  VerifyData verify_data;
  const HmacKey master{algorithm_, bytes_.expose()};
  crypto::tls12_prf(master, sender == Sender::client ? "client finished" : "server finished",
                    transcript.view(), {}, verify_data);
  return verify_data;
}

}  // namespace sallyport::tls
