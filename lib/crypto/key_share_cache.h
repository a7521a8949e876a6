// KeyShareCache: ephemeral key pairs made ahead of time, so that a ServerHello can be written at
// once.  Each is handed out once; pairs older than the limit are wiped unused.  The worker owns the
// cache and asks for more with make_key_shares jobs.
//
// The pairs live in pages of their own: locked where the limit allows it, left out of core dumps,
// and zeroed in a child after fork, which therefore finds an empty cache and not our keys.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/units.h"
#include "lib/crypto/job.h"

namespace sallyport::crypto {

class KeyShareCache {
 public:
  // The groups that pairs are kept for, most wanted first.  Those that are made ahead come first;
  // of the others there are only as many as somebody asked for in vain.
  static constexpr std::array kGroups{NamedGroup::x25519, NamedGroup::secp256r1,
                                      NamedGroup::secp384r1, NamedGroup::x448};

  struct Options {
    std::uint16_t capacity = 64;   // pairs per group
    std::uint16_t low_water = 32;  // more are asked for below this
    TscSpan max_age;               // 60 s in production; not positive: pairs never age
  };

  // Allocates; failure to get memory aborts, because it can only happen at start.
  explicit KeyShareCache(const Options& options);
  ~KeyShareCache();
  KeyShareCache(const KeyShareCache&) = delete;
  KeyShareCache& operator=(const KeyShareCache&) = delete;

  // take moves the oldest pair that is young enough into `out`; false when there is none: the
  // handshake has to wait for a job (or gets no reply), it must never re-use one.  It asks again in
  // every turn until it has one.
  [[nodiscard]] bool take(NamedGroup group, Tsc now, KeyShare& out) noexcept;

  // refill_due names a group that wants one more make_key_shares job now, counting those already
  // under way; `none` when all are satisfied.  Call again after requested(), once per turn until
  // `none`: that forgets who asked in vain before.
  [[nodiscard]] NamedGroup refill_due() noexcept;
  // requested: a make_key_shares job for `group` has been sent.
  void requested(NamedGroup group) noexcept;
  // absorb takes the pairs of a make_key_shares job that came back, whatever its status, and wipes
  // them in the job.  Pairs beyond the capacity are dropped.
  void absorb(CryptoJob& job) noexcept;

  // flush_aged wipes pairs that are too old: housekeeping, a few times per minute is enough.
  void flush_aged(Tsc now) noexcept;

  [[nodiscard]] std::size_t available(NamedGroup group) const noexcept;

 private:
  // Ring and its slots lie in the protected pages, so that a forked child sees zeros: no pairs.
  struct Ring {
    std::uint32_t head = 0;  // oldest
    std::uint32_t count = 0;
    std::uint32_t under_way = 0;  // pairs asked for and not here yet
    std::uint32_t missed = 0;     // asked for in vain in this turn
  };
  [[nodiscard]] static std::size_t index_of(NamedGroup group) noexcept;
  [[nodiscard]] KeyShare& slot(std::size_t ring, std::uint32_t position) noexcept;
  void drop_oldest(std::size_t ring) noexcept;
  [[nodiscard]] bool aged(const KeyShare& share, Tsc now) const noexcept;

  Options options_;
  std::span<Ring> rings_;
  std::span<KeyShare> slots_;  // kGroups.size() x capacity
  void* pages_ = nullptr;
  std::size_t pages_len_ = 0;
};

}  // namespace sallyport::crypto
