#include "lib/worker/syn_table.h"

namespace sallyport::worker {

SynTable::SynTable(Arena& arena, std::size_t capacity, FlowTable& flows, TscRate rate, Tsc now)
    : records_{arena, capacity},
      timers_{arena, capacity, rate.ticks(milliseconds{8}), now},
      flows_{flows},
      rate_{rate} {}

bool SynTable::add(const FourTuple& tuple, FlowTable::Hash hash, const LinkPeer& link,
                   const tcp::SynReceived& state, Tsc now) noexcept {
  Handle<SynRecord> handle;
  SynRecord* record = records_.allocate(handle);
  if (record == nullptr) return false;
  if (!flows_.insert(hash, {FlowRef::Kind::syn_received, handle.index})) {
    records_.release(handle);
    return false;
  }
  *record = {state, tuple, link};
  rearm(handle.index, now);
  if (records_.live() >= records_.capacity() / 4 * 3) {
    is_tracking_ = false;
    ++num_suspensions_;
  }
  return true;
}

void SynTable::rearm(std::uint32_t index, Tsc now) noexcept {
  const microseconds wait{tcp::time_out(at(index).state).count};
  timers_.arm(index, now + rate_.ticks(wait));
}

void SynTable::forget(std::uint32_t index) noexcept {
  timers_.cancel(index);
  flows_.erase(flows_.hash(at(index).tuple), {FlowRef::Kind::syn_received, index});
  records_.release(records_.handle_at(index));
  if (records_.live() <= records_.capacity() / 2) is_tracking_ = true;
}

}  // namespace sallyport::worker
