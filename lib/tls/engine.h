// Engine: what all TLS connections of one worker share.  One per worker, used by its lcore alone.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/random.h"
#include "lib/base/secret.h"
#include "lib/base/units.h"
#include "lib/crypto/aead/aead.h"
#include "lib/crypto/hash/hmac.h"
#include "lib/tls/session_cache.h"
#include "lib/tls/ticket.h"

namespace sallyport::tls {

// KeyLimits is how many records one key may seal.
struct KeyLimits {
  // [RFC 8446 5.5] AES-GCM keeps its promises for 2^24.5 full records; then the key is changed.
  std::uint64_t tls13 = std::uint64_t{1} << 24;
  // TLS 1.2 cannot change keys, so the connection ends instead.  Its records are seldom full: this
  // many of a segment each still leave an attacker an advantage below 2^-50.
  std::uint64_t tls12 = std::uint64_t{1} << 32;
};
static_assert(KeyLimits{}.tls13 < 23'726'566, "2^24.5");

class Engine {
 public:
  enum class Use : std::uint8_t { open, seal };

  // `sessions` outlives the engine; nullptr: no sessions are kept.
  explicit Engine(Random& random, const KeyLimits& limits = {},
                  SessionCache* sessions = nullptr) noexcept;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // begin_burst tells the time, once per Worker::process().  It also wipes an expanded key that was
  // not used for a while, so that none outlives its connection by much.
  void begin_burst(Tsc now, TscRate rate) noexcept;

  // use_tickets says with which keys tickets are made and opened from now on, and what time it is;
  // both come with the snapshot.  nullptr: no tickets.
  void use_tickets(const TicketKeys* keys, const WallClock& wall) noexcept {
    ticket_keys_ = keys;
    wall_ = wall;
  }

  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] Tsc now() const noexcept { return now_; }
  [[nodiscard]] TscRate rate() const noexcept { return rate_; }
  [[nodiscard]] std::uint64_t unix_ms() const noexcept { return wall_.unix_ms_at(now_, rate_); }
  [[nodiscard]] const KeyLimits& limits() const noexcept { return limits_; }
  [[nodiscard]] const TicketKeys* ticket_keys() const noexcept { return ticket_keys_; }
  [[nodiscard]] SessionCache* sessions() const noexcept { return sessions_; }
  // hello_cookie_key is drawn once and never leaves: who retries stays with its worker.
  [[nodiscard]] const crypto::HmacKey& hello_cookie_key() const noexcept {
    return hello_cookie_key_;
  }
  [[nodiscard]] const crypto::AeadEngine& aead() const noexcept { return aead_; }

  // expanded gives `key` ready for use; the reference is good until the next call.
  [[nodiscard]] const crypto::ExpandedKey& expanded(const crypto::AeadKey& key, Use use) noexcept;

 private:
  // Records of one connection come in rows.  Their expanded key (1 KiB) stays warm for the row, and
  // costs no memory afterwards.
  struct Slot {
    crypto::ExpandedKey expanded;
    Secret<crypto::kMaxAeadKeyLen> key;
    crypto::AeadAlgorithm algorithm{};
    bool filled = false;
    bool used = false;  // since begin_burst() looked last
  };
  static constexpr std::size_t kSlots = 8;  // half to open, half to seal

  void clear(Slot& slot) noexcept;

  Random& random_;
  KeyLimits limits_;
  Tsc now_;
  TscRate rate_;
  WallClock wall_;
  const TicketKeys* ticket_keys_ = nullptr;
  SessionCache* sessions_;
  crypto::HmacKey hello_cookie_key_;
  std::size_t next_to_inspect_ = 0;
  crypto::AeadEngine aead_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace sallyport::tls
