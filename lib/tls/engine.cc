#include "lib/tls/engine.h"

#include <algorithm>
#include <memory>

namespace sallyport::tls {
namespace {

struct DrawnSecret {
  explicit DrawnSecret(Random& random) noexcept { random.fill(bytes.expose_for_write()); }
  Secret<32> bytes;
};

}  // namespace

Engine::Engine(Random& random, const KeyLimits& limits, SessionCache* sessions) noexcept
    : random_{random},
      limits_{limits},
      sessions_{sessions},
      hello_cookie_key_{crypto::HashAlgorithm::sha256, DrawnSecret{random}.bytes.expose()} {}

void Engine::begin_burst(Tsc now, TscRate rate) noexcept {
  now_ = now;
  rate_ = rate;
  Slot& slot = slots_[next_to_inspect_];
  next_to_inspect_ = (next_to_inspect_ + 1) % slots_.size();
  if (slot.filled && !slot.used) clear(slot);
  slot.used = false;
}

const crypto::ExpandedKey& Engine::expanded(const crypto::AeadKey& key, Use use) noexcept {
  const auto raw = key.bytes.expose();
  // A key is as good as random, so its first byte spreads connections over the slots.
  const std::size_t half = kSlots / 2;
  Slot& slot = slots_[(use == Use::open ? 0 : half) + raw[0] % half];
  slot.used = true;
  if (slot.filled && slot.algorithm == key.algorithm && equal_ct(slot.key.expose(), raw)) {
    return slot.expanded;
  }
  slot.expanded.expand(aead_, key);
  std::ranges::copy(raw, slot.key.expose_for_write().begin());
  slot.algorithm = key.algorithm;
  slot.filled = true;
  return slot.expanded;
}

void Engine::clear(Slot& slot) noexcept {
  slot.key.clear();
  std::destroy_at(&slot.expanded);  // wipes
  std::construct_at(&slot.expanded);
  slot.filled = false;
}

}  // namespace sallyport::tls
