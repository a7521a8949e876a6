// Engine: what all TLS connections of one worker share.  One per worker, used by its lcore alone.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/random.h"
#include "lib/base/secret.h"
#include "lib/base/units.h"
#include "lib/crypto/aead/aead.h"

namespace sallyport::tls {

class Engine {
 public:
  enum class Use : std::uint8_t { open, seal };

  explicit Engine(Random& random) noexcept : random_{random} {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // begin_burst tells the time, once per Worker::process().  It also wipes an expanded key that was
  // not used for a while, so that none outlives its connection by much.
  void begin_burst(Tsc now, TscRate rate) noexcept;

  [[nodiscard]] Random& random() noexcept { return random_; }
  [[nodiscard]] Tsc now() const noexcept { return now_; }
  [[nodiscard]] TscRate rate() const noexcept { return rate_; }

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
  Tsc now_;
  TscRate rate_;
  std::size_t next_to_inspect_ = 0;
  crypto::AeadEngine aead_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace sallyport::tls
