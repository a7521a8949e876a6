// FlowTable: tuple -> what owns it.  One per worker; open addressing over buckets of one cache
// line, two candidate buckets per tuple, so a look-up touches at most two lines however full it is.
//
// The hash is keyed with a boot secret: the NIC's own hash is public, and a flooder who could aim
// tuples at one bucket would fill it and lock honest clients out.
#pragma once
#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/address.h"
#include "lib/base/arena.h"
#include "lib/base/siphash.h"
#include "lib/tcp/tuple_hash.h"

namespace sallyport::worker {

// FlowRef is the value of an entry: which slab, and where in it.
struct FlowRef {
  enum class Kind : std::uint8_t { none, client, backend, syn_received, time_wait };
  Kind kind = Kind::none;
  std::uint32_t index = 0;  // below 2^29
  friend constexpr bool operator==(FlowRef, FlowRef) noexcept = default;
};

class FlowTable {
 public:
  // Holds at least `capacity` flows: at that load a bucket pair overflows less than once in 10^9
  // insertions.  Precondition: capacity < 2^29.
  FlowTable(Arena& arena, std::size_t capacity, const SipKey& secret);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  using Hash = std::uint64_t;
  [[nodiscard]] Hash hash(const FourTuple& tuple) const noexcept;
  // hash_lanes is hash() of eight tuples.
  [[nodiscard]] SipLanes::Words hash_lanes(const tcp::TupleLanes& tuples) const noexcept;
  // prefetch brings both candidate buckets of `hash` closer.
  void prefetch(Hash hash) const noexcept {
    __builtin_prefetch(&buckets_[bucket_of(hash)]);
    __builtin_prefetch(&buckets_[other_bucket_of(hash)]);
  }
  // may_hold is false when there is no entry for `hash`, and true also for one in some 10,000 of
  // those for which there is none.
  [[nodiscard]] bool may_hold(Hash hash) const noexcept {
    return has_tag(buckets_[bucket_of(hash)], tag_of(hash)) ||
           has_tag(buckets_[other_bucket_of(hash)], tag_of(hash));
  }
  // find calls matches(FlowRef) for every entry whose tag fits, until one says yes.
  template <class Matches>
  [[nodiscard]] FlowRef find(Hash hash, Matches&& matches) const noexcept {
    const std::uint16_t tag = tag_of(hash);
    for (const std::size_t at : {bucket_of(hash), other_bucket_of(hash)}) {
      const Bucket& bucket = buckets_[at];
      for (std::size_t slot = 0; slot < kSlots; ++slot) {
        if (bucket.tags[slot] != tag) continue;
        const FlowRef ref = unpack(bucket.refs[slot]);
        if (matches(ref)) return ref;
      }
    }
    return {};
  }
  // insert returns false when both candidate buckets are full.  Precondition: the tuple is absent.
  [[nodiscard]] bool insert(Hash hash, FlowRef ref) noexcept;
  // replace changes the value of the entry that holds `from`; erase removes it.  Both return false
  // when there is none.
  bool replace(Hash hash, FlowRef from, FlowRef to) noexcept;
  bool erase(Hash hash, FlowRef ref) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kSlots = 8;
  struct alignas(64) Bucket {
    std::array<std::uint16_t, kSlots> tags{};  // 0: free
    std::array<std::uint32_t, kSlots> refs{};
  };
  static_assert(sizeof(Bucket) == 64);

  [[nodiscard]] static bool has_tag(const Bucket& bucket, std::uint16_t tag) noexcept {
    const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags.data()));
    const __m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<short>(tag)));
    return _mm_movemask_epi8(same) != 0;
  }

  struct Place {
    Bucket* bucket = nullptr;
    std::size_t slot = 0;
  };
  [[nodiscard]] Place place_of(Hash hash, FlowRef ref) noexcept;

  [[nodiscard]] static constexpr std::uint32_t pack(FlowRef ref) noexcept {
    return ref.index << 3U | static_cast<std::uint32_t>(ref.kind);
  }
  [[nodiscard]] static constexpr FlowRef unpack(std::uint32_t raw) noexcept {
    return {static_cast<FlowRef::Kind>(raw & 7U), raw >> 3U};
  }
  [[nodiscard]] static constexpr std::uint16_t tag_of(Hash hash) noexcept {
    const auto tag = static_cast<std::uint16_t>(hash >> 48U);
    return tag == 0 ? 1 : tag;
  }
  // Multiplied down instead of masked: the number of buckets need not be a power of two.
  [[nodiscard]] std::size_t bucket_of(Hash hash) const noexcept { return scaled(hash); }
  [[nodiscard]] std::size_t other_bucket_of(Hash hash) const noexcept {
    return scaled(hash >> 16U);
  }
  [[nodiscard]] std::size_t scaled(Hash hash) const noexcept {
    return (hash & 0xffff'ffff) * buckets_.size() >> 32U;
  }

  Arena& arena_;
  std::span<Bucket> buckets_;
  std::size_t size_ = 0;
  SipKey secret_;
};

}  // namespace sallyport::worker
