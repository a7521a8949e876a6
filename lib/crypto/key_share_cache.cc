#include "lib/crypto/key_share_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <memory>

#include "lib/base/check.h"
#include "lib/base/secret.h"

namespace sallyport::crypto {

KeyShareCache::KeyShareCache(const Options& options) : options_{options} {
  SALLYPORT_CHECK(options.capacity > 0 && options.low_water <= options.capacity);
  const std::size_t num_slots = kGroups.size() * options.capacity;
  pages_len_ = num_slots * sizeof(KeyShare) + kGroups.size() * sizeof(Ring);
  pages_ = ::mmap(nullptr, pages_len_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SALLYPORT_CHECK(pages_ != MAP_FAILED);
  SALLYPORT_CHECK(::madvise(pages_, pages_len_, MADV_WIPEONFORK) == 0);
  SALLYPORT_CHECK(::madvise(pages_, pages_len_, MADV_DONTDUMP) == 0);
  // Locking is subject to RLIMIT_MEMLOCK; without it the pairs could reach swap within their 60 s.
  static_cast<void>(::mlock(pages_, pages_len_));
  auto* const slots = static_cast<KeyShare*>(pages_);
  auto* const rings = reinterpret_cast<Ring*>(slots + num_slots);
  std::uninitialized_value_construct_n(slots, num_slots);
  std::uninitialized_value_construct_n(rings, kGroups.size());
  slots_ = {slots, num_slots};
  rings_ = {rings, kGroups.size()};
}

KeyShareCache::~KeyShareCache() {
  wipe({static_cast<std::uint8_t*>(pages_), pages_len_});
  ::munmap(pages_, pages_len_);
}

std::size_t KeyShareCache::index_of(NamedGroup group) noexcept {
  return static_cast<std::size_t>(std::ranges::find(kGroups, group) - kGroups.begin());
}

KeyShare& KeyShareCache::slot(std::size_t ring, std::uint32_t position) noexcept {
  return slots_[ring * options_.capacity + position % options_.capacity];
}

bool KeyShareCache::aged(const KeyShare& share, Tsc now) const noexcept {
  return options_.max_age > TscSpan{} && now - share.made > options_.max_age;
}

void KeyShareCache::drop_oldest(std::size_t ring) noexcept {
  Ring& r = rings_[ring];
  wipe_object(slot(ring, r.head));
  r.head = (r.head + 1) % options_.capacity;
  --r.count;
}

bool KeyShareCache::take(NamedGroup group, Tsc now, KeyShare& out) noexcept {
  const std::size_t ring = index_of(group);
  if (ring == kGroups.size()) return false;
  while (rings_[ring].count != 0) {
    const KeyShare& oldest = slot(ring, rings_[ring].head);
    const bool young = !aged(oldest, now);
    if (young) out = oldest;
    drop_oldest(ring);
    if (young) return true;
  }
  Ring& r = rings_[ring];
  r.missed = std::min<std::uint32_t>(r.missed + 1, options_.capacity);
  return false;
}

NamedGroup KeyShareCache::refill_due() noexcept {
  for (std::size_t ring = 0; ring < kGroups.size(); ++ring) {
    Ring& r = rings_[ring];
    const std::uint32_t wanted = is_made_ahead(kGroups[ring]) ? options_.low_water : r.missed;
    if (r.count + r.under_way < wanted) return kGroups[ring];
    r.missed = 0;
  }
  return NamedGroup::none;
}

void KeyShareCache::requested(NamedGroup group) noexcept {
  const std::size_t ring = index_of(group);
  if (ring == kGroups.size()) return;
  rings_[ring].under_way += key_shares_per_job(group);
}

void KeyShareCache::absorb(CryptoJob& job) noexcept {
  const std::size_t ring = index_of(job.group);
  if (ring != kGroups.size()) {
    Ring& r = rings_[ring];
    r.under_way -= std::min<std::uint32_t>(r.under_way, key_shares_per_job(job.group));
    if (job.status == JobStatus::ok) {
      for (const KeyShare& share : std::span{job.key_shares}.first(job.num_key_shares)) {
        if (r.count == options_.capacity) break;
        slot(ring, r.head + r.count) = share;
        ++r.count;
      }
    }
  }
  wipe_object(job.key_shares);
  job.num_key_shares = 0;
}

void KeyShareCache::flush_aged(Tsc now) noexcept {
  for (std::size_t ring = 0; ring < kGroups.size(); ++ring) {
    while (rings_[ring].count != 0 && aged(slot(ring, rings_[ring].head), now)) drop_oldest(ring);
  }
}

std::size_t KeyShareCache::available(NamedGroup group) const noexcept {
  const std::size_t ring = index_of(group);
  return ring == kGroups.size() ? 0 : rings_[ring].count;
}

}  // namespace sallyport::crypto
