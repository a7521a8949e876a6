// The key schedules of TLS 1.3 (RFC 8446 7.1 to 7.3) and TLS 1.2 (RFC 5246 8.1 and 6.3, RFC 7627)
// as types.  Each stage consumes the one before it, so a secret can be used neither before it
// exists nor twice, and every one is wiped when its stage ends.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lib/base/byteorder.h"
#include "lib/base/secret.h"
#include "lib/crypto/algorithms.h"
#include "lib/crypto/hash/transcript_hash.h"
#include "lib/tls/record_keys.h"

namespace sallyport::tls {

// HashSecret is one secret as long as the hash of the cipher suite.  Moving it wipes the source.
class HashSecret {
 public:
  HashSecret() noexcept = default;
  HashSecret(HashSecret&& from) noexcept { take(from); }
  HashSecret& operator=(HashSecret&& from) noexcept {
    take(from);
    return *this;
  }
  HashSecret(const HashSecret&) = delete;
  HashSecret& operator=(const HashSecret&) = delete;
  ~HashSecret() = default;

  void clear() noexcept { bytes_.clear(); }
  [[nodiscard]] crypto::HashAlgorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] ByteView expose() const noexcept {
    return bytes_.expose().first(crypto::digest_len(algorithm_));
  }

 protected:
  explicit HashSecret(crypto::HashAlgorithm algorithm) noexcept : algorithm_{algorithm} {}
  [[nodiscard]] MutableBytes expose_for_write() noexcept {
    return bytes_.expose_for_write().first(crypto::digest_len(algorithm_));
  }

 private:
  void take(HashSecret& from) noexcept {
    algorithm_ = from.algorithm_;
    bytes_.take_over(from.bytes_);
  }

  Secret<crypto::kMaxDigestLen> bytes_;
  crypto::HashAlgorithm algorithm_{};
};

// TrafficSecret protects one direction in one epoch of TLS 1.3.
class TrafficSecret : public HashSecret {
 public:
  TrafficSecret() noexcept = default;

  // derive_keys makes the key and nonce mask of [RFC 8446 7.3]; the sequence number starts at 0.
  void derive_keys(crypto::AeadAlgorithm aead, RecordKeys& keys) const noexcept;
  // finished is verify_data over `transcript` with this secret as BaseKey [RFC 8446 4.4.4].
  [[nodiscard]] crypto::Digest finished(const crypto::Digest& transcript) const noexcept;
  // update moves on to the next generation, as KeyUpdate asks [RFC 8446 7.2].
  void update() noexcept;

  // A connection of TLS 1.2 has no traffic secrets.  Where its cipher suite needs a key for MACs,
  // that lies here; expose() then gives it padded with zeros, as HMAC would.
  void hold_mac_key(ByteView key) noexcept;

 private:
  friend class EarlySecret;
  friend class HandshakeSecret;
  friend class MasterSecret;
  using HashSecret::HashSecret;
};

// ResumptionSecret makes the pre-shared keys of tickets.
class ResumptionSecret : public HashSecret {
 public:
  ResumptionSecret() noexcept = default;

  // ticket_key writes the pre-shared key of the ticket with this nonce [RFC 8446 4.6.1], as long as
  // the hash, to the front of `out`.
  void ticket_key(ByteView ticket_nonce, MutableBytes out) const noexcept;

 private:
  friend class MasterSecret;
  using HashSecret::HashSecret;
};

// MasterSecret gives the application traffic secrets, from the transcript up to server Finished.
class MasterSecret : public HashSecret {
 public:
  MasterSecret() noexcept = default;

  [[nodiscard]] TrafficSecret client_application(const crypto::Digest& transcript) const noexcept;
  [[nodiscard]] TrafficSecret server_application(const crypto::Digest& transcript) const noexcept;
  // resumption is for the time after the handshake, from the transcript up to client Finished.
  [[nodiscard]] ResumptionSecret resumption(const crypto::Digest& transcript) const noexcept;

 private:
  friend class HandshakeSecret;
  using HashSecret::HashSecret;
};

// HandshakeSecret gives the handshake traffic secrets, from the transcript up to ServerHello.
class HandshakeSecret : public HashSecret {
 public:
  [[nodiscard]] TrafficSecret client_handshake(const crypto::Digest& transcript) const noexcept;
  [[nodiscard]] TrafficSecret server_handshake(const crypto::Digest& transcript) const noexcept;
  [[nodiscard]] MasterSecret into_master() && noexcept;

 private:
  friend class EarlySecret;
  using HashSecret::HashSecret;
};

// EarlySecret is the start; without a pre-shared key it holds nothing secret yet.
class EarlySecret : public HashSecret {
 public:
  EarlySecret() noexcept = default;
  explicit EarlySecret(crypto::HashAlgorithm algorithm) noexcept;
  EarlySecret(crypto::HashAlgorithm algorithm, ByteView pre_shared_key) noexcept;
  // resumption_binder proves that a client knows the key of its ticket, over the transcript up to
  // its ClientHello without binders [RFC 8446 4.2.11.2].
  [[nodiscard]] crypto::Digest resumption_binder(const crypto::Digest& transcript) const noexcept;
  // into_handshake mixes the (EC)DHE shared secret in; empty: there was no key exchange.
  [[nodiscard]] HandshakeSecret into_handshake(ByteView shared_secret) && noexcept;
};

// Protection12 is what protects records of TLS 1.2: an AEAD, or CBC if it is not `none`.
struct Protection12 {
  crypto::AeadAlgorithm aead{};
  crypto::CbcAlgorithm cbc{};
  bool encrypt_then_mac = false;
};

// Direction12 is where the keys of one direction go.
struct Direction12 {
  RecordKeys& keys;
  TrafficSecret& mac_key;
};

// MasterSecret12 is the master secret of TLS 1.2.
class MasterSecret12 {
 public:
  static constexpr std::size_t kLen = 48;
  static constexpr std::size_t kVerifyDataLen = 12;
  using VerifyData = std::array<std::uint8_t, kVerifyDataLen>;
  enum class Sender : std::uint8_t { client, server };

  // derive: [RFC 5246 8.1] from both randoms.
  void derive(crypto::HashAlgorithm algorithm, ByteView premaster, ByteView client_random,
              ByteView server_random) noexcept;
  // derive_extended: [RFC 7627 4] from the transcript up to ClientKeyExchange.
  void derive_extended(crypto::HashAlgorithm algorithm, ByteView premaster,
                       const crypto::Digest& session_hash) noexcept;
  // restore takes the secret of an earlier session, kLen bytes.
  void restore(crypto::HashAlgorithm algorithm, ByteView secret) noexcept;

  // derive_keys cuts the key block [RFC 5246 6.3] into the keys of both directions.
  void derive_keys(const Protection12& protection, ByteView client_random, ByteView server_random,
                   const Direction12& client, const Direction12& server) const noexcept;
  // finished is verify_data [RFC 5246 7.4.9].
  [[nodiscard]] VerifyData finished(Sender sender, const crypto::Digest& transcript) const noexcept;

  void clear() noexcept { bytes_.clear(); }
  [[nodiscard]] ByteView expose() const noexcept { return bytes_.expose(); }

 private:
  Secret<kLen> bytes_;
  crypto::HashAlgorithm algorithm_{};
};

}  // namespace sallyport::tls
