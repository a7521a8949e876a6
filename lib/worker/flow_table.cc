#include "lib/worker/flow_table.h"

#include <algorithm>

namespace sallyport::worker {

FlowTable::FlowTable(Arena& arena, std::size_t capacity, const SipKey& secret)
    : arena_{arena}, secret_{secret} {
  // Half full at capacity.
  const std::size_t num_buckets = std::max<std::size_t>((2 * capacity + kSlots - 1) / kSlots, 2);
  buckets_ = arena_.make_array<Bucket>(num_buckets);
}

FlowTable::~FlowTable() { arena_.destroy_array(buckets_); }

FlowTable::Hash FlowTable::hash(const FourTuple& tuple) const noexcept {
  const tcp::TupleWords words{tuple};
  SipState state{secret_};
  words.absorb_addresses(state);
  return state.finish(words.ports(), 4);
}

SipLanes::Words FlowTable::hash_lanes(const tcp::TupleLanes& tuples) const noexcept {
  SipLanes state{secret_};
  tuples.absorb_addresses(state);
  return state.finish(tuples.ports, 4);
}

bool FlowTable::insert(Hash hash, FlowRef ref) noexcept {
  Bucket* emptiest = nullptr;
  std::ptrdiff_t most_free = 0;
  for (const std::size_t at : {bucket_of(hash), other_bucket_of(hash)}) {
    const std::ptrdiff_t free = std::ranges::count(buckets_[at].tags, std::uint16_t{0});
    if (free > most_free) {
      most_free = free;
      emptiest = &buckets_[at];
    }
  }
  if (emptiest == nullptr) return false;
  const auto slot =
      static_cast<std::size_t>(std::ranges::find(emptiest->tags, 0) - emptiest->tags.begin());
  emptiest->tags[slot] = tag_of(hash);
  emptiest->refs[slot] = pack(ref);
  ++size_;
  return true;
}

FlowTable::Place FlowTable::place_of(Hash hash, FlowRef ref) noexcept {
  const std::uint16_t tag = tag_of(hash);
  const std::uint32_t packed = pack(ref);
  for (const std::size_t at : {bucket_of(hash), other_bucket_of(hash)}) {
    Bucket& bucket = buckets_[at];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (bucket.tags[slot] == tag && bucket.refs[slot] == packed) return {&bucket, slot};
    }
  }
  return {};
}

bool FlowTable::replace(Hash hash, FlowRef from, FlowRef to) noexcept {
  const Place place = place_of(hash, from);
  if (place.bucket == nullptr) return false;
  place.bucket->refs[place.slot] = pack(to);
  return true;
}

bool FlowTable::erase(Hash hash, FlowRef ref) noexcept {
  const Place place = place_of(hash, ref);
  if (place.bucket == nullptr) return false;
  place.bucket->tags[place.slot] = 0;
  --size_;
  return true;
}

}  // namespace sallyport::worker
